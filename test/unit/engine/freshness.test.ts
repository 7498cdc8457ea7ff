import { describe, expect, it } from 'vitest';
import type { DirPath, RelPath } from '../../../src/core/path.ts';
import { emptyTree, type RemoteStamp, type RemoteTree, withChanges } from '../../../src/core/tree.ts';
import {
  createFreshness,
  type Freshness,
  HOT_MS,
  isSmall,
  staleness,
} from '../../../src/engine/freshness.ts';

const LIMIT = 300;

function treeOf(folders: number, size = 1): RemoteTree {
  const changes = Array.from({ length: folders }, (_, i) => ({
    path: `d${i}/x` as RelPath,
    node: { kind: 'file' as const, stamp: { size, date: 1 } },
  }));
  return withChanges(emptyTree<RemoteStamp>(), changes);
}

function edited(tree: RemoteTree, dir: string, size: number): RemoteTree {
  return withChanges(tree, [
    { path: `${dir}/x` as RelPath, node: { kind: 'file', stamp: { size, date: size } } },
  ]);
}

interface Walked {
  /** Times at which each folder was listed. */
  readonly at: ReadonlyMap<DirPath, readonly number[]>;
  readonly requests: number;
}

/** Lists what is due, when it is due, until `untilMs`. */
function goRound(freshness: Freshness, tree: RemoteTree, fromMs: number, untilMs: number): Walked {
  const at = new Map<DirPath, number[]>();
  let requests = 0;
  for (let now = fromMs; now < untilMs; now = Math.max(now + 1, freshness.dueAt(now, LIMIT))) {
    const dirs = freshness.take(now, LIMIT);
    requests += dirs.length;
    for (const dir of dirs) at.set(dir, [...(at.get(dir) ?? []), now]);
    freshness.learn({ listed: dirs, before: tree, after: tree }, now);
  }
  return { at, requests };
}

describe('the look at a large tree', () => {
  it('sees every folder within the sweep bound, with half of the limit', () => {
    const tree = treeOf(400);
    const freshness = createFreshness();
    freshness.remember(tree);
    const boundMs = (2 * 401 * 60_000) / LIMIT;
    const { at, requests } = goRound(freshness, tree, 0, 4 * boundMs);
    expect(at.size).toBe(401);
    for (const times of at.values()) {
      const gaps = times.map((time, i) => time - (times[i - 1] ?? 0));
      expect(Math.max(...gaps)).toBeLessThanOrEqual(1.1 * boundMs);
    }
    expect(requests).toBeLessThanOrEqual((4 * boundMs * LIMIT) / 2 / 60_000 + 10);
  });

  it('is complete, and knows its age, only when each folder was listed once', () => {
    const tree = treeOf(20);
    const freshness = createFreshness();
    freshness.remember(tree);
    goRound(freshness, tree, 0, 6_000);
    expect(freshness.complete).toBe(false);
    expect(freshness.knowledge(6_000).oldestMs).toBeUndefined();
    expect(freshness.isListed('' as DirPath)).toBe(true);
    goRound(freshness, tree, 6_000, 9_000);
    expect(freshness.complete).toBe(true);
    expect(freshness.knowledge(9_000)).toMatchObject({ folders: 21, oldestMs: expect.any(Number) });
  });

  it('takes a slice of two seconds at a time, and makes up for lost time only a little', () => {
    const tree = treeOf(400);
    const freshness = createFreshness();
    freshness.remember(tree);
    expect(freshness.take(0, LIMIT)).toHaveLength(5);
    expect(freshness.take(1, LIMIT)).toHaveLength(0);
    expect(freshness.take(600_000, LIMIT)).toHaveLength(5);
    expect(freshness.take(600_001, LIMIT)).toHaveLength(5);
    expect(freshness.take(600_002, LIMIT)).toHaveLength(5);
    expect(freshness.take(600_003, LIMIT)).toHaveLength(0);
  });

  it('takes more at once when it seldom comes to look, and then waits for as long', () => {
    const freshness = createFreshness();
    freshness.remember(treeOf(400));
    expect(freshness.take(0, LIMIT, 15_000)).toHaveLength(37);
    expect(freshness.dueAt(1, LIMIT)).toBeGreaterThan(14_000);
  });

  it('begins with what is suspected', () => {
    const freshness = createFreshness();
    freshness.remember(treeOf(400));
    freshness.suspect(['d399' as DirPath]);
    expect(freshness.take(0, LIMIT)[0]).toBe('d399');
  });

  it('forgets folders that are gone, and counts new ones as listed', () => {
    const tree = treeOf(3);
    const freshness = createFreshness();
    freshness.learn({ listed: 'all', before: undefined, after: tree }, 0);
    const less = withChanges(tree, [{ path: 'd1' as RelPath, node: undefined }]);
    const more = edited(less, 'new/deep', 1);
    freshness.learn({ listed: ['' as DirPath], before: tree, after: more }, 10);
    expect(freshness.knowledge(10)).toMatchObject({ folders: 5, oldestMs: 10 });
  });
});

describe('a folder in which something changed', () => {
  it('is looked at again after five seconds, then ever more rarely', () => {
    const tree = treeOf(2_000);
    const changed = edited(tree, 'd7', 2);
    const freshness = createFreshness();
    freshness.learn({ listed: 'all', before: undefined, after: tree }, 0);
    freshness.learn({ listed: [], before: tree, after: changed }, 0);
    const { at } = goRound(freshness, changed, 0, 200_000);
    const times = (at.get('d7' as DirPath) ?? []).map((time) => Math.round(time / 1_000));
    // The sweep comes by once, early, and cools it as any look does.
    expect(times.slice(-4)).toHaveLength(4);
    expect(times.filter((time) => time <= 20).length).toBeGreaterThanOrEqual(2);
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(gaps.at(-1)).toBeGreaterThanOrEqual(40);
  });

  it('takes no more than a quarter of the limit with all its like', () => {
    const tree = treeOf(60);
    const freshness = createFreshness();
    freshness.learn({ listed: 'all', before: undefined, after: tree }, 0);
    freshness.learn({ listed: [], before: tree, after: treeOf(60, 2) }, 0);
    let taken = 0;
    for (let now = 0; now < 60_000; now += 100) taken += freshness.takeHot(now, LIMIT, 600_000).length;
    expect(taken).toBeGreaterThan(60);
    expect(taken).toBeLessThanOrEqual(LIMIT / 4 + (LIMIT / 4 / 60_000) * HOT_MS + 1);
  });
});

describe('what the limit allows', () => {
  it('is one sweep a poll for a small tree, and for any tree without a limit', () => {
    expect(isSmall(75, LIMIT, 30_000)).toBe(true);
    expect(isSmall(76, LIMIT, 30_000)).toBe(false);
    expect(isSmall(100_000, undefined, 30_000)).toBe(true);
  });

  it('is said where it is not what was asked for', () => {
    expect(staleness(5_001, 300, 900_000)).toBe(
      '5,001 folders at 300 requests a minute are looked at once every 33 minutes',
    );
    expect(staleness(2_000, 300, 900_000)).toBeUndefined();
  });
});
