import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemDisk } from '../../../src/local/disk.ts';
import { openLocalFolder } from '../../../src/local/folder.ts';
import {
  checkMarker,
  findEnclosingPair,
  keepsInodes,
  readMarker,
  writeMarker,
} from '../../../src/local/own.ts';
import { failure } from './disks.ts';
import { type DisposableFolder, disposableFolder } from './support.ts';

let disk: DisposableFolder;
beforeEach(async () => {
  disk = await disposableFolder();
});
afterEach(() => disk.dispose());

describe('the marker', () => {
  it('is what was written, and nothing before', () => {
    expect(readMarker(disk.root)).toBeUndefined();
    writeMarker(disk.root, { pairId: 'pair-1' });
    writeMarker(disk.root, { pairId: 'pair-2' });
    expect(readMarker(disk.root)).toEqual({ pairId: 'pair-2', version: 1, generation: 0 });
  });

  it.each(['', '{"pairId":1,"version":1}', '{"pairId":"x","version":2}'])(
    'halts when it reads %j',
    (text) => {
      disk.write('.rtsync/pair.json', text);
      expect(() => readMarker(disk.root)).toThrow(expect.objectContaining({ code: 'halted' }));
    },
  );

  it.each([
    ['another far end', { far: 'w2:/' }, 'pair-overlap'],
    ['the same far end, as after a lost database', { far: 'w1:/' }, undefined],
    ['no far end, as an earlier version wrote it', {}, undefined],
  ])('of another pair with %s', (_, more, code) => {
    writeMarker(disk.root, { pairId: 'pair-1', ...more });
    const fresh = { pairId: 'pair-1', hasBase: false, generation: 0, far: 'w1:/' };
    const check = (): void => checkMarker(disk.root, fresh);
    if (code === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code }));
    expect(() => checkMarker(disk.root, { ...fresh, generation: 1 })).not.toThrow();
  });

  it('that is lost halts, with a command that a shell can read', () => {
    const root = disk.path('my docs');
    mkdirSync(root);
    const known = { pairId: 'pair-1', hasBase: true, generation: 1 };
    expect(() => checkMarker(root, known)).toThrow(`run rtsync approve --afresh '${root}'`);
  });

  it('of a folder above is found from below, not from the folder itself', () => {
    const inner = disk.path('a/b');
    mkdirSync(inner, { recursive: true });
    expect(findEnclosingPair(inner)).toBeUndefined();
    writeMarker(disk.root, { pairId: 'pair-1' });
    expect(findEnclosingPair(inner)).toBe(disk.root);
    expect(findEnclosingPair(disk.root)).toBe(findEnclosingPair(dirname(disk.root)));
  });
});

describe('opening a folder', () => {
  it('says which folder is missing', async () => {
    const root = disk.path('nowhere');
    await expect(openLocalFolder({ root, clock: disk.clock })).rejects.toMatchObject({
      code: 'no-folder',
      message: `the folder ${root} cannot be found`,
    });
    disk.write('file', '');
    await expect(openLocalFolder({ root: disk.path('file'), clock: disk.clock })).rejects.toMatchObject({
      code: 'no-folder',
    });
  });

  it('goes to the real place behind a link', async () => {
    mkdirSync(disk.path('real'));
    symlinkSync('real', disk.path('link'));
    const folder = await openLocalFolder({ root: disk.path('link'), clock: disk.clock });
    expect(folder.root).toBe(disk.path('real'));
  });

  it('refuses a link in the place of its own folder', async () => {
    rmSync(disk.path('.rtsync'), { recursive: true });
    mkdirSync(disk.path('elsewhere'));
    symlinkSync('elsewhere', disk.path('.rtsync'));
    await expect(openLocalFolder({ root: disk.root, clock: disk.clock })).rejects.toMatchObject({
      code: 'halted',
    });
  });

  it('writes nothing when it may not', async () => {
    mkdirSync(disk.path('quiet'));
    const folder = await openLocalFolder({
      root: disk.path('quiet'),
      clock: disk.clock,
      makeOwnFolders: false,
    });
    const { tree } = await folder.scan((await import('./support.ts')).rules);
    expect(tree.children.size).toBe(0);
    expect(() => mkdirSync(disk.path('quiet/.rtsync'))).not.toThrow();
  });
});

describe('inodes', () => {
  const kept = (type: number | undefined): Promise<boolean> =>
    keepsInodes('/somewhere', {
      ...systemDisk,
      statfs: async () => ({ bavail: 1, bsize: 1, ...(type === undefined ? {} : { type }) }),
    });

  it.runIf(process.platform === 'linux').each([
    ['FAT', 0x4d44],
    ['exFAT', 0x2011bab0],
    ['sshfs and other FUSE', 0x65735546],
    ['CIFS', 0xff534d42],
    ['CIFS, with a sign', 0xff534d42 - 2 ** 32],
    ['SMB 2', 0xfe534d42],
    ['overlayfs', 0x794c7630],
  ])('are made up anew by %s', async (_, type) => {
    expect(await kept(type)).toBe(false);
  });

  it.each([
    ['ext4', 0xef53],
    ['btrfs', 0x9123683e],
    ['NTFS', 0x7366746e],
    ['NFS', 0x6969],
    ['what does not tell', undefined],
  ])('are kept by %s', async (_, type) => {
    expect(await kept(type)).toBe(true);
  });

  it('are taken to be kept where the system does not answer', async () => {
    const failing = { ...systemDisk, statfs: () => Promise.reject(failure('ENOSYS')) };
    expect(await keepsInodes('/somewhere', failing)).toBe(true);
    expect(await keepsInodes(disk.root)).toBeTypeOf('boolean');
  });
});
