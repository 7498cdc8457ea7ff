/**
 * How many requests may be on their way at once. It starts low and grows with every answer as long as more would go if
 * they could, so that after a few round trips it is as high as allowed; a server in trouble halves it. When answers
 * take much longer than they could, they only queue up over there: it is tried then whether fewer at once bring as
 * much, and if they do not, it goes back. Pure; times are milliseconds of a monotonic clock.
 */
export interface Flight {
  /** Never more than that. */
  readonly most: number;
  /** How many may be on their way; its whole part counts. */
  readonly slots: number;
  /** No trouble yet: grows by one with each answer. */
  readonly quick: boolean;
  /** Trouble of what was sent before this moment has been answered already. */
  readonly cutAt: number;
  readonly sample: Sample;
  /** The quickest answer of each kind, slowly forgotten. */
  readonly floors: Readonly<Record<string, number>>;
  /** What fewer slots are being compared with. */
  readonly trial: { readonly slots: number; readonly perMs: number } | undefined;
  /** Samples to wait before the next trial. */
  readonly hold: number;
}

interface Sample {
  readonly since: number;
  readonly count: number;
  readonly tookMs: number;
  /** Sum of how many times longer than the quickest of its kind each took. */
  readonly stretch: number;
}

export interface Landing {
  /** The kind of request: only equal ones are compared. */
  readonly label: string;
  readonly sentAt: number;
  /** Whether more would be on their way if there were slots. */
  readonly saturated: boolean;
  /** 429, 503, a timeout or a connection that broke. */
  readonly trouble: boolean;
}

const FIRST = 8;
const LEAST = 2;
/** Answers per sample: enough for a mean that does not jump. */
const SAMPLE = 64;
/** Waiting lines over there that are shorter than that hurt nobody. */
const SHORT_MS = 50;
/** Samples after a trial that failed. */
const HOLD = 32;

export function startFlight(most: number): Flight {
  return {
    most,
    slots: Math.min(FIRST, most),
    quick: true,
    cutAt: Number.NEGATIVE_INFINITY,
    sample: emptySample(0),
    floors: {},
    trial: undefined,
    hold: 0,
  };
}

export function afterLanding(flight: Flight, landing: Landing, now: number): Flight {
  if (landing.trouble) return cut(flight, landing.sentAt, now);
  if (!landing.saturated) return flight.sample.count === 0 ? flight : { ...flight, sample: emptySample(now) };
  const growth = flight.trial !== undefined || isStretched(flight) ? 0 : flight.quick ? 1 : 1 / flight.slots;
  const slots = Math.min(flight.most, flight.slots + growth);
  const sampled = { ...flight, slots, ...measured(flight, landing, now) };
  return sampled.sample.count < SAMPLE ? sampled : judged(sampled, now);
}

/** With another ceiling, such as that of a tier that the server just told. */
export function withMost(flight: Flight, most: number): Flight {
  return most === flight.most ? flight : { ...flight, most, slots: Math.min(flight.slots, most) };
}

/** What the service allows at once, where the stated requests per minute are those of one of its tiers. */
export function tierConcurrency(limitPerMinute: number | undefined): number {
  if (limitPerMinute === 60) return 5;
  if (limitPerMinute === 300) return 20;
  return limitPerMinute === 1000 ? 100 : Number.POSITIVE_INFINITY;
}

function cut(flight: Flight, sentAt: number, now: number): Flight {
  if (sentAt < flight.cutAt) return flight;
  const slots = Math.max(Math.min(LEAST, flight.most), Math.floor(flight.slots / 2));
  return { ...flight, slots, quick: false, cutAt: now, trial: undefined, sample: emptySample(now) };
}

function measured(
  flight: Flight,
  { label, sentAt }: Landing,
  now: number,
): Pick<Flight, 'sample' | 'floors'> {
  const tookMs = Math.max(0.1, now - sentAt);
  const floor = Math.min(tookMs, flight.floors[label] ?? tookMs);
  const { sample } = flight;
  return {
    floors: floor === flight.floors[label] ? flight.floors : { ...flight.floors, [label]: floor },
    sample: {
      since: sample.count === 0 ? now : sample.since,
      count: sample.count + 1,
      tookMs: sample.tookMs + tookMs,
      stretch: sample.stretch + tookMs / floor,
    },
  };
}

/** A sample is whole: whether to try fewer slots, to keep them, or to go back. */
function judged(flight: Flight, now: number): Flight {
  const { sample, trial } = flight;
  const perMs = sample.count / Math.max(0.1, now - sample.since);
  const fresh = { ...flight, sample: emptySample(now), floors: forgotten(flight.floors) };
  if (trial !== undefined) {
    const worse = perMs < 0.95 * trial.perMs;
    return { ...fresh, trial: undefined, ...(worse && { slots: trial.slots, hold: HOLD }) };
  }
  if (flight.hold > 0) return { ...fresh, hold: flight.hold - 1 };
  const stretch = sample.stretch / sample.count;
  if (stretch < 2 || sample.tookMs / sample.count < SHORT_MS || flight.slots <= FIRST) return fresh;
  const slots = Math.max(FIRST, Math.ceil((1.25 * flight.slots) / stretch));
  return { ...fresh, quick: false, slots, trial: { slots: flight.slots, perMs } };
}

/** Growing would only make a line over there longer. */
function isStretched({ sample, quick, hold }: Flight): boolean {
  if (quick || hold > 0 || sample.count === 0) return false;
  return sample.stretch / sample.count > 1.5 && sample.tookMs / sample.count > SHORT_MS;
}

function forgotten(floors: Flight['floors']): Flight['floors'] {
  return Object.fromEntries(Object.entries(floors).map(([label, floor]) => [label, floor * 1.002]));
}

function emptySample(now: number): Sample {
  return { since: now, count: 0, tookMs: 0, stretch: 0 };
}
