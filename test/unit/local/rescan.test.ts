import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIgnoreRules } from '../../../src/core/ignore.ts';
import { type LocalDir, ROOT, relPath } from '../../../src/core/path.ts';
import { type LocalStamp, type LocalTree, type Node, nodeAt, withChanges } from '../../../src/core/tree.ts';
import type { LocalScan } from '../../../src/local/local.ts';
import { at, type DisposableFolder, disposableFolder, rules } from './support.ts';

let disk: DisposableFolder;
beforeEach(async () => {
  disk = await disposableFolder();
});
afterEach(() => disk.dispose());

function dirs(...paths: readonly string[]): readonly LocalDir[] {
  return paths.map((path) => (path === '' ? ROOT : at(path)));
}

function kind(tree: LocalTree, path: string): string | undefined {
  return nodeAt(tree, relPath(path))?.kind;
}

/** A scan as the engine hands it on: its tree holds digests and deeds since then. */
function since(scan: LocalScan, path: string, node: Node<LocalStamp> | undefined): LocalScan {
  return { ...scan, tree: withChanges(scan.tree, [{ path: relPath(path), node }]) };
}

describe('a rescan after deeds of ours', () => {
  it('reads the given folders alone and shares all others, those with what the deeds left', async () => {
    disk.write('a/one', '1');
    disk.write('b/in/two', '2');
    disk.write('c/three', '3');
    const scan = await disk.folder.scan(rules);
    const stamp = disk.stamp('b/in/two');
    const before = since(scan, 'b/in/two', { kind: 'file', stamp: { ...stamp, digest: 'known' } });
    disk.write('a/new', 'x');
    disk.write('b/in/unseen', 'x');
    const after = await disk.folder.rescan(before, dirs('a'), rules);
    expect(kind(after.tree, 'a/new')).toBe('file');
    for (const path of ['b', 'c'])
      expect(nodeAt(after.tree, relPath(path))).toBe(nodeAt(before.tree, relPath(path)));
    const again = await disk.folder.rescan({ ...after }, dirs('a'), rules);
    expect(again.tree).toBe(after.tree);
  });

  it('takes what the deeds left in a folder that it reads, digest and all', async () => {
    disk.write('a/one', '1');
    const scan = await disk.folder.scan(rules);
    const node = { kind: 'file' as const, stamp: { ...disk.write('a/two', '2'), digest: 'known' } };
    const before = since(scan, 'a/two', node);
    const after = await disk.folder.rescan(before, dirs('a'), rules);
    expect(after.tree).toBe(before.tree);
  });

  it('obeys an ignore file that a deed brought or changed elsewhere', async () => {
    disk.write('a/one', '1');
    disk.write('b/x', '2');
    disk.write('b/y', '2');
    const bring = async (scan: LocalScan, text: string): Promise<LocalScan> => {
      const stamp = disk.write('b/.rtsyncignore', text);
      const before = since(scan, 'b/.rtsyncignore', { kind: 'file', stamp });
      return disk.folder.rescan(before, dirs('a'), rules);
    };
    const brought = await bring(await disk.folder.scan(rules), 'x\n');
    expect([kind(brought.tree, 'b/x'), kind(brought.tree, 'b/y')]).toEqual(['untracked', 'file']);
    const replaced = await bring(brought, 'x\ny\n');
    expect([kind(replaced.tree, 'b/x'), kind(replaced.tree, 'b/y')]).toEqual(['untracked', 'untracked']);
  });
});

describe('a rescan', () => {
  it('gives the same tree when nothing changed', async () => {
    disk.write('a/b/c', 'x');
    disk.write('a/cafe\u0301/c', 'x');
    const before = await disk.folder.scan(rules);
    const after = await disk.folder.rescan(before, dirs('', 'a', 'a/b', 'a/cafe\u0301'), rules);
    expect(after.tree).toBe(before.tree);
  });

  it('sees what changed in the given folders and shares all others', async () => {
    disk.write('a/one', '1');
    disk.write('b/two', '2');
    const before = await disk.folder.scan(rules);
    disk.write('a/one', 'longer');
    disk.write('a/new/deep/file', 'x');
    disk.write('b/unseen', 'x');
    const after = await disk.folder.rescan(before, dirs('a'), rules);
    expect(nodeAt(after.tree, relPath('a/one'))).toMatchObject({ stamp: { size: 6 } });
    expect(kind(after.tree, 'a/new/deep/file')).toBe('file');
    expect(nodeAt(after.tree, relPath('b'))).toBe(nodeAt(before.tree, relPath('b')));
  });

  it('keeps a digest that was known for a version that stayed', async () => {
    disk.write('a', '1');
    const before = await disk.folder.scan(rules);
    const known = before.tree.children.get('a');
    disk.write('b', '1');
    const after = await disk.folder.rescan(before, dirs(''), rules);
    expect(after.tree.children.get('a')).toBe(known);
    expect(kind(after.tree, 'b')).toBe('file');
  });

  it('drops a folder that is gone and finds it under its new name', async () => {
    disk.write('old/x/file', 'x');
    const before = await disk.folder.scan(rules);
    renameSync(disk.path('old'), disk.path('new'));
    const after = await disk.folder.rescan(before, dirs('old/x'), rules);
    expect(kind(after.tree, 'old')).toBeUndefined();
    expect(kind(after.tree, 'new/x/file')).toBe('file');
  });

  it('walks a folder anew that was replaced by another of the same name', async () => {
    disk.write('d/old', 'x');
    mkdirSync(disk.path('other'));
    writeFileSync(disk.path('other/fresh'), 'x');
    const before = await disk.folder.scan(rules);
    rmSync(disk.path('d'), { recursive: true });
    renameSync(disk.path('other'), disk.path('d'));
    const after = await disk.folder.rescan(before, dirs(''), rules);
    expect(kind(after.tree, 'd/fresh')).toBe('file');
    expect(kind(after.tree, 'd/old')).toBeUndefined();
  });

  it('does not follow a folder that became a link', async () => {
    disk.write('d/file', 'x');
    const before = await disk.folder.scan(rules);
    rmSync(disk.path('d'), { recursive: true });
    symlinkSync('/', disk.path('d'));
    const after = await disk.folder.rescan(before, dirs('d'), rules);
    expect(nodeAt(after.tree, relPath('d'))).toEqual({ kind: 'untracked', why: 'a symlink' });
  });

  it('walks everything when an ignore file changed, appeared or went', async () => {
    disk.write('a/x.log', 'x');
    disk.write('b/.rtsyncignore', 'y\n');
    disk.write('b/y', 'x');
    const first = await disk.folder.scan(rules);
    disk.write('.rtsyncignore', '*.log\n');
    const second = await disk.folder.rescan(first, dirs(''), rules);
    expect(kind(second.tree, 'a/x.log')).toBe('untracked');
    rmSync(disk.path('.rtsyncignore'));
    const third = await disk.folder.rescan(second, dirs(''), rules);
    expect(kind(third.tree, 'a/x.log')).toBe('file');
    rmSync(disk.path('b/.rtsyncignore'));
    const fourth = await disk.folder.rescan(third, dirs('b'), rules);
    expect(kind(fourth.tree, 'b/y')).toBe('file');
    expect(fourth.rules.fingerprint).toBe(rules.fingerprint);
  });

  it('obeys the ignore file of a new folder at once, and later', async () => {
    const first = await disk.folder.scan(rules);
    disk.write('n/.rtsyncignore', 'y\n');
    disk.write('n/y', 'x');
    const second = await disk.folder.rescan(first, dirs(''), rules);
    expect(kind(second.tree, 'n/y')).toBe('untracked');
    disk.write('n/z', 'x');
    const third = await disk.folder.rescan(second, dirs('n'), rules);
    expect(kind(third.tree, 'n/y')).toBe('untracked');
    expect(kind(third.tree, 'n/z')).toBe('file');
    expect(third.rules.fingerprint).toBe(second.rules.fingerprint);
  });

  it('walks everything when it is given other rules', async () => {
    disk.write('a/x.log', 'x');
    const before = await disk.folder.scan(rules);
    const after = await disk.folder.rescan(before, [], createIgnoreRules(['*.log']));
    expect(kind(after.tree, 'a/x.log')).toBe('untracked');
  });

  it('keeps the problems of folders that it did not read, and drops those that are solved', async () => {
    const bad = Buffer.concat([Buffer.from(disk.path('bad')), Buffer.from([0xff])]);
    writeFileSync(bad, 'x');
    disk.write('a/file', 'x');
    const before = await disk.folder.scan(rules);
    const same = await disk.folder.rescan(before, dirs('a'), rules);
    expect(same.problems).toEqual(before.problems);
    expect(same.problems).toHaveLength(1);
    rmSync(bad);
    const after = await disk.folder.rescan(same, dirs(''), rules);
    expect(after.problems).toEqual([]);
  });

  it('halts when the root is gone', async () => {
    const before = await disk.folder.scan(rules);
    rmSync(disk.root, { recursive: true });
    await expect(disk.folder.rescan(before, dirs(''), rules)).rejects.toMatchObject({ code: 'halted' });
  });
});
