/** What a service does that goes on with what an earlier one knew, before it has listed everything. */
import { utimes } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { type RemoteDir, ROOT } from '../../src/core/path.ts';
import { type CycleResult, runCycle } from '../../src/engine/cycle.ts';
import type { Pair } from '../../src/engine/pair.ts';
import { recall } from '../../src/engine/recall.ts';
import { RtsyncError } from '../../src/lib/errors.ts';
import { type PairWorld, withWorld } from '../support/pair-world.ts';

const { signal } = new AbortController();

/** Before a run of its own, the pair is looked at as such a service does: by what it remembers, and lists of these folders. */
function remembering(
  dirs: readonly RemoteDir[],
  altered: (pair: Pair) => Pair,
  seen: (result: CycleResult) => void,
): (pair: Pair) => Pair {
  let looked = false;
  return (pair) => ({
    ...pair,
    beforeCycle: async () => {
      await pair.beforeCycle();
      if (looked) return;
      looked = true;
      const known = await recall(pair, signal);
      if (known === undefined) throw new Error('nothing is remembered');
      const isListed = (): boolean => false;
      const request = { local: [], remote: dirs, unproven: true, isListed };
      seen(await runCycle(altered(pair), known, request, signal));
    },
  });
}

/** A date of whole seconds, as a coarse server gives to many files at once. */
async function writeThere({ there }: PairWorld, path: string, text: string): Promise<void> {
  await there.write(path, text);
  await utimes(there.at(path), 1_700_000_000, 1_700_000_000);
}

function unreadable(pair: Pair): Pair {
  const read: Pair['remote']['read'] = async () => {
    throw new RtsyncError('network', 'the server went away');
  };
  return { ...pair, remote: { ...pair.remote, read } };
}

it('a file that only looks moved there is not agreed on before its content was compared', () =>
  withWorld({}, async (world) => {
    await writeThere(world, 'a.txt', 'one!');
    await world.here.write('other.txt', 'other');
    await world.sync();
    await world.there.remove('a.txt');
    await writeThere(world, 'b.txt', 'two!');
    const moved: string[] = [];
    const seen = ({ plan }: CycleResult): void => {
      moved.push(...plan.operations.map(({ kind }) => kind));
    };
    await world.sync({ meddle: remembering([ROOT], unreadable, seen) });
    expect(moved).toContain('moveLocal');
    expect(await world.here.read('b.txt')).toBe('two!');
    await world.expectQuiet();
  }));
