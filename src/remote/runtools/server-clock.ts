/**
 * The server's clock, from the `Date` headers of its answers. A header has whole seconds, and a busy server sends one
 * that it made earlier: so each says "at least this late", and the latest claim of the last minutes is the best one.
 */

/** Resolution of a `Date` header in milliseconds. */
export const HEADER_GRAIN = 1_000;
/** A claim is forgotten after this long, so that a clock that was put back is believed in the end. */
const BELIEVED_MS = 120_000;

export interface ServerClock {
  /** `date`: epoch milliseconds of the header; `at`: monotonic milliseconds when it came. */
  saw(date: number, at: number): void;
  /** The earliest that the server's clock can show at a monotonic time; it is less than `HEADER_GRAIN` later. */
  at(monotonic: number): number | undefined;
}

export function createServerClock(): ServerClock {
  let best: { readonly offset: number; readonly at: number } | undefined;
  return {
    saw: (date, at) => {
      const offset = date - at;
      if (best === undefined || offset >= best.offset || at - best.at > BELIEVED_MS) best = { offset, at };
    },
    at: (monotonic) => (best === undefined ? undefined : monotonic + best.offset),
  };
}
