/**
 * How many files this process has deleted a short while ago, so that a folder that empties slowly, a few files with each
 * cycle, is seen as the one big delete that it is. What a person approved does not count.
 */
import { filesOf, heldFingerprint, isRemoval, type RecentlyRemoved, sideOf } from '../core/guard.ts';
import type { Operation } from '../core/plan.ts';

/** Longer than this ago is another matter. Milliseconds. */
const WINDOW_MS = 600_000;

export interface RecentRemovals {
  /** `files`: in the base before these deeds. `now`: monotonic milliseconds. */
  add(done: readonly Operation[], approved: ReadonlySet<string>, files: number, now: number): void;
  /** Of the last ten minutes. */
  within(now: number): RecentlyRemoved;
}

export function createRecentRemovals(): RecentRemovals {
  let deeds: { readonly at: number; readonly removed: number; readonly files: number }[] = [];
  return {
    add: (done, approved, files, now) => {
      const count = { removed: 0, approved: 0 };
      for (const removal of done.filter(isRemoval)) {
        const item = { side: sideOf(removal), path: removal.place.path, files: filesOf(removal) };
        count[approved.has(heldFingerprint(item)) ? 'approved' : 'removed'] += item.files;
      }
      // What was meant to go is no loss that a later removal could add to.
      if (count.approved > 0)
        deeds = deeds.map((deed) => ({ ...deed, files: Math.max(0, deed.files - count.approved) }));
      if (count.removed > 0) deeds.push({ at: now, removed: count.removed, files: files - count.approved });
    },
    within: (now) => {
      deeds = deeds.filter(({ at }) => now - at < WINDOW_MS);
      return {
        removed: deeds.reduce((sum, { removed }) => sum + removed, 0),
        files: deeds.reduce((most, { files }) => Math.max(most, files), 0),
      };
    },
  };
}
