/** What goes wrong with single files: it is said, and everything else goes on. */
import { appendFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Pair } from '../../src/engine/pair.ts';
import { RtsyncError } from '../../src/lib/errors.ts';
import type { LocalFolder } from '../../src/local/local.ts';
import { withWorld } from '../support/pair-world.ts';

/** The pair with some calls of its disk replaced. */
function withLocal(pair: Pair, calls: (local: LocalFolder) => Partial<LocalFolder>): Pair {
  return { ...pair, remote: pair.remote, local: { ...pair.local, ...calls(pair.local) } };
}

describe('a file that keeps changing', () => {
  it('is not taken while it is being written; its siblings are, and it follows when it stands still', () =>
    withWorld({ hasty: true }, async (world) => {
      await world.here.fill({ 'd/log.txt': 'never still', 'd/a.txt': 'a' });
      const busy = (pair: Pair): Pair =>
        withLocal(pair, (local) => ({
          settled: (stamp) => stamp.size !== 'never still'.length && local.settled(stamp),
        }));
      const { code, report } = await world.sync({ meddle: busy });
      expect({ code, inSync: report.inSync }).toEqual({ code: 4, inSync: false });
      expect(report.problems).toEqual([expect.objectContaining({ path: 'd/log.txt', code: 'changing' })]);
      expect(await world.there.paths()).toEqual(['d/', 'd/a.txt']);
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
    }));

  it('that grows with every look ends the run with 4, not never', () =>
    withWorld({ hasty: true }, async (world) => {
      await world.here.fill({ 'log.txt': 'line\n', 'a.txt': 'a' });
      const growing = (pair: Pair): Pair =>
        withLocal(pair, (local) => ({
          open: async (path, expected) => {
            const source = await local.open(path, expected);
            if (path === 'log.txt') await appendFile(world.here.at('log.txt'), 'line\n');
            return source;
          },
        }));
      const { code, report } = await world.sync({ meddle: growing });
      expect({ code, inSync: report.inSync }).toEqual({ code: 4, inSync: false });
      expect(report.problems).toEqual([expect.objectContaining({ path: 'log.txt', code: 'changing' })]);
      expect(await world.there.read('a.txt')).toBe('a');
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
      expect(await world.here.copies()).toEqual([]);
    }));
});

describe('a disk without room', () => {
  it('keeps that download waiting with exit 75, brings all others, and leaves no temporary', () =>
    withWorld({ hasty: true }, async (world) => {
      await world.there.fill({ 'large.bin': 'x'.repeat(10_000), 'd/small.txt': 's' });
      await world.here.write('here.txt', 'here');
      const full = (pair: Pair): Pair =>
        withLocal(pair, (local) => ({
          temporary: async (size) => {
            if (size > 1_000) throw new RtsyncError('disk-full', 'the disk is full');
            return local.temporary(size);
          },
        }));
      const { code, report } = await world.sync({ meddle: full });
      expect(code).toBe(75);
      expect(report.problems).toEqual([expect.objectContaining({ path: 'large.bin', code: 'waiting' })]);
      expect(await world.here.paths()).toEqual(['d/', 'd/small.txt', 'here.txt']);
      expect(await world.there.paths()).toContain('here.txt');
      expect(await world.here.litter()).toEqual([]);
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
    }));
});

describe('a file beyond the upload limit', () => {
  it.each([
    ['that the server has', { uploadLimitBytes: 1_000 }, {}],
    ['that the configuration says', {}, { uploadLimitBytes: 1_000 }],
  ])('%s is blocked, its siblings are synced, and it stays here', (_, serve, pair) =>
    withWorld({ ...serve, pair }, async (world) => {
      await world.here.fill({ 'd/large.bin': 'x'.repeat(2_000), 'd/a.txt': 'a' });
      const { code, report } = await world.sync();
      expect(code).toBe(4);
      expect(report.problems).toEqual([expect.objectContaining({ path: 'd/large.bin', code: 'too-large' })]);
      expect(await world.there.paths()).toEqual(['d/', 'd/a.txt']);
      await world.there.remove('d');
      await world.there.write('b.txt', 'b');
      await world.sync();
      expect(await world.here.paths()).toEqual(['b.txt', 'd/', 'd/large.bin']);
      await world.here.write('d/large.bin', 'small now');
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
    }),
  );
});

describe('a file edited right while it is', () => {
  it('uploaded goes up again, whole, in the same run', () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'a.txt': 'first', 'b.txt': 'b' });
      let edits = 0;
      const once = (pair: Pair): Pair =>
        withLocal(pair, (local) => ({
          open: async (path, expected) => {
            const source = await local.open(path, expected);
            edits += 1;
            if (edits === 1) await world.here.write(path, 'edited while it was sent');
            return source;
          },
        }));
      expect((await world.sync({ meddle: once })).code).toBe(0);
      await world.expectQuiet();
      expect(await world.here.copies()).toEqual([]);
    }));

  it('downloaded over is not written over: both versions survive', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'first');
      await world.sync();
      await world.there.write('a.txt', 'edited there');
      let edits = 0;
      const once = (pair: Pair): Pair =>
        withLocal(pair, (local) => ({
          place: async (temporary, path, expected) => {
            edits += 1;
            if (edits === 1) await world.here.write('a.txt', 'edited here, late');
            return local.place(temporary, path, expected);
          },
        }));
      expect((await world.sync({ meddle: once })).code).toBe(4);
      const [copy = ''] = await world.here.copies();
      expect(await world.here.read(copy)).toBe('edited here, late');
      expect(await world.here.read('a.txt')).toBe('edited there');
      await world.expectQuiet();
    }));
});
