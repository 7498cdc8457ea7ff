/** The remote folder is gone while an entry of an interrupted move waits to be brought into it: a person decides first. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Pair } from '../../src/engine/pair.ts';
import { type PairWorld, withWorld } from '../support/pair-world.ts';

const FILES = { 'a.txt': 'a', 'y/b.txt': 'b', 'y/c.txt': 'c' };

const inWorld = (story: (world: PairWorld) => Promise<void>) => () =>
  withWorld({ pair: { path: 'p/q', maxDelete: false } }, async (world) => {
    await world.here.fill(FILES);
    expect((await world.sync()).code).toBe(0);
    await story(world);
  });

/** What a killed move to `y/new.txt` leaves. */
async function leaveOnItsWay(world: PairWorld): Promise<void> {
  const name = `0123456789ab-1-${Buffer.from('/p/q/y/new.txt').toString('base64url')}`;
  const dir = join(world.test.folder, '.rtsync', 'moving', name);
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'new.txt'), 'on its way');
}

/** Each cycle begins and ends with the note that a move of ours may have left something. */
const noted =
  (before: () => Promise<void>) =>
  (pair: Pair): Pair => ({
    ...pair,
    beforeCycle: async () => {
      await before();
      pair.state.saveNote('halfway', 'yes');
      await pair.beforeCycle();
      pair.state.saveNote('halfway', 'yes');
    },
  });

async function expectHalted(world: PairWorld, run: Promise<unknown>): Promise<void> {
  const { code, exit, message } = await world.refused(run);
  expect({ code, exit }).toEqual({ code: 'halted', exit: 3 });
  expect(message).toContain('is gone from the workspace');
  expect(await world.here.paths()).toEqual(['a.txt', 'y/', 'y/b.txt', 'y/c.txt']);
}

describe('a remote root that is gone while an entry is on its way into it', () => {
  it(
    'halts at the start, is not made again, and gets the entry once it is back',
    inWorld(async (world) => {
      const nothing = async (): Promise<void> => undefined;
      await world.sync({ meddle: noted(nothing) });
      await leaveOnItsWay(world);
      await rm(world.there.root, { recursive: true });
      await expectHalted(world, world.sync());
      await world.there.fill(FILES);
      expect((await world.sync()).code).toBe(0);
      expect(await world.here.read('y/new.txt')).toBe('on its way');
    }),
  );

  it.each([[404], ['empty']] as const)(
    'halts between two cycles as well, where a missing folder is listed as %s',
    (missingFolder) =>
      inWorld(async (world) => {
        world.server.behaviour.missingFolder = missingFolder;
        const vanish = async (): Promise<void> => {
          await leaveOnItsWay(world);
          await rm(world.there.root, { recursive: true });
        };
        await expectHalted(world, world.sync({ meddle: noted(vanish) }));
      })(),
  );
});
