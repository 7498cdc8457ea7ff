import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import * as fs from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalStamp } from '../../../src/core/tree.ts';
import { systemDisk } from '../../../src/local/disk.ts';
import { at, bodyOf, type DisposableFolder, disposableFolder } from './support.ts';

let disk: DisposableFolder;
const trashed: [path: string, trash: string][] = [];
const late: [path: string, copy: string][] = [];
const events = {
  onTrashed: (path: string, trash: string) => void trashed.push([path, trash]),
  onLateWrite: (path: string, copy: string) => void late.push([path, copy]),
};
beforeEach(async () => {
  trashed.length = 0;
  late.length = 0;
  disk = await disposableFolder(events);
});
afterEach(() => disk.dispose());

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

async function reopen(options: Parameters<typeof disposableFolder>[0]): Promise<void> {
  await disk.dispose();
  disk = await disposableFolder({ ...events, ...options });
}

function read(path: string): string {
  return readFileSync(disk.path(path), 'utf8');
}

function temporaries(): readonly string[] {
  return readdirSync(disk.path('.rtsync/tmp'));
}

function filesInTrash(): readonly string[] {
  const entries = readdirSync(disk.path('.rtsync/trash'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

/** Gives the stamp of a file `f`. Its rename fails since the temporary is gone; the tests may run as root, whom no mode stops. */
async function reopenWithRefusedRename(): Promise<LocalStamp> {
  await reopen({
    disk: {
      ...systemDisk,
      link: async (from, to) => {
        await fs.link(from, to);
        for (const name of temporaries()) await fs.rm(disk.path(`.rtsync/tmp/${name}`));
      },
    },
  });
  return disk.write('f', 'old');
}

describe('a temporary', () => {
  it('tells size and digest of what arrived, and is not seen by others', async () => {
    const temporary = await disk.folder.temporary(5);
    expect(await temporary.receive(bodyOf('he', 'llo'), 5)).toEqual({
      size: 5,
      digest: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
    });
    const [name = ''] = temporaries();
    expect((await fs.stat(disk.path(`.rtsync/tmp/${name}`))).mode & 0o777).toBe(0o600);
    await temporary.discard();
    await temporary.discard();
    expect(temporaries()).toEqual([]);
  });

  it('refuses more than was listed, and starts from nothing when asked again', async () => {
    const temporary = await disk.folder.temporary(3);
    await expect(temporary.receive(bodyOf('abc', 'd'), 3)).rejects.toMatchObject({ code: 'bad-answer' });
    await expect(disk.folder.place(temporary, at('f'), undefined)).rejects.toMatchObject({ code: 'bug' });
    await temporary.receive(bodyOf('xy'), 3);
    await disk.folder.place(temporary, at('f'), undefined);
    expect(read('f')).toBe('xy');
  });

  it("keeps the sender's own error when a body breaks off", async () => {
    const broken = new Error('connection lost');
    const temporary = await disk.folder.temporary(3);
    const body = (async function* () {
      yield Buffer.from('a');
      throw broken;
    })();
    await expect(temporary.receive(body, 3)).rejects.toBe(broken);
    await temporary.discard();
  });

  it('is refused when it would not leave the reserve free', async () => {
    await reopen({
      freeReserveBytes: 100,
      disk: { ...systemDisk, statfs: async () => ({ bavail: 2, bsize: 100 }) },
    });
    await expect(disk.folder.temporary(101)).rejects.toMatchObject({ code: 'disk-full' });
    await expect(disk.folder.temporary(100)).resolves.toBeDefined();
  });

  it('leaves no more than a twentieth of a small disk free', async () => {
    await reopen({
      freeReserveBytes: 1_000_000,
      disk: { ...systemDisk, statfs: async () => ({ bavail: 300, bsize: 1, blocks: 2_000 }) },
    });
    await expect(disk.folder.temporary(201)).rejects.toThrow('for 201 more and the 100 that stay free');
    await expect(disk.folder.temporary(200)).resolves.toBeDefined();
  });

  it('counts what others under way will still take, and no more', async () => {
    let written = 0;
    await reopen({
      freeReserveBytes: 100,
      disk: { ...systemDisk, statfs: async () => ({ bavail: 400 - written, bsize: 1 }) },
    });
    const first = await disk.folder.temporary(200);
    await expect(disk.folder.temporary(101)).rejects.toThrow('has 200 bytes free: too few for 101 more');
    const second = await disk.folder.temporary(100);
    await second.discard();
    const body = async function* () {
      yield Buffer.alloc(150);
      written = 150;
      await expect(disk.folder.temporary(101)).rejects.toMatchObject({ code: 'disk-full' });
      yield Buffer.alloc(50);
      written = 200;
    };
    await first.receive(body(), 200);
    const third = await disk.folder.temporary(100);
    await expect(disk.folder.temporary(1)).rejects.toMatchObject({ code: 'disk-full' });
    await disk.folder.place(first, at('f'), undefined);
    await third.discard();
    await expect(disk.folder.temporary(100)).resolves.toBeDefined();
  });

  it('that a crash left behind is cleared at the next start', async () => {
    disk.write('.rtsync/tmp/left', 'x');
    const { openLocalFolder } = await import('../../../src/local/folder.ts');
    await openLocalFolder({ root: disk.root, clock: disk.clock, makeOwnFolders: false });
    expect(temporaries()).toEqual(['left']);
    await openLocalFolder({ root: disk.root, clock: disk.clock });
    expect(temporaries()).toEqual([]);
  });
});

describe('placing a new file', () => {
  it('gives it its name, usual mode and stamp, and leaves no temporary', async () => {
    const temporary = await disk.receive('hello');
    const stamp = await disk.folder.place(temporary, at('f'), undefined);
    expect(read('f')).toBe('hello');
    expect(stamp).toEqual(disk.stamp('f'));
    expect(stamp.mode & 0o600).toBe(0o600);
    expect(stamp.mode).toBe(disk.write('usual', '').mode);
    expect(temporaries()).toEqual([]);
    await temporary.discard();
    expect(read('f')).toBe('hello');
  });

  it('refuses a taken name, touches nothing and keeps the temporary', async () => {
    disk.write('f', 'theirs');
    const temporary = await disk.receive('ours');
    await expect(disk.folder.place(temporary, at('f'), undefined)).rejects.toMatchObject({ code: 'changed' });
    expect(read('f')).toBe('theirs');
    await disk.folder.place(temporary, at('g'), undefined);
    expect(read('g')).toBe('ours');
  });

  it('never walks through a symlink, and misses no parent', async () => {
    mkdirSync(disk.path('real'));
    symlinkSync('real', disk.path('link'));
    symlinkSync('real/through', disk.path('leaf'));
    const temporary = await disk.receive('x');
    for (const path of ['link/f', 'missing/f', 'leaf']) {
      await expect(disk.folder.place(temporary, at(path), undefined)).rejects.toMatchObject({
        code: 'changed',
      });
    }
    await expect(disk.folder.place(temporary, at('../f'), undefined)).rejects.toMatchObject({
      code: 'unsupported-name',
    });
    expect(readdirSync(disk.path('real'))).toEqual([]);
  });

  it('claims the name where there are no hard links, and still refuses a taken one', async () => {
    await reopen({ disk: { ...systemDisk, link: () => Promise.reject(failure('EPERM')) } });
    await disk.folder.place(await disk.receive('hello'), at('f'), undefined);
    expect(read('f')).toBe('hello');
    const second = await disk.receive('other');
    await expect(disk.folder.place(second, at('f'), undefined)).rejects.toMatchObject({ code: 'changed' });
    expect(read('f')).toBe('hello');
  });

  it('marks a stamp that is too young to be trusted', async () => {
    const temporary = await disk.receive('hello');
    disk.clock.set(0);
    expect((await disk.folder.place(temporary, at('f'), undefined)).ctimeMs).toBe(-1);
  });

  it('says in one sentence that the name is too long', async () => {
    const name = 'n'.repeat(300);
    const temporary = await disk.receive('x');
    await expect(disk.folder.place(temporary, at(name), undefined)).rejects.toMatchObject({
      code: 'unsupported-name',
      message: `could not write "${name}": the name is too long for this disk`,
    });
  });
});

describe('replacing a file', () => {
  it('keeps the old version in the trash under its own path, and its mode', async () => {
    disk.write('d/f', 'old');
    chmodSync(disk.path('d/f'), 0o750);
    const expected = disk.stamp('d/f');
    const stamp = await disk.folder.place(await disk.receive('new!'), at('d/f'), expected);
    expect(read('d/f')).toBe('new!');
    expect(stamp).toEqual(disk.stamp('d/f'));
    expect(stamp.mode).toBe(0o750);
    expect(trashed).toEqual([
      ['d/f', expect.stringMatching(/\/\.rtsync\/trash\/\d{4}-\d\d-\d\d\/[^/]+\/d\/f$/)],
    ]);
    expect(readFileSync(trashed[0]?.[1] ?? '', 'utf8')).toBe('old');
    expect(late).toEqual([]);
  });

  it('refuses when the old version is not the expected one, or is gone, and leaves no trash', async () => {
    const expected = disk.write('f', 'old');
    disk.write('f', 'edited');
    const temporary = await disk.receive('new');
    await expect(disk.folder.place(temporary, at('f'), expected)).rejects.toMatchObject({ code: 'changed' });
    expect(read('f')).toBe('edited');
    await expect(disk.folder.place(temporary, at('g'), expected)).rejects.toMatchObject({ code: 'changed' });
    expect(existsSync(disk.path('g'))).toBe(false);
    expect(trashed).toEqual([]);
  });

  it('gives up when another file takes the name while the old one goes to the trash', async () => {
    await reopen({
      disk: {
        ...systemDisk,
        link: async (from, to) => {
          await fs.link(from, to);
          if (!to.includes('/trash/')) return;
          disk.write('swap', 'theirs');
          renameSync(disk.path('swap'), disk.path('f'));
        },
      },
    });
    const expected = disk.write('f', 'old');
    const temporary = await disk.receive('new');
    await expect(disk.folder.place(temporary, at('f'), expected)).rejects.toMatchObject({ code: 'changed' });
    expect(read('f')).toBe('theirs');
  });

  it('leaves no trash when the rename over the old name is refused, and the old version as it was', async () => {
    const expected = await reopenWithRefusedRename();
    const temporary = await disk.receive('new');
    await expect(disk.folder.place(temporary, at('f'), expected)).rejects.toMatchObject({ code: 'changed' });
    expect(read('f')).toBe('old');
    expect(disk.stamp('f').ino).toBe(expected.ino);
    expect(filesInTrash()).toEqual([]);
    expect(trashed).toEqual([]);
  });

  it('never shows anything but the old or the new content, whole', async () => {
    const sizes = new Set<number>();
    let stamp = disk.write('f', 'a'.repeat(1000));
    let watching = true;
    const watcher = (async () => {
      while (watching) sizes.add((await fs.readFile(disk.path('f'))).length);
    })();
    for (let round = 1; round <= 50; round += 1) {
      const temporary = await disk.receive('b'.repeat(1000 + round));
      stamp = await disk.folder.place(temporary, at('f'), stamp);
    }
    watching = false;
    await watcher;
    expect([...sizes].every((size) => size >= 1000 && size <= 1050)).toBe(true);
    expect(trashed).toHaveLength(50);
  });

  it('rescues what a late writer wrote into the old version, beside the new one', async () => {
    let writer = -1;
    await reopen({
      onTrashed: () => {
        writeSync(writer, ' and late');
        closeSync(writer);
      },
    });
    const expected = disk.write('d/f.txt', 'old');
    writer = openSync(disk.path('d/f.txt'), 'a');
    await disk.folder.place(await disk.receive('new'), at('d/f.txt'), expected);
    expect(read('d/f.txt')).toBe('new');
    expect(late).toEqual([['d/f.txt', expect.stringMatching(/^d\/f \(conflict .* here\)\.txt$/)]]);
    expect(read(late[0]?.[1] ?? '')).toBe('old and late');
  });

  it('rescues two late writes of one moment whose copies would have one name', async () => {
    const writers = new Map<string, number>();
    await reopen({
      onTrashed: (path) => {
        const writer = writers.get(path) ?? -1;
        writeSync(writer, ' and late');
        closeSync(writer);
      },
    });
    const names = ['f.txt', 'f (conflict 2026-01-05 12.00.00 here).txt'];
    const old = names.map((name) => disk.write(name, 'old'));
    for (const name of names) writers.set(name, openSync(disk.path(name), 'a'));
    const news = await Promise.all(names.map(() => disk.receive('new')));
    await Promise.all(news.map((received, i) => disk.folder.place(received, at(names[i] as string), old[i])));
    expect(late).toHaveLength(2);
    expect(late.map(([, copy]) => read(copy))).toEqual(['old and late', 'old and late']);
    expect(filesInTrash()).toEqual([]);
  });

  it.each(['EXDEV', 'EPERM'])(
    'copies the old version where it cannot be linked into the trash (%s)',
    async (code) => {
      await reopen({
        disk: {
          ...systemDisk,
          link: (from, to) => (to.includes('/trash/') ? Promise.reject(failure(code)) : fs.link(from, to)),
        },
      });
      const expected = disk.write('f', 'old');
      await disk.folder.place(await disk.receive('new'), at('f'), expected);
      expect(read('f')).toBe('new');
      expect(readFileSync(trashed[0]?.[1] ?? '', 'utf8')).toBe('old');
    },
  );

  it('shows an edit that follows at once as a change', async () => {
    const expected = disk.write('f', 'old');
    const stamp = await disk.folder.place(await disk.receive('new'), at('f'), expected);
    disk.write('f', 'edited');
    expect(disk.stamp('f').size).not.toBe(stamp.size);
  });
});
