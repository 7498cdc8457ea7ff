/**
 * The limit on file bytes: one bucket for each way, for all pairs of a process. Bytes are owed after they went, so that
 * a file which comes alone is not held up, and what comes next waits until they are paid. What takes long goes in
 * pieces, and small files go between them; and few of these at once, so that none is on its way longer than it must
 * be, and no server takes it for dead.
 */
import type { Bandwidth, Throttle, Transfer, Way } from '../lib/bandwidth.ts';
import type { Clock } from '../lib/clock.ts';

export interface BandwidthOptions {
  readonly clock: Clock;
  /** Bytes a second that the timetable allows at this epoch time in milliseconds; undefined: no limit. */
  readonly rateAt: (way: Way, now: number) => number | undefined;
}

/** What was not used may be made up for within this time, since no timer is exact. */
const CREDIT_MS = 100;
/** The timetable is asked again at least so often. */
const LONGEST_SLEEP_MS = 1_000;
/** A file of this part of a second goes in one piece, and so does any of so many bytes. */
const WHOLE_SHARE = 1 / 4;
const WHOLE_BYTES = 16 * 1024;
/** Pieces of a longer one: this part of a second, between these bounds. */
const PIECE_SHARE = 1 / 8;
const [LEAST_PIECE, MOST_PIECE] = [4 * 1024, 64 * 1024];
/** Bytes a second that each of the long ones should get: at a lower limit they go one after the other. */
const RATE_OF_ONE = 1_000_000;

export function createBandwidth(options: BandwidthOptions): Bandwidth {
  const buckets = { up: createBucket(options, 'up'), down: createBucket(options, 'down') };
  return {
    rate: (way) => buckets[way].rate(),
    transfer: async (job, run) => {
      const bucket = buckets[job.way];
      if (goesWhole(job.size, bucket.rate())) {
        await bucket.take('whole', job.size, job.signal);
        return run(undefined);
      }
      const leave = await bucket.enter(job.signal);
      try {
        return await run(throttleOn(bucket, job));
      } finally {
        leave();
      }
    },
  };
}

function goesWhole(size: number, rate: number | undefined): boolean {
  // Without a limit there may be one before a long file is through.
  return size <= Math.max(WHOLE_BYTES, (rate ?? RATE_OF_ONE) * WHOLE_SHARE);
}

function throttleOn(bucket: Bucket, { signal }: Transfer): Throttle {
  return {
    get piece() {
      const rate = bucket.rate() ?? Number.POSITIVE_INFINITY;
      return Math.floor(Math.min(MOST_PIECE, Math.max(LEAST_PIECE, rate * PIECE_SHARE)));
    },
    pass: (bytes) => bucket.take('piece', bytes, signal),
  };
}

type Kind = 'whole' | 'piece';

interface Bucket {
  rate(): number | undefined;
  take(kind: Kind, bytes: number, signal: AbortSignal | undefined): Promise<void>;
  /** A place for a long transfer; gives the way to leave it. */
  enter(signal: AbortSignal | undefined): Promise<() => void>;
}

function createBucket({ clock, rateAt }: BandwidthOptions, way: Way): Bucket {
  const rate = (): number | undefined => rateAt(way, clock.now());
  const lines: Readonly<Record<Kind, Line<number>>> = { whole: createLine(), piece: createLine() };
  const long = createLine<undefined>();
  let paidAt = Number.NEGATIVE_INFINITY;
  let last: Kind = 'piece';
  let pouring = false;
  let inside = 0;

  /** By turns, so that neither many small files nor a few long ones hold up the others. */
  const next = (): Kind | undefined => {
    const [first, second]: Kind[] = last === 'whole' ? ['piece', 'whole'] : ['whole', 'piece'];
    return [first, second].find((kind) => kind !== undefined && lines[kind].length > 0);
  };
  /** Done, and known to be done, in the very moment in which nobody waits any more. */
  const pour = async (): Promise<void> => {
    if (pouring) return;
    pouring = true;
    try {
      for (let kind = next(); kind !== undefined; kind = next()) {
        const limit = rate();
        const now = clock.monotonic();
        if (limit !== undefined && paidAt > now) {
          await clock.sleep(Math.min(paidAt - now, LONGEST_SLEEP_MS));
          continue;
        }
        const bytes = lines[kind].shift() ?? 0;
        last = kind;
        if (limit !== undefined) paidAt = Math.max(paidAt, now - CREDIT_MS) + (bytes / limit) * 1000;
      }
    } catch (error) {
      for (const line of Object.values(lines)) line.fail(error);
    } finally {
      pouring = false;
    }
  };
  const letIn = (): void => {
    const limit = rate();
    const places = limit === undefined ? Number.POSITIVE_INFINITY : Math.max(1, limit / RATE_OF_ONE);
    for (; long.length > 0 && inside + 1 <= places; inside += 1) long.shift();
  };
  return {
    rate,
    take: async (kind, bytes, signal) => {
      const turn = lines[kind].wait(bytes, signal);
      void pour();
      await turn;
    },
    enter: async (signal) => {
      const turn = long.wait(undefined, signal);
      letIn();
      await turn;
      return () => {
        inside -= 1;
        letIn();
      };
    },
  };
}

/** Who waits, in the order in which they came; whoever is told to stop leaves. */
interface Line<T> {
  readonly length: number;
  wait(what: T, signal: AbortSignal | undefined): Promise<void>;
  /** Lets the first one go; gives what it waits for. */
  shift(): T | undefined;
  fail(error: unknown): void;
}

interface Waiter<T> {
  readonly what: T;
  resolve(): void;
  reject(error: unknown): void;
}

function createLine<T>(): Line<T> {
  const waiters = new Set<Waiter<T>>();
  return {
    get length() {
      return waiters.size;
    },
    wait: (what, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason);
          return;
        }
        const leave = (): void => {
          waiters.delete(waiter);
          signal?.removeEventListener('abort', stop);
        };
        const stop = (): void => {
          leave();
          reject(signal?.reason);
        };
        const waiter: Waiter<T> = {
          what,
          resolve: () => {
            leave();
            resolve();
          },
          reject: (error) => {
            leave();
            reject(error);
          },
        };
        waiters.add(waiter);
        signal?.addEventListener('abort', stop, { once: true });
      }),
    shift: () => {
      const [first] = waiters;
      first?.resolve();
      return first?.what;
    },
    fail: (error) => {
      for (const waiter of [...waiters]) waiter.reject(error);
    },
  };
}
