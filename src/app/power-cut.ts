/**
 * After a power cut the disk may have lost what was agreed a moment before: a file that somebody had just made, and that
 * went up, is gone here or empty, and would pass for a delete or an edit. So what was settled shortly before the end is
 * not believed any more: both sides are compared there as if they met for the first time. A run that ends by itself
 * makes sure instead that the disk has everything.
 */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { BaseChange } from '../core/base.ts';
import type { RelPath } from '../core/path.ts';
import { nodeAt } from '../core/tree.ts';
import { systemDisk } from '../local/disk.ts';
import type { Found } from './found.ts';

/** Note that tells the start of the machine in which the last run was. */
const BOOT = 'boot';
/** What is computed from the uptime is the same time, but for the clock's adjustments. */
const SAME_MS = 60_000;
/** Systems write to their disks what is older than half a minute; four times that is safe. */
const UNWRITTEN_MS = 120_000;
/** Deeds of so many rows are looked through. */
const MOST = 20_000;

/** To be called at each start. `unclean`: the last run did not end by itself. */
export function distrustAfterPowerCut({ state, run, boot: given }: Found, unclean: boolean): void {
  if (run.dryRun) return;
  const boot = given ?? thisBoot(run.clock.now());
  const before = state.note(BOOT);
  if (before !== undefined && isSame(before, boot)) return;
  if (unclean && before !== undefined) forgetLatest(state);
  state.saveNote(BOOT, boot);
}

function forgetLatest(state: Found['state']): void {
  const rows = state.journal(MOST);
  const since = (rows[0]?.at ?? 0) - UNWRITTEN_MS;
  const recent = rows.filter(({ at }) => at >= since);
  const paths = new Set(recent.flatMap(({ path, other }) => (other === undefined ? [path] : [path, other])));
  const changes = [...paths].flatMap((path): BaseChange[] =>
    nodeAt(state.base(), path as RelPath) === undefined ? [] : [{ kind: 'forget', path: path as RelPath }],
  );
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

/** To be called at each start. What it gives is called at the end: whether all that was agreed on is on the disk now. */
export function watchUnwritten({ state, root, disk = systemDisk }: Found, unclean: boolean): () => boolean {
  const last = (): string => JSON.stringify(state.journal(1));
  const before = last();
  return () => (!unclean && last() === before) || disk.flushSync(root);
}
