import { describe, expect, it } from 'vitest';
import { relPath } from '../../../src/core/path.ts';
import { emptyTree, type RemoteTree, withChanges } from '../../../src/core/tree.ts';
import { isAbsent } from '../../../src/engine/confirm.ts';
import { dirsOf } from '../../../src/engine/next.ts';

const file = { kind: 'file', stamp: { size: 1, date: 1 } } as const;

function tree(...paths: string[]): RemoteTree {
  return withChanges(
    emptyTree(),
    paths.map((path) => ({ path: relPath(path), node: file })),
  );
}

describe('absence', () => {
  it('is what a folder that was listed does not hold', () => {
    expect(isAbsent(tree('a/x'), relPath('a/y'))).toBe(true);
    expect(isAbsent(tree('a/x'), relPath('b/y'))).toBe(true);
    expect(isAbsent(tree('a/x'), relPath('a/x'))).toBe(false);
    expect(isAbsent(tree('a'), relPath('a/x'))).toBe(true);
  });

  it('is never said of what lies below the unknown or the untracked', () => {
    for (const kind of ['unknown', 'untracked'] as const) {
      const hidden = withChanges(tree('a/x'), [{ path: relPath('a'), node: { kind, why: 'a test' } }]);
      expect(isAbsent(hidden, relPath('a/x'))).toBe(false);
      expect(isAbsent(hidden, relPath('a'))).toBe(false);
    }
  });
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
