/**
 * The calculator of the budget: pure, a state and an event give the next state; plain data, so that it can be printed
 * and kept. Two gates. *Rate* closes for everything: the configured limit in a sliding window, what the server's
 * headers say (other users of the key included), and pauses that the server asks for. *Growth* closes only for what
 * makes the store larger. It knows no queue, no timer, no HTTP: `now` is milliseconds of a clock that never goes back.
 */
import { isPatient, type RequestClass, reserveOf } from './classes.ts';
import {
  afterRefusal,
  afterRow,
  afterSent,
  afterStale,
  afterSuccess,
  type Company,
  type Sight,
} from './company.ts';
import type { RateFacts } from './headers.ts';
import { pauseMs, scatterMs } from './pause.ts';
import { afterPatient, afterUrgent, discoveryDue, NOTHING_SENT, type Spread, spreadDue } from './spread.ts';
import { countedAfter, MEMORY, type Sent, settled, whenBelow, withSent } from './window.ts';

export interface PacerRules {
  /** Requests per window that the user configured; undefined: what the server says, or no limit. */
  readonly limit: number | undefined;
  readonly windowMs: number;
  /** Nothing urgent will come up here, so that nothing is spread over the window. The reserve is for others on the key. */
  readonly single?: boolean;
}

export interface PacerState {
  readonly rules: PacerRules;
  readonly inFlight: number;
  /** Our own requests of the last window, in time order. */
  readonly sent: Sent;
  readonly spread: Spread;
  /** The limit that the server states. */
  readonly stated: number | undefined;
  /** Requests of other users of the key in the server's window, believed until `until`. */
  readonly foreign: { readonly count: number; readonly until: number } | undefined;
  /** Requests left in a server window that is longer than ours, or of unknown size. */
  readonly credit: { readonly left: number; readonly until: number } | undefined;
  readonly pausedUntil: number | undefined;
  /** 429s in a row, those of requests that were on their way together counted as one. */
  readonly refusals: number;
  /** When the first and the latest of the row were answered. */
  readonly rowAt: number;
  readonly refusedAt: number;
  /** When one request went ahead to find out how things are; the others wait for its answer. */
  readonly aheadAt: number | undefined;
  /** Our rate while others use the key, or while refusals are all that is known. */
  readonly company: Company | undefined;
  readonly storeFull: boolean;
}

/** `random` is in [0, 1): the jitter. `sentAt`: when the request was `sent`. */
export type PacerEvent =
  | { readonly kind: 'sent'; readonly class: RequestClass; readonly random: number; readonly look?: boolean }
  /** Admitted and not sent: what it relied on had grown old. */
  | { readonly kind: 'stale' }
  | {
      readonly kind: 'answered';
      readonly sentAt: number;
      readonly status: number;
      readonly facts: RateFacts;
      readonly random: number;
    }
  /** No answer came; the server may have counted it. */
  | { readonly kind: 'failed'; readonly sentAt: number }
  | { readonly kind: 'storage'; readonly full: boolean };

/** A request at the door. `contested`: bulk waits as well; told for discovery. */
export interface Asking {
  readonly class: RequestClass;
  readonly growth: boolean;
  readonly contested?: boolean;
}

export type Admission =
  | { readonly open: true }
  /** `at` is when to ask again; undefined: after the next event. */
  | { readonly open: false; readonly reason: ClosedReason; readonly at: number | undefined };
export type ClosedReason = 'growth' | 'pause' | 'credit' | 'company' | 'window' | 'answer' | 'spread';

export function startPacer(rules: PacerRules): PacerState {
  return {
    rules,
    inFlight: 0,
    sent: [],
    spread: NOTHING_SENT,
    stated: undefined,
    foreign: undefined,
    credit: undefined,
    pausedUntil: undefined,
    refusals: 0,
    rowAt: Number.NEGATIVE_INFINITY,
    refusedAt: Number.NEGATIVE_INFINITY,
    aheadAt: undefined,
    company: undefined,
    storeFull: false,
  };
}

export function next(state: PacerState, event: PacerEvent, now: number): PacerState {
  switch (event.kind) {
    case 'sent':
      return afterStart(state, event, now);
    case 'answered':
      return afterAnswer(state, event, now);
    case 'stale':
      return {
        ...state,
        company: state.company && afterStale(state.company, state.rules.windowMs, now),
      };
    case 'failed':
      return landed(state, event.sentAt);
    case 'storage':
      return { ...state, storeFull: event.full };
  }
}

/** Whether such a request may start now, and if not, why, and when to ask again. */
export function admission(state: PacerState, asking: Asking, now: number): Admission {
  const { pausedUntil, credit, company, rules } = state;
  if (pausedUntil !== undefined && pausedUntil > now) return closed('pause', pausedUntil);
  const limit = windowLimit(state);
  const patient = isPatient(asking.class);
  const reserve = patient && limit !== undefined ? reserveOf(limit) : 0;
  if (credit !== undefined && credit.left <= reserve && credit.until > now)
    return closed('credit', credit.until);
  if (asking.growth && state.storeFull) return closed('growth', undefined);
  // A pause is over, and whether the server thinks so too, one request finds out.
  if (state.refusals > 0 && isAhead(state, now)) return closed('answer', aheadUntil(state));
  if (patient && company !== undefined && company.dueAt > now) return closed('company', company.dueAt);
  if (limit === undefined) return { open: true };

  const room = limit - reserve;
  const used = countedAfter(state.sent, now - rules.windowMs);
  if (used >= room) return closed('window', whenBelow(state.sent, room, rules.windowMs));
  const foreign = state.foreign;
  if (foreign !== undefined && used + foreign.count >= room) {
    // Of the others' requests what we know is old by now: one of ours goes ahead and brings back what is left.
    if (now >= foreign.until)
      return isAhead(state, now) ? closed('answer', aheadUntil(state)) : { open: true };
    const ours =
      foreign.count < room ? whenBelow(state.sent, room - foreign.count, rules.windowMs) : undefined;
    return closed('window', Math.min(foreign.until, ours ?? foreign.until));
  }
  return patient ? spreadAdmission(state, asking, limit, now) : { open: true };
}

/** Requests per window that are to be had: the smallest of configured, stated and what others leave us. */
export function limitOf(state: PacerState): number | undefined {
  return least(windowLimit(state), state.company?.rate);
}

/** Who shares a key goes slower, but looks must not grow old without end: by this factor at most. */
const SLOWED = 4;

/** Milliseconds from one admission to the next, for the age that a look may have; 0 while no limit of the key is known. */
export function turnOf(state: PacerState): number {
  const limit = windowLimit(state);
  return limit === undefined ? 0 : state.rules.windowMs / Math.max(limit / SLOWED, limitOf(state) ?? limit);
}

type AnsweredEvent = Extract<PacerEvent, { kind: 'answered' }>;

function spreadAdmission(state: PacerState, asking: Asking, limit: number, now: number): Admission {
  const frame = { limit, windowMs: state.rules.windowMs };
  if (asking.class === 'discovery' && asking.contested === true) {
    const due = discoveryDue(state.spread, frame, now);
    if (due > now) return closed('spread', due);
  }
  // In company every request keeps a distance anyway.
  if (state.company !== undefined || state.rules.single === true) return { open: true };
  const due = spreadDue(state.spread, frame, now);
  return due > now ? closed('spread', due) : { open: true };
}

function afterStart(
  state: PacerState,
  event: Extract<PacerEvent, { kind: 'sent' }>,
  now: number,
): PacerState {
  const { windowMs } = state.rules;
  const limit = windowLimit(state);
  const { spread } = state;
  const patient = isPatient(event.class);
  const unsure = state.refusals > 0 || (state.foreign !== undefined && now >= state.foreign.until);
  return {
    ...state,
    inFlight: state.inFlight + 1,
    sent: withSent(state.sent, now, windowMs),
    spread: patient
      ? afterPatient(spread, event.class, { limit, windowMs }, now)
      : limit === undefined
        ? spread
        : afterUrgent(spread, { limit, windowMs }, now),
    credit: state.credit && { ...state.credit, left: state.credit.left - 1 },
    aheadAt: unsure && !isAhead(state, now) ? now : state.aheadAt,
    company:
      state.company &&
      afterSent(state.company, { windowMs, random: event.random, patient, look: event.look === true }, now),
  };
}

function landed(state: PacerState, sentAt: number): PacerState {
  const aheadAt = state.aheadAt !== undefined && sentAt >= state.aheadAt ? undefined : state.aheadAt;
  return { ...state, inFlight: Math.max(0, state.inFlight - 1), aheadAt };
}

/** Who went ahead with a long upload must not hold up the others for that long. */
function aheadUntil({ aheadAt = Number.NEGATIVE_INFINITY, rules }: PacerState): number {
  return aheadAt + rules.windowMs / 6;
}

function isAhead(state: PacerState, now: number): boolean {
  return now < aheadUntil(state);
}

function afterAnswer(before: PacerState, event: AnsweredEvent, now: number): PacerState {
  const { windowMs } = before.rules;
  const { facts } = event;
  const state: PacerState = {
    ...landed(before, event.sentAt),
    sent: windowLimit(before) === undefined ? before.sent : settled(before.sent, event.sentAt, now, windowMs),
    stated: facts.limit ?? before.stated,
  };
  const told = { ...state, ...heard(state, facts, now) };
  const sight: Sight = {
    // As it may have been when the server counted, which was some time ago.
    ours: countedAfter(told.sent, Math.max(event.sentAt, now - MEMORY * windowMs) - windowMs),
    limit: windowLimit(told),
    stated: told.stated,
    // What is left of a longer window says nothing about the rate of the others.
    remaining: told.credit === undefined ? facts.remaining : undefined,
    windowMs,
  };
  const fresh = event.sentAt >= told.refusedAt;
  if (event.status !== 429) {
    const asked = event.status === 503 ? (facts.retryAfterMs ?? 0) : 0;
    const pausedUntil = asked > 0 ? Math.max(told.pausedUntil ?? 0, now + asked) : told.pausedUntil;
    const refusals = fresh ? 0 : told.refusals;
    const row = fresh && told.refusals > 1;
    const before = row ? afterRow(told.company, sight, now - told.rowAt) : told.company;
    return { ...told, refusals, pausedUntil, company: afterSuccess(before, sight, now) };
  }
  const refusals = told.refusals + (fresh ? 1 : 0);
  const pause = pauseMs(facts, refusals, sight) + event.random * scatterMs(facts, refusals, sight);
  const pausedUntil = Math.max(told.pausedUntil ?? 0, now + pause);
  const refusedAt = fresh ? now : told.refusedAt;
  if (told.refusals > 0) return { ...told, refusals, refusedAt, pausedUntil };
  const company = afterRefusal(told.company, sight, now);
  return { ...told, refusals, rowAt: now, refusedAt, pausedUntil, company };
}

/** What the headers of an answer say about others' requests. In-flight ones of ours may or may not be counted in it yet. */
function heard(state: PacerState, facts: RateFacts, now: number): Pick<PacerState, 'foreign' | 'credit'> {
  const { remaining, resetInMs } = facts;
  const { windowMs } = state.rules;
  if (remaining === undefined) {
    const stale = state.foreign !== undefined && now >= state.foreign.until;
    return { foreign: stale ? undefined : state.foreign, credit: alive(state.credit, now) };
  }
  const until = now + (resetInMs ?? windowMs / 6);
  const limit = state.stated;
  if (limit === undefined || (resetInMs ?? 0) > windowMs * 1.05 + 1000) {
    return { foreign: undefined, credit: { left: remaining - state.inFlight, until } };
  }
  const counted = countedAfter(state.sent, now - windowMs) - state.inFlight;
  const count = Math.max(0, limit - remaining - Math.max(0, counted));
  return { foreign: count === 0 ? undefined : { count, until }, credit: undefined };
}

function alive<T extends { readonly until: number }>(one: T | undefined, now: number): T | undefined {
  return one !== undefined && one.until > now ? one : undefined;
}

/** The limit of every window: the smaller of configured and stated. */
function windowLimit(state: PacerState): number | undefined {
  return least(state.rules.limit, state.stated);
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function closed(reason: ClosedReason, at: number | undefined): Admission {
  return { open: false, reason, at };
}
