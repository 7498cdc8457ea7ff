import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRootKeeper } from '../../../src/app/root-keeper.ts';
import { type Disk, systemDisk } from '../../../src/local/disk.ts';
import { readMarker, writeMarker } from '../../../src/local/own.ts';

const [EXT4, FAT] = [0xef53, 0x4d44];

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'rtsync-root-')));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A keeper of a pair in sync, and a disk that can be mounted anew: then the root has another inode. */
async function keeper(type: number) {
  let mounts = 0;
  const disk: Disk = {
    ...systemDisk,
    statfs: async () => ({ bavail: 1, bsize: 1, type }),
    lstatSync: (path) => {
      const stats = systemDisk.lstatSync(path);
      if (stats === undefined || path !== root) return stats;
      const other = Object.create(stats) as { ino: number };
      Object.defineProperty(other, 'ino', { value: stats.ino + mounts });
      return other as typeof stats;
    },
  };
  const notes = new Map<string, string>();
  const state = {
    pairId: 'pair-1',
    base: () => ({
      kind: 'folder' as const,
      children: new Map([['a', { kind: 'folder' as const, children: new Map() }]]),
    }),
    note: (key: string) => notes.get(key),
    saveNote: (key: string, value: string) => void notes.set(key, value),
  };
  writeMarker(root, { pairId: 'pair-1' }, disk);
  const clock = { now: () => 0, monotonic: () => 0, sleep: async () => undefined };
  const keeps = await createRootKeeper({
    ...{ root, disk, state, run: { clock } },
    ...{ workspace: { id: 'w1' }, pairConfig: { path: '' } },
  });
  keeps.sign();
  return {
    ...keeps,
    mountAnew: () => {
      mounts += 1;
    },
  };
}

describe('a root whose inode is another one', () => {
  it('is another folder on a disk that keeps inodes', async () => {
    const { check, mountAnew } = await keeper(EXT4);
    expect(check).not.toThrow();
    mountAnew();
    expect(check).toThrow(expect.objectContaining({ code: 'halted' }));
    expect(check).toThrow(
      /put the right folder back, or, to go on with this one, end rtsync and start it again$/,
    );
  });

  it.runIf(process.platform === 'linux')('is the same where inodes are made up at each mount', async () => {
    const { check, mountAnew } = await keeper(FAT);
    mountAnew();
    expect(check).not.toThrow();
  });

  it('is an older copy there as well, by its mark', async () => {
    const { check } = await keeper(FAT);
    const generation = readMarker(root)?.generation ?? 0;
    expect(generation).toBeGreaterThan(0);
    writeMarker(root, { pairId: 'pair-1', generation: generation - 1 });
    expect(check).toThrow('is an older copy of the synced folder');
  });
});
