import { describe, expect, it } from 'vitest';
import type { RequestClass } from '../../../src/pace/classes.ts';
import type { RateFacts } from '../../../src/pace/headers.ts';
import { restore, snapshot } from '../../../src/pace/memory.ts';
import {
  type Asking,
  admission,
  limitOf,
  next,
  type PacerState,
  startPacer,
  turnOf,
} from '../../../src/pace/pacer.ts';

const RULES = { limit: 60, windowMs: 60_000 };
const LIST = { class: 'bulk', growth: false } as const;
const UPLOAD = { class: 'bulk', growth: true } as const;
const LOOK = { class: 'discovery', growth: false } as const;
const EDIT = { class: 'urgent', growth: true } as const;
const CONTROL = { class: 'control', growth: false } as const;

function send(state: PacerState, now: number, of: RequestClass = 'bulk', random = 0.5): PacerState {
  return next(state, { kind: 'sent', class: of, random }, now);
}

function answer(
  state: PacerState,
  now: number,
  status: number,
  facts: RateFacts = {},
  { random = 0, of = 'bulk' }: { random?: number; of?: RequestClass } = {},
): PacerState {
  return next(send(state, now, of), { kind: 'answered', sentAt: now, status, facts, random }, now);
}

/** Sends while the gate is open, answers at once; gives the number sent. */
function fill(start: PacerState, now: number, asking: Asking = LIST): [PacerState, number] {
  let state = start;
  let sent = 0;
  while (sent < 1000 && admission(state, asking, now).open) {
    state = answer(state, now, 200, {}, { of: asking.class });
    sent += 1;
  }
  return [state, sent];
}

/** Sends as soon as the gate opens, from `from` until `until`; gives the moments. */
function flow(start: PacerState, from: number, until: number, asking: Asking = LIST): [PacerState, number[]] {
  let state = start;
  const moments: number[] = [];
  for (let now = from; now < until; ) {
    const asked = admission(state, asking, now);
    if (asked.open) {
      state = answer(state, now, 200, {}, { of: asking.class });
      moments.push(now);
    } else now = Math.max(now + 1, Math.ceil(asked.at ?? until));
  }
  return [state, moments];
}

describe('the rate gate', () => {
  it('is open without a configured limit and without headers', () => {
    expect(fill(startPacer({ limit: undefined, windowMs: 60_000 }), 0)[1]).toBe(1000);
  });

  it.each([
    [10, 0],
    [60, 1],
    [300, 7],
    [1000, 16],
    [10_000, 16],
  ])('keeps a reserve of a limit of %d for edits and control requests: %d', (limit, reserve) => {
    const [state, moments] = flow(startPacer({ ...RULES, limit }), 0, 59_999);
    expect(moments).toHaveLength(limit - reserve);
    expect(fill(state, 59_999, EDIT)[1]).toBe(reserve);
    expect(fill(startPacer({ ...RULES, limit: Math.min(limit, 900) }), 0, CONTROL)[1]).toBe(
      Math.min(limit, 900),
    );
  });

  it('opens again when the window has moved on, and not a moment before', () => {
    const [state] = fill(startPacer(RULES), 5000, EDIT);
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
    const facts = { limit: 60, remaining: 10, resetInMs: 30_000 };
    const state = answer(startPacer(RULES), 0, 200, facts, { of: 'urgent' });
    expect(fill(state, 0, EDIT)[1]).toBe(10);
    expect(flow(state, 0, 29_000)[1].length).toBeLessThan(10);
  });

  it('sends one request ahead when what it knows of others is old', () => {
    const state = answer(startPacer(RULES), 0, 200, { limit: 60, remaining: 0, resetInMs: 30_000 });
    expect(admission(state, EDIT, 29_999)).toMatchObject({ open: false, at: 30_000 });
    expect(admission(state, EDIT, 30_000).open).toBe(true);
    const ahead = send(state, 30_000, 'urgent');
    expect(admission(ahead, EDIT, 30_000)).toEqual({ open: false, reason: 'answer', at: 40_000 });
    // It may be a long upload.
    expect(admission(ahead, EDIT, 40_000).open).toBe(true);
    const facts = { limit: 60, remaining: 59, resetInMs: 60_000 };
    const told = next(ahead, { kind: 'answered', sentAt: 30_000, status: 200, facts, random: 0 }, 30_100);
    expect(admission(told, EDIT, 30_100).open).toBe(true);
  });

  it('counts down what is left when the window of the server is longer than ours', () => {
    let state = answer(startPacer({ ...RULES, limit: undefined }), 0, 200, {
      limit: 1000,
      remaining: 18,
      resetInMs: 1_800_000,
    });
    state = answer(answer(state, 1, 200), 2, 200);
    expect(admission(state, EDIT, 600_000).open).toBe(true);
    expect(admission(state, LIST, 600_000)).toEqual({ open: false, reason: 'credit', at: 1_800_000 });
    expect(admission(state, LIST, 1_800_000).open).toBe(true);
  });

  it('does not believe that nothing was used when "remaining" never falls', () => {
    let state = startPacer({ ...RULES, limit: undefined });
    let sent = 0;
    while (sent < 100 && admission(state, EDIT, 0).open) {
      state = answer(state, 0, 200, { limit: 60, remaining: 60, resetInMs: 60_000 }, { of: 'urgent' });
      sent += 1;
    }
    expect(sent).toBe(60);
  });

  it('follows a limit that changes while it runs, down and up', () => {
    const told = (limit: number) => answer(startPacer({ ...RULES, limit: undefined }), 0, 200, { limit });
    const lower = answer(told(300), 1, 200, { limit: 20 });
    expect(fill(lower, 1, EDIT)[1]).toBe(18);
    expect(fill(answer(lower, 2, 200, { limit: 100 }), 2, EDIT)[1]).toBe(97);
  });
});

describe('patient requests', () => {
  const wide = { limit: 300, windowMs: 60_000 };

  it('burst up to seven tenths of the limit and keep a distance beyond, so that slots come free all the time', () => {
    const [state, first] = flow(startPacer(wide), 0, 60_000);
    expect(first.filter((at) => at === 0)).toHaveLength(211);
    expect(first).toHaveLength(293);
    const [, later] = flow(state, 60_000, 600_000);
    const gaps = later.map((at, i) => at - (later[i - 1] ?? 60_000));
    expect(Math.max(...gaps)).toBeLessThan(1500);
    // What burst may burst anew: a push that ends in the third window ends at its beginning.
    expect(later.filter((at) => at < 120_500).length).toBeGreaterThan(293 + 200);
  });

  it('burst all but the reserve in a run that ends with its work', () => {
    const [state, first] = flow(startPacer({ ...wide, single: true }), 0, 60_000);
    expect(first.filter((at) => at === 0)).toHaveLength(293);
    const [, later] = flow(state, 60_000, 61_000);
    expect(later).toHaveLength(293);
  });

  it('use 97 % of the limit in the long run', () => {
    for (const limit of [60, 300, 1000]) {
      const [, moments] = flow(startPacer({ ...wide, limit }), 0, 1_200_000);
      const later = moments.filter((at) => at >= 60_000).length / 19;
      expect(later).toBeGreaterThanOrEqual(limit * 0.97);
    }
  });

  it('give up a slot for each edit, so that the window is not full before its end', () => {
    let state = startPacer(wide);
    for (let now = 0; now < 59_000; now += 1000) {
      [state] = flow(state, now, now + 1000);
      expect(admission(state, EDIT, now + 999).open).toBe(true);
      state = answer(state, now + 999, 200, {}, { of: 'urgent' });
    }
  });

  it('leave an edit that comes in the middle of a push a slot at once, again and again', () => {
    let [state] = flow(startPacer(wide), 0, 100_000);
    for (let now = 100_000; now < 220_000; now += 2000) {
      expect(admission(state, EDIT, now).open).toBe(true);
      state = answer(state, now, 200, {}, { of: 'urgent' });
      [state] = flow(state, now, now + 2000);
    }
  });

  it('give discovery half of the limit at most while bulk waits, and all of it else', () => {
    const contested = { ...LOOK, contested: true };
    expect(flow(startPacer(wide), 0, 59_999, contested)[1]).toHaveLength(150);
    expect(flow(startPacer(wide), 0, 59_999, LOOK)[1]).toHaveLength(293);
    const [half] = flow(startPacer(wide), 0, 20_000, LOOK);
    expect(admission(half, contested, 30_000)).toMatchObject({ open: false, reason: 'spread' });
    expect(admission(half, LOOK, 30_000).open).toBe(true);
    expect(admission(half, LIST, 30_000).open).toBe(true);
  });
});

describe('a turn, by which looks may grow old', () => {
  it('is that of the key, four times as long at most where others share it', () => {
    expect(turnOf(startPacer(RULES))).toBe(1000);
    expect(turnOf({ ...startPacer(RULES), company: { rate: 30, gain: 0.1, dueAt: 0, seenAt: 0 } })).toBe(
      2000,
    );
    expect(turnOf({ ...startPacer(RULES), company: { rate: 1, gain: 0.1, dueAt: 0, seenAt: 0 } })).toBe(4000);
  });

  it('is not known without a limit, even after refusals', () => {
    const refused = answer(startPacer({ ...RULES, limit: undefined }), 0, 429);
    expect(refused.company).toBeDefined();
    expect(turnOf(refused)).toBe(0);
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
    expect(state.company?.rate).toBe(0.5);
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
  });

  it('scatters those who were refused together, little when the window was all ours', () => {
    const [full] = fill(startPacer(RULES), 0, EDIT);
    const late = { retryAfterMs: 5000 };
    expect(answer(full, 0, 429, late, { random: 0.5 }).pausedUntil).toBe(5250);
    const alone = answer(startPacer(RULES), 0, 429, late, { random: 0.5 });
    expect(alone.pausedUntil).toBeCloseTo(5000 + 30_000 * (59 / 60));
    const again = answer(alone, alone.pausedUntil ?? 0, 429, late, { random: 0.5 });
    expect((again.pausedUntil ?? 0) - (alone.pausedUntil ?? 0)).toBeGreaterThan(20_000);
  });

  it('counts once for all that were on their way together, and old good news do not undo it', () => {
    let state = send(send(send(startPacer(RULES), 0), 0), 0);
    const answered = { kind: 'answered', sentAt: 0, facts: {}, random: 0 } as const;
    state = next(state, { ...answered, status: 429 }, 20);
    state = next(state, { ...answered, status: 429 }, 30);
    expect(state).toMatchObject({ refusals: 1, pausedUntil: 1030 });
    expect(next(state, { ...answered, status: 200 }, 40).refusals).toBe(1);
    const after = answer(state, 2000, 200);
    expect(after.refusals).toBe(0);
  });

  it('lets one request find out whether the pause is over, and the others wait for its answer', () => {
    const refused = answer(startPacer(RULES), 0, 429, { retryAfterMs: 5000 });
    expect(admission(refused, EDIT, 5000).open).toBe(true);
    const ahead = send(refused, 5000, 'urgent');
    expect(admission(ahead, CONTROL, 5001)).toEqual({ open: false, reason: 'answer', at: 15_000 });
    const lost = next(ahead, { kind: 'failed', sentAt: 5000 }, 6000);
    expect(admission(lost, CONTROL, 6000).open).toBe(true);
  });

  it('pauses for a 503 as well when that one tells how long', () => {
    const state = answer(startPacer(RULES), 0, 503, { retryAfterMs: 9000 });
    expect(state).toMatchObject({ pausedUntil: 9000, refusals: 0, company: undefined });
    expect(answer(startPacer(RULES), 0, 503).pausedUntil).toBeUndefined();
  });

  it('halves the rate once for a burst, and creeps back to the limit', () => {
    let [state] = fill(startPacer(RULES), 0, EDIT);
    state = send(send(state, 10), 10);
    const refused = { kind: 'answered', sentAt: 10, status: 429, facts: {}, random: 0 } as const;
    state = next(next(state, refused, 20), refused, 30);
    expect(limitOf(state)).toBe(30);
    const rates: number[] = [];
    for (let now = 2000; state.company !== undefined && rates.length < 600; now += 1000) {
      state = answer(state, now, 200);
      rates.push(limitOf(state) ?? 0);
    }
    expect(rates[20]).toBeGreaterThan(36);
    expect(rates[20]).toBeLessThan(48);
    expect(rates).toEqual(rates.toSorted((a, b) => a - b));
    // It is forgotten only after four windows in which nothing was refused.
    expect(rates.length).toBeGreaterThan(230);
    expect(rates.length).toBeLessThan(260);
    expect(limitOf(state)).toBe(60);
  });
});

describe('the growth gate', () => {
  it('closes for what grows the store, and for nothing else', () => {
    const full = next(startPacer(RULES), { kind: 'storage', full: true }, 0);
    expect(admission(full, UPLOAD, 0)).toEqual({ open: false, reason: 'growth', at: undefined });
    expect(admission(full, { ...UPLOAD, growth: false }, 0).open).toBe(true);
    expect(admission(next(full, { kind: 'storage', full: false }, 1), UPLOAD, 1).open).toBe(true);
  });
});

describe('a restart', () => {
  it('restores the pause and the requests of the last window from plain JSON', () => {
    const [filled] = fill(startPacer(RULES), 100_000, EDIT);
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

  it('goes on with the rate that others leave, and forgets it as if it had gone on running', () => {
    const facts = { limit: 60, remaining: 20, resetInMs: 30_000 };
    const crowded = answer(startPacer(RULES), 0, 200, facts, { of: 'urgent' });
    const memory = JSON.parse(JSON.stringify(snapshot(crowded, 5000)));
    const state = restore(RULES, memory, 10_000, 500);
    expect(state.company?.rate).toBe(10);
    const alone = { limit: 60, remaining: 60, resetInMs: 30_000 };
    expect(answer(state, 45_000, 200, alone).company).toBeDefined();
    expect(answer(state, 46_000, 200, alone).company).toBeUndefined();
  });

  it('keeps the whole pause when the wall clock went back', () => {
    expect(restore(RULES, { pauseMs: 1000, sent: [] }, -5000, 0).pausedUntil).toBe(1000);
  });
});
