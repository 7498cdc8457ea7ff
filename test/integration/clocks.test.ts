/** What is given up is kept for its time, whatever a clock says about how old it is. */
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Pair } from '../../src/engine/pair.ts';
import { type PairWorld, withWorld } from '../support/pair-world.ts';

const DAY_MS = 86_400_000;
const OLD = '.rtsync/trash/2026-01-02/00000000-1/f';

/** A run that begins so much later. */
const later =
  (ms: number) =>
  (pair: Pair): Pair => {
    let waits = ms;
    const beforeCycle = async (): Promise<void> => {
      await pair.clock.sleep(waits);
      waits = 0;
      await pair.beforeCycle();
    };
    return { ...pair, beforeCycle };
  };

const inWorld = (story: (world: PairWorld) => Promise<void>) => () =>
  withWorld({ hasty: true }, async (world) => {
    await world.here.fill({ 'a.txt': 'a', [OLD]: 'given up long ago, or so it seems' });
    await world.sync();
    await story(world);
  });

const isKept = ({ here }: PairWorld): boolean => existsSync(here.at(OLD));

it(
  'what looks as old as that goes when it did so a day before',
  inWorld(async (world) => {
    expect(isKept(world)).toBe(true);
    await world.sync({ meddle: later(DAY_MS / 2) });
    expect(isKept(world)).toBe(true);
    await world.sync({ meddle: later(DAY_MS) });
    expect(isKept(world)).toBe(false);
  }),
);

it(
  'what was given up before the clock jumped by years is there for another day',
  inWorld(async (world) => {
    await world.sync({ meddle: later(DAY_MS) });
    await world.here.remove('a.txt');
    await world.there.write('a.txt', 'edited by an agent');
    await world.here.write('b.txt', 'b');
    await world.sync();
    await world.there.remove('b.txt');
    await world.sync();
    expect(await world.here.trash()).toEqual(['b']);
    await world.sync({ meddle: later(3650 * DAY_MS) });
    expect(await world.here.trash()).toEqual(['b']);
  }),
);
