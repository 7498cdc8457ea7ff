import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../support/clock.ts';

describe('the virtual clock', () => {
  it('wakes sleepers in the order of their times, and lets them sleep again within one advance', async () => {
    const clock = virtualClock({ now: 1000 });
    const seen: string[] = [];
    const sleeper = async (name: string, ...naps: number[]) => {
      for (const nap of naps) {
        await clock.sleep(nap);
        seen.push(`${name}@${clock.now()}`);
      }
    };
    void sleeper('a', 30, 10);
    void sleeper('b', 20, 20);
    await clock.advance(39);
    expect(seen).toEqual(['b@1020', 'a@1030']);
    await clock.advance(1);
    // Both are due now; b lay down first.
    expect(seen).toEqual(['b@1020', 'a@1030', 'b@1040', 'a@1040']);
    expect(clock.sleeping).toBe(0);
  });

  it('rejects an aborted sleeper with the reason and forgets it', async () => {
    const clock = virtualClock();
    const controller = new AbortController();
    const nap = clock.sleep(10, controller.signal);
    controller.abort(new Error('enough'));
    await expect(nap).rejects.toThrow('enough');
    expect(clock.sleeping).toBe(0);
    await expect(clock.sleep(1, controller.signal)).rejects.toThrow('enough');
  });

  it('runs work to its end, and says so when the work can never end', async () => {
    const clock = virtualClock();
    expect(await clock.run(clock.sleep(5000).then(() => clock.monotonic()))).toBe(5000);
    await expect(clock.run(clock.sleep(5000), 4000)).rejects.toThrow('has not settled');
  });

  it('lets the wall clock jump without moving the other one', () => {
    const clock = virtualClock({ now: 1000 });
    clock.jump(-500);
    expect([clock.now(), clock.monotonic()]).toEqual([500, 0]);
  });
});
