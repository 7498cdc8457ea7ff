import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { relPath } from '../../../src/core/path.ts';
import { type FolderNode, type LocalStamp, nodeAt } from '../../../src/core/tree.ts';
import { openLocalFolder } from '../../../src/local/folder.ts';
import { writeMarker } from '../../../src/local/own.ts';
import { failingFiles, type PowerDisk, powerDisk } from './disks.ts';
import { at, bodyOf, type DisposableFolder, disposableFolder, rules } from './support.ts';

let power: PowerDisk;
let disk: DisposableFolder;
beforeEach(async () => {
  power = powerDisk();
  disk = await disposableFolder({ disk: power.disk });
});
afterEach(() => disk.dispose());

/** Names that a power cut could undo now, below the root; temporaries do not matter. */
function unsynced(): readonly string[] {
  const below = power.unsynced().map((path) => path.slice(disk.root.length + 1));
  return below.filter((path) => !path.startsWith('.rtsync/tmp/')).sort();
}

async function seen(path: string): Promise<FolderNode<LocalStamp>> {
  const node = nodeAt((await disk.folder.scan(rules)).tree, relPath(path));
  if (node?.kind !== 'folder') throw new Error(`${path} is no folder`);
  return node;
}

function filesInTrash(): readonly string[] {
  const entries = readdirSync(disk.path('.rtsync/trash'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

describe('before a name is given up, a power cut would leave the version elsewhere', () => {
  afterEach(() => expect(power.reckless).toEqual([]));

  it('when it is replaced', async () => {
    const expected = disk.write('d/e/f', 'old');
    const stamp = await disk.folder.place(await disk.receive('new'), at('d/e/f'), expected);
    await disk.folder.place(await disk.receive('newer'), at('d/e/f'), stamp);
    expect(filesInTrash()).toEqual(['f', 'f']);
    expect(unsynced()).toEqual([]);
  });

  it('when it is removed', async () => {
    await disk.folder.removeFile(at('d/e/f'), disk.write('d/e/f', 'old'));
    expect(filesInTrash()).toEqual(['f']);
    expect(unsynced().filter((path) => !path.startsWith('.rtsync/trash/'))).toEqual([]);
  });

  it('when its folder is removed', async () => {
    for (const name of ['d/a', 'd/b', 'd/e/c']) disk.write(name, name);
    expect(await disk.folder.removeFolder(at('d'), await seen('d'))).toEqual({ complete: true });
    expect(filesInTrash()).toHaveLength(3);
    expect(unsynced()).not.toContain('d');
  });

  it.each([
    ['a/f', 'b/g'],
    ['a/f', 'a/g'],
    ['f', 'a/f'],
  ])('when it moves from %s to %s', async (from, to) => {
    const expected = disk.write(from, 'old');
    mkdirSync(disk.path('a'), { recursive: true });
    mkdirSync(disk.path('b'));
    await disk.folder.move(at(from), at(to), expected);
    expect(unsynced()).toEqual([]);
  });
});

describe('a power cut', () => {
  it('undoes neither a placed file nor a new folder above it', async () => {
    await disk.folder.makeFolder(at('d'));
    await disk.folder.makeFolder(at('d/e'));
    expect(unsynced()).toEqual([]);
    await disk.folder.place(await disk.receive('x'), at('d/e/f'), undefined);
    expect(unsynced()).toEqual([]);
  });

  it('undoes no folder that a killed run had made but not synced, once a file is placed in it', async () => {
    power.disk.mkdirSync(disk.path('d'));
    power.disk.mkdirSync(disk.path('d/e'));
    expect(unsynced()).toEqual(['d', 'd/e']);
    await disk.folder.place(await disk.receive('x'), at('d/e/f'), undefined);
    expect(unsynced()).toEqual([]);
  });

  it('undoes no trash folder that a killed run had made but not synced', async () => {
    const day = new Date(disk.clock.now()).toISOString().slice(0, 10);
    power.disk.mkdirSync(disk.path(`.rtsync/trash/${day}`));
    await disk.folder.place(await disk.receive('new'), at('f'), disk.write('f', 'old'));
    expect(unsynced()).toEqual([]);
  });

  it('undoes neither the marker nor the folder it lies in', async () => {
    const root = disk.path('root');
    mkdirSync(root);
    power.disk.mkdirSync(`${root}/.rtsync`);
    writeMarker(root, { pairId: 'pair-1' }, power.disk);
    expect(unsynced().filter((path) => !path.includes('/tmp'))).toEqual([]);
  });

  it('undoes nothing in a folder that came to a place where another had been looked after', async () => {
    await disk.folder.makeFolder(at('to'));
    await disk.folder.makeFolder(at('to/a'));
    await disk.folder.makeFolder(at('to/a/b'));
    rmSync(disk.path('to/a'), { recursive: true });
    power.disk.mkdirSync(disk.path('a'));
    power.disk.mkdirSync(disk.path('a/b'));
    await disk.folder.move(at('a'), at('to/a'), 'folder');
    await disk.folder.place(await disk.receive('x'), at('to/a/b/f'), undefined);
    expect(unsynced().filter((path) => path.startsWith('to/'))).toEqual([]);
  });

  it('undoes no move of a folder with a placed file in it', async () => {
    mkdirSync(disk.path('a/b'), { recursive: true });
    mkdirSync(disk.path('to'));
    await disk.folder.place(await disk.receive('x'), at('a/b/f'), undefined);
    await disk.folder.move(at('a'), at('to/a'), 'folder');
    expect(unsynced()).toEqual([]);
  });
});

describe('the cost of durability', () => {
  it('is one sync of the trash for all files of a removed folder', async () => {
    for (let n = 0; n < 200; n += 1) disk.write(`d/${n}`, 'x');
    const node = await seen('d');
    const before = power.syncs();
    await disk.folder.removeFolder(at('d'), node);
    expect(power.syncs() - before).toBeLessThanOrEqual(8);
  });

  it('looks after the folders above placed files once', async () => {
    mkdirSync(disk.path('a/b/c'), { recursive: true });
    await disk.folder.place(await disk.receive('x'), at('a/b/c/first'), undefined);
    const before = power.syncs();
    await disk.folder.place(await disk.receive('x'), at('a/b/c/second'), undefined);
    expect(power.syncs() - before).toBe(1);
  });
});

describe('a folder that cannot be synced', () => {
  async function open(code: string) {
    const failing = failingFiles((call, path) =>
      call === 'sync' && path.includes('/.rtsync/trash') ? code : undefined,
    );
    return await openLocalFolder({ root: disk.root, clock: disk.clock, disk: failing });
  }

  it('in the trash keeps the old version at its name when the disk fails', async () => {
    const expected = disk.write('f', 'old');
    const folder = await open('EIO');
    const temporary = await folder.temporary(3);
    await temporary.receive(bodyOf('new'), 3);
    await expect(folder.place(temporary, at('f'), expected)).rejects.toMatchObject({ code: 'local-io' });
    await expect(folder.removeFile(at('f'), disk.stamp('f'))).rejects.toMatchObject({ code: 'local-io' });
    await temporary.discard();
    expect(disk.stamp('f').ino).toBe(expected.ino);
    expect(filesInTrash()).toEqual([]);
  });

  it('is no obstacle where the file system knows no such thing', async () => {
    const folder = await open('EINVAL');
    await folder.removeFile(at('f'), disk.write('f', 'old'));
    expect(filesInTrash()).toEqual(['f']);
  });
});
