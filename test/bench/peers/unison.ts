/** Unison between two local folders: no server, no requests; what looking alone may cost. */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant } from '../contestant.ts';
import { type Ran, run } from '../measure.ts';
import { applyChanges, firstDifference, makeTree, type TreeSize, undoChanges } from '../trees.ts';

export async function createUnison(home: string, size: TreeSize): Promise<Contestant> {
  const [tree, other, state] = [join(home, 'tree'), join(home, 'other'), join(home, 'state')];
  for (const folder of [home, tree]) mkdirSync(folder, { recursive: true });
  makeTree(tree, size);
  const unison = async (): Promise<Ran> => {
    const ran = await run('unison', [tree, other, '-batch', '-silent'], {
      env: { HOME: home, UNISON: state },
    });
    if (ran.code !== 0) throw new Error(`unison ended with ${ran.code}: ${ran.stderr}`);
    return ran;
  };
  return {
    name: 'unison, local',
    jobs: ['nothing changed', '1 % + 1 %'],
    begin: async () => {
      undoChanges(tree, size);
      for (const folder of [other, state]) rmSync(folder, { recursive: true, force: true });
      cpSync(tree, other, { recursive: true, preserveTimestamps: true });
      await unison();
    },
    tree: () => tree,
    measure: async (job) => {
      if (job === '1 % + 1 %') {
        applyChanges(tree, size, 'here');
        applyChanges(other, size, 'there');
      }
      const { seconds, cpu, peakMb } = await unison();
      const different = firstDifference(tree, other);
      if (different !== undefined) throw new Error(`unison left ${different} unequal after "${job}"`);
      return { seconds, cpu, peakMb, requests: Number.NaN };
    },
    end: async () => rmSync(home, { recursive: true, force: true }),
  };
}
