import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { isCode } from '../../../src/lib/errors.ts';
import type { Answered, RequestTicket } from '../../../src/lib/gate.ts';
import { createGate, parseSavedPace, type SavedPace } from '../../../src/pace/queue.ts';
import { virtualClock } from '../../support/clock.ts';
import { busiestWindow, rateServer } from '../../support/rate-server.ts';

const LIST: RequestTicket = { lane: 'metadata', label: 'list', growth: false };
const UPLOAD: RequestTicket = { lane: 'transfer', label: 'upload', growth: true };
const OK: Answered = { status: 200, headers: {} };
const half = () => 0.5;

describe('the budget', () => {
  it('never passes the limit in any window, whatever arrives when, and however long requests travel', async () => {
    const scenario = fc.record({
      limit: fc.integer({ min: 1, max: 40 }),
      gaps: fc.array(fc.constantFrom(0, 0, 0, 1, 7, 40, 300, 1100), { minLength: 1, maxLength: 120 }),
      travel: fc.array(fc.tuple(fc.integer({ min: 0, max: 24 }), fc.integer({ min: 0, max: 200 })), {
        minLength: 1,
        maxLength: 9,
      }),
      concurrency: fc.integer({ min: 1, max: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ limit, gaps, travel, concurrency }) => {
        const clock = virtualClock();
        const windowMs = 1000;
        let turn = 0;
        const travelMs = () => travel[turn++ % travel.length] ?? ([0, 0] as const);
        const server = rateServer({ clock, limit, windowMs, headers: false, travelMs });
        const starts: number[] = [];
        const gate = createGate({ limitPerMinute: limit, windowMs, concurrency, clock, random: half });
        const work: Promise<Answered>[] = [];
        for (const gap of gaps) {
          if (gap > 0) await clock.advance(gap);
          const send = () => {
            starts.push(clock.now());
            return server.send();
          };
          work.push(gate.run(LIST, send));
        }
        await clock.run(Promise.all(work));
        expect(server.refused).toBe(0);
        expect(busiestWindow(starts, windowMs)).toBeLessThanOrEqual(limit);
        expect(server.accepted).toHaveLength(gaps.length);
      }),
      { numRuns: 60 },
    );
  });

  it.each([60, 300])(
    'uses at least 95 %% of %d a minute when there is work, and is never refused',
    async (limit) => {
      const clock = virtualClock();
      let seed = 1;
      const travelMs = () => {
        seed = (seed * 16_807) % 2_147_483_647;
        return [seed % 300, seed % 500] as const;
      };
      const server = rateServer({ clock, limit, travelMs });
      const gate = createGate({ limitPerMinute: limit, clock, random: half });
      const begun = clock.now();
      const work = Array.from({ length: limit * 8 }, () => gate.run(LIST, server.send));
      void Promise.all(work);
      await clock.advance(6 * 60_000);
      expect(server.refused).toBe(0);
      const later = server.accepted.filter((at) => at > begun + 60_000);
      expect(later.length / 5).toBeGreaterThanOrEqual(limit * 0.95);
      await clock.run(Promise.all(work));
    },
  );

  it('is never refused after it has seen headers, though nobody told it the limit', async () => {
    const clock = virtualClock();
    const server = rateServer({ clock, limit: 50, travelMs: () => [20, 30] });
    const gate = createGate({ clock, random: half });
    await clock.run(gate.run(LIST, server.send));
    await clock.run(Promise.all(Array.from({ length: 300 }, () => gate.run(LIST, server.send))));
    expect(server.refused).toBe(0);
    expect(gate.counts).toMatchObject({ total: 301, limited: 0, byLabel: { list: 301 } });
  });

  it('makes room for others with the same key', async () => {
    const clock = virtualClock();
    const server = rateServer({ clock, limit: 60, window: 'fixed', travelMs: () => [5, 5] });
    const gate = createGate({ clock, random: half });
    for (let i = 0; i < 40; i += 1) server.foreign();
    await clock.run(gate.run(LIST, server.send));
    const work = Promise.all(Array.from({ length: 60 }, () => gate.run(LIST, server.send)));
    await clock.advance(59_000);
    expect(server.accepted.length).toBeGreaterThan(45);
    expect(server.accepted.length).toBeLessThan(60);
    await clock.run(work);
    expect(server.refused).toBe(0);
    expect(clock.monotonic()).toBeLessThan(180_000);
  });

  it('costs little when there is no limit', async () => {
    const gate = createGate({ clock: systemClock(), random: half });
    const send = async () => OK;
    const spent = process.cpuUsage();
    for (let round = 0; round < 100; round += 1) {
      await Promise.all(Array.from({ length: 100 }, () => gate.run(LIST, send)));
    }
    const { user, system } = process.cpuUsage(spent);
    expect(gate.counts.total).toBe(10_000);
    // Usually a tenth of a second. The bound is far off, so that only a cost that grows with the number sent breaks it.
    expect((user + system) / 1e6).toBeLessThan(5);
  });
});

describe('a refused request', () => {
  const refusal = (headers: Record<string, string>): Answered => ({ status: 429, headers });

  it('is sent again after the pause, which closes every lane', async () => {
    const clock = virtualClock({ now: 0 });
    const starts: number[] = [];
    const answers = [refusal({ 'retry-after': '30' }), OK];
    const gate = createGate({ clock, random: () => 0 });
    const first = gate.run(LIST, async () => {
      starts.push(clock.now());
      return answers.shift() ?? OK;
    });
    await clock.advance(1);
    const other = gate.run({ ...UPLOAD, lane: 'control' }, async () => {
      starts.push(clock.now());
      return OK;
    });
    expect(gate.pausedUntil).toBe(30_000);
    await clock.run(Promise.all([first, other]));
    expect(starts[0]).toBe(0);
    expect(starts.slice(1).every((at) => at >= 30_000)).toBe(true);
    expect(gate.counts).toMatchObject({ total: 3, limited: 1 });
    expect(gate.pausedUntil).toBeUndefined();
  });

  it('is given up after 20 tries', async () => {
    const clock = virtualClock();
    const gate = createGate({ clock, random: () => 0 });
    const work = gate.run(LIST, async () => refusal({ 'retry-after': '1' }));
    work.catch(() => undefined);
    await expect(clock.run(work)).rejects.toSatisfy((error) => isCode(error, 'rate-limited'));
    expect(gate.counts.total).toBe(20);
  });

  it('fails at once, with all that wait, when the pause is longer than the run may wait', async () => {
    const clock = virtualClock();
    const gate = createGate({ clock, random: () => 0, maxWaitMs: 60_000, concurrency: 1 });
    const first = gate.run(LIST, async () => refusal({ 'retry-after': '3600' }));
    const second = gate.run(UPLOAD, async () => OK);
    for (const work of [first, second]) {
      await expect(work).rejects.toThrow('a pause of 60 minutes');
    }
    await expect(gate.run(LIST, async () => OK)).rejects.toSatisfy((error) => isCode(error, 'rate-limited'));
    expect(gate.counts.total).toBe(1);
    expect(clock.sleeping).toBe(0);
  });

  it('passes other answers and errors on untouched', async () => {
    const gate = createGate({ clock: virtualClock(), random: half });
    expect(await gate.run(LIST, async () => ({ status: 503, headers: {} }))).toEqual({
      status: 503,
      headers: {},
    });
    const fault = new Error('socket hang up');
    await expect(gate.run(LIST, () => Promise.reject(fault))).rejects.toBe(fault);
    expect(await gate.run(LIST, async () => OK)).toBe(OK);
  });
});

describe('lanes', () => {
  /** A gate whose budget is used up until the next window; gives the order in which labels are sent then. */
  async function orderOf(tickets: readonly RequestTicket[]): Promise<string[]> {
    const clock = virtualClock();
    const gate = createGate({ limitPerMinute: 1, windowMs: 1000, clock, random: half });
    await gate.run(LIST, async () => OK);
    const order: string[] = [];
    const send = (label: string) => async () => {
      order.push(label);
      return OK;
    };
    await clock.run(Promise.all(tickets.map((ticket) => gate.run(ticket, send(ticket.label)))));
    return order;
  }

  it('let control go first, then the higher priority of any lane', async () => {
    const order = await orderOf([
      { ...LIST, label: 'list' },
      { ...UPLOAD, label: 'upload' },
      { ...UPLOAD, label: 'saved by a person', priority: 10 },
      { ...LIST, label: 'status', lane: 'control' },
    ]);
    expect(order.slice(0, 2)).toEqual(['status', 'saved by a person']);
  });

  it('take turns at equal priority, first come first served inside', async () => {
    const order = await orderOf(
      [1, 2, 3].flatMap((n) => [
        { ...LIST, label: `l${n}` },
        { ...UPLOAD, label: `u${n}` },
      ]),
    );
    expect(order).toEqual(['u1', 'l1', 'u2', 'l2', 'u3', 'l3']);
  });

  it('keep slots for lists and control when transfers are long', async () => {
    const clock = virtualClock();
    const gate = createGate({ clock, random: half, concurrency: 4 });
    let running = 0;
    let most = 0;
    const slow = async () => {
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(10_000);
      running -= 1;
      return OK;
    };
    const transfers = Promise.all(Array.from({ length: 9 }, () => gate.run(UPLOAD, slow)));
    const quick: string[] = [];
    const lists = [LIST, { ...LIST, lane: 'control' as const }].map((ticket) =>
      gate.run(ticket, async () => {
        quick.push(ticket.lane);
        return OK;
      }),
    );
    await Promise.all(lists);
    expect(quick.toSorted()).toEqual(['control', 'metadata']);
    expect(running).toBe(2);
    await clock.run(transfers);
    expect(most).toBe(2);
  });
});

describe('classes', () => {
  it('go control, urgent, and then bulk and discovery by turns', async () => {
    const clock = virtualClock();
    const gate = createGate({ limitPerMinute: 1, windowMs: 1000, clock, random: half });
    await gate.run(LIST, async () => OK);
    const order: string[] = [];
    const run = (name: string, ticket: RequestTicket) =>
      gate.run(ticket, async () => {
        order.push(name);
        return OK;
      });
    const look = { ...LIST, discovery: true };
    const work = [
      ...['b1', 'b2', 'b3'].map((name) => run(name, UPLOAD)),
      ...['d1', 'd2', 'd3'].map((name) => run(name, look)),
      run('edit', { ...UPLOAD, urgent: true }),
      run('status', { ...LIST, lane: 'control' }),
    ];
    await clock.run(Promise.all(work));
    expect(order.slice(0, 2)).toEqual(['status', 'edit']);
    expect(order.slice(2).map((name) => name[0])).toEqual(expect.arrayContaining(['b', 'd']));
    for (let i = 3; i < 8; i += 1) expect(order[i]?.[0]).not.toBe(order[i - 1]?.[0]);
  });

  it('let an edit go at once in the middle of a push that has used up its window', async () => {
    const clock = virtualClock();
    const server = rateServer({ clock, limit: 300, travelMs: () => [10, 10] });
    const gate = createGate({ clock, random: half });
    void Promise.all(Array.from({ length: 1500 }, () => gate.run(UPLOAD, server.send)));
    for (let edit = 0; edit < 60; edit += 1) {
      await clock.advance(2000);
      const begun = clock.monotonic();
      for (let i = 0; i < 3; i += 1)
        await clock.run(gate.run({ ...LIST, urgent: true }, server.send), 60_000);
      expect(clock.monotonic() - begun).toBeLessThan(1000);
    }
    expect(server.refused).toBe(0);
  });

  it('give all of the limit to whatever is there alone', async () => {
    for (const ticket of [LIST, { ...LIST, discovery: true }, { ...LIST, urgent: true }]) {
      const clock = virtualClock();
      const server = rateServer({ clock, limit: 300, travelMs: () => [10, 10] });
      const gate = createGate({ clock, random: half });
      void Promise.all(Array.from({ length: 2000 }, () => gate.run(ticket, server.send)));
      await clock.advance(5 * 60_000);
      expect(server.accepted.length).toBeGreaterThanOrEqual(5 * 300 * 0.97);
      expect(busiestWindow(server.accepted, 60_000)).toBeLessThanOrEqual(300);
    }
  });
});

describe('how many are on their way', () => {
  /** The most at once while 200 uploads of 100 ms run, each answered by `status`. */
  async function most(answer: (i: number) => Promise<Answered>, ticket = UPLOAD): Promise<number[]> {
    const clock = virtualClock();
    const gate = createGate({ clock, random: half });
    const running: number[] = [];
    let now = 0;
    const work = Array.from({ length: 200 }, (_, i) =>
      gate
        .run(ticket, async () => {
          now += 1;
          running.push(now);
          await clock.sleep(100);
          now -= 1;
          return answer(i);
        })
        .catch(() => undefined),
    );
    await clock.run(Promise.all(work));
    return running;
  }

  it('grows from eight to all but the slots for edits, lists and control', async () => {
    const running = await most(async () => OK);
    expect(Math.max(...running.slice(0, 5))).toBe(5);
    expect(Math.max(...running)).toBe(29);
  });

  it('shrinks when the server or the line is in trouble', async () => {
    const busy = await most(async () => ({ status: 503, headers: {} }));
    expect(Math.max(...busy)).toBeLessThanOrEqual(5);
    const reset = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    const broken = await most(async () => Promise.reject(new Error('fetch failed', { cause: reset })));
    expect(Math.max(...broken)).toBeLessThanOrEqual(5);
    // A fault of ours says nothing about the server.
    const ours = await most(async () => Promise.reject(new Error('no such file')));
    expect(Math.max(...ours)).toBe(29);
  });

  it('keeps to five on the smallest tier', async () => {
    const told = { status: 200, headers: { 'x-ratelimit-limit': '60' } };
    const running = await most(async () => told, { ...UPLOAD, urgent: true });
    expect(Math.max(...running.slice(8))).toBeLessThanOrEqual(5);
  });
});

describe('a full store', () => {
  it('holds what grows it until there is room, and lets the rest pass', async () => {
    const clock = virtualClock();
    const gate = createGate({ clock, random: half });
    gate.storageFull(true);
    const sent: string[] = [];
    const note = (label: string) => async () => {
      sent.push(label);
      return OK;
    };
    const upload = gate.run(UPLOAD, note('upload'));
    await gate.run({ ...UPLOAD, label: 'download', growth: false }, note('download'));
    await clock.advance(3_600_000);
    expect(sent).toEqual(['download']);
    gate.storageFull(false);
    await upload;
    expect(sent).toEqual(['download', 'upload']);
  });

  it('fails what waits for longer than the run may wait', async () => {
    const clock = virtualClock();
    const gate = createGate({ clock, random: half, maxWaitMs: 5000 });
    gate.storageFull(true);
    const work = gate.run(UPLOAD, async () => OK);
    work.catch(() => undefined);
    await expect(clock.run(work)).rejects.toSatisfy((error) => isCode(error, 'storage-full'));
    expect(clock.monotonic()).toBe(5000);
  });
});

describe('an abort', () => {
  it('rejects a waiting request with its reason, never sends it, and leaves nothing behind', async () => {
    const clock = virtualClock();
    const gate = createGate({ limitPerMinute: 1, clock, random: half });
    await gate.run(LIST, async () => OK);
    const controller = new AbortController();
    let sent = false;
    const work = gate.run(
      LIST,
      async () => {
        sent = true;
        return OK;
      },
      controller.signal,
    );
    controller.abort(new Error('stopped by hand'));
    await expect(work).rejects.toThrow('stopped by hand');
    await clock.advance(120_000);
    expect(sent).toBe(false);
    expect(clock.sleeping).toBe(0);
    await expect(gate.run(LIST, async () => OK, controller.signal)).rejects.toThrow('stopped by hand');
  });

  it('reaches the request that is on its way', async () => {
    const gate = createGate({ clock: virtualClock(), random: half });
    const controller = new AbortController();
    const work = gate.run(
      LIST,
      (signal) =>
        new Promise<Answered>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        ),
      controller.signal,
    );
    controller.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
  });
});

describe('a restart', () => {
  it('goes on with the pause where it was, on another clock', async () => {
    const clock = virtualClock();
    let kept: string | undefined;
    const before = createGate({
      clock,
      random: () => 0,
      maxWaitMs: 1000,
      onPause: (saved: SavedPace) => {
        kept = JSON.stringify(saved);
      },
    });
    const refused = before.run(LIST, async () => ({ status: 429, headers: { 'retry-after': '100' } }));
    await expect(refused).rejects.toThrow('a pause of 100 seconds');

    const later = virtualClock({ now: clock.now() + 40_000 });
    const after = createGate({ clock: later, random: () => 0, saved: parseSavedPace(kept) });
    expect(after.pausedUntil).toBe(later.now() + 60_000);
    let sentAt = 0;
    await later.run(
      after.run(LIST, async () => {
        sentAt = later.monotonic();
        return OK;
      }),
    );
    expect(sentAt).toBe(60_000);
  });

  it('counts what the process before has sent', async () => {
    const clock = virtualClock();
    const before = createGate({ limitPerMinute: 2, clock, random: half });
    await Promise.all([before.run(LIST, async () => OK), before.run(LIST, async () => OK)]);
    const after = createGate({ limitPerMinute: 2, clock, random: half, saved: before.snapshot() });
    await clock.run(after.run(LIST, async () => OK));
    expect(clock.monotonic()).toBeGreaterThanOrEqual(60_000);
  });

  it('reads nothing from a note that is none', () => {
    for (const text of [undefined, '', '{"version":2}', 'null']) expect(parseSavedPace(text)).toBeUndefined();
  });
});
