import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { relPath } from '../../../src/core/path.ts';
import { nodeAt } from '../../../src/core/tree.ts';
import { type Disk, systemDisk } from '../../../src/local/disk.ts';
import { failingFiles, failure, otherDevice, readOnlyBelow, watchedDisk } from './disks.ts';
import { at, bodyOf, type DisposableFolder, disposableFolder, rules } from './support.ts';

let disk: DisposableFolder;
const trashed: string[] = [];
const folder = (): string => disk.path('d');
beforeEach(async () => {
  trashed.length = 0;
  await open(systemDisk);
});
afterEach(() => disk.dispose());

/** A root with `f` and `d/f` on such a disk. */
async function open(on: Disk): Promise<void> {
  if (disk !== undefined) await disk.dispose();
  disk = await disposableFolder({ disk: on, onTrashed: (path) => void trashed.push(path) });
  disk.write('f', 'old');
  disk.write('d/f', 'old');
}

/** Every entry below the root that is not ours, with its content. */
function everything(): Record<string, string> {
  const entries = readdirSync(disk.root, { recursive: true, withFileTypes: true });
  const visible = entries.map((entry) => ({
    path: `${entry.parentPath}/${entry.name}`.slice(disk.root.length + 1),
    isFile: entry.isFile(),
  }));
  return Object.fromEntries(
    visible
      .filter(({ path }) => !path.startsWith('.rtsync'))
      .map(({ path, isFile }) => [path, isFile ? readFileSync(disk.path(path), 'utf8') : 'a folder']),
  );
}

/** Anything below the days of the trash, empty drawers too. */
function entriesInTrash(): readonly string[] {
  const days = readdirSync(disk.path('.rtsync/trash'));
  return days.flatMap((day) =>
    readdirSync(disk.path(`.rtsync/trash/${day}`), { recursive: true, encoding: 'utf8' }),
  );
}

async function place(path: string, content = 'new'): Promise<void> {
  const temporary = await disk.folder.temporary(content.length);
  try {
    await temporary.receive(bodyOf(content.slice(0, 1), content.slice(1)), content.length);
    const expected = existsSync(disk.path(path)) ? disk.stamp(path) : undefined;
    await disk.folder.place(temporary, at(path), expected);
  } finally {
    await temporary.discard();
  }
}

/** Fails so, leaves everything as it was, and neither a temporary nor anything in the trash. */
async function expectRefused(deed: () => Promise<unknown>, code: string): Promise<void> {
  const before = everything();
  await expect(deed()).rejects.toMatchObject({ name: 'RtsyncError', code });
  expect(everything()).toEqual(before);
  expect(readdirSync(disk.path('.rtsync/tmp'))).toEqual([]);
  expect(entriesInTrash()).toEqual([]);
  expect(trashed).toEqual([]);
}

const deeds: Readonly<Record<string, () => Promise<unknown>>> = {
  'placing a new file': () => place('d/new'),
  'replacing a file': () => place('d/f'),
  'removing a file': () => disk.folder.removeFile(at('d/f'), disk.stamp('d/f')),
  'moving a file out': () => disk.folder.move(at('d/f'), at('moved'), disk.stamp('d/f')),
  'moving a file in': () => disk.folder.move(at('f'), at('d/moved'), disk.stamp('f')),
  'moving a file within': () => disk.folder.move(at('d/f'), at('d/moved'), disk.stamp('d/f')),
};

describe.each(['EACCES', 'EROFS', 'EPERM'])('in a folder that refuses with %s', (code) => {
  beforeEach(() => open(readOnlyBelow(folder, code)));

  it.each([...Object.keys(deeds)])('%s changes nothing', async (name) => {
    await expectRefused(async () => await deeds[name]?.(), 'unreadable');
  });

  it('no folder is made', async () => {
    await expectRefused(() => disk.folder.makeFolder(at('d/new')), 'unreadable');
  });

  it('removing all of it leaves all of it', async () => {
    const seen = nodeAt((await disk.folder.scan(rules)).tree, relPath('d'));
    if (seen?.kind !== 'folder') throw new Error('d is no folder');
    expect(await disk.folder.removeFolder(at('d'), seen)).toEqual({ complete: false });
    expect(everything()).toEqual({ f: 'old', d: 'a folder', 'd/f': 'old' });
    expect(entriesInTrash()).toEqual([]);
  });
});

describe('in a folder on another device', () => {
  beforeEach(() => open(otherDevice(folder)));

  it.each(['placing a new file', 'replacing a file', 'moving a file out', 'moving a file in'])(
    '%s changes nothing',
    async (name) => {
      await expectRefused(async () => await deeds[name]?.(), 'local-io');
    },
  );

  it('removing a file leaves a copy in the trash', async () => {
    await deeds['removing a file']?.();
    expect(existsSync(disk.path('d/f'))).toBe(false);
    expect(trashed).toEqual(['d/f']);
    expect(entriesInTrash().filter((path) => path.endsWith('d/f'))).toHaveLength(1);
  });

  it('a folder that stands on the edge is not moved', async () => {
    mkdirSync(disk.path('e'));
    await expectRefused(() => disk.folder.move(at('e'), at('d/e'), 'folder'), 'local-io');
  });
});

describe.each(['EPERM', 'ENOTSUP'])('on a disk without hard links (%s)', (code) => {
  const linkless = (refuses: (path: string) => string | undefined = () => undefined): Disk =>
    watchedDisk({
      before: ({ call, paths }) => {
        if (call === 'link') throw failure(code);
        const refusal = call === 'rename' ? paths.map(refuses).find((one) => one !== undefined) : undefined;
        if (refusal !== undefined) throw failure(refusal);
      },
    });

  it('every deed is done, and what is given up lies in the trash', async () => {
    await open(linkless());
    await place('d/new');
    await place('d/f');
    await disk.folder.removeFile(at('f'), disk.stamp('f'));
    await disk.folder.move(at('d/new'), at('moved'), disk.stamp('d/new'));
    expect(everything()).toEqual({ d: 'a folder', 'd/f': 'new', moved: 'new' });
    expect(trashed).toEqual(['d/f', 'f']);
    expect(entriesInTrash().filter((path) => path.endsWith('f'))).toHaveLength(2);
    expect(readdirSync(disk.path('.rtsync/tmp'))).toEqual([]);
  });

  it.each([...Object.keys(deeds)])('%s changes nothing where renames are refused', async (name) => {
    await open(linkless((path) => (path.startsWith(`${folder()}/`) ? 'EACCES' : undefined)));
    await expectRefused(async () => await deeds[name]?.(), 'unreadable');
  });

  it('another version that took the name right before the removal gets it back', async () => {
    await open({
      ...linkless(),
      rename: async (from, to) => {
        disk.write('theirs', 'theirs, and longer');
        systemDisk.renameSync(disk.path('theirs'), from);
        await systemDisk.rename(from, to);
      },
    });
    await expect(disk.folder.removeFile(at('f'), disk.stamp('f'))).rejects.toMatchObject({ code: 'changed' });
    expect(everything()).toEqual({ f: 'theirs, and longer', d: 'a folder', 'd/f': 'old' });
    expect(entriesInTrash()).toEqual([]);
  });
});

describe.each(['ENOSPC', 'EDQUOT'])('a disk that is full (%s)', (code) => {
  const inTrash = (path: string): boolean => path.includes('/.rtsync/trash/');

  it('in the middle of a download leaves nothing of it', async () => {
    let writes = 0;
    await open(
      failingFiles((call) => {
        if (call !== 'write') return undefined;
        writes += 1;
        return writes === 2 ? code : undefined;
      }),
    );
    await expectRefused(() => place('f'), 'disk-full');
    expect(writes).toBe(2);
  });

  it.each(['d/f', 'd/new'])('when the content is synced leaves %s as it was', async (path) => {
    await open(failingFiles((call, name) => (call === 'sync' && name.includes('/tmp/') ? code : undefined)));
    await expectRefused(() => place(path), 'disk-full');
  });

  it('and says so only when the file is closed leaves nothing of a download that is given up', async () => {
    await open(failingFiles((call, name) => (call !== 'write' && name.includes('/tmp/') ? code : undefined)));
    await expectRefused(() => place('f'), 'disk-full');
  });

  it('refuses the temporary itself', async () => {
    await open(
      watchedDisk({
        before: ({ call, paths: [path = ''] }) => {
          if (call === 'create' && path.includes('/tmp/') && !path.includes('probe')) throw failure(code);
        },
      }),
    );
    await expectRefused(() => place('f'), 'disk-full');
  });

  it.each([1, 2, 3])('when part %i of the way to the trash is made keeps the old version', async (part) => {
    let made = 0;
    await open(
      watchedDisk({
        before: ({ call, paths: [path = ''] }) => {
          if (call !== 'mkdir' || !inTrash(path)) return;
          made += 1;
          if (made === part) throw failure(code);
        },
      }),
    );
    await expectRefused(() => place('d/f'), 'disk-full');
    expect(made).toBe(part);
    made = part - 1;
    if (part > 1)
      await expectRefused(() => disk.folder.removeFile(at('d/f'), disk.stamp('d/f')), 'disk-full');
  });

  it('when the old version is linked into the trash keeps it at its name', async () => {
    await open(
      watchedDisk({
        before: ({ call, paths }) => {
          if (call === 'link' && paths.some(inTrash)) throw failure(code);
        },
      }),
    );
    await expectRefused(() => place('d/f'), 'disk-full');
    await expectRefused(() => disk.folder.removeFile(at('d/f'), disk.stamp('d/f')), 'disk-full');
  });

  it('in the middle of a copy into the trash leaves no half copy', async () => {
    await open({
      ...otherDevice(folder),
      copyFile: async (_, to) => {
        writeFileSync(to, 'o');
        throw failure(code);
      },
    });
    await expectRefused(() => place('d/f'), 'disk-full');
    await expectRefused(() => disk.folder.removeFile(at('d/f'), disk.stamp('d/f')), 'disk-full');
  });

  it('when the name is taken keeps the old version', async () => {
    await open(
      watchedDisk({
        before: ({ call, paths: [, to = ''] }) => {
          if ((call === 'rename' || call === 'link') && to.startsWith(`${folder()}/`)) throw failure(code);
        },
      }),
    );
    await expectRefused(() => place('d/f'), 'disk-full');
    await expectRefused(() => place('d/new'), 'disk-full');
  });

  it('makes no folder', async () => {
    await open(
      watchedDisk({
        before: ({ call, paths: [path = ''] }) => {
          if (call === 'mkdir' && path.endsWith('/d/new')) throw failure(code);
        },
      }),
    );
    await expectRefused(() => disk.folder.makeFolder(at('d/new')), 'disk-full');
  });
});
