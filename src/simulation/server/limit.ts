/** A sliding window of requests, and the headers that tell of it. */
import type { SimBehaviour } from './behaviour.ts';

const WINDOW_MS = 60_000;

export interface RateVerdict {
  readonly admitted: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds until the window has room for one more than now. */
  readonly resetInMs: number;
}

export interface RateLimit {
  /** Counts one request at this server time; a refused one does not use up the window. Undefined without a limit. */
  take(now: number): RateVerdict | undefined;
}

export function createRateLimit(limit: number | undefined): RateLimit {
  /** Times of admitted requests; those before `first` have left the window. */
  const times: number[] = [];
  let first = 0;
  return {
    take(now) {
      if (limit === undefined) return undefined;
      while (first < times.length && now - (times[first] ?? now) >= WINDOW_MS) first += 1;
      const admitted = times.length - first < limit;
      if (admitted) times.push(now);
      const oldest = times[first] ?? now;
      return {
        admitted,
        limit,
        remaining: limit - (times.length - first),
        resetInMs: oldest + WINDOW_MS - now,
      };
    },
  };
}

/** As truthful as this server is. `now` in epoch milliseconds. */
export function rateHeaders(
  behaviour: SimBehaviour,
  verdict: RateVerdict | undefined,
  now: number,
): Record<string, string> {
  const mode = behaviour.rateHeaders;
  if (verdict === undefined) return {};
  const pause: Record<string, string> =
    !verdict.admitted && behaviour.retryAfter
      ? { 'retry-after': String(Math.ceil(verdict.resetInMs / 1000)) }
      : {};
  if (mode === 'none') return pause;
  return {
    ...pause,
    'x-ratelimit-limit': String(verdict.limit),
    'x-ratelimit-remaining': String(mode === 'lie' ? verdict.limit : verdict.remaining),
    'x-ratelimit-reset': String(Math.ceil((mode === 'lie' ? now : now + verdict.resetInMs) / 1000)),
  };
}
