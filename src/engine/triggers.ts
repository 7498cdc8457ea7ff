/**
 * Why a cycle should run, and when. Hints of changed folders are gathered until they stand still for a moment (but
 * not for ever); polls and retries come by time. Pure but for the waiting.
 */
import type { LocalDir } from '../core/path.ts';
import type { Clock } from '../lib/clock.ts';

/** Hints are gathered until none came for this long … */
const QUIET_MS = 60;
/** … but no longer than this. */
const PATIENCE_MS = 1_000;
/** More folders than this are scanned faster as a whole. */
const MANY = 400;

export interface Triggers {
  /** Folders in which something happened; 'all' when the watcher lost track. */
  hint(dirs: readonly LocalDir[] | 'all'): void;
  /**
   * Resolves when a cycle should run: soon after hints, or at `dueAt` (monotonic milliseconds). Gives the folders to
   * scan again and empties the store.
   */
  wait(dueAt: number, signal: AbortSignal): Promise<readonly LocalDir[] | 'all'>;
  /** Resolves when hints have gathered and stand still, and leaves them; or when aborted. Never while `wait` waits. */
  settled(signal: AbortSignal): Promise<void>;
  /** Empties the store. */
  take(): readonly LocalDir[] | 'all';
}

export function createTriggers(clock: Clock): Triggers {
  let dirs = new Set<LocalDir>();
  let all = false;
  let firstAt = 0;
  let lastAt = 0;
  let nap: AbortController | undefined;

  const pending = (): boolean => all || dirs.size > 0;
  const take = (): readonly LocalDir[] | 'all' => {
    const taken = all || dirs.size > MANY ? 'all' : [...dirs];
    dirs = new Set();
    all = false;
    return taken;
  };

  const hintsAt = (): number =>
    pending() ? Math.min(lastAt + QUIET_MS, firstAt + PATIENCE_MS) : Number.POSITIVE_INFINITY;
  /** Until the hints stand still, or until `dueAt`. */
  const until = async (dueAt: number, signal: AbortSignal): Promise<void> => {
    for (;;) {
      const now = clock.monotonic();
      const at = Math.min(hintsAt(), dueAt);
      if (now >= at || signal.aborted) return;
      nap = new AbortController();
      const woken = AbortSignal.any([nap.signal, signal]);
      if (Number.isFinite(at)) await clock.sleep(at - now, woken).catch(() => undefined);
      else await new Promise((resolve) => woken.addEventListener('abort', resolve, { once: true }));
      nap = undefined;
    }
  };

  return {
    hint: (more) => {
      const now = clock.monotonic();
      if (!pending()) firstAt = now;
      lastAt = now;
      if (more === 'all') all = true;
      else for (const dir of more) dirs.add(dir);
      nap?.abort();
    },
    wait: async (dueAt, signal) => {
      await until(dueAt, signal);
      return take();
    },
    settled: (signal) => until(Number.POSITIVE_INFINITY, signal),
    take,
  };
}
