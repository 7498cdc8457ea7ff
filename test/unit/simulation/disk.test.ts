import { constants } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Disk } from '../../../src/local/disk.ts';
import type { DiskChange } from '../../../src/simulation/disk/observer.ts';
import { createSimDisk, type SimDisk, type SimDiskOptions } from '../../../src/simulation/disk.ts';
import { Died, type Hands } from '../../../src/simulation/hands.ts';

const ROOT = '/home/a';
const text = (content: string): Buffer => Buffer.from(content);

/** Hands that do all at once and note what they were given. */
function noting(deeds: string[] = []): Hands {
  return {
    later: async (kind, what, deed) => {
      deeds.push(`later ${kind} ${what}`);
      return deed();
    },
    point: (kind, what) => void deeds.push(`point ${kind} ${what}`),
    now: () => 0,
  };
}

interface Stage {
  readonly sim: SimDisk;
  readonly disk: Disk;
  readonly clock: { now: number };
  readonly deeds: string[];
  readonly changes: DiskChange[];
  /** Writes a file as the process does. */
  put(path: string, content: string): void;
  ino(path: string): number | undefined;
}

function stage(options: Partial<SimDiskOptions> = {}): Stage {
  const clock = { now: 1_000_000 };
  const sim = createSimDisk({ root: ROOT, now: () => clock.now, ...options });
  const deeds: string[] = [];
  const disk = sim.forProcess(noting(deeds));
  const changes: DiskChange[] = [];
  sim.onChange((change) => void changes.push(change));
  return {
    sim,
    disk,
    clock,
    deeds,
    changes,
    put: (path, content) => {
      const fd = disk.openSync(`${ROOT}/${path}`, 'w');
      disk.writeSync(fd, text(content));
      disk.closeSync(fd);
    },
    ino: (path) => disk.lstatSync(`${ROOT}/${path}`)?.ino,
  };
}

function codeOf(deed: () => unknown): unknown {
  try {
    deed();
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
  return undefined;
}

describe('hands', () => {
  it('are asked before each synchronous deed and decide when an asynchronous one happens', async () => {
    const waiting: (() => void)[] = [];
    const sim = createSimDisk({ root: ROOT, now: () => 0 });
    const points: string[] = [];
    const disk = sim.forProcess({
      later: (_kind, _what, deed) =>
        new Promise((resolve) => {
          waiting.push(() => resolve(deed()));
        }),
      point: (_kind, what) => void points.push(what),
      now: () => 0,
    });
    sim.person.write('a', text('one'));
    const moved = disk.rename(`${ROOT}/a`, `${ROOT}/b`);
    expect(sim.person.exists('a')).toBe(true);
    expect(disk.lstatSync(`${ROOT}/a`)?.size).toBe(3);
    waiting[0]?.();
    await moved;
    expect(sim.person.exists('a')).toBe(false);
    expect(points).toEqual(['lstat a']);
  });

  it('that are dead let nothing happen', () => {
    const sim = createSimDisk({ root: ROOT, now: () => 0 });
    sim.person.write('a', text('one'));
    const disk = sim.forProcess({
      later: () => new Promise(() => undefined),
      point: () => {
        throw new Died();
      },
      now: () => 0,
    });
    expect(() => disk.unlinkSync(`${ROOT}/a`)).toThrow(Died);
    void disk.unlink(`${ROOT}/a`);
    expect(sim.person.exists('a')).toBe(true);
  });

  it('get a copy as two deeds and a tree that goes as one deed per entry', async () => {
    const { sim, disk, deeds } = stage();
    sim.person.mkdir('d/e');
    sim.person.write('d/f', text('f'));
    await disk.copyFile(`${ROOT}/d/f`, `${ROOT}/d/g`);
    await disk.removeTree(`${ROOT}/d`);
    expect(deeds).toEqual([
      'later disk copy d/f -> d/g: the name',
      'later disk copy d/f -> d/g: the content',
      'later disk remove d',
      'later disk remove d/e',
      'later disk remove d/f',
      'later disk remove d/g',
      'later disk rmdir d',
    ]);
  });
});

describe('inodes', () => {
  it('give their number to the next file once the last name and the last descriptor are gone', () => {
    const { disk, put, ino } = stage();
    put('a', 'a');
    put('b', 'b');
    const first = ino('a');
    const fd = disk.openSync(`${ROOT}/a`, 'r');
    disk.unlinkSync(`${ROOT}/a`);
    put('c', 'c');
    expect(ino('c')).not.toBe(first);
    disk.closeSync(fd);
    put('d', 'd');
    expect(ino('d')).toBe(first);
  });

  it('take writes through a descriptor after their name went to another file', () => {
    const { sim, disk } = stage();
    const slow = sim.person.startWrite('a', text('first '));
    disk.renameSync(`${ROOT}/a`, `${ROOT}/trashed`);
    sim.person.write('a', text('new'));
    slow.finish(text('second'));
    expect(sim.person.read('trashed')?.toString()).toBe('first second');
    expect(sim.person.read('a')?.toString()).toBe('new');
  });

  it('show in their times what was done to them', async () => {
    const { disk, clock, put } = stage({ grainMs: 10 });
    const times = (path = `${ROOT}/a`) => {
      const stats = disk.lstatSync(path);
      return [stats?.mtimeMs, stats?.ctimeMs].map((time) => (time ?? 0) - 1_000_000);
    };
    put('a', 'one');
    clock.now += 19;
    await disk.link(`${ROOT}/a`, `${ROOT}/b`);
    expect(times()).toEqual([0, 10]);
    expect(times(ROOT)).toEqual([10, 10]);
    clock.now += 10;
    disk.unlinkSync(`${ROOT}/b`);
    expect(times()).toEqual([0, 20]);
    clock.now += 10;
    disk.renameSync(`${ROOT}/a`, `${ROOT}/c`);
    disk.renameSync(`${ROOT}/c`, `${ROOT}/a`);
    expect(times()).toEqual([0, 30]);
    clock.now += 10;
    const file = await disk.open(`${ROOT}/a`, 'r+');
    await file.chmod(0o600);
    expect(times()).toEqual([0, 40]);
    clock.now += 10;
    await file.truncate(1);
    expect(times()).toEqual([50, 50]);
    await file.utimes(900, 900.25);
    expect(times()).toEqual([900_250 - 1_000_000, 50]);
  });

  it('keep both names when one is renamed onto the other', async () => {
    const { sim, disk, put } = stage();
    put('a', 'a');
    await disk.link(`${ROOT}/a`, `${ROOT}/b`);
    disk.renameSync(`${ROOT}/a`, `${ROOT}/b`);
    expect(sim.person.list()).toHaveLength(2);
    expect(disk.lstatSync(`${ROOT}/a`)?.nlink).toBe(2);
  });

  it('cannot be linked where the disk has no hard links', async () => {
    const { disk, put } = stage({ hardLinks: false });
    put('a', 'a');
    await expect(disk.link(`${ROOT}/a`, `${ROOT}/b`)).rejects.toMatchObject({
      code: 'EPERM',
      syscall: 'link',
    });
  });
});

describe('a disk that cannot tell case apart', () => {
  it('finds a file by any spelling, keeps the first one, and lets a rename change it', () => {
    const { sim, disk, put, ino } = stage({ caseInsensitive: true });
    put('Name', 'one');
    put('NAME', 'two');
    expect(sim.person.list()).toEqual([{ path: 'Name', kind: 'file', bytes: text('two') }]);
    expect(codeOf(() => disk.openSync(`${ROOT}/name`, 'wx'))).toBe('EEXIST');
    const before = ino('Name');
    disk.renameSync(`${ROOT}/Name`, `${ROOT}/nAME`);
    expect(disk.readdirSync(ROOT).map(({ name }) => name)).toEqual(['nAME']);
    expect(ino('NAME')).toBe(before);
  });

  it('keeps a case-sensitive one from doing so', () => {
    const { sim, put } = stage();
    put('Name', 'one');
    put('NAME', 'two');
    expect(sim.person.list()).toHaveLength(2);
  });
});

describe('a full disk', () => {
  it('takes what fits, then refuses bytes and new entries, and has room again when something goes', async () => {
    const { sim, disk } = stage({ capacity: 10 });
    const file = await disk.open(`${ROOT}/a`, constants.O_WRONLY | constants.O_CREAT);
    expect(await file.write(text('123456'), 0, 6, 0)).toEqual({ bytesWritten: 6 });
    expect(await file.write(text('123456'), 0, 6, 6)).toEqual({ bytesWritten: 4 });
    await expect(file.write(text('1'), 0, 1, 10)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(codeOf(() => disk.mkdirSync(`${ROOT}/d`))).toBe('ENOSPC');
    expect(codeOf(() => disk.openSync(`${ROOT}/b`, 'w'))).toBe('ENOSPC');
    expect(await disk.statfs(ROOT)).toEqual({ bavail: 0, bsize: 4096 });
    sim.person.write('p', text('never refused'));
    sim.person.remove('p');
    disk.unlinkSync(`${ROOT}/a`);
    expect(codeOf(() => disk.mkdirSync(`${ROOT}/d`))).toBe('ENOSPC');
    await file.close();
    disk.mkdirSync(`${ROOT}/d`);
  });

  it('leaves nothing of a copy that did not fit', async () => {
    const { sim, disk } = stage({ capacity: 10 });
    sim.person.write('a', text('123456'));
    await expect(disk.copyFile(`${ROOT}/a`, `${ROOT}/b`)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(sim.person.exists('b')).toBe(false);
  });
});

describe('a person', () => {
  it('edits in place under the same inode, and saves atomically under another', () => {
    const { sim, ino } = stage();
    sim.person.write('a', text('one'));
    const first = ino('a');
    sim.person.write('a', text('two'));
    expect(ino('a')).toBe(first);
    sim.person.replace('a', text('three'));
    expect(ino('a')).not.toBe(first);
    expect(sim.person.read('a')?.toString()).toBe('three');
    expect(codeOf(() => sim.person.write('none/a', text('x')))).toBe('ENOENT');
    expect(sim.person.read('none')).toBeUndefined();
  });

  it('sees all but our own folder, unless asked for it', () => {
    const { sim } = stage();
    sim.person.mkdir('.rtsync/tmp');
    sim.person.mkdir('d');
    sim.person.write('d/f', text('f'));
    sim.person.symlink('s', 'd/f');
    expect(sim.person.list()).toEqual([
      { path: 'd', kind: 'folder' },
      { path: 'd/f', kind: 'file', bytes: text('f') },
      { path: 's', kind: 'symlink' },
    ]);
    expect(sim.person.list({ own: true })).toHaveLength(5);
    expect(sim.person.read('s')?.toString()).toBe('f');
  });

  it('can move the whole folder away and back', () => {
    const { sim, disk } = stage();
    sim.person.write('a', text('a'));
    sim.person.rename(ROOT, '/home/elsewhere');
    expect(sim.person.list()).toEqual([]);
    expect(disk.lstatSync(ROOT)).toBeUndefined();
    expect([...sim.holds()].map(({ path }) => path)).toEqual(['/home/elsewhere/a']);
    sim.person.rename('/home/elsewhere', ROOT);
    expect([...sim.holds()]).toEqual([{ path: 'a', bytes: text('a') }]);
  });
});

describe('the observer', () => {
  it('is told of every name that shows other content, and of no deed of a person', async () => {
    const { sim, disk, changes, put } = stage();
    sim.person.mkdir('.rtsync/tmp');
    sim.person.write('old', text('old'));
    put('.rtsync/tmp/t', 'new');
    expect(changes).toEqual([]);
    disk.renameSync(`${ROOT}/.rtsync/tmp/t`, `${ROOT}/old`);
    await disk.link(`${ROOT}/old`, `${ROOT}/twin`);
    const fd = disk.openSync(`${ROOT}/twin`, 'a');
    disk.writeSync(fd, text('!'));
    disk.unlinkSync(`${ROOT}/twin`);
    const told = (entry: DiskChange) =>
      [entry.what, entry.path, entry.before, entry.after].map((part) => part?.toString()).join(' | ');
    expect(changes.map(told)).toEqual([
      'rename .rtsync/tmp/t -> old | old | old | new',
      'link old -> twin | twin |  | new',
      'write | old | new | new!',
      'write | twin | new | new!',
      'unlink twin | twin | new! | ',
    ]);
  });

  it('is told of each file in a folder that moves, and nothing of contents that stay', () => {
    const { sim, disk, changes } = stage();
    sim.person.mkdir('d/e');
    sim.person.write('d/e/f', text('f'));
    sim.person.write('d/e/g', text('g'));
    disk.renameSync(`${ROOT}/d`, `${ROOT}/h`);
    expect(changes.map(({ path, after }) => [path, after?.toString()])).toEqual([
      ['h/e/f', 'f'],
      ['h/e/g', 'g'],
      ['d/e/f', undefined],
      ['d/e/g', undefined],
    ]);
    changes.length = 0;
    sim.person.write('same', text('f'));
    disk.renameSync(`${ROOT}/h/e/f`, `${ROOT}/same`);
    expect(changes.map(({ path }) => path)).toEqual(['h/e/f']);
  });
});
