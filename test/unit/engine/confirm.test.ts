import { describe, expect, it } from 'vitest';
import { relPath } from '../../../src/core/path.ts';
import { emptyTree, type RemoteTree, withChanges } from '../../../src/core/tree.ts';
import { isGone } from '../../../src/engine/confirm.ts';
import { dirsOf } from '../../../src/engine/where.ts';

const file = { kind: 'file', stamp: { size: 1, date: 1 } } as const;

function tree(...paths: string[]): RemoteTree {
  return withChanges(
    emptyTree(),
    paths.map((path) => ({ path: relPath(path), node: file })),
  );
}

describe('absence', () => {
  it('is what a folder that was listed does not hold', () => {
    expect(isGone(tree('a/x'), relPath('a/y'), 'file')).toBe(true);
    expect(isGone(tree('a/x'), relPath('b/y'), 'file')).toBe(true);
    expect(isGone(tree('a/x'), relPath('a/x'), 'file')).toBe(false);
    expect(isGone(tree('a'), relPath('a/x'), 'file')).toBe(true);
  });

  it('is never said of what lies below the unknown or the untracked', () => {
    for (const kind of ['unknown', 'untracked'] as const) {
      const hidden = withChanges(tree('a/x'), [{ path: relPath('a'), node: { kind, why: 'a test' } }]);
      expect(isGone(hidden, relPath('a/x'), 'file')).toBe(false);
      expect(isGone(hidden, relPath('a'), 'file')).toBe(false);
    }
  });
});

it('a file in the place of a folder says that the folder is gone', () => {
  expect(isGone(tree('a'), relPath('a'), 'folder')).toBe(true);
  expect(isGone(tree('a/x'), relPath('a'), 'file')).toBe(true);
  expect(isGone(tree('a/x'), relPath('a'), 'folder')).toBe(false);
});

describe('where to look again', () => {
  it('is the nearest folder above a path, once', () => {
    expect(dirsOf(tree('a/b/x', 'c'), ['a/b/x', 'a/b/y', 'a/b/new/z', 'q'])).toEqual(['a/b', '']);
  });

  it('is a folder with all below it, when the path is a folder', () => {
    expect(dirsOf(tree('a/b/c/x', 'a/y'), ['a'])).toEqual(['', 'a', 'a/b', 'a/b/c']);
  });

  it('is everything when that is cheaper', () => {
    const paths = Array.from({ length: 70 }, (_, i) => `d${i}/x`);
    expect(dirsOf(tree(...paths), paths)).toBe('sweep');
  });
});
