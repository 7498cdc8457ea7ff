/**
 * The calculator of the budget: pure, a state and an event give the next state; plain data, so that it can be printed
 * and kept. Two gates. *Rate* closes for everything: the configured limit in a sliding window, what the server's
 * headers say (other users of the key included), and pauses that the server asks for. *Growth* closes only for what
 * makes the store larger. It knows no queue, no timer, no HTTP: `now` is milliseconds of a clock that never goes back.
 */
import type { RequestTicket } from '../lib/gate.ts';
import type { RateFacts } from './headers.ts';
import { countedAfter, type Sent, settled, withSent } from './window.ts';

export interface PacerRules {
  /** Requests per window that the user configured; undefined: what the server says, or no limit. */
  readonly limit: number | undefined;
  readonly windowMs: number;
}

export interface PacerState {
  readonly rules: PacerRules;
  readonly inFlight: number;
  /** Our own requests of the last window, in time order. */
  readonly sent: Sent;
  /** The limit that the server states. */
  readonly stated: number | undefined;
  /** Requests of other users of the key in the server's window, believed until `until`. */
  readonly foreign: { readonly count: number; readonly until: number } | undefined;
  /** Requests left in a server window that is longer than ours, or of unknown size. */
  readonly credit: { readonly left: number; readonly until: number } | undefined;
  readonly pausedUntil: number | undefined;
  /** 429s in a row. */
  readonly refusals: number;
  /** A limit learned from 429s that no header explains; grows back to `ceiling`. */
  readonly learned: Learned | undefined;
  readonly storeFull: boolean;
}

interface Learned {
  readonly limit: number;
  readonly ceiling: number;
  readonly halvedAt: number;
  readonly changedAt: number;
}

export type PacerEvent =
  | { readonly kind: 'sent' }
  /** `random` is in [0, 1): the jitter. */
  | {
      readonly kind: 'answered';
      readonly sentAt: number;
      readonly status: number;
      readonly facts: RateFacts;
      readonly random: number;
    }
  /** No answer came; the server may have counted it. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'storage'; readonly full: boolean };

export type Admission =
  | { readonly open: true }
  /** `at` is when to ask again; undefined: after the next event. */
  | { readonly open: false; readonly reason: ClosedReason; readonly at: number | undefined };
export type ClosedReason = 'growth' | 'pause' | 'credit' | 'window' | 'answer';

export function startPacer(rules: PacerRules): PacerState {
  return {
    rules,
    inFlight: 0,
    sent: [],
    stated: undefined,
    foreign: undefined,
    credit: undefined,
    pausedUntil: undefined,
    refusals: 0,
    learned: undefined,
    storeFull: false,
  };
}

export function next(state: PacerState, event: PacerEvent, now: number): PacerState {
  switch (event.kind) {
    case 'sent':
      return {
        ...state,
        inFlight: state.inFlight + 1,
        sent: withSent(state.sent, now, state.rules.windowMs),
        credit: state.credit && { ...state.credit, left: state.credit.left - 1 },
      };
    case 'answered':
      return afterAnswer(state, event, now);
    case 'failed':
      return { ...state, inFlight: Math.max(0, state.inFlight - 1) };
    case 'storage':
      return { ...state, storeFull: event.full };
  }
}

/** Whether such a request may start now, and if not, why, and when to ask again. */
export function admission(
  state: PacerState,
  ticket: Pick<RequestTicket, 'lane' | 'growth'>,
  now: number,
): Admission {
  const { pausedUntil, credit, rules } = state;
  if (pausedUntil !== undefined && pausedUntil > now) return closed('pause', pausedUntil);
  if (credit !== undefined && credit.left <= 0 && credit.until > now) return closed('credit', credit.until);
  if (ticket.growth && state.storeFull) return closed('growth', undefined);
  const limit = limitOf(state);
  if (limit === undefined) return { open: true };

  const room = limit - (ticket.lane === 'control' ? 0 : reserveOf(limit));
  const used = countedAfter(state.sent, now - rules.windowMs);
  if (used >= room) return closed('window', whenBelow(state, room));
  const foreign = state.foreign;
  if (foreign === undefined || used + foreign.count < room) return { open: true };
  // The others' requests are old news by now: one of ours goes ahead and brings back what is left.
  if (now >= foreign.until) return state.inFlight === 0 ? { open: true } : closed('answer', undefined);
  const ours = foreign.count < room ? whenBelow(state, room - foreign.count) : undefined;
  return closed('window', Math.min(foreign.until, ours ?? foreign.until));
}

/** The limit in force: the smallest of configured, stated and learned. */
export function limitOf(state: PacerState): number | undefined {
  const limits = [state.rules.limit, state.stated, state.learned?.limit].filter((one) => one !== undefined);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** What a restart must remember, relative to `now`, so that it means the same on another clock. */
export interface PacerMemory {
  readonly pauseMs: number;
  /** Age in milliseconds, count. */
  readonly sent: readonly (readonly [ageMs: number, count: number])[];
}

export function snapshot(state: PacerState, now: number): PacerMemory {
  const kept = state.sent.filter(([at]) => at > now - state.rules.windowMs);
  return {
    pauseMs: Math.max(0, (state.pausedUntil ?? now) - now),
    sent: kept.map(([at, count]) => [now - at, count]),
  };
}

/** `elapsedMs`: how long ago the snapshot was taken. */
export function restore(rules: PacerRules, memory: PacerMemory, elapsedMs: number, now: number): PacerState {
  const gone = Math.max(0, elapsedMs);
  const pauseMs = memory.pauseMs - gone;
  return {
    ...startPacer(rules),
    sent: memory.sent
      .map(([age, count]) => [now - gone - age, count] as const)
      .filter(([at]) => at > now - rules.windowMs),
    pausedUntil: pauseMs > 0 ? now + pauseMs : undefined,
  };
}

type AnsweredEvent = Extract<PacerEvent, { kind: 'answered' }>;

function afterAnswer(before: PacerState, event: AnsweredEvent, now: number): PacerState {
  const { windowMs } = before.rules;
  const state: PacerState = {
    ...before,
    inFlight: Math.max(0, before.inFlight - 1),
    sent: limitOf(before) === undefined ? before.sent : settled(before.sent, event.sentAt, now, windowMs),
    stated: event.facts.limit ?? before.stated,
  };
  const told = { ...state, ...heard(state, event.facts, now) };
  if (event.status !== 429) return { ...told, refusals: 0, learned: grown(told, now) };
  const refusals = told.refusals + 1;
  const pause = pauseMs(event, refusals, windowMs);
  const until = Math.max(told.pausedUntil ?? 0, now + pause + event.random * Math.min(1000, pause / 10));
  return { ...told, refusals, pausedUntil: until, learned: halved(told, event, now) };
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

/** How long a 429 closes the gate: as told, else doubling from a second to the window. */
function pauseMs(event: AnsweredEvent, refusals: number, windowMs: number): number {
  const { retryAfterMs, resetInMs } = event.facts;
  const own = Math.min(windowMs, (windowMs / 60) * 2 ** Math.min(refusals - 1, 20));
  if (retryAfterMs !== undefined && retryAfterMs > 0) return retryAfterMs;
  if (resetInMs !== undefined && (event.facts.remaining ?? 0) === 0)
    return Math.max(resetInMs, refusals > 2 ? own : 0);
  return own;
}

/** Half the limit, once per burst of refusals; nothing when the headers explain the refusal. */
function halved(state: PacerState, event: AnsweredEvent, now: number): Learned | undefined {
  if (event.facts.remaining === 0 && event.facts.limit !== undefined) return state.learned;
  if (state.learned !== undefined && event.sentAt < state.learned.halvedAt) return state.learned;
  const used = Math.max(1, countedAfter(state.sent, now - state.rules.windowMs));
  const ceiling = state.learned?.ceiling ?? limitOf(state) ?? 2 * used;
  const from = Math.min(limitOf(state) ?? used, used);
  return { limit: Math.max(1, Math.floor(from / 2)), ceiling, halvedAt: now, changedAt: now };
}

/** A twentieth more for every quarter of a window that went well; forgotten when it has grown back. */
function grown(state: PacerState, now: number): Learned | undefined {
  const { learned, rules } = state;
  if (learned === undefined || now - learned.changedAt < rules.windowMs / 4) return learned;
  const limit = learned.limit + Math.max(1, Math.ceil(learned.ceiling / 20));
  return limit >= learned.ceiling ? undefined : { ...learned, limit, changedAt: now };
}

/** Requests that only the control lane may use, so that a person's question is answered under full load. */
function reserveOf(limit: number): number {
  return limit < 20 ? 0 : Math.min(5, Math.max(1, Math.floor(limit / 60)));
}

/** When so many of our requests have left the window that fewer than `room` are in it. */
function whenBelow(state: PacerState, room: number): number | undefined {
  let used = state.sent.reduce((sum, [, count]) => sum + count, 0);
  for (const [at, count] of state.sent) {
    used -= count;
    if (used < room) return at + state.rules.windowMs;
  }
  return undefined;
}

function closed(reason: ClosedReason, at: number | undefined): Admission {
  return { open: false, reason, at };
}
