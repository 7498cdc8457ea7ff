/**
 * How many files this process has deleted a short while ago, so that a folder that empties slowly, a few files with each
 * cycle, is seen as the one big delete that it is. What a person approved does not count.
 */
import type { BaseTree } from '../core/base.ts';
import {
  filesBelow,
  filesOf,
  heldFingerprint,
  isRemoval,
  type RecentlyRemoved,
  sideOf,
  topOf,
} from '../core/guard.ts';
import type { Operation } from '../core/plan.ts';
import { census } from '../core/tree.ts';

/** Longer than this ago is another matter. Milliseconds. */
const WINDOW_MS = 600_000;

export interface RecentRemovals {
  /** `base`: before these deeds. `now`: monotonic milliseconds. */
  add(done: readonly Operation[], approved: ReadonlySet<string>, base: BaseTree, now: number): void;
  /** Of the last ten minutes. */
  within(now: number): RecentlyRemoved;
}

interface Deed extends RecentlyRemoved {
  readonly at: number;
}

export function createRecentRemovals(): RecentRemovals {
  let deeds: Deed[] = [];
  return {
    add: (done, approved, base, now) => {
      const count = { removed: 0, approved: 0 };
      const tops = new Map<string, number>();
      for (const removal of done.filter(isRemoval)) {
        const item = { side: sideOf(removal), path: removal.place.path, files: filesOf(removal) };
        const passed = approved.has(heldFingerprint(item));
        count[passed ? 'approved' : 'removed'] += item.files;
        if (!passed) tops.set(topOf(removal), filesBelow(base, topOf(removal)));
      }
      // What was meant to go is no loss that a later removal could add to.
      if (count.approved > 0) deeds = deeds.map((deed) => without(deed, count.approved));
      if (count.removed > 0)
        deeds.push({ at: now, removed: count.removed, tops, files: census(base).files - count.approved });
    },
    within: (now) => {
      deeds = deeds.filter(({ at }) => now - at < WINDOW_MS);
      const tops = new Map<string, number>();
      for (const deed of deeds)
        for (const [top, files] of deed.tops) tops.set(top, Math.max(tops.get(top) ?? 0, files));
      return {
        tops,
        removed: deeds.reduce((sum, { removed }) => sum + removed, 0),
        files: deeds.reduce((most, { files }) => Math.max(most, files), 0),
      };
    },
  };
}

function without(deed: Deed, files: number): Deed {
  const tops = new Map([...deed.tops].map(([top, count]) => [top, Math.max(0, count - files)]));
  return { ...deed, tops, files: Math.max(0, deed.files - files) };
}
