/** Time as a parameter. Whoever waits or dates something gets a `Clock`; only `systemClock` knows the machine's. */
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Wall time in epoch milliseconds. May jump. */
  now(): number;
  /** Milliseconds from an arbitrary point; never goes back. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: async (ms, signal) => {
      try {
        await delay(ms, undefined, signal === undefined ? {} : { signal });
      } catch (error) {
        throw signal?.aborted === true ? signal.reason : error;
      }
    },
  };
}
