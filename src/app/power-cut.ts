/**
 * After a power cut the disk may have lost what was agreed a moment before: a file that somebody had just made, and that
 * went up, is gone here or empty, and would pass for a delete or an edit. So what was settled shortly before the end is
 * not believed any more: both sides are compared there as if they met for the first time. A run that ends by itself
 * makes sure instead that the disk has everything.
 */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { systemDisk } from '../local/disk.ts';
import type { Found } from './found.ts';

/** Note that tells the start of the machine in which the last run was. */
const BOOT = 'boot';
/** What is computed from the uptime is the same time, but for the clock's adjustments. */
const SAME_MS = 60_000;
/** Systems write to their disks what is older than half a minute; four times that is safe. */
const UNWRITTEN_MS = 120_000;
/** Note that stands while the disk may still lack what a run that ended agreed on. */
const UNFLUSHED = 'unflushed';

/** To be called at each start. `unclean`: the last run did not end by itself, or failed. */
export function distrustAfterPowerCut({ state, run, boot: given }: Found, unclean: boolean): void {
  if (run.dryRun) return;
  const boot = given ?? thisBoot(run.clock.now());
  const before = state.note(BOOT);
  if (before !== undefined && isSame(before, boot)) return;
  const unflushed = state.note(UNFLUSHED) === 'yes';
  if ((unclean || unflushed) && before !== undefined) forgetLatest(state);
  // What the disk lacked then, it will never get.
  if (unflushed && before !== undefined) state.saveNote(UNFLUSHED, '');
  state.saveNote(BOOT, boot);
}

function forgetLatest(state: Found['state']): void {
  const changes = state.settledLately(UNWRITTEN_MS).map((path) => ({ kind: 'forget' as const, path }));
  if (changes.length > 0) state.settle({ changes, journal: [] });
}

/** Linux names each start; elsewhere it is known by its time. */
function thisBoot(now: number): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return String(Math.round(now - uptime() * 1000));
  }
}

function isSame(before: string, boot: string): boolean {
  const apart = Number(before) - Number(boot);
  return Number.isNaN(apart) ? before === boot : Math.abs(apart) < SAME_MS;
}

/**
 * To be called at each start. What it gives is called at the end: it makes sure that all that was agreed on is on the
 * disk, or notes that it may not be. That costs nothing where nothing was agreed on.
 */
export function watchUnwritten({ state, root, disk = systemDisk }: Found, unclean: boolean): () => void {
  const noted = state.note(UNFLUSHED) === 'yes';
  // The same object until something is settled, whatever it is.
  const before = state.base();
  return () => {
    const nothingNew = !unclean && !noted && state.base() === before;
    const written = nothingNew || disk.flushSync(root);
    if (written === noted) state.saveNote(UNFLUSHED, written ? '' : 'yes');
  };
}
