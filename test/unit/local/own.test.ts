import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLocalFolder } from '../../../src/local/folder.ts';
import { findEnclosingPair, readMarker, writeMarker } from '../../../src/local/own.ts';
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
