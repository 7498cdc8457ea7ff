/** A local root that is not the one the base speaks of: it halts, and nothing is done on either side. */
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Observer } from '../../src/engine/events.ts';
import type { Pair } from '../../src/engine/pair.ts';
import { type PairWorld, withWorld } from '../support/pair-world.ts';

const FILES = { 'a.txt': 'a', 'd/b.txt': 'b', 'd/c.txt': 'c' };

/** In sync, with a copy of the folder from before the last edits at `copy`. */
async function withOlderCopy(world: PairWorld): Promise<string> {
  const copy = join(world.home, 'copy');
  await world.here.fill(FILES);
  expect((await world.sync()).code).toBe(0);
  await cp(world.here.root, copy, { recursive: true });
  await world.here.write('a.txt', 'edited since');
  await world.here.write('new.txt', 'made since');
  expect((await world.sync()).code).toBe(0);
  return copy;
}

async function swap(world: PairWorld, copy: string): Promise<void> {
  await rename(world.here.root, join(world.home, 'aside'));
  await rename(copy, world.here.root);
}

async function expectUntouched(world: PairWorld): Promise<void> {
  expect(await world.there.read('a.txt')).toBe('edited since');
  expect(await world.there.read('new.txt')).toBe('made since');
  // The version before the edit, and nothing else.
  expect(await world.there.trash()).toEqual(['a']);
}

describe('another folder in the place of the root', () => {
  it('that is an older copy, mark and all, halts: its files would undo what was done since', () =>
    withWorld({}, async (world) => {
      await swap(world, await withOlderCopy(world));
      const { code, exit, message } = await world.refused(world.sync());
      expect({ code, exit }).toEqual({ code: 'halted', exit: 3 });
      expect(message).toContain('is an older copy of the synced folder');
      await expectUntouched(world);
    }));

  it('is compared afresh once a person says so: nothing is deleted, and what differs is kept on both sides', () =>
    withWorld({}, async (world) => {
      await swap(world, await withOlderCopy(world));
      await world.refused(world.sync());
      expect((await world.cli('approve', '--afresh', world.here.root)).code).toBe(0);
      const preview = await world.sync({ dryRun: true });
      expect(preview.report.operations).toMatchObject({ removeLocal: 0, removeRemote: 0, conflict: 1 });
      const { report } = await world.sync();
      expect(report.operations).toMatchObject({ removeLocal: 0, removeRemote: 0, conflict: 1 });
      expect(await world.here.read('a.txt')).toBe('edited since');
      expect(await world.here.read('new.txt')).toBe('made since');
      expect(await world.here.copies()).toHaveLength(1);
      await world.expectQuiet();
      // Once only: the next strange root is a question again.
      await rm(join(world.here.root, '.rtsync', 'pair.json'));
      await world.refused(world.sync());
    }));

  it('is no licence for a mirror: an approval to compare afresh is not for a run that deletes', () =>
    withWorld({}, async (world) => {
      await swap(world, await withOlderCopy(world));
      await world.refused(world.sync());
      expect((await world.cli('approve', '--afresh', world.here.root)).code).toBe(0);
      expect((await world.refused(world.push({ mode: 'mirror' }))).code).toBe('halted');
      await expectUntouched(world);
    }));

  it('is compared afresh only by an approval for this very halt', () =>
    withWorld({}, async (world) => {
      await world.here.fill(FILES);
      await world.sync();
      expect((await world.cli('approve', '--afresh', world.here.root)).code).toBe(2);
      const mark = join(world.here.root, '.rtsync', 'pair.json');
      await rename(mark, join(world.home, 'mark'));
      await world.refused(world.sync());
      expect((await world.cli('approve', '--afresh', world.here.root)).code).toBe(0);
      // The right folder is back, found so by a run that must not forget, and lost once more within the hour.
      await rename(join(world.home, 'mark'), mark);
      const notices: string[] = [];
      const on: Observer['on'] = (event) => void (event.kind === 'notice' && notices.push(event.message));
      await world.push({ mode: 'force', observer: { on } });
      expect(notices).toEqual([
        expect.stringContaining('what was approved, to compare them afresh, is not done'),
      ]);
      await rm(mark);
      await world.refused(world.sync());
    }));

  it('that has no mark halts', () =>
    withWorld({}, async (world) => {
      const copy = await withOlderCopy(world);
      await rm(join(copy, '.rtsync'), { recursive: true });
      await swap(world, copy);
      expect((await world.refused(world.sync())).message).toContain('has lost its mark');
      await expectUntouched(world);
    }));

  it('is no trouble when the right folder is back', () =>
    withWorld({}, async (world) => {
      const copy = await withOlderCopy(world);
      await swap(world, copy);
      await world.refused(world.sync());
      await rename(world.here.root, copy);
      await rename(join(world.home, 'aside'), world.here.root);
      await world.here.write('a.txt', 'and on');
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
    }));

  it('that takes it while a run is under way halts, whatever its mark says', () =>
    withWorld({}, async (world) => {
      await world.here.fill(FILES);
      expect((await world.sync()).code).toBe(0);
      const swapped = (pair: Pair): Pair => ({
        ...pair,
        beforeCycle: async () => {
          await cp(world.here.root, join(world.home, 'copy'), { recursive: true });
          await rm(join(world.home, 'copy', 'd'), { recursive: true });
          await swap(world, join(world.home, 'copy'));
        },
      });
      const { code, message } = await world.refused(world.sync({ meddle: swapped }));
      expect(code).toBe('halted');
      expect(message).toContain('was replaced by another folder while rtsync ran');
      expect(await world.there.read('d/b.txt')).toBe('b');
    }));

  it('is fine without a base: a copy on another machine is compared, and nothing is deleted', () =>
    withWorld({}, async (world) => {
      await swap(world, await withOlderCopy(world));
      await world.forgetState();
      await mkdir(world.here.root, { recursive: true });
      await writeFile(join(world.here.root, 'mine.txt'), 'mine');
      const { report } = await world.sync();
      expect(report.operations).toMatchObject({ removeLocal: 0, removeRemote: 0 });
      expect(await world.there.read('new.txt')).toBe('made since');
      expect(await world.here.read('new.txt')).toBe('made since');
      expect(await world.there.read('mine.txt')).toBe('mine');
      await world.expectEqual();
    }));
});
