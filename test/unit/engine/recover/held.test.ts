import { expect, it } from 'vitest';
import { type LocalPath, relPath } from '../../../../src/core/path.ts';
import { emptyTree, withChanges } from '../../../../src/core/tree.ts';
import type { Pair } from '../../../../src/engine/pair.ts';
import { giveBack } from '../../../../src/engine/recover/held.ts';
import type { Expected } from '../../../../src/local/local.ts';
import type { Intent } from '../../../../src/state/state.ts';

const version = (ino: number) => ({ ino, size: 5, mtimeMs: 9, ctimeMs: 9, mode: 6 });

function intent(kind: Intent['kind'], path: string, ino: number): Intent {
  const detail = { local: version(ino) };
  return { id: ino, at: 0, cycle: 1, state: 'begun', kind, path: relPath(path), detail };
}

/** Where held versions of these inodes stood. */
async function placesOf(inos: readonly number[], intents: readonly Intent[]) {
  const stamp = { ...version(1), digest: 'd', date: 1 };
  const base = withChanges(emptyTree(), [{ path: relPath('agreed'), node: { kind: 'file', stamp } }]);
  const found: (LocalPath | undefined)[] = [];
  const pair = {
    options: { dryRun: false },
    state: { base: () => base, intents: () => intents },
    local: {
      giveBack: async (pathOf: (was: Expected) => LocalPath | undefined) => {
        found.push(...inos.map((ino) => pathOf(version(ino))));
      },
    },
  } as unknown as Pair;
  await giveBack(pair);
  return found;
}

it('gives a version back to where the base has it', async () => {
  expect(await placesOf([1, 2], [])).toEqual(['agreed', undefined]);
});

it.each(['download', 'compare', 'removeLocal'] as const)(
  'gives one that the base does not know back to where the killed run took its name: %s',
  async (kind) => {
    expect(await placesOf([2, 3], [intent(kind, 'd/f', 2)])).toEqual(['d/f', undefined]);
  },
);

it('does not take what was to be sent or moved for what gave up its name', async () => {
  expect(await placesOf([2, 3], [intent('upload', 'a', 2), intent('moveLocal', 'b', 3)])).toEqual([
    undefined,
    undefined,
  ]);
});
