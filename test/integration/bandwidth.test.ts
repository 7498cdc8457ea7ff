/** The limit of bandwidth, from the configuration and the command line to the bytes. */
import { describe, expect, it } from 'vitest';
import { withWorld } from '../support/pair-world.ts';

const MEGABYTE = 1_000_000;
/** One goes whole, one in pieces, one is uploaded aside. */
const SIZES = { 'small.bin': 20_000, 'middle.bin': 180_000, 'large.bin': 800_000 };

describe('a limit of bandwidth', () => {
  it('is kept by what goes up and by what comes down', () =>
    withWorld({ hasty: true, bandwidth: { up: '100 kB', down: '50 kB' } }, async (world) => {
      for (const [name, size] of Object.entries(SIZES))
        await world.here.write(name, Buffer.alloc(size, name));
      const up = await world.push();
      expect(up.report).toMatchObject({ inSync: true, bytes: { up: MEGABYTE } });
      expect(up.report.durationMs).toBeGreaterThan(9_000);
      // One of them is the probe's.
      expect(up.asked.move).toBe(2);
      for (const name of Object.keys(SIZES)) {
        await world.here.remove(name);
        await world.there.write(
          name,
          Buffer.alloc(SIZES[name as keyof typeof SIZES], `${name} anew`).toString(),
        );
      }
      const down = await world.sync();
      expect(down.report).toMatchObject({ inSync: true, bytes: { down: MEGABYTE } });
      expect(down.report.durationMs).toBeGreaterThan(18_000);
      await world.expectQuiet();
    }));

  it('is told in the forecast where it takes longest', () =>
    withWorld({ bandwidth: { up: '100 kB' } }, async (world) => {
      await world.here.write('large.bin', Buffer.alloc(MEGABYTE));
      const { report } = await world.push({ dryRun: true });
      expect(report.forecast).toMatchObject({ up: MEGABYTE, seconds: 10, by: 'up', limits: { up: 100_000 } });
    }));

  it('of the command line stands in for that of the configuration', () =>
    withWorld({ bandwidth: { up: '100 kB' } }, async (world) => {
      await world.here.write('large.bin', Buffer.alloc(MEGABYTE));
      await world.push({ dryRun: true });
      const dry = (...more: string[]) =>
        world.cli('push', '--config', 'pair.json', '--dry-run', '--json', ...more);
      const limits = async (...more: string[]): Promise<unknown> => {
        const { forecast } = JSON.parse((await dry(...more)).stdout);
        return [forecast.limits.up, forecast.limits.down];
      };
      expect(await limits()).toEqual([100_000, undefined]);
      expect(await limits('--bwlimit', '1 MB:off')).toEqual([1_000_000, undefined]);
      expect(await limits('--bwlimit=off')).toEqual([undefined, undefined]);
      const wrong = await dry('--bwlimit', 'fast');
      expect([wrong.code, wrong.stderr]).toEqual([
        2,
        expect.stringContaining('--bwlimit must be RATE or UP:DOWN'),
      ]);
    }));
});
