import { describe, expect, it } from 'vitest';
import { RtsyncError } from '../../../src/lib/errors.ts';
import type { Answered, RequestTicket } from '../../../src/lib/gate.ts';
import { createBandwidth } from '../../../src/pace/bandwidth.ts';
import { createPairGate } from '../../../src/pace/pair-gate.ts';
import { createGate } from '../../../src/pace/queue.ts';
import { virtualClock } from '../../support/clock.ts';

const UPLOAD: RequestTicket = { lane: 'transfer', label: 'upload', growth: true };
const OK: Answered = { status: 200, headers: {} };
const STOP = new RtsyncError('stopped', 'an edit goes first');

/** A gate that is used up until its window ends, and what is sent after that, in order. */
async function usedUp(limit = 1) {
  const clock = virtualClock();
  const gate = createGate({ limitPerMinute: limit, windowMs: 60_000, clock, random: () => 0.5 });
  const order: string[] = [];
  const send = (name: string) => async () => {
    order.push(name);
    return OK;
  };
  for (let i = 0; i < limit; i += 1) await gate.run({ ...UPLOAD, urgent: true }, async () => OK);
  return { clock, gate, order, send };
}

const outcome = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => error,
  );

describe('the gate of a pair', () => {
  it('lets a fresh edit go before a bulk that has waited longer', async () => {
    const { clock, gate, order, send } = await usedUp();
    const pair = createPairGate(gate);
    const bulk = [pair.run(UPLOAD, send('bulk 1')), pair.run(UPLOAD, send('bulk 2'))];
    pair.urgent = true;
    const edit = pair.run(UPLOAD, send('edit'));
    pair.urgent = false;
    await clock.run(Promise.all([...bulk, edit]));
    expect(order).toEqual(['edit', 'bulk 1', 'bulk 2']);
  });

  it('takes turns with other pairs, however much one of them asks for', async () => {
    const { clock, gate, order, send } = await usedUp();
    const [large, small] = [createPairGate(gate), createPairGate(gate)];
    const work = ['a1', 'a2', 'a3', 'a4'].map((name) => large.run(UPLOAD, send(name)));
    work.push(small.run(UPLOAD, send('b1')), small.run({ ...UPLOAD, lane: 'metadata' }, send('b2')));
    await clock.run(Promise.all(work));
    expect(order.slice(0, 4).map((name) => name[0])).toEqual(['a', 'b', 'a', 'b']);
    expect(order).toHaveLength(6);
  });

  it('calls back at once what waits, but not what is urgent, concludes a deed, has no signal or belongs to another pair', async () => {
    const { clock, gate, order, send } = await usedUp();
    const [pair, other] = [createPairGate(gate), createPairGate(gate)];
    const { signal } = new AbortController();
    const called = outcome(pair.run(UPLOAD, send('bulk'), signal));
    const rest = [
      pair.run({ ...UPLOAD, urgent: true }, send('edit'), signal),
      pair.run(UPLOAD, send('relied on')),
      pair.run({ ...UPLOAD, concludes: true }, send('concluded'), signal),
      other.run(UPLOAD, send('other'), signal),
    ];
    const before = clock.monotonic();
    pair.callBack(STOP);
    expect(await called).toBe(STOP);
    expect(clock.monotonic()).toBe(before);
    await clock.run(Promise.all(rest));
    expect(order.toSorted()).toEqual(['concluded', 'edit', 'other', 'relied on']);
    expect(gate.counts.total).toBe(5);
  });

  it('refuses what comes anew until it is resumed', async () => {
    const gate = createGate({ clock: virtualClock(), random: () => 0.5 });
    const pair = createPairGate(gate);
    const { signal } = new AbortController();
    pair.callBack(STOP);
    expect(await outcome(pair.run(UPLOAD, async () => OK, signal))).toBe(STOP);
    expect(await outcome(pair.run(UPLOAD, async () => OK))).toBe('done');
    pair.urgent = true;
    expect(await outcome(pair.run(UPLOAD, async () => OK, signal))).toBe('done');
    pair.urgent = false;
    pair.resume();
    expect(await outcome(pair.run(UPLOAD, async () => OK, signal))).toBe('done');
    expect(gate.counts.total).toBe(3);
  });

  it('never calls back what is under way', async () => {
    const clock = virtualClock();
    const pair = createPairGate(createGate({ clock, random: () => 0.5 }));
    let aborted = false;
    const work = pair.run(
      UPLOAD,
      async (signal) => {
        await clock.sleep(5000);
        aborted = signal.aborted;
        return OK;
      },
      new AbortController().signal,
    );
    await clock.advance(1000);
    pair.callBack(STOP);
    expect(await clock.run(outcome(work))).toBe('done');
    expect(aborted).toBe(false);
  });

  it('calls back what was refused for its rate and waits again, also when it is refused after the call', async () => {
    const clock = virtualClock();
    const refusal: Answered = { status: 429, headers: { 'retry-after': '600' } };
    const pair = createPairGate(createGate({ clock, random: () => 0 }));
    const { signal } = new AbortController();
    const first = outcome(pair.run(UPLOAD, async () => refusal, signal));
    await clock.advance(0);
    pair.callBack(STOP);
    expect(await first).toBe(STOP);
    const late = createPairGate(createGate({ clock, random: () => 0 }));
    const slow = async () => {
      await clock.sleep(100);
      return refusal;
    };
    const second = outcome(late.run(UPLOAD, slow, signal));
    await clock.advance(1);
    late.callBack(STOP);
    expect(await clock.run(second, 1000)).toBe(STOP);
  });

  it('passes an abort on, to what waits and to what is under way', async () => {
    const { clock, gate, send } = await usedUp();
    const pair = createPairGate(gate);
    const controller = new AbortController();
    const waiting = outcome(pair.run(UPLOAD, send('never'), controller.signal));
    const free = createPairGate(createGate({ clock, random: () => 0.5 }));
    const underWay = outcome(
      free.run(
        UPLOAD,
        (signal) =>
          new Promise<Answered>((_resolve, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason)),
          ),
        controller.signal,
      ),
    );
    const enough = new Error('enough');
    controller.abort(enough);
    expect(await waiting).toBe(enough);
    expect(await underWay).toBe(enough);
    expect(await outcome(pair.run(UPLOAD, send('never'), controller.signal))).toBe(enough);
  });

  it('calls back what waits for its bytes, which then count for nobody; what began goes on', async () => {
    const clock = virtualClock();
    const pair = createPairGate(createGate({ clock, random: () => 0.5 }));
    const bandwidth = pair.bandwidth(createBandwidth({ clock, rateAt: () => 100_000 }));
    const { signal } = new AbortController();
    const send = (size: number) =>
      bandwidth.transfer({ way: 'up', size, signal }, async (throttle) => {
        for (let left = size; throttle !== undefined && left > 0; left -= throttle.piece)
          await throttle.pass(throttle.piece);
        return clock.monotonic();
      });
    const long = send(100_000);
    const waiting = [send(100_000), ...Array.from({ length: 400 }, () => send(20_000))].map(outcome);
    await clock.advance(1_000);
    const called = clock.monotonic();
    pair.callBack(STOP);
    const ends = await Promise.all(waiting);
    expect([clock.monotonic(), ends.filter((end) => end === STOP).length > 390]).toEqual([called, true]);
    expect(await outcome(send(20_000))).toBe(STOP);
    pair.urgent = true;
    const edit = send(1_000);
    pair.urgent = false;
    pair.resume();
    expect((await clock.run(edit)) - called).toBeLessThan(400);
    expect(await clock.run(long)).toBeLessThan(3_000);
    expect(clock.sleeping).toBe(0);
  });

  it('leaves what waits for its bytes alone when it is urgent or has no signal, and lets a stop end the rest', async () => {
    const clock = virtualClock();
    const pair = createPairGate(createGate({ clock, random: () => 0.5 }));
    const bandwidth = pair.bandwidth(createBandwidth({ clock, rateAt: () => 1_000 }));
    const stop = new AbortController();
    const send = (signal?: AbortSignal) =>
      bandwidth.transfer({ way: 'up', size: 1_000, signal }, async () => 'sent');
    await send();
    pair.urgent = true;
    const edit = outcome(send(stop.signal));
    pair.urgent = false;
    const relied = outcome(send());
    pair.callBack(STOP);
    expect(await clock.run(Promise.all([edit, relied]))).toEqual(['done', 'done']);
    pair.resume();
    const enough = new Error('enough');
    const stopped = outcome(send(stop.signal));
    stop.abort(enough);
    expect(await stopped).toBe(enough);
    expect(bandwidth.rate('up')).toBe(1_000);
  });

  it('speaks of the storage and the limit as the gate does', async () => {
    const gate = createGate({ limitPerMinute: 300, clock: virtualClock(), random: () => 0.5 });
    const pair = createPairGate(gate);
    pair.storageFull(true);
    expect([gate.storageIsFull, pair.storageIsFull, pair.limitPerMinute]).toEqual([true, true, 300]);
    expect(pair.counts).toEqual(gate.counts);
  });
});
