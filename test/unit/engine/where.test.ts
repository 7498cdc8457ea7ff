import { describe, expect, it } from 'vitest';
import type { RelPath } from '../../../src/core/path.ts';
import { emptyTree, type RemoteStamp, type RemoteTree, withChanges } from '../../../src/core/tree.ts';
import { dirsOf, firstDirsOf } from '../../../src/engine/where.ts';

function treeOf(folders: number): RemoteTree {
  const changes = Array.from({ length: folders }, (_, i) => ({
    path: `d${i}/x` as RelPath,
    node: { kind: 'file' as const, stamp: { size: 1, date: 1 } },
  }));
  return withChanges(emptyTree<RemoteStamp>(), changes);
}

const files = (count: number) => Array.from({ length: count }, (_, i) => `d${i}/x`);

describe('where to look again', () => {
  it('is the folders of the paths, or everything where they are a good part of all', () => {
    expect(dirsOf(treeOf(2_000), ['d7/x', 'd7/y'])).toEqual(['d7']);
    expect(dirsOf(treeOf(2_000), files(512))).toHaveLength(512);
    expect(dirsOf(treeOf(2_000), files(513))).toBe('sweep');
    expect(dirsOf(treeOf(200), files(150))).toBe('sweep');
  });

  it('is only the first of them where everything is never looked at at once', () => {
    expect(firstDirsOf(treeOf(2_000), ['d7/x', 'd7/y'])).toEqual(['d7']);
    expect(firstDirsOf(treeOf(2_000), files(1_500))).toEqual(files(512).map((path) => path.slice(0, -2)));
  });
});
