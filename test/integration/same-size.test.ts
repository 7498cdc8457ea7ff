/** The API has no hashes: an edit that keeps the size can only be told by its date. */
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type PairWorld, withWorld } from '../support/pair-world.ts';

const PATHS = Array.from({ length: 30 }, (_, i) => `new ${i % 6}/deep/f${i}.txt`);

/**
 * An agent writes other bytes of the same number; the date is later than our run by more than the server's clock can be
 * uncertain to us, however slow the machine was.
 */
async function editThere(world: PairWorld, path: string, text: string): Promise<void> {
  await world.there.write(path, text);
  const date = (Date.now() + 550) / 1000;
  await utimes(join(world.test.folder, path), date, date);
}

describe('an edit of the same size on the server', () => {
  it('is seen right after our first upload into new folders', () =>
    withWorld({}, async (world) => {
      await world.here.fill(Object.fromEntries(PATHS.map((path) => [path, 'aaaa'])));
      await world.push();
      for (const path of PATHS) await editThere(world, path, 'bbbb');
      const { report } = await world.sync();
      expect(report.operations.download).toBe(PATHS.length);
      for (const path of PATHS) expect(await world.here.read(path)).toBe('bbbb');
      await world.expectQuiet();
    }));

  it('is seen after a replacement', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'first');
      await world.sync();
      await world.here.write('a.txt', 'aaaaa');
      await world.sync();
      await editThere(world, 'a.txt', 'bbbbb');
      await world.sync();
      expect(await world.here.read('a.txt')).toBe('bbbbb');
    }));

  it('with a local edit beside it is a conflict that keeps both', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'aaaa');
      await world.sync();
      await editThere(world, 'a.txt', 'bbbb');
      await world.here.write('a.txt', 'cccc');
      const { report } = await world.sync();
      expect(report.conflicts).toHaveLength(1);
      expect(await world.here.read('a.txt')).toBe('bbbb');
      expect(await world.there.read(report.conflicts[0]?.copy ?? '')).toBe('cccc');
    }));
});

describe('what we uploaded ourselves', () => {
  it('is never taken for an edit of somebody else', () =>
    withWorld({}, async (world) => {
      await world.here.fill(Object.fromEntries(PATHS.map((path) => [path, path])));
      await world.push();
      const { asked, report } = await world.sync();
      expect({ download: asked.download ?? 0, inSync: report.inSync }).toEqual({ download: 0, inSync: true });
    }));
});
