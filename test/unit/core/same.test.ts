import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathsOf } from '../../../src/core/builder.ts';
import type { RelPath } from '../../../src/core/path.ts';
import { shared } from '../../../src/core/same.ts';
import {
  census,
  emptyTree,
  nodeAt,
  OTHER_PAIR,
  type RemoteStamp,
  type RemoteTree,
  withChanges,
} from '../../../src/core/tree.ts';
import { planFor, problemsOf, syncedWorld } from '../../support/planning.ts';
import type { World } from '../../support/world.ts';

function file(size: number, date: RemoteStamp['date'] = 1): { kind: 'file'; stamp: RemoteStamp } {
  return { kind: 'file', stamp: { size, date } };
}

function treeOf(files: Readonly<Record<string, number>>): RemoteTree {
  const changes = Object.entries(files).map(([path, size]) => ({ path: path as RelPath, node: file(size) }));
  return withChanges(emptyTree<RemoteStamp>(), changes);
}

const FILES = { 'a/x': 'x', 'a/y': 'yy', 'a/deep/z': 'zzz', 'b/v': 'v', 'b/w': 'ww', top: 't' };

interface Edit {
  readonly side: 'local' | 'remote';
  readonly path: string;
  readonly size: number | null;
}

function edited(world: World, edits: readonly Edit[], date: number): World {
  let { local, remote } = world;
  for (const { side, path, size } of edits) {
    const at = path as RelPath;
    const stamp = { size: size ?? 0, content: `${date}`.slice(0, size ?? 0), date };
    const disk = { ...stamp, ino: date, mtimeMs: date, ctimeMs: date, mode: 0o644 };
    if (side === 'remote')
      remote = withChanges(remote, [{ path: at, node: size === null ? undefined : { kind: 'file', stamp } }]);
    else
      local = withChanges(local, [
        { path: at, node: size === null ? undefined : { kind: 'file', stamp: disk } },
      ]);
  }
  return { ...world, local, remote };
}

describe('what was found to be the same once', () => {
  it('hides no other pair that lies in it', () => {
    const world = syncedWorld(FILES);
    expect(problemsOf(planFor(world))).toEqual([]);
    const copy = { path: 'a/deep/copy' as RelPath, node: { kind: 'untracked', why: OTHER_PAIR } } as const;
    const other = { path: 'a/deep/socket' as RelPath, node: { kind: 'untracked', why: 'a socket' } } as const;
    world.local = withChanges(world.local, [copy, other]);
    for (const _cycle of [1, 2]) expect(problemsOf(planFor(world))).toEqual(['left-out a/deep/copy']);
  });

  const names = fc.constantFrom('a/x', 'a/y', 'a/deep/z', 'a/deep/new', 'b/v', 'b/w', 'c/n', 'top');
  const edit = fc.record({
    side: fc.constantFrom('local' as const, 'remote' as const),
    path: names,
    size: fc.option(fc.nat(3)),
  });

  it('never changes a plan: trees of other objects with the same contents give the same', () => {
    fc.assert(
      fc.property(fc.array(fc.array(edit, { maxLength: 3 }), { maxLength: 5 }), (rounds) => {
        let world = syncedWorld(FILES);
        for (const [round, edits] of rounds.entries()) {
          world = edited(world, edits, 50_000 + round * 1_001);
          const { base, local, remote } = world;
          const cold = { ...world, ...structuredClone({ base, local, remote }) };
          expect(planFor(world)).toEqual(planFor(cold));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('hides nothing, however often it is asked, and is asked anew of another base', () => {
    const world = syncedWorld(FILES);
    const paths = (of: World): readonly string[] => planFor(of).operations.flatMap((one) => pathsOf(one));
    const path = 'a/deep/z' as RelPath;
    const later = edited(world, [{ side: 'remote', path, size: 2 }], 60_000);
    expect(paths(later)).toEqual([path]);
    expect(paths(later)).toEqual([path]);
    const other = { ...later, base: world.base };
    expect(paths(world)).toEqual([]);
    const node = nodeAt(world.base, path);
    const stamp = node?.kind === 'file' ? { ...node.stamp, date: 1, size: 9 } : undefined;
    const moved = withChanges(world.base, [
      { path, node: stamp === undefined ? undefined : { kind: 'file', stamp } },
    ]);
    expect(paths({ ...world, base: moved })).not.toEqual([]);
    expect(paths(world)).toEqual([]);
    expect(paths(other)).toEqual([path]);
  });
});

describe('a tree that was looked at again', () => {
  it('is the very object from before when it holds the same', () => {
    const before = treeOf({ 'a/x': 1, 'b/y': 2 });
    expect(shared(before, treeOf({ 'b/y': 2, 'a/x': 1 }))).toBe(before);
  });

  it('keeps the objects of the folders that hold the same', () => {
    const before = treeOf({ 'a/x': 1, 'b/y': 2 });
    const after = shared(before, treeOf({ 'a/x': 1, 'b/y': 3 }));
    expect(after).toEqual(treeOf({ 'a/x': 1, 'b/y': 3 }));
    expect(after.children.get('a')).toBe(before.children.get('a'));
    expect(after.children.get('b')).not.toBe(before.children.get('b'));
  });

  it.each([
    ['another date', { x: file(1, 2) }],
    ['a span instead of a date', { x: file(1, [1, 1]) }],
    ['another spelling', { x: { ...file(1), name: 'X' } }],
    ['a folder instead', { x: emptyTree<RemoteStamp>() }],
    ['nothing', {}],
    ['one more', { x: file(1), y: file(1) }],
  ] as const)('is not what it was: %s', (_what, children) => {
    const before = treeOf({ x: 1 });
    const after: RemoteTree = { kind: 'folder', children: new Map(Object.entries(children)) };
    expect(shared(before, after)).toEqual(after);
    expect(shared(before, after)).not.toBe(before);
  });

  it('is counted anew where it changed', () => {
    const before = treeOf({ 'a/x': 1, 'b/y': 2 });
    expect(census(before)).toEqual({ files: 2, folders: 2 });
    const after = withChanges(before, [{ path: 'c/d/z' as RelPath, node: file(1) }]);
    expect(census(after)).toEqual({ files: 3, folders: 4 });
  });
});
