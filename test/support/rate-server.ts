/** A server that only counts: a sliding or fixed window over all users of a key, with the headers of the API. */
import type { Clock } from '../../src/lib/clock.ts';
import type { Answered } from '../../src/lib/gate.ts';

export interface RateServerOptions {
  readonly clock: Clock;
  readonly limit: number;
  readonly windowMs?: number;
  readonly window?: 'sliding' | 'fixed';
  readonly headers?: boolean;
  /** How long a request is on its way to the server, and its answer back. */
  readonly travelMs?: () => readonly [there: number, back: number];
}

export interface RateServer {
  send(): Promise<Answered>;
  /** A request of somebody else with the same key. */
  foreign(): number;
  /** Arrival times of what was let through. */
  readonly accepted: readonly number[];
  readonly refused: number;
}

export function rateServer(options: RateServerOptions): RateServer {
  const { clock, limit, windowMs = 60_000, window = 'sliding', headers = true } = options;
  const travel = options.travelMs ?? (() => [0, 0] as const);
  const accepted: number[] = [];
  let refused = 0;

  const since = (now: number) =>
    window === 'sliding' ? now - windowMs : Math.floor(now / windowMs) * windowMs - 1;
  const inWindow = (now: number) => accepted.filter((at) => at > since(now)).length;

  function count(): number {
    const now = clock.now();
    if (inWindow(now) >= limit) {
      refused += 1;
      return 429;
    }
    accepted.push(now);
    return 200;
  }

  function rateHeaders(): Record<string, string> {
    const now = clock.now();
    const oldest = accepted.find((at) => at > since(now)) ?? now;
    const reset = window === 'sliding' ? oldest + windowMs : (Math.floor(now / windowMs) + 1) * windowMs;
    return {
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(limit - inWindow(now)),
      'x-ratelimit-reset': String(Math.ceil(reset / 1000)),
    };
  }

  return {
    async send() {
      const [there, back] = travel();
      if (there > 0) await clock.sleep(there);
      const answer = { status: count(), headers: headers ? rateHeaders() : {} };
      if (back > 0) await clock.sleep(back);
      return answer;
    },
    foreign: count,
    accepted,
    get refused() {
      return refused;
    },
  };
}

/** The most that any window of this length holds. */
export function busiestWindow(times: readonly number[], windowMs: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  let most = 0;
  let from = 0;
  for (const [i, at] of sorted.entries()) {
    while ((sorted[from] ?? at) <= at - windowMs) from += 1;
    most = Math.max(most, i - from + 1);
  }
  return most;
}
