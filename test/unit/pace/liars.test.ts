import { describe, expect, it } from 'vitest';
import type { Answered, RequestTicket } from '../../../src/lib/gate.ts';
import { createGate } from '../../../src/pace/queue.ts';
import { type VirtualClock, virtualClock } from '../../support/clock.ts';
import { busiestWindow, rateServer } from '../../support/rate-server.ts';

const LIST: RequestTicket = { lane: 'metadata', label: 'list', growth: false };
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** A server with a real limit of 60 in any minute that tells of it as `headers` makes it up. */
function liar(clock: VirtualClock, headers: (now: number, remaining: number) => Record<string, string>) {
  // Its own clock does not jump with ours.
  const server = rateServer({ clock: { ...clock, now: clock.monotonic }, limit: 60, headers: false });
  const at: number[] = [];
  const send = async (): Promise<Answered> => {
    at.push(clock.monotonic());
    const { status } = await server.send();
    const used = server.accepted.filter((one) => one > clock.monotonic() - MINUTE).length;
    return { status, headers: headers(clock.now(), 60 - used) };
  };
  return { send, at, server };
}

/** The requests of three minutes, and what the server refused. */
async function threeMinutes(clock: VirtualClock, told: ReturnType<typeof liar>, limitPerMinute?: number) {
  const gate = createGate({ limitPerMinute, clock, random: () => 0.5 });
  const work = Promise.all(Array.from({ length: 400 }, () => gate.run(LIST, told.send)));
  work.catch(() => undefined);
  await clock.advance(3 * MINUTE);
  return { sent: told.at.length, refused: told.server.refused };
}

/** Park and Miller. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

const base = (remaining: number) => ({
  'x-ratelimit-limit': '60',
  'x-ratelimit-remaining': String(remaining),
});

describe('headers that lie or speak another dialect', () => {
  const seconds = (ms: number) => String(Math.floor(ms / 1000));

  it.each<[string, (now: number, remaining: number) => Record<string, string>]>([
    ['a remaining that never falls', () => base(60)],
    ['a reset in the past', (now, left) => ({ ...base(left), 'x-ratelimit-reset': seconds(now - HOUR) })],
    ['a reset in milliseconds from now', (_, left) => ({ ...base(left), 'x-ratelimit-reset': '30000' })],
    [
      'a reset in epoch milliseconds',
      (now, left) => ({ ...base(left), 'x-ratelimit-reset': `${now + 9e3}` }),
    ],
    ['a reset in seconds from now', (_, left) => ({ ...base(left), 'x-ratelimit-reset': '60' })],
    ['a reset in epoch seconds', (now, left) => ({ ...base(left), 'x-ratelimit-reset': seconds(now + 3e4) })],
    [
      'a reset as an HTTP date',
      (now, left) => ({ ...base(left), 'x-ratelimit-reset': new Date(now + 30_000).toUTCString() }),
    ],
    ['no reset at all', (_, left) => base(left)],
    ['a limit only', () => ({ 'x-ratelimit-limit': '60' })],
    ['a remaining in words', () => ({ ...base(60), 'x-ratelimit-remaining': 'plenty' })],
  ])('%s: the budget is used and holds', async (_name, headers) => {
    const clock = virtualClock();
    const told = liar(clock, headers);
    const { sent, refused } = await threeMinutes(clock, told);
    expect(refused).toBe(0);
    expect(busiestWindow(told.at, MINUTE)).toBeLessThanOrEqual(60);
    expect(sent).toBeGreaterThan(2 * 58);
  });

  it.each([-HOUR * 30, -1_500_000, 1_500_000, HOUR * 30])(
    'a wall clock that jumps by %d ms neither hurries nor stops anything',
    async (jump) => {
      const clock = virtualClock();
      let server = clock.now();
      const begun = clock.monotonic();
      // The server's clock goes on as before, and it tells no date.
      const told = liar(clock, (_, left) => {
        server = Date.UTC(2026, 0, 1) + clock.monotonic() - begun;
        return { ...base(left), 'x-ratelimit-reset': seconds(server + 20_000) };
      });
      const gate = createGate({ clock, random: () => 0.5 });
      void Promise.all(Array.from({ length: 400 }, () => gate.run(LIST, told.send)));
      await clock.advance(MINUTE + 5000);
      const before = told.at.length;
      clock.jump(jump);
      await clock.advance(2 * MINUTE);
      expect(busiestWindow(told.at, MINUTE)).toBeLessThanOrEqual(60);
      expect(told.at.length - before).toBeGreaterThan(110);
    },
  );
});

describe('a refusal', () => {
  it.each([
    ['a date', (now: number) => new Date(now + 40_000).toUTCString(), 40_000],
    ['seconds', () => '40', 40_000],
  ])(
    'with Retry-After as %s is waited out, also when the wall clock jumps meanwhile',
    async (_n, text, ms) => {
      for (const jump of [-HOUR, HOUR]) {
        const clock = virtualClock();
        const at: number[] = [];
        const send = async (): Promise<Answered> => {
          at.push(clock.monotonic());
          return at.length > 1
            ? { status: 200, headers: {} }
            : { status: 429, headers: { 'retry-after': text(clock.now()) } };
        };
        const work = createGate({ clock, random: () => 0 }).run(LIST, send);
        await clock.advance(1000);
        clock.jump(jump);
        await clock.run(work);
        expect(at[1]).toBe(ms);
      }
    },
  );

  it('with Retry-After 0 is not answered at once: the pause is ours, and doubles', async () => {
    const clock = virtualClock();
    const at: number[] = [];
    const gate = createGate({ clock, random: () => 0 });
    const work = gate.run(LIST, async () => {
      at.push(clock.monotonic());
      return { status: at.length < 5 ? 429 : 200, headers: { 'retry-after': '0' } };
    });
    await clock.run(work);
    const gaps = at.slice(1).map((one, i) => one - (at[i] ?? 0));
    // The rate of half a request a window, then a quarter, comes on top.
    for (const [i, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(1000 * 2 ** i);
  });

  it('without headers for an hour costs about a request a minute, and then all goes on', async () => {
    const clock = virtualClock();
    let sent = 0;
    let done = 0;
    const gate = createGate({ limitPerMinute: 300, clock, random: () => 0.5 });
    const send = async (): Promise<Answered> => {
      sent += 1;
      return { status: clock.monotonic() < HOUR ? 429 : 200, headers: {} };
    };
    const again = async (): Promise<void> => {
      // Who is refused too often comes back with the next cycle.
      while ((await gate.run(LIST, send).catch(() => undefined)) === undefined);
      done += 1;
    };
    const work = Promise.all(Array.from({ length: 100 }, again));
    await clock.advance(HOUR);
    expect(sent).toBeLessThan(70 + 32);
    expect(done).toBe(0);
    const before = sent;
    await clock.run(work, 4 * HOUR);
    expect(sent - before).toBe(100);
  });

  it('of somebody who drains the key leaves little for us, but no storm', async () => {
    const clock = virtualClock();
    const server = rateServer({ clock, limit: 60, travelMs: () => [5, 5] });
    const drain = async (): Promise<void> => {
      for (let i = 0; i < 20 * 60; i += 1) {
        server.foreign();
        await clock.sleep(1000);
      }
    };
    void drain();
    await clock.advance(30_000);
    const before = server.refused;
    const gate = createGate({ clock, random: seeded(7) });
    void Promise.all(Array.from({ length: 400 }, () => gate.run(LIST, server.send))).catch(() => undefined);
    await clock.advance(15 * MINUTE);
    expect(gate.counts.total).toBeGreaterThan(8);
    expect(gate.counts.limited).toBeLessThan(15);
    expect(server.refused - before).toBeLessThan(900);
  });
});
