import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalDir } from '../../../src/core/path.ts';
import type { LocalScan } from '../../../src/local/local.ts';
import { type FolderWatch, watchFolder } from '../../../src/local/watch.ts';
import { type DisposableFolder, disposableFolder, rules } from './support.ts';

let disk: DisposableFolder;
let watch: FolderWatch;
let scan: LocalScan;
let hints: (readonly LocalDir[] | 'all')[];
let degraded: [dirs: readonly LocalDir[], why: string][];
let wake: () => void;

beforeEach(async () => {
  disk = await disposableFolder();
  hints = [];
  degraded = [];
  wake = () => undefined;
  watch = watchFolder({
    root: disk.root,
    onHint: (hint) => {
      hints.push(hint);
      wake();
    },
    onDegraded: (dirs, why) => degraded.push([dirs, why]),
  });
});
afterEach(async () => {
  await watch.close();
  await disk.dispose();
});

/** Resolves with the first hint that names the folder. */
async function hinted(dir: string): Promise<void> {
  while (!hints.some((hint) => hint !== 'all' && hint.includes(dir as LocalDir))) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

/** Watches what is there and drops the hint that this brings. */
async function started(): Promise<void> {
  scan = await disk.folder.scan(rules);
  await watch.follow(scan);
  while (!hints.includes('all')) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  hints.length = 0;
}

async function reread(...dirs: readonly string[]): Promise<void> {
  scan = await disk.folder.rescan(scan, dirs as readonly LocalDir[], rules);
  await watch.follow(scan);
}

describe('watching', () => {
  it('asks for everything once the first watches stand', async () => {
    scan = await disk.folder.scan(rules);
    await watch.follow(scan);
    await new Promise((resolve) => setImmediate(resolve));
    expect(hints).toEqual(['all']);
  });

  it.each(['edit', 'add', 'remove', 'rename', 'backup~', '.swap.swp'])(
    'hints the folder of a change (%s)',
    async (what) => {
      disk.write('a/b/file', 'x');
      disk.write('other/file', 'x');
      await started();
      const file = disk.path('a/b/file');
      if (what === 'edit') writeFileSync(file, 'longer');
      else if (what === 'remove') rmSync(file);
      else if (what === 'rename') renameSync(file, disk.path('a/b/renamed'));
      else writeFileSync(disk.path(`a/b/${what}`), '');
      await hinted('a/b');
      expect(hints.flat()).not.toContain('other');
    },
  );

  it('hints a new folder itself once its own watch stands, since files may have come before', async () => {
    await started();
    mkdirSync(disk.path('new/deep'), { recursive: true });
    await hinted('');
    await reread('');
    await hinted('new/deep');
    hints.length = 0;
    writeFileSync(disk.path('new/deep/file'), '');
    await hinted('new/deep');
  });

  it('watches a folder that went and came again', async () => {
    mkdirSync(disk.path('d'));
    await started();
    for (let round = 0; round < 3; round += 1) {
      rmSync(disk.path('d'), { recursive: true });
      await hinted('');
      await reread('');
      hints.length = 0;
      mkdirSync(disk.path('d'));
      await hinted('');
      await reread('');
      await hinted('d');
      hints.length = 0;
      writeFileSync(disk.path('d/file'), String(round));
      await hinted('d');
      hints.length = 0;
    }
  });

  it('stays complete through many small additions', async () => {
    await started();
    for (let n = 0; n < 60; n += 1) {
      mkdirSync(disk.path(`d${n}`));
      await reread('');
    }
    for (const n of [0, 1, 25, 59]) {
      await hinted(`d${n}`);
      hints.length = 0;
      writeFileSync(disk.path(`d${n}/file`), '');
      await hinted(`d${n}`);
      hints.length = 0;
      writeFileSync(disk.path('d0/again'), '');
      writeFileSync(disk.path('d1/again'), '');
      writeFileSync(disk.path('d25/again'), '');
      writeFileSync(disk.path('d59/again'), '');
    }
  });

  it('tells of a folder that it cannot watch for its name, and hints all others', async () => {
    disk.write('back\\slash/file', 'x');
    disk.write('plain/file', 'x');
    await started();
    expect(degraded).toEqual([[['back\\slash'], expect.stringContaining('backslash')]]);
    writeFileSync(disk.path('plain/file'), 'longer');
    await hinted('plain');
  });

  it('says nothing of ignored files and of our own folder', async () => {
    disk.write('.rtsyncignore', '*.log\n');
    await started();
    writeFileSync(disk.path('noise.log'), 'x');
    writeFileSync(disk.path('.rtsync/tmp/x'), 'x');
    mkdirSync(disk.path('.rtsync/other'));
    mkdirSync(disk.path('end'));
    await hinted('');
    hints.length = 0;
    writeFileSync(disk.path('noise.log'), 'xy');
    rmSync(disk.path('noise.log'));
    await reread('');
    await hinted('end');
    expect(hints).toEqual([['end']]);
  });

  it('says nothing once it is closed', async () => {
    await started();
    await watch.close();
    writeFileSync(disk.path('f'), '');
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(hints).toEqual([]);
  });

  it('follows no more once it is closed', async () => {
    scan = await disk.folder.scan(rules);
    await watch.close();
    await watch.follow(scan);
    writeFileSync(disk.path('f'), '');
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(hints).toEqual([]);
    expect(degraded).toEqual([]);
  });
});
