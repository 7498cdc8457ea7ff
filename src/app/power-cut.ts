/**
 * After a power cut the disk may have lost what was agreed a moment before: a file that somebody had just made, and that
 * went up, is gone here or empty, and would pass for a delete or an edit. So what was settled shortly before the end is
 * not believed any more: both sides are compared there as if they met for the first time.
 */
import { uptime } from 'node:os';
import type { BaseChange } from '../core/base.ts';
import type { RelPath } from '../core/path.ts';
import { nodeAt } from '../core/tree.ts';
import type { Found } from './found.ts';

/** Note with the time at which the machine was started, epoch milliseconds. */
const BOOTED = 'booted';
/** What is computed from the uptime is the same time, but for the clock's adjustments. */
const SAME_MS = 60_000;
/** Systems write to their disks what is older than half a minute; four times that is safe. */
const UNWRITTEN_MS = 120_000;
/** Deeds of so many rows are looked through. */
const MOST = 20_000;

/** To be called at each start. `unclean`: the last run did not end by itself. */
export function distrustAfterPowerCut({ state, run, bootedAt }: Found, unclean: boolean): void {
  if (run.dryRun) return;
  const booted = Math.round(bootedAt ?? run.clock.now() - uptime() * 1000);
  const before = state.note(BOOTED);
  if (before !== undefined && Math.abs(booted - Number(before)) < SAME_MS) return;
  state.saveNote(BOOTED, String(booted));
  if (!unclean || before === undefined) return;
  const rows = state.journal(MOST);
  const since = (rows[0]?.at ?? 0) - UNWRITTEN_MS;
  const recent = rows.filter(({ at }) => at >= since);
  const paths = new Set(recent.flatMap(({ path, other }) => (other === undefined ? [path] : [path, other])));
  const changes = [...paths].flatMap((path): BaseChange[] =>
    nodeAt(state.base(), path as RelPath) === undefined ? [] : [{ kind: 'forget', path: path as RelPath }],
  );
  if (changes.length > 0) state.settle({ changes, journal: [] });
}
