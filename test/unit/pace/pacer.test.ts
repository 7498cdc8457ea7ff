import { describe, expect, it } from 'vitest';
import type { RateFacts } from '../../../src/pace/headers.ts';
import {
  admission,
  limitOf,
  next,
  type PacerState,
  restore,
  snapshot,
  startPacer,
} from '../../../src/pace/pacer.ts';

const RULES = { limit: 60, windowMs: 60_000 };
const LIST = { lane: 'metadata', growth: false } as const;
const UPLOAD = { lane: 'transfer', growth: true } as const;
const CONTROL = { lane: 'control', growth: false } as const;

function answer(
  state: PacerState,
  now: number,
  status: number,
  facts: RateFacts = {},
  random = 0,
): PacerState {
  const sent = next(state, { kind: 'sent' }, now);
  return next(sent, { kind: 'answered', sentAt: now, status, facts, random }, now);
}

/** Sends while the gate is open, answers at once; gives the number sent. */
function fill(
  start: PacerState,
  now: number,
  ticket: typeof LIST | typeof CONTROL = LIST,
): [PacerState, number] {
  let state = start;
  let sent = 0;
  while (sent < 1000 && admission(state, ticket, now).open) {
    state = answer(state, now, 200);
    sent += 1;
  }
  return [state, sent];
}

describe('the rate gate', () => {
  it('is open without a configured limit and without headers', () => {
    expect(fill(startPacer({ limit: undefined, windowMs: 60_000 }), 0)[1]).toBe(1000);
  });

  it('keeps a reserve of the limit for control requests', () => {
    const [state, sent] = fill(startPacer(RULES), 0);
    expect(sent).toBe(59);
    expect(fill(state, 0, CONTROL)[1]).toBe(1);
  });

  it('opens again when the window has moved on, and not a moment before', () => {
    const [state] = fill(startPacer(RULES), 5000);
    const shut = admission(state, LIST, 5000);
    expect(shut).toMatchObject({ open: false, reason: 'window' });
    const at = shut.open ? Number.NaN : (shut.at ?? Number.NaN);
    expect(at).toBeGreaterThan(65_000);
    expect(at).toBeLessThan(65_500);
    expect(admission(state, LIST, at - 1).open).toBe(false);
    expect(admission(state, LIST, at).open).toBe(true);
  });

  it('learns the limit from headers, but never goes above the configured one', () => {
    expect(limitOf(answer(startPacer({ ...RULES, limit: undefined }), 0, 200, { limit: 300 }))).toBe(300);
    expect(limitOf(answer(startPacer(RULES), 0, 200, { limit: 300 }))).toBe(60);
    expect(limitOf(answer(startPacer(RULES), 0, 200, { limit: 30 }))).toBe(30);
  });

  it('leaves room for other users of the key', () => {
    const state = answer(startPacer(RULES), 0, 200, { limit: 60, remaining: 10, resetInMs: 30_000 });
    expect(fill(state, 0)[1]).toBe(9);
  });

  it('sends one request ahead when what it knows of others is old', () => {
    const state = answer(startPacer(RULES), 0, 200, { limit: 60, remaining: 0, resetInMs: 30_000 });
    expect(admission(state, LIST, 29_999)).toMatchObject({ open: false, at: 30_000 });
    expect(admission(state, LIST, 30_000).open).toBe(true);
    const ahead = next(state, { kind: 'sent' }, 30_000);
    expect(admission(ahead, LIST, 30_000)).toEqual({ open: false, reason: 'answer', at: undefined });
    const facts = { limit: 60, remaining: 59, resetInMs: 60_000 };
    const told = next(ahead, { kind: 'answered', sentAt: 30_000, status: 200, facts, random: 0 }, 30_100);
    expect(admission(told, LIST, 30_100).open).toBe(true);
  });

  it('counts down what is left when the window of the server is longer than ours', () => {
    let state = answer(startPacer({ ...RULES, limit: undefined }), 0, 200, {
      limit: 1000,
      remaining: 2,
      resetInMs: 1_800_000,
    });
    state = answer(answer(state, 1, 200), 2, 200);
    expect(admission(state, LIST, 600_000)).toEqual({ open: false, reason: 'credit', at: 1_800_000 });
    expect(admission(state, LIST, 1_800_000).open).toBe(true);
  });

  it('does not believe that nothing was used when "remaining" never falls', () => {
    let state = startPacer({ ...RULES, limit: undefined });
    let sent = 0;
    while (sent < 100 && admission(state, LIST, 0).open) {
      state = answer(state, 0, 200, { limit: 60, remaining: 60, resetInMs: 60_000 });
      sent += 1;
    }
    expect(sent).toBe(59);
  });
});

describe('a refusal', () => {
  it('closes the gate for all lanes for as long as it asks, however long', () => {
    const state = answer(startPacer(RULES), 1000, 429, { retryAfterMs: 7_200_000 });
    expect(admission(state, CONTROL, 2000)).toEqual({ open: false, reason: 'pause', at: 7_201_000 });
  });

  it('is not cut short by a later and smaller one', () => {
    const first = answer(startPacer(RULES), 0, 429, { retryAfterMs: 50_000 });
    const second = answer(first, 1000, 429, { retryAfterMs: 1000 });
    expect(second.pausedUntil).toBe(50_000);
  });

  it('waits for the reset when there is no Retry-After', () => {
    const state = answer(startPacer(RULES), 0, 429, { limit: 60, remaining: 0, resetInMs: 20_000 });
    expect(state.pausedUntil).toBe(20_000);
    expect(state.learned).toBeUndefined();
  });

  it('doubles its own pause without any word of the server, with jitter on top only', () => {
    let state = startPacer(RULES);
    const pauses: number[] = [];
    for (let i = 0; i < 9; i += 1) {
      const now = state.pausedUntil ?? 0;
      state = answer(state, now, 429);
      pauses.push((state.pausedUntil ?? 0) - now);
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    const jittered = answer(startPacer(RULES), 0, 429, { retryAfterMs: 5000 }, 0.5);
    expect(jittered.pausedUntil).toBe(5250);
  });

  it('halves the rate once for a burst, and creeps back to the limit', () => {
    let [state] = fill(startPacer(RULES), 0);
    state = next(next(state, { kind: 'sent' }, 10), { kind: 'sent' }, 10);
    const refused = { kind: 'answered', sentAt: 10, status: 429, facts: {}, random: 0 } as const;
    state = next(next(state, refused, 20), refused, 30);
    expect(limitOf(state)).toBe(30);
    const grown: (number | undefined)[] = [];
    for (let quarter = 1; quarter <= 11; quarter += 1) {
      state = answer(state, 30 + quarter * 15_000, 200);
      grown.push(limitOf(state));
    }
    expect(grown).toEqual([33, 36, 39, 42, 45, 48, 51, 54, 57, 60, 60]);
    expect(state.learned).toBeUndefined();
  });
});

describe('the growth gate', () => {
  it('closes for what grows the store, and for nothing else', () => {
    const full = next(startPacer(RULES), { kind: 'storage', full: true }, 0);
    expect(admission(full, UPLOAD, 0)).toEqual({ open: false, reason: 'growth', at: undefined });
    expect(admission(full, { lane: 'transfer', growth: false }, 0).open).toBe(true);
    expect(admission(next(full, { kind: 'storage', full: false }, 1), UPLOAD, 1).open).toBe(true);
  });
});

describe('a restart', () => {
  it('restores the pause and the requests of the last window from plain JSON', () => {
    const [filled] = fill(startPacer(RULES), 100_000);
    const paused = answer(filled, 100_000, 429, { retryAfterMs: 300_000 });
    const memory = JSON.parse(JSON.stringify(snapshot(paused, 110_000)));
    const state = restore(RULES, memory, 5000, 7);
    expect(state.pausedUntil).toBe(7 + 290_000 - 5000);
    expect(admission({ ...state, pausedUntil: undefined }, LIST, 7)).toMatchObject({
      open: false,
      reason: 'window',
    });
    expect(admission({ ...state, pausedUntil: undefined }, LIST, 7 + 46_000).open).toBe(true);
  });

  it('keeps the whole pause when the wall clock went back', () => {
    expect(restore(RULES, { pauseMs: 1000, sent: [] }, -5000, 0).pausedUntil).toBe(1000);
  });
});
