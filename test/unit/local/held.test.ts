/** What another program writes to a version in the moment in which its name is taken, when the process dies in that moment. */
import { existsSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Disk, systemDisk } from '../../../src/local/disk.ts';
import { type OpenLocalFolder, openLocalFolder } from '../../../src/local/folder.ts';
import type { Expected, LocalTemporary } from '../../../src/local/local.ts';
import { failure, type NameChange, watchedDisk } from './disks.ts';
import { at, bodyOf, type DisposableFolder, disposableFolder } from './support.ts';

interface Moment {
  before?: () => void;
  /** It dies here. */
  kill?: boolean;
}

let disk: DisposableFolder;
let moment: Moment;
let dead: boolean;
let late: string[];
let warned: string[];
const takes = ({ call, paths }: NameChange): boolean => call === 'rename' && paths.includes(disk.path('d/f'));

/** Once it is dead it does nothing any more. */
function mortal(): Disk {
  const die = (): void => {
    if (dead) throw new Error('dead');
  };
  return watchedDisk({
    before: (change) => {
      die();
      if (!takes(change)) return;
      moment.before?.();
    },
    after: (change) => {
      if (!takes(change) || moment.kill !== true) return;
      dead = true;
      die();
    },
  });
}

beforeEach(async () => {
  [moment, dead, late, warned] = [{}, false, [], []];
  disk = await disposableFolder({ disk: mortal() });
});
afterEach(async () => {
  dead = false;
  await disk.dispose();
});

function openAgain(how: { readonly disk?: Disk } = {}): Promise<OpenLocalFolder> {
  const { root, clock } = disk;
  const onLateWrite = (_: string, copy: string) => void late.push(copy);
  const onWarning = (message: string) => void warned.push(message);
  return openLocalFolder({ root, clock, host: 'here', onLateWrite, onWarning, ...how });
}

/** The next run; gives what is left in `tmp`. */
async function nextRun(
  pathOf: (was: Expected) => string | undefined = () => 'd/f',
  how: { readonly disk?: Disk } = {},
): Promise<string[]> {
  const folder = await openAgain(how);
  await folder.giveBack((was) => {
    const path = pathOf(was);
    return path === undefined ? undefined : at(path);
  });
  return readdirSync(disk.path('.rtsync/tmp'));
}

function trashed(): string[] {
  const entries = readdirSync(disk.path('.rtsync/trash'), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8'));
}

const read = (path: string): string => readFileSync(disk.path(path), 'utf8');
const writeInPlace = (): void => writeFileSync(disk.path('d/f'), 'written late');
const putAnother = (): void => {
  writeFileSync(disk.path('other'), 'written late');
  renameSync(disk.path('other'), disk.path('d/f'));
};

async function remove(how: Moment): Promise<Expected> {
  const expected = disk.write('d/f', 'old');
  moment = { ...how, kill: true };
  await expect(disk.folder.removeFile(at('d/f'), expected)).rejects.toThrow();
  expect(dead).toBe(true);
  return expected;
}

describe('a removal that was killed when the name was taken', () => {
  it.each([
    ['wrote into the file', writeInPlace],
    ['put another in its place', putAnother],
  ])('gives back what somebody wrote who %s', async (_, before) => {
    const { ino, size, mtimeMs } = await remove({ before });
    const asked: Expected[] = [];
    const left = await nextRun((was) => {
      asked.push(was);
      return 'd/f';
    });
    expect({ left, asked }).toEqual({ left: [], asked: [{ ino, size, mtimeMs }] });
    expect(read('d/f')).toBe('written late');
  });

  it('is done where nobody wrote', async () => {
    await remove({});
    expect(await nextRun()).toEqual([]);
    expect({ stands: existsSync(disk.path('d/f')), trashed: trashed() }).toEqual({
      stands: false,
      trashed: ['old'],
    });
  });

  it('gives back beside what has the name by then', async () => {
    await remove({ before: putAnother });
    disk.write('d/f', 'newer');
    expect(await nextRun()).toEqual([]);
    expect(late).toEqual([expect.stringContaining('d/f (conflict ')]);
    expect([read('d/f'), read(late[0] ?? '')]).toEqual(['newer', 'written late']);
  });

  it.each([
    ['nobody knows where it stood', (): string | undefined => undefined, () => undefined],
    ['its folder is gone', () => 'd/f', () => rmSync(disk.path('d'), { recursive: true })],
  ])('leaves it in the trash when %s', async (_, pathOf, meanwhile) => {
    await remove({ before: putAnother });
    meanwhile();
    expect(await nextRun(pathOf)).toEqual([]);
    expect(trashed().sort()).toEqual(['old', 'written late']);
    expect(warned).toEqual([expect.stringContaining('/.rtsync/trash/')]);
  });
});

describe('a replacement that was killed when the name had passed on', () => {
  async function replace(how: Moment): Promise<void> {
    const expected = disk.write('d/f', 'old');
    const temporary: LocalTemporary = await disk.receive('new');
    moment = { kill: true, ...how };
    const end = disk.folder.place(temporary, at('d/f'), expected);
    if (how.kill === false) await end.catch(() => undefined);
    else await expect(end).rejects.toThrow();
    expect(dead).toBe(how.kill !== false);
  }

  it('brings out beside it what somebody wrote into the old version', async () => {
    await replace({ before: writeInPlace });
    expect(await nextRun()).toEqual([]);
    expect([read('d/f'), ...late.map(read)]).toEqual(['new', 'written late']);
    expect(await nextRun()).toEqual([]);
    expect(late).toHaveLength(1);
  });

  it('leaves nothing where nobody wrote', async () => {
    await replace({});
    expect(await nextRun()).toEqual([]);
    expect({ now: read('d/f'), late, trashed: trashed() }).toEqual({
      now: 'new',
      late: [],
      trashed: ['old'],
    });
  });

  it('brings nothing out where the old version has its name still', async () => {
    await replace({
      before: (): never => {
        dead = true;
        throw new Error('dead');
      },
    });
    writeInPlace();
    expect(await nextRun()).toEqual([]);
    expect({ now: read('d/f'), late }).toEqual({ now: 'written late', late: [] });
  });

  it('holds nothing back when it was not killed', async () => {
    await replace({ before: writeInPlace, kill: false });
    expect(readdirSync(disk.path('.rtsync/tmp'))).toEqual([]);
  });
});

/** What a killed run left of the version at `path`, which somebody wrote to since; gives its name in `tmp`. */
function held(path: string, content = 'written late'): string {
  // A disk gives the number of what is gone to the next: by its size it is told from others.
  const { ino, size, mtimeMs } = disk.write(path, `not ${content}`);
  rmSync(disk.path(path));
  const name = `held-${ino}_${size}_${mtimeMs}_${content.length}`;
  disk.write(`.rtsync/tmp/${name}`, content);
  return name;
}

describe('a name that the disk spells in another way than its key', () => {
  it('is found by the key, so that the copy stands beside it under the same spelling', async () => {
    held('d/f');
    disk.write('d/cafe\u0301', 'new');
    expect(await nextRun(() => 'd/caf\u00e9')).toEqual([]);
    expect(late).toEqual([expect.stringMatching(/^d\/cafe\u0301 \(conflict /)]);
    expect(readdirSync(disk.path('d'))).not.toContain('caf\u00e9');
  });

  it('leads to its folder', async () => {
    held('cafe\u0301/f');
    disk.write('cafe\u0301/g', 'other');
    expect(await nextRun(() => 'caf\u00e9/f')).toEqual([]);
    expect(read('cafe\u0301/f')).toBe('written late');
  });
});

describe('what the disk refuses to give back', () => {
  const refusesLinks = (code: string, to: (path: string) => boolean): Disk =>
    watchedDisk({
      before: ({ call, paths }) => {
        if (call === 'link' && to(paths[1] ?? '')) throw failure(code);
      },
    });

  it.each(['ENOSPC', 'EIO', 'EACCES', 'EMFILE'])(
    'stays with a word about it when it answers %s, holds up no other, and is tried at the next start',
    async (code) => {
      const names = [held('d/f'), held('d/g', 'written late as well')].sort();
      const pathOf = ({ size }: Expected): string => (names[0]?.includes(`_${size}_`) ? 'd/f' : 'd/g');
      const how = { disk: refusesLinks(code, (path) => path.startsWith(disk.path('d/f'))) };
      expect(await nextRun(pathOf, how)).toEqual([names[0]]);
      expect(warned).toEqual([expect.stringContaining(names[0] ?? '')]);
      expect({ other: existsSync(disk.path('d/g')), trashed: trashed() }).toEqual({
        other: true,
        trashed: [],
      });
      expect(await nextRun(pathOf)).toEqual([]);
      expect(existsSync(disk.path('d/f'))).toBe(true);
    },
  );

  it('stays also when no copy can stand beside a newer file', async () => {
    const name = held('d/f');
    disk.write('d/f', 'newer');
    expect(await nextRun(() => 'd/f', { disk: refusesLinks('ENOSPC', () => true) })).toEqual([name]);
    expect({ warned: warned.length, trashed: trashed() }).toEqual({ warned: 1, trashed: [] });
  });

  it.each(['ENAMETOOLONG', 'ELOOP'])('for ever (%s) goes to the trash with a word about it', async (code) => {
    held('d/f');
    disk.write('d/g', 'other');
    expect(await nextRun(() => 'd/f', { disk: refusesLinks(code, () => true) })).toEqual([]);
    expect(trashed()).toEqual(['written late']);
    expect(warned).toEqual([expect.stringContaining('"d/f"')]);
  });

  it('since a program was quicker once more stands beside its file', async () => {
    held('d/f');
    const quick = watchedDisk({
      before: ({ call, paths }) => {
        if (call === 'link' && paths[1] === disk.path('d/f')) disk.write('d/f', 'quicker');
      },
    });
    expect(await nextRun(() => 'd/f', { disk: quick })).toEqual([]);
    expect([read('d/f'), ...late.map(read)]).toEqual(['quicker', 'written late']);
  });
});

describe('an inode', () => {
  it('of another device is another file', async () => {
    const name = held('d/f');
    disk.write('d/g', 'on another device');
    const { ino, dev } = lstatSync(disk.path(`.rtsync/tmp/${name}`));
    const lstat: Disk['lstatSync'] = (path) => {
      const stats = systemDisk.lstatSync(path);
      return path === disk.path('d/g') && stats !== undefined
        ? Object.assign(stats, { ino, dev: dev + 1 })
        : stats;
    };
    expect(await nextRun(() => 'd/f', { disk: { ...systemDisk, lstatSync: lstat } })).toEqual([]);
    expect(read('d/f')).toBe('written late');
  });

  it.runIf(process.platform === 'linux')(
    'says nothing on a disk that makes it up: what looks untouched is not given back',
    async () => {
      const stamp = disk.write('d/f', 'old');
      renameSync(disk.path('d/f'), disk.path(`.rtsync/tmp/held-${stamp.ino + 1}_3_${stamp.mtimeMs}_0`));
      const type = 0x65735546;
      const statfs: Disk['statfs'] = async (path) => ({ ...(await systemDisk.statfs(path)), type });
      expect(await nextRun(() => 'd/f', { disk: { ...systemDisk, statfs } })).toEqual([]);
      expect(existsSync(disk.path('d/f'))).toBe(false);
      expect({ trashed: trashed(), warned }).toEqual({ trashed: ['old'], warned: [] });
    },
  );
});

it('is given back once by each start, not again later', async () => {
  held('d/f');
  disk.write('d/g', 'other');
  const folder = await openAgain();
  await folder.giveBack(() => at('d/f'));
  const name = held('d/h');
  await folder.giveBack(() => at('d/h'));
  expect(readdirSync(disk.path('.rtsync/tmp'))).toEqual([name]);
});

describe('a replacement that is done', () => {
  const replaceOn = async (refusing: Disk): Promise<void> => {
    const expected = disk.write('d/f', 'old');
    const folder = await openAgain({ disk: refusing });
    const temporary = await folder.temporary(3);
    await temporary.receive(bodyOf('new'), 3);
    await folder.place(temporary, at('d/f'), expected);
    expect(read('d/f')).toBe('new');
  };

  it('is told as done, also where what was held cannot be removed', async () => {
    const held = ({ call, paths }: NameChange): boolean =>
      call === 'unlink' && paths[0]?.includes('/tmp/held-') === true;
    await replaceOn(
      watchedDisk({
        before: (change) => {
          if (held(change)) throw failure('EIO');
        },
      }),
    );
    expect(await nextRun()).toEqual([]);
    expect(read('d/f')).toBe('new');
  });

  it('says where the bytes are that could not come out of the trash', async () => {
    await replaceOn(
      watchedDisk({
        before: (change) => {
          if (takes(change)) writeInPlace();
          if (change.call === 'link' && change.paths[1]?.includes('(conflict ')) throw failure('ENOSPC');
        },
      }),
    );
    expect(trashed()).toEqual(['written late']);
    expect(warned).toEqual([expect.stringContaining('/.rtsync/trash/')]);
  });
});
