/**
 * What our own renames did to stamps. A rename moves a file's ctime and nothing else, so an expectation from before it
 * speaks of the same version under another ctime. Only the exact ctime that our rename left is taken for it: whatever
 * anybody does to the file afterwards shows as a change, as ever.
 */
import type { LocalStamp } from '../core/tree.ts';

export interface Renames {
  /** We renamed the version `before`, and it was seen with `ctimeMs` right afterwards. */
  note(before: LocalStamp, ctimeMs: number): void;
  /** The expectation as the file must look now. */
  asNow(expected: LocalStamp): LocalStamp;
  /** Who looks again from now on sees the new times. */
  forget(): void;
}

export function rememberRenames(): Renames {
  const later = new Map<string, number>();
  return {
    note: (before, ctimeMs) => {
      // Never backwards (the clock was set back): following these must end.
      if (before.ctimeMs >= 0 && ctimeMs > before.ctimeMs) later.set(versionOf(before), ctimeMs);
    },
    asNow: (expected) => {
      let now = expected;
      for (let next = later.get(versionOf(now)); next !== undefined; next = later.get(versionOf(now)))
        now = { ...now, ctimeMs: next };
      return now;
    },
    forget: () => later.clear(),
  };
}

function versionOf({ ino, size, mtimeMs, ctimeMs }: LocalStamp): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}
