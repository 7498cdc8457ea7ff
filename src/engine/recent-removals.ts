/**
 * How many files this process has deleted a short while ago, so that a folder that empties slowly, a few files with each
 * cycle, is seen as the one big delete that it is. What a person approved does not count.
 */
import { filesOf, heldFingerprint, isRemoval, sideOf } from '../core/guard.ts';
import type { Operation } from '../core/plan.ts';

/** Longer than this ago is another matter. Milliseconds. */
const WINDOW_MS = 600_000;

export interface RecentRemovals {
  /** `now`: monotonic milliseconds. */
  add(done: readonly Operation[], approved: ReadonlySet<string>, now: number): void;
  /** Files deleted within the last ten minutes. */
  count(now: number): number;
}

export function createRecentRemovals(): RecentRemovals {
  let deeds: { readonly at: number; readonly files: number }[] = [];
  return {
    add: (done, approved, now) => {
      const files = done.filter(isRemoval).reduce((sum, removal) => {
        const item = { side: sideOf(removal), path: removal.place.path, files: filesOf(removal) };
        return approved.has(heldFingerprint(item)) ? sum : sum + item.files;
      }, 0);
      if (files > 0) deeds.push({ at: now, files });
    },
    count: (now) => {
      deeds = deeds.filter(({ at }) => now - at < WINDOW_MS);
      return deeds.reduce((sum, { files }) => sum + files, 0);
    },
  };
}
