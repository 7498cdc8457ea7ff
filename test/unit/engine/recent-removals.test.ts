import { describe, expect, test } from 'vitest';
import type { BaseTree } from '../../../src/core/base.ts';
import { heldFingerprint } from '../../../src/core/guard.ts';
import type { RelPath } from '../../../src/core/path.ts';
import type { Operation } from '../../../src/core/plan.ts';
import { createRecentRemovals } from '../../../src/engine/recent-removals.ts';

function removal(path: string): Operation {
  const place = { path, local: path, remote: path };
  return { kind: 'removeRemote', place, remote: { size: 1, date: 1 } } as unknown as Operation;
}

/** So many files in one folder. */
function pairOf(files: number): BaseTree {
  const file = { kind: 'file', stamp: {} };
  const names = Array.from({ length: files }, (_, i) => [`f${i}`, file]);
  return {
    kind: 'folder',
    children: new Map([['d', { kind: 'folder', children: new Map(names as []) }]]),
  } as unknown as BaseTree;
}

const NOBODY: ReadonlySet<string> = new Set();

describe('recent removals', () => {
  test('are counted for ten minutes, with the most files that there were', () => {
    const recent = createRecentRemovals();
    recent.add([removal('d/a'), removal('d/b')], NOBODY, pairOf(90), 0);
    recent.add([removal('d/c')], NOBODY, pairOf(40), 300_000);
    expect(recent.within(599_999)).toEqual({ removed: 3, files: 90, tops: new Map([['d', 90]]) });
    expect(recent.within(600_000)).toEqual({ removed: 1, files: 40, tops: new Map([['d', 40]]) });
    expect(recent.within(900_000)).toEqual({ removed: 0, files: 0, tops: new Map() });
  });

  test('that a person approved count neither as gone nor as what was there', () => {
    const recent = createRecentRemovals();
    recent.add([removal('d/a')], NOBODY, pairOf(90), 0);
    const approved = new Set([heldFingerprint({ side: 'remote', path: 'd/b' as RelPath, files: 1 })]);
    recent.add([removal('d/b')], approved, pairOf(89), 1);
    expect(recent.within(2)).toEqual({ removed: 1, files: 89, tops: new Map([['d', 89]]) });
  });
});
