import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import * as fs from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { relPath } from '../../../src/core/path.ts';
import { type FolderNode, type LocalStamp, nodeAt } from '../../../src/core/tree.ts';
import { systemDisk } from '../../../src/local/disk.ts';
import { watchedDisk } from './disks.ts';
import { at, type DisposableFolder, disposableFolder, rules } from './support.ts';

let disk: DisposableFolder;
const trashed: [path: string, trash: string][] = [];
const onTrashed = (path: string, trash: string) => void trashed.push([path, trash]);
beforeEach(async () => {
  trashed.length = 0;
  disk = await disposableFolder({ onTrashed });
});
afterEach(() => disk.dispose());

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

async function reopen(options: Parameters<typeof disposableFolder>[0]): Promise<void> {
  await disk.dispose();
  disk = await disposableFolder({ onTrashed, ...options });
}

function read(path: string): string {
  return readFileSync(disk.path(path), 'utf8');
}

describe('making a folder', () => {
  it('gives its inode, also when it is there already', async () => {
    const ino = await disk.folder.makeFolder(at('d'));
    expect(ino).toBe(statSync(disk.path('d')).ino);
    expect(await disk.folder.makeFolder(at('d'))).toBe(ino);
  });

  it('refuses what is no folder, a link to one, and a missing parent', async () => {
    disk.write('f', '');
    mkdirSync(disk.path('real'));
    symlinkSync('real', disk.path('link'));
    for (const path of ['f', 'link', 'link/d', 'missing/d', 'f/d']) {
      await expect(disk.folder.makeFolder(at(path))).rejects.toMatchObject({ code: 'changed' });
    }
    expect(readdirSync(disk.path('real'))).toEqual([]);
  });
});

describe('moving', () => {
  it('takes a file to its new name with inode and mtime', async () => {
    const expected = disk.write('a/f', 'x');
    mkdirSync(disk.path('b'));
    const stamp = await disk.folder.move(at('a/f'), at('b/g'), expected);
    expect(stamp).toEqual(disk.stamp('b/g'));
    expect(stamp).toMatchObject({ ino: expected.ino, mtimeMs: expected.mtimeMs, size: 1 });
    expect(existsSync(disk.path('a/f'))).toBe(false);
  });

  it('overwrites nothing', async () => {
    const expected = disk.write('f', 'mine');
    disk.write('g', 'theirs');
    await expect(disk.folder.move(at('f'), at('g'), expected)).rejects.toMatchObject({ code: 'changed' });
    expect([read('f'), read('g')]).toEqual(['mine', 'theirs']);
    mkdirSync(disk.path('d'));
    mkdirSync(disk.path('e'));
    await expect(disk.folder.move(at('d'), at('e'), 'folder')).rejects.toMatchObject({ code: 'changed' });
    await expect(disk.folder.move(at('d'), at('g'), 'folder')).rejects.toMatchObject({ code: 'changed' });
  });

  it('refuses another version, another kind, and what is missing', async () => {
    const expected = disk.write('f', 'x');
    disk.write('f', 'edited');
    mkdirSync(disk.path('d'));
    symlinkSync('d', disk.path('link'));
    for (const [from, what] of [
      ['f', expected],
      ['gone', expected],
      ['d', expected],
      ['f', 'folder'],
      ['link', 'folder'],
      ['gone', 'folder'],
    ] as const) {
      await expect(disk.folder.move(at(from), at('to'), what)).rejects.toMatchObject({ code: 'changed' });
    }
    expect(existsSync(disk.path('to'))).toBe(false);
  });

  it('takes a whole folder along, but never into itself', async () => {
    disk.write('a/deep/f', 'x');
    expect(await disk.folder.move(at('a'), at('b'), 'folder')).toBeUndefined();
    expect(read('b/deep/f')).toBe('x');
    await expect(disk.folder.move(at('b'), at('b/c'), 'folder')).rejects.toMatchObject({
      name: 'RtsyncError',
    });
    expect(read('b/deep/f')).toBe('x');
  });

  it('leaves a file that took the old name meanwhile alone', async () => {
    await reopen({
      disk: {
        ...systemDisk,
        link: async (from, to) => {
          await fs.link(from, to);
          rmSync(from);
          disk.write('f', 'theirs');
        },
      },
    });
    const expected = disk.write('f', 'mine');
    await expect(disk.folder.move(at('f'), at('g'), expected)).rejects.toMatchObject({ code: 'changed' });
    expect(read('f')).toBe('theirs');
  });

  it('leaves what another wrote into the file through its new name when the old one was removed', async () => {
    const written = ['an edit', undefined];
    await reopen({
      disk: {
        ...systemDisk,
        link: async (from, to) => {
          await fs.link(from, to);
          rmSync(from);
          const text = written.shift();
          if (text !== undefined) await fs.writeFile(to, text);
        },
      },
    });
    for (const name of ['f', 'g']) {
      const expected = disk.write(name, 'mine');
      const moved = disk.folder.move(at(name), at(`${name}2`), expected);
      await expect(moved).rejects.toMatchObject({ code: 'changed' });
    }
    expect(read('f2')).toBe('an edit');
    expect(existsSync(disk.path('g2'))).toBe(false);
  });

  it('works without hard links, and still refuses a taken name', async () => {
    await reopen({ disk: { ...systemDisk, link: () => Promise.reject(failure('ENOTSUP')) } });
    const expected = disk.write('f', 'x');
    disk.write('taken', 'y');
    await expect(disk.folder.move(at('f'), at('taken'), expected)).rejects.toMatchObject({ code: 'changed' });
    await disk.folder.move(at('f'), at('g'), expected);
    expect(read('g')).toBe('x');
  });

  it('is ambiguous once it is done: what then shows to be another version was moved all the same', async () => {
    const edit = (name: string): void => void disk.write(name, 'an edit in the very moment');
    const unlinked = watchedDisk({ after: ({ call }) => void (call === 'unlink' && edit('g')) });
    const renamed = {
      ...watchedDisk({ after: ({ call }) => void (call === 'rename' && edit('g')) }),
      link: () => Promise.reject(failure('ENOTSUP')),
    };
    for (const meddling of [unlinked, renamed]) {
      await reopen({ disk: meddling });
      const expected = disk.write('f', 'mine');
      const end = { code: 'changed', ambiguous: true };
      await expect(disk.folder.move(at('f'), at('g'), expected)).rejects.toMatchObject(end);
      expect([existsSync(disk.path('f')), read('g')]).toEqual([false, 'an edit in the very moment']);
    }
  });

  it.each(['EIO', 'ENOSPC'])('is ambiguous when it cannot be synced after it is done: %s', async (code) => {
    let done = false;
    const failing = {
      ...systemDisk,
      renameSync: (from: string, to: string) => {
        systemDisk.renameSync(from, to);
        done = true;
      },
      open: (path: string, flags: number | string, mode?: number) =>
        done ? Promise.reject(failure(code)) : systemDisk.open(path, flags, mode),
      openSync: (path: string, flags: number | string, mode?: number) => {
        if (done) throw failure(code);
        return systemDisk.openSync(path, flags, mode);
      },
    };
    await reopen({ disk: failing });
    disk.write('d/f', 'x');
    await expect(disk.folder.move(at('d'), at('e'), 'folder')).rejects.toMatchObject({ ambiguous: true });
    done = false;
    expect(read('e/f')).toBe('x');
  });

  it('is certain while nothing was done', async () => {
    const expected = disk.write('f', 'mine');
    disk.write('g', 'theirs');
    await expect(disk.folder.move(at('f'), at('g'), expected)).rejects.toMatchObject({ ambiguous: false });
    await expect(disk.folder.move(at('none'), at('h'), expected)).rejects.toMatchObject({ ambiguous: false });
  });

  it('is refused when only the spelling differs and the disk tells both apart', async () => {
    const expected = disk.write('f', 'x');
    linkSync(disk.path('f'), disk.path('F'));
    const stamp = disk.stamp('f');
    await expect(disk.folder.move(at('f'), at('F'), stamp)).rejects.toMatchObject({ code: 'changed' });
    expect(expected.ino).toBe(stamp.ino);
  });

  it('marks a stamp that is too young to be trusted', async () => {
    const expected = disk.write('f', 'x');
    disk.clock.set(expected.ctimeMs);
    expect((await disk.folder.move(at('f'), at('g'), expected))?.ctimeMs).toBe(-1);
  });
});

describe('removing a file', () => {
  it('puts it into the trash under its own path', async () => {
    const expected = disk.write('a/b/f', 'precious');
    await disk.folder.removeFile(at('a/b/f'), expected);
    expect(existsSync(disk.path('a/b/f'))).toBe(false);
    expect(trashed).toEqual([['a/b/f', expect.stringMatching(/\/a\/b\/f$/)]]);
    expect(readFileSync(trashed[0]?.[1] ?? '', 'utf8')).toBe('precious');
  });

  it('refuses another version and takes a missing one as done', async () => {
    const expected = disk.write('f', 'x');
    disk.write('f', 'edited');
    await expect(disk.folder.removeFile(at('f'), expected)).rejects.toMatchObject({ code: 'changed' });
    expect(read('f')).toBe('edited');
    await disk.folder.removeFile(at('gone'), expected);
    await disk.folder.removeFile(at('f/gone'), expected);
  });

  it('follows no link above it', async () => {
    const expected = disk.write('real/f', 'x');
    symlinkSync('real', disk.path('link'));
    await expect(disk.folder.removeFile(at('link/f'), expected)).rejects.toMatchObject({ code: 'changed' });
    expect(read('real/f')).toBe('x');
  });

  it('copies where the trash lies on another disk', async () => {
    await reopen({ disk: { ...systemDisk, link: () => Promise.reject(failure('EXDEV')) } });
    const expected = disk.write('f', 'precious');
    await disk.folder.removeFile(at('f'), expected);
    expect(existsSync(disk.path('f'))).toBe(false);
    expect(readFileSync(trashed[0]?.[1] ?? '', 'utf8')).toBe('precious');
    expect(statSync(trashed[0]?.[1] ?? '').mtimeMs).toBeCloseTo(expected.mtimeMs, 0);
  });

  it('puts back another version that took the name right before the rename', async () => {
    await reopen({
      disk: {
        ...systemDisk,
        renameSync: (from, to) => {
          rmSync(from);
          disk.write('f', 'theirs, and longer');
          systemDisk.renameSync(from, to);
        },
      },
    });
    const expected = disk.write('f', 'mine');
    await expect(disk.folder.removeFile(at('f'), expected)).rejects.toMatchObject({ code: 'changed' });
    expect(read('f')).toBe('theirs, and longer');
  });
});

describe('removing a folder', () => {
  async function seen(path: string): Promise<FolderNode<LocalStamp>> {
    const node = nodeAt((await disk.folder.scan(rules)).tree, relPath(path));
    if (node?.kind !== 'folder') throw new Error(`${path} is no folder`);
    return node;
  }

  it('removes all that was seen, each file into the trash', async () => {
    disk.write('d/a', '1');
    disk.write('d/cafe\u0301/b', '2');
    expect(await disk.folder.removeFolder(at('d'), await seen('d'))).toEqual({ complete: true });
    expect(existsSync(disk.path('d'))).toBe(false);
    expect(trashed.map(([path]) => path).sort()).toEqual(['d/a', 'd/cafe\u0301/b']);
  });

  it('leaves what was not seen, or changed, with its parents', async () => {
    disk.write('d/old', '1');
    disk.write('d/edited/f', '1');
    disk.write('d/gone/f', '1');
    const node = await seen('d');
    disk.write('d/new', '1');
    disk.write('d/edited/f', 'changed');
    expect(await disk.folder.removeFolder(at('d'), node)).toEqual({ complete: false });
    expect(readdirSync(disk.path('d')).sort()).toEqual(['edited', 'new']);
    expect(read('d/edited/f')).toBe('changed');
  });

  it('leaves untracked entries with their parents', async () => {
    disk.write('d/sub/f', '1');
    symlinkSync('/', disk.path('d/sub/link'));
    expect(await disk.folder.removeFolder(at('d'), await seen('d'))).toEqual({ complete: false });
    expect(readdirSync(disk.path('d/sub'))).toEqual(['link']);
  });

  it('does nothing through a link that took its place', async () => {
    disk.write('d/f', '1');
    const node = await seen('d');
    disk.write('other/f', '1');
    rmSync(disk.path('d'), { recursive: true });
    symlinkSync('other', disk.path('d'));
    await expect(disk.folder.removeFolder(at('d'), node)).rejects.toMatchObject({ code: 'changed' });
    expect(read('other/f')).toBe('1');
  });

  it('takes a missing folder as done', async () => {
    disk.write('d/f', '1');
    const node = await seen('d');
    rmSync(disk.path('d'), { recursive: true });
    expect(await disk.folder.removeFolder(at('d'), node)).toEqual({ complete: true });
  });
});

describe('the trash', () => {
  it('drops the days that are old enough, and nothing else', async () => {
    disk.clock.set(Date.UTC(2026, 10, 22));
    for (const day of ['2026-10-01', '2026-11-14', '2026-11-15', 'notes']) {
      disk.write(`.rtsync/trash/${day}/x/f`, 'x');
    }
    expect(await disk.folder.purgeTrash({ days: 7, bytes: undefined })).toMatchObject({ bytes: 2 });
    expect(readdirSync(disk.path('.rtsync/trash')).sort()).toEqual(['2026-11-15', 'notes']);
  });
});
