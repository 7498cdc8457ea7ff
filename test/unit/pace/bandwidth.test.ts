import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bandwidth, Way } from '../../../src/lib/bandwidth.ts';
import { createBandwidth } from '../../../src/pace/bandwidth.ts';
import { type VirtualClock, virtualClock } from '../../support/clock.ts';

const KB = 1000;

interface Passed {
  readonly at: number;
  readonly bytes: number;
}

function bucket(clock: VirtualClock, rate: number | undefined, way: Way = 'up') {
  const bandwidth = createBandwidth({ clock, rateAt: (asked) => (asked === way ? rate : undefined) });
  return { bandwidth, ...sending(clock, bandwidth, way) };
}

/** A transfer that does nothing but let its bytes through; gives when the last one went. */
function sending(clock: VirtualClock, bandwidth: Bandwidth, way: Way = 'up') {
  const passed: Passed[] = [];
  const send = (size: number, signal?: AbortSignal): Promise<number> =>
    bandwidth.transfer({ way, size, signal }, async (throttle) => {
      if (throttle === undefined) passed.push({ at: clock.monotonic(), bytes: size });
      for (let left = size; throttle !== undefined && left > 0; ) {
        const bytes = Math.min(throttle.piece, left);
        await throttle.pass(bytes);
        passed.push({ at: clock.monotonic(), bytes });
        left -= bytes;
      }
      return clock.monotonic();
    });
  return { send, passed };
}

describe('a limit on bytes', () => {
  it('is kept in any span of time, whatever is sent when', async () => {
    const files = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 200_000 })),
      {
        minLength: 1,
        maxLength: 25,
      },
    );
    await fc.assert(
      fc.asyncProperty(files, fc.integer({ min: 20 * KB, max: 2000 * KB }), async (plan, rate) => {
        const clock = virtualClock();
        const { send, passed } = bucket(clock, rate);
        const all = plan.map(async ([after, size]) => {
          await clock.sleep(after);
          await send(size);
        });
        await clock.run(Promise.all(all));
        const largest = Math.max(64 * 1024, rate / 4);
        for (const [i, first] of passed.entries()) {
          let bytes = 0;
          for (const one of passed.slice(i)) {
            bytes += one.bytes;
            // What was owed before, a tenth of a second's credit, and the last piece.
            expect(bytes).toBeLessThanOrEqual(((one.at - first.at + 100) / 1000) * rate + largest + 1);
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  it('is used: a long file takes its bytes by the rate, and no longer', async () => {
    const clock = virtualClock();
    const { send } = bucket(clock, 100 * KB);
    const end = await clock.run(send(1_000 * KB));
    expect(end).toBeGreaterThan(9_700);
    expect(end).toBeLessThanOrEqual(10_000);
  });

  it('does not hold up a file that comes alone', async () => {
    const clock = virtualClock();
    const { send } = bucket(clock, 10 * KB);
    expect(await clock.run(send(16 * 1024))).toBe(0);
  });

  it('lets a small file between the pieces of long ones, however many these are', async () => {
    const clock = virtualClock();
    const { send } = bucket(clock, 100 * KB);
    const long = Promise.all(Array.from({ length: 8 }, () => send(1_000 * KB)));
    await clock.advance(3_000);
    const asked = clock.monotonic();
    // The piece under way is an eighth of a second.
    expect((await clock.run(send(1 * KB))) - asked).toBeLessThanOrEqual(130);
    await clock.run(long);
  });

  it('lets long files go on while small ones keep coming', async () => {
    const clock = virtualClock();
    const { send } = bucket(clock, 100 * KB);
    const small = Promise.all(Array.from({ length: 500 }, () => send(20 * KB)));
    const end = await clock.run(send(100 * KB));
    expect(end).toBeLessThan(4_000);
    await clock.run(small);
  });

  it('sends long files one after the other where each alone is slow', async () => {
    const clock = virtualClock();
    const { send } = bucket(clock, 100 * KB);
    const ends: number[] = [];
    const all = [1, 2, 3].map(async () => ends.push(await send(500 * KB)));
    await clock.run(Promise.all(all));
    expect(ends.map((end) => Math.round(end / 1000))).toEqual([5, 10, 15]);
  });

  it('is of one way alone, and there is none where none is said', async () => {
    const clock = virtualClock();
    const { bandwidth } = bucket(clock, 10 * KB, 'up');
    const { send } = sending(clock, bandwidth, 'down');
    expect(bandwidth.rate('up')).toBe(10 * KB);
    expect(bandwidth.rate('down')).toBeUndefined();
    expect(await clock.run(send(1e9))).toBe(0);
  });

  it('changes with the time of the day while a file is on its way', async () => {
    const clock = virtualClock();
    const rateAt = () => (clock.monotonic() < 5_000 ? 100 * KB : undefined);
    const { send } = sending(clock, createBandwidth({ clock, rateAt }));
    const end = await clock.run(send(100_000 * KB));
    expect(end).toBeGreaterThanOrEqual(5_000);
    expect(end).toBeLessThan(5_200);
  });

  it('lets go whoever is told to stop, and the others on', async () => {
    const clock = virtualClock();
    const { send } = bucket(clock, 10 * KB);
    const stop = new AbortController();
    const first = send(100 * KB);
    await clock.advance(500);
    const stopped = send(100 * KB, stop.signal).catch((error: unknown) => error);
    const small = send(10 * KB, stop.signal).catch((error: unknown) => error);
    const last = send(100 * KB);
    stop.abort('enough');
    expect([await stopped, await small]).toEqual(['enough', 'enough']);
    expect(Math.round((await clock.run(first)) / 1000)).toBe(10);
    expect(Math.round((await clock.run(last)) / 1000)).toBe(20);
  });
});
