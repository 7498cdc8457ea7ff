/** One alarm clock that can be set anew: the gate needs to wake up at one moment only, the next. */
import type { Clock } from '../lib/clock.ts';

export interface Alarm {
  /** Rings at this monotonic time, once; undefined: not at all. */
  set(at: number | undefined): void;
}

/** Timers of the machine cannot wait longer than 2^31 ms. */
const LONGEST_SLEEP = 86_400_000;

export function createAlarm(clock: Clock, ring: () => void): Alarm {
  let armed: { readonly at: number; readonly cancel: AbortController } | undefined;

  return {
    set(at) {
      if (armed?.at === at) return;
      armed?.cancel.abort();
      armed = undefined;
      if (at === undefined) return;
      const mine = { at, cancel: new AbortController() };
      armed = mine;
      const wait = Math.min(LONGEST_SLEEP, Math.max(1, Math.ceil(at - clock.monotonic())));
      clock.sleep(wait, mine.cancel.signal).then(
        () => {
          if (armed !== mine) return;
          armed = undefined;
          ring();
        },
        () => undefined,
      );
    },
  };
}
