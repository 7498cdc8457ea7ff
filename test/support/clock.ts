/**
 * A clock that stands still until a test moves it. `advance` runs due sleepers in the order of their times, and lets
 * promises and immediates drain before and after each, so that code under test sees time pass as it would for real.
 */
import type { Clock } from '../../src/lib/clock.ts';

export interface VirtualClock extends Clock {
  /** Moves time forward by `ms`, waking sleepers on the way. */
  advance(ms: number): Promise<void>;
  /** Moves time from sleeper to sleeper until `work` settles; fails when nothing sleeps, or `limitMs` has passed. */
  run<T>(work: Promise<T>, limitMs?: number): Promise<T>;
  /** The wall clock jumps; sleepers and `monotonic` are not touched. */
  jump(ms: number): void;
  /** How many sleepers wait. */
  readonly sleeping: number;
}

interface Sleeper {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
}

export function virtualClock(options: { readonly now?: number } = {}): VirtualClock {
  const sleepers = new Set<Sleeper>();
  let wallOffset = options.now ?? Date.UTC(2026, 0, 1);
  let elapsed = 0;
  let orders = 0;

  function sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      orders += 1;
      const sleeper: Sleeper = {
        at: elapsed + Math.max(0, ms),
        order: orders,
        wake: () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      sleepers.add(sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Wakes the next sleeper that is due by `until`; false when there is none. */
  function wakeNext(until: number): boolean {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) if (first === undefined || isBefore(sleeper, first)) first = sleeper;
    if (first === undefined || first.at > until) return false;
    elapsed = Math.max(elapsed, first.at);
    first.wake();
    return true;
  }

  async function advance(ms: number): Promise<void> {
    const until = elapsed + ms;
    await drain();
    while (wakeNext(until)) await drain();
    elapsed = until;
    await drain();
  }

  async function run<T>(work: Promise<T>, limitMs = 24 * 3_600_000): Promise<T> {
    const until = elapsed + limitMs;
    let settled = false;
    const settle = () => {
      settled = true;
    };
    work.then(settle, settle);
    await drain();
    // Work that is off the clock (disk, sockets) gets more turns before the clock is called stuck.
    for (let idle = 0; !settled && idle < 1000; ) {
      idle = wakeNext(until) ? 0 : idle + 1;
      await drain();
    }
    if (!settled) throw new Error(`nothing sleeps within ${limitMs} ms, but the work has not settled`);
    return work;
  }

  return {
    now: () => wallOffset + elapsed,
    monotonic: () => elapsed,
    sleep,
    advance,
    run,
    jump: (ms) => {
      wallOffset += ms;
    },
    get sleeping() {
      return sleepers.size;
    },
  };
}

function isBefore(a: Sleeper, b: Sleeper): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

async function drain(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
