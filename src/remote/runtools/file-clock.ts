/**
 * The clock by which the server dates files, as far as our own uploads tell: a file sent between two moments of ours
 * and listed with a date bounds the difference of the clocks, and the shortest requests bound it best. With that, the
 * span in which a later upload was dated is little wider than the request itself, and any other date is somebody
 * else's edit. It uses our monotonic clock, so that a wall clock that jumps does no harm.
 */
import type { DateWitness } from '../../core/tree.ts';
import type { Clock } from '../../lib/clock.ts';

/** Monotonic milliseconds. */
export interface Sending {
  readonly sentAt: number;
  readonly answeredAt: number;
}

export interface FileClock {
  /** The span of dates (epoch milliseconds) that an upload of ours can have got; undefined when the clock is unknown. */
  span(sending: Sending): DateWitness | undefined;
  /**
   * Learns from uploads that were listed right after. Gives for each whether its date fits the others: one that does
   * not was written by somebody else meanwhile.
   */
  learn(samples: readonly (Sending & { readonly date: number })[]): boolean[];
  /**
   * False when the sample's date is seconds away from when it was sent, by what the server's answers say of its clock:
   * somebody else's, even if nothing was learnt yet. `offsetMs`: server's clock minus our wall clock, where known.
   */
  possible(sample: Sending & { readonly date: number }, offsetMs: number | undefined): boolean;
  /** Runs one at a time, so that of many who need the clock one asks and the others find it known. */
  inTurn<T>(task: () => Promise<T>): Promise<T>;
}

/** Two quartz clocks part by less than this share of the time; a sample is good for ten minutes. */
const DRIFT = 1e-4;
const GOOD_FOR_MS = 600_000;
/** File systems date by a clock that ticks every few milliseconds: a date may be so much too early, never too late. */
const TICK_MS = 5;
/** Rounding of what is compared. */
const ROUND_MS = 1;
/** The `Date` header has whole seconds, and another machine may have stored the file than answered. */
const HEADER_MS = 2_000;
/** Known less well than this is not known: a list costs less than a missed edit. */
const VAGUE_MS = 500;

interface Bounds {
  readonly low: number;
  readonly high: number;
  readonly at: number;
}

/** `grain`: resolution of listed dates in milliseconds. */
export function createFileClock(grain: number, clock: Pick<Clock, 'now' | 'monotonic'>): FileClock {
  let known: Bounds | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  /** What was known, as wide as it has become by `at`. */
  const widened = (at: number): Bounds | undefined => {
    if (known === undefined || at - known.at > GOOD_FOR_MS) return undefined;
    const slack = Math.max(0, at - known.at) * DRIFT;
    return { low: known.low - slack, high: known.high + slack, at };
  };

  return {
    span: ({ sentAt, answeredAt }) => {
      const bounds = widened(answeredAt);
      if (bounds === undefined || bounds.high - bounds.low > grain + VAGUE_MS) return undefined;
      const from = Math.floor((sentAt + bounds.low - TICK_MS) / grain) * grain;
      return [from, Math.ceil(answeredAt + bounds.high) + ROUND_MS];
    },
    learn: (samples) => {
      const all = samples.map(({ sentAt, answeredAt, date }) => ({
        low: date - answeredAt - ROUND_MS,
        high: date + grain + TICK_MS - sentAt,
        at: answeredAt,
      }));
      const last = all.reduce((most, { at }) => Math.max(most, at), Number.NEGATIVE_INFINITY);
      const offset = likeliest([...all, ...[widened(last)].filter((one) => one !== undefined)]);
      const fits = all.map(({ low, high }) => offset >= low && offset <= high);
      const good = all.filter((_, i) => fits[i]);
      if (good.length > 0) known = narrowed(good, widened(last), last);
      return fits;
    },
    possible: ({ sentAt, answeredAt, date }, offsetMs) => {
      if (offsetMs === undefined) return true;
      const toServer = clock.now() - clock.monotonic() + offsetMs;
      return date >= sentAt + toServer - grain - HEADER_MS && date <= answeredAt + toServer + HEADER_MS;
    },
    inTurn: (task) => {
      const mine = turn.then(task);
      turn = mine.catch(() => undefined);
      return mine;
    },
  };
}

/** Where all samples agree, and what was known before as well, unless that contradicts them. */
function narrowed(good: readonly Bounds[], before: Bounds | undefined, at: number): Bounds {
  const low = good.reduce((most, one) => Math.max(most, one.low), Number.NEGATIVE_INFINITY);
  const high = good.reduce((least, one) => Math.min(least, one.high), Number.POSITIVE_INFINITY);
  const seen = { low: Math.min(low, high), high: Math.max(low, high), at };
  if (before === undefined || before.low > seen.high || before.high < seen.low) return seen;
  return { low: Math.max(seen.low, before.low), high: Math.min(seen.high, before.high), at };
}

/**
 * The true difference lies within all honest bounds: the point that most of them hold. Of several the lowest, since who
 * writes to what we sent does so after us, and dates it later than ours.
 */
function likeliest(bounds: readonly Bounds[]): number {
  let best = { offset: 0, holders: 0 };
  for (const { low: offset } of bounds) {
    const holders = bounds.filter(({ low, high }) => offset >= low && offset <= high).length;
    const lower = holders === best.holders && offset < best.offset;
    if (holders > best.holders || lower) best = { offset, holders };
  }
  return best.offset;
}
