/**
 * A pair that is halted stands still, in a service that stays up: it asks the server for nothing, and looks here, at a
 * calm pace, whether the root is the right one again or a person has said how to go on.
 */
import { AFRESH } from '../state/approvals.ts';
import type { Pair } from './pair.ts';

/** Milliseconds between two looks at the root and at the approvals. They cost no request. */
export const LOOK_MS = 10_000;
/** The server is asked again after this long, then twice as long … */
const FIRST_MS = 10_000;
/** … and at last every five minutes. */
const MOST_MS = 300_000;

/** What a person is told with each halt of a service. */
export const STAYS_UP = `rtsync stays up, looks again here every ${LOOK_MS / 1000} s, in the workspace less and less often, and goes on by itself once things are right again`;

/** Milliseconds until the far side is worth a try; `halts`: how many there were in a row, from 1. */
export function patienceOf(halts: number): number {
  return Math.min(MOST_MS, FIRST_MS * 2 ** (halts - 1));
}

export interface Standing extends Pick<Pair, 'approvals' | 'checkRoot' | 'clock'> {
  /** Whether the folder's path leads to another real folder now than to the one that was opened: a symlink was changed. */
  readonly leadsElsewhere?: () => boolean;
}

/**
 * Resolves with `again` when the root, which was strange, is right again; when it was right all the time, after
 * `patienceMs`, since only the server can tell then; or at once when stopped. With `afresh` when a person approved to
 * compare both sides afresh, or when the folder's path leads elsewhere now: then the pair is to be opened anew.
 */
export async function standStill(
  pair: Standing,
  patienceMs: number,
  signal: AbortSignal,
): Promise<'afresh' | 'again'> {
  const { clock, approvals } = pair;
  const since = clock.monotonic();
  let strange = !rootStands(pair);
  for (;;) {
    await clock.sleep(LOOK_MS, signal).catch(() => undefined);
    if (signal.aborted) return 'again';
    if (approvals.approved(clock.now()).has(AFRESH) || pair.leadsElsewhere?.() === true) return 'afresh';
    const stands = rootStands(pair);
    if (stands && (strange || clock.monotonic() - since >= patienceMs)) return 'again';
    strange ||= !stands;
  }
}

function rootStands({ checkRoot }: Pick<Pair, 'checkRoot'>): boolean {
  try {
    checkRoot();
    return true;
  } catch {
    return false;
  }
}
