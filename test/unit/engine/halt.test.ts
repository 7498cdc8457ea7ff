import { describe, expect, it } from 'vitest';
import { patienceOf, standStill } from '../../../src/engine/halt.ts';
import { RtsyncError } from '../../../src/lib/errors.ts';
import { AFRESH } from '../../../src/state/approvals.ts';
import { virtualClock } from '../../support/clock.ts';

function halted(rootIsRight: boolean) {
  const clock = virtualClock();
  const world = { rootIsRight, approved: new Set<string>(), looks: 0, elsewhere: false };
  const stop = new AbortController();
  const pair = {
    clock,
    approvals: { readHeld: () => [], saveHeld: () => undefined, approved: () => world.approved },
    leadsElsewhere: () => world.elsewhere,
    checkRoot: () => {
      world.looks += 1;
      if (!world.rootIsRight) throw new RtsyncError('halted', 'strange');
    },
  };
  let end: string | undefined;
  const begin = (patienceMs: number): void => {
    void standStill(pair, patienceMs, stop.signal).then((answer) => {
      end = answer;
    });
  };
  return { clock, world, stop, begin, end: () => end };
}

describe('a pair that stands still', () => {
  it('goes on soon after its root is right again, however long the server is left alone', async () => {
    const { clock, world, begin, end } = halted(false);
    begin(300_000);
    await clock.advance(3_600_000);
    expect(end()).toBeUndefined();
    expect(world.looks).toBeLessThanOrEqual(361);
    world.rootIsRight = true;
    await clock.advance(10_000);
    expect(end()).toBe('again');
  });

  it('asks the far side again after a while where the root is right', async () => {
    const { clock, begin, end } = halted(true);
    begin(40_000);
    await clock.advance(39_999);
    expect(end()).toBeUndefined();
    await clock.advance(1);
    expect(end()).toBe('again');
  });

  it.each([true, false])(
    'takes an approval to compare afresh at its next look (root right: %s)',
    async (right) => {
      const { clock, world, begin, end } = halted(right);
      begin(300_000);
      await clock.advance(60_000);
      world.approved = new Set(['something else']);
      await clock.advance(60_000);
      expect(end()).toBeUndefined();
      world.approved = new Set([AFRESH]);
      await clock.advance(10_000);
      expect(end()).toBe('afresh');
    },
  );

  it('is to be opened anew when its folder leads elsewhere, be the old one gone for ever', async () => {
    const { clock, world, begin, end } = halted(false);
    begin(300_000);
    await clock.advance(600_000);
    expect(end()).toBeUndefined();
    world.elsewhere = true;
    await clock.advance(10_000);
    expect(end()).toBe('afresh');
  });

  it('ends at once when it is stopped', async () => {
    const { clock, stop, begin, end } = halted(false);
    begin(10_000);
    await clock.advance(5_000);
    stop.abort();
    await clock.advance(0);
    expect(end()).toBe('again');
  });

  it('leaves the far side in peace for longer and longer, five minutes at most', () => {
    expect([1, 2, 3, 5, 6, 60].map(patienceOf)).toEqual([10_000, 20_000, 40_000, 160_000, 300_000, 300_000]);
  });
});
