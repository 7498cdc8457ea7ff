/**
 * The gate itself: lanes with priorities and slots (p-queue) in front, the pacer's admission times behind. It sends
 * nothing by itself and knows no HTTP but what an answer's status and headers say; one gate serves all users of a key.
 */
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import { isCode, RtsyncError } from '../lib/errors.ts';
import { type Answered, type Gate, type Pace, type RequestTicket, Stale } from '../lib/gate.ts';
import { createAlarm } from './alarm.ts';
import { classOf } from './classes.ts';
import { afterLanding, startFlight, tierConcurrency, withMost } from './flight.ts';
import { rateFacts } from './headers.ts';
import { createLanes, type WaitingLine } from './lanes.ts';
import { restore, snapshot } from './memory.ts';
import { type Admission, admission, limitOf, next, type PacerEvent, startPacer, turnOf } from './pacer.ts';

const savedPaceSchema = z.object({
  version: z.literal(1),
  /** Epoch milliseconds. */
  savedAt: z.number(),
  pauseMs: z.number().nonnegative(),
  sent: z.array(z.tuple([z.number(), z.number().int().positive()]).readonly()).readonly(),
  company: z
    .object({
      rate: z.number().positive(),
      gain: z.number().positive(),
      seenMs: z.number(),
      dueMs: z.number(),
    })
    .optional(),
});

/** What a gate remembers over a restart; plain JSON. */
export type SavedPace = z.infer<typeof savedPaceSchema>;

/** Reads what was kept as JSON; undefined when it is none. */
export function parseSavedPace(text: string | undefined): SavedPace | undefined {
  if (text === undefined) return undefined;
  try {
    return savedPaceSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export interface GateOptions {
  /** Requests in any window of `windowMs`. Undefined: what the server's headers say, or no limit. */
  readonly limitPerMinute?: number | undefined;
  /** 60,000. */
  readonly windowMs?: number;
  /** For a run that ends with its work, such as a push: nothing more urgent will come up, so it uses all but the reserve at once. */
  readonly single?: boolean;
  /** The most requests on their way at once, all lanes together: 32. How many there are follows the server, see `flight.ts`. */
  readonly concurrency?: number;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** A pause or a full store that lasts longer than this fails the waiting requests. Undefined: they wait. */
  readonly maxWaitMs?: number | undefined;
  /** How long what grows the store waits while it is full. Undefined: as long as any wait. */
  readonly maxGrowthWaitMs?: number | undefined;
  readonly saved?: SavedPace | undefined;
  /** A pause began or grew: to be kept durably. */
  readonly onPause?: (saved: SavedPace) => void;
}

export interface PacedGate extends Gate {
  /** For the next start; to be kept when the process ends. */
  snapshot(): SavedPace;
  /** Epoch milliseconds of the end of the pause that the server asked for; undefined when there is none. */
  readonly pausedUntil: number | undefined;
}

const MAX_TRIES = 20;

export function createGate(options: GateOptions): PacedGate {
  const { clock, random, maxWaitMs = Number.POSITIVE_INFINITY } = options;
  const { limitPerMinute: limit, windowMs = 60_000, single = false } = options;
  const rules = { limit, windowMs, single };
  const most = options.concurrency ?? 32;
  const { saved } = options;
  let pacer =
    saved === undefined
      ? startPacer(rules)
      : restore(rules, saved, clock.now() - saved.savedAt, clock.monotonic());
  let flight = startFlight(most);
  let fullSince: number | undefined;
  let pumping = false;
  /** The wall clock as it would be, had it not jumped since the start. */
  const anchor = clock.now() - clock.monotonic();
  const lanes = createLanes(most, pump);
  const alarm = createAlarm(clock, pump);
  const counts = { total: 0, limited: 0, byLabel: {} as Record<string, number> };

  const tell = (event: PacerEvent) => {
    pacer = next(pacer, event, clock.monotonic());
  };
  const slots = () => Math.floor(flight.slots);

  /** Lets through all that may go now, and sets the alarm for when to look again. */
  function pump(): void {
    if (pumping) return;
    pumping = true;
    let wakeAt: number | undefined;
    try {
      for (let again = true; again; ) {
        again = false;
        wakeAt = undefined;
        const now = clock.monotonic();
        for (const line of lanes.ready(slots())) {
          const contested = line.class === 'discovery' && lanes.bulkWaits(pacer.storeFull);
          const answer = admission(pacer, { class: line.class, growth: line.growth, contested }, now);
          if (answer.open) {
            lanes.release(line);
            again = true;
            break;
          }
          wakeAt = earliest(wakeAt, waitOrRefuse(line, answer, now));
        }
      }
    } finally {
      pumping = false;
    }
    alarm.set(wakeAt);
  }

  /** When to look at this line again. What would wait too long is refused. */
  function waitOrRefuse(
    line: WaitingLine,
    answer: Exclude<Admission, { open: true }>,
    now: number,
  ): number | undefined {
    if (answer.reason === 'growth') {
      const until = (fullSince ?? now) + (options.maxGrowthWaitMs ?? maxWaitMs);
      if (now < until) return Number.isFinite(until) ? until : undefined;
      lanes.refuse(line, noRoom());
      return undefined;
    }
    const told = answer.reason === 'pause' || answer.reason === 'credit';
    if (!told || answer.at === undefined || answer.at - now <= maxWaitMs) return answer.at;
    lanes.refuse(line, tooLong(answer.at - now));
    return undefined;
  }

  /** One request on its way, from its start to its answer. */
  async function attempt<T extends Answered>(ticket: RequestTicket, send: () => Promise<T>): Promise<T> {
    const sentAt = clock.monotonic();
    tell({ kind: 'sent', class: classOf(ticket), random: random(), look: ticket.label === 'list' });
    counts.total += 1;
    counts.byLabel[ticket.label] = (counts.byLabel[ticket.label] ?? 0) + 1;
    let answered: T;
    try {
      answered = await send();
    } catch (error) {
      tell({ kind: 'failed', sentAt });
      land(ticket, sentAt, isTrouble(error));
      throw error;
    }
    const { status, headers } = answered;
    const before = pacer.pausedUntil;
    const facts = rateFacts(headers, clock.now(), anchor + clock.monotonic());
    tell({ kind: 'answered', sentAt, status, facts, random: random() });
    land(ticket, sentAt, status === 429 || status === 503);
    if (status === 429) counts.limited += 1;
    if (pacer.pausedUntil !== before) options.onPause?.(save());
    return answered;
  }

  function land({ label }: RequestTicket, sentAt: number, trouble: boolean): void {
    const saturated = lanes.waiting > 0 && lanes.ready(slots()).length === 0;
    const perMinute = pacer.stated === undefined ? undefined : (pacer.stated * 60_000) / rules.windowMs;
    const capped = withMost(flight, Math.min(most, tierConcurrency(perMinute)));
    flight = afterLanding(capped, { label, sentAt, saturated, trouble }, clock.monotonic());
  }

  /** Waits in its line, then goes. */
  async function pass<T extends Answered>(
    ticket: RequestTicket,
    urgency: number,
    send: () => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const line = lanes.of(ticket);
    const priority = (ticket.priority ?? 0) + urgency;
    let started = false;
    const task = async () => {
      started = true;
      lanes.count(line, priority, -1);
      lanes.started(line);
      try {
        if (ticket.still?.(pace()) === false) {
          tell({ kind: 'stale' });
          throw new Stale();
        }
        return await attempt(ticket, send);
      } finally {
        lanes.ended(line);
        pump();
      }
    };
    lanes.count(line, priority, 1);
    try {
      const turn = line.queue.add(task, { priority, signal });
      pump();
      return await turn;
    } catch (error) {
      if (started) throw error;
      lanes.count(line, priority, -1);
      pump();
      throw signal?.aborted === true ? signal.reason : (line.refusal ?? error);
    }
  }

  function pace(): Pace {
    return {
      turnMs: turnOf(pacer),
      openMs: clock.monotonic() - (pacer.pausedUntil ?? Number.NEGATIVE_INFINITY),
    };
  }

  function save(): SavedPace {
    return { version: 1, savedAt: clock.now(), ...snapshot(pacer, clock.monotonic()) };
  }

  return {
    async run(ticket, send, signal) {
      signal?.throwIfAborted();
      const never = signal ?? new AbortController().signal;
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        // Who was refused once goes before its equals, so that nobody is overtaken for ever.
        const answered = await pass(ticket, tries === 0 ? 0 : 1, () => send(never), signal);
        if (answered.status !== 429) return answered;
      }
      throw new RtsyncError('rate-limited', {
        message: `the server refused the same request ${MAX_TRIES} times because of its rate limit; try again later`,
        status: 429,
      });
    },
    get limitPerMinute() {
      const limit = limitOf(pacer);
      return limit === undefined ? undefined : (limit * 60_000) / rules.windowMs;
    },
    get storageIsFull() {
      return pacer.storeFull;
    },
    storageFull(full) {
      if (full === pacer.storeFull) return;
      fullSince = full ? clock.monotonic() : undefined;
      tell({ kind: 'storage', full });
      pump();
    },
    get counts() {
      return { ...counts, byLabel: { ...counts.byLabel } };
    },
    snapshot: save,
    get pausedUntil() {
      const left = (pacer.pausedUntil ?? 0) - clock.monotonic();
      return pacer.pausedUntil !== undefined && left > 0 ? clock.now() + left : undefined;
    },
  };
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}

/** Failures that tell of a server or a line that has too much to do. */
const OVERLOAD = /^(ECONNRESET|EPIPE|ETIMEDOUT|UND_ERR_(SOCKET|(CONNECT|HEADERS|BODY)_TIMEOUT))$/;

function isTrouble(error: unknown): boolean {
  if (isCode(error, 'network')) return true;
  for (let one = error, depth = 0; one instanceof Error && depth < 4; one = one.cause, depth += 1) {
    if ('code' in one && typeof one.code === 'string' && OVERLOAD.test(one.code)) return true;
  }
  return false;
}

function noRoom(): RtsyncError {
  return new RtsyncError(
    'storage-full',
    'the storage is full, and no room was made in the time this run may wait',
  );
}

function tooLong(ms: number): RtsyncError {
  const seconds = Math.ceil(ms / 1000);
  const words = seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
  return new RtsyncError(
    'rate-limited',
    `the server asks for a pause of ${words} because of its rate limit; try again later`,
  );
}
