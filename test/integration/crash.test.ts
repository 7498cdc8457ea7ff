/** Killed without warning at some moment: the next run goes on from what is there, and nothing is lost or doubled. */
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { RequestEntry } from '../../src/serve/log.ts';
import { rtsyncStarted } from '../e2e/support/cli.ts';
import { filesBelow } from '../support/edits.ts';
import { type PairWorld, withWorld } from '../support/pair-world.ts';

type When = 'before' | 'after';

/** Runs the product in a process of its own and kills it when the server meets the `nth` request of that kind. */
async function killedAt(
  world: PairWorld,
  label: RequestEntry['label'],
  nth: number,
  when: When,
): Promise<void> {
  let met = 0;
  let kill = (): void => undefined;
  world.server.faults.next(
    (entry) => entry.label === label && !entry.path.startsWith('/.rtsync/probe-') && ++met === nth,
    {
      kind: when,
      run: async () => {
        kill();
        await dead;
      },
    },
  );
  const { child } = rtsyncStarted(['--state-dir', world.stateDir, 'sync', world.here.root, 'project'], {
    env: { ...world.env },
  });
  const dead = once(child, 'exit');
  kill = () => void child.kill('SIGKILL');
  const [, signal] = await dead;
  expect({ signal, pending: world.server.faults.pending() }).toEqual({ signal: 'SIGKILL', pending: 0 });
}

async function contents(world: PairWorld): Promise<Record<string, string>> {
  const paths = await filesBelow(world.here.root);
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path, await world.here.read(path)] as const)),
  );
}

const FILES: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from({ length: 40 }, (_, i) => [`d${i % 4}/f${i}.txt`, `file ${i} of the first version`]),
);

const MOMENTS = [
  ['upload', 20, 'before', 'overwrite'],
  ['upload', 9, 'after', 'overwrite'],
  ['copy', 1, 'after', 'overwrite'],
  ['download', 7, 'after', 'overwrite'],
  ['move', 1, 'after', 'rename'],
  ['move', 2, 'before', 'rename'],
  ['upload', 12, 'after', 'refuse'],
] as const;

describe('kill -9', () => {
  it.each(MOMENTS)('at %s number %i, %s its deed, on a server that would %s', (label, nth, when, takenName) =>
    withWorld({ behaviour: { takenName } }, async (world) => {
      await world.here.fill(FILES);
      expect((await world.sync()).code).toBe(0);
      const names = Object.keys(FILES);
      const here = Object.fromEntries(
        names.filter((_, i) => i % 3 === 0).map((name) => [name, `${name}: edited here`]),
      );
      const there = Object.fromEntries(
        names.filter((_, i) => i % 3 === 1).map((name) => [name, `${name}: edited by an agent`]),
      );
      const fresh = Object.fromEntries(names.slice(0, 12).map((name) => [`new/${name}`, `new ${name}`]));
      const gone = names.filter((_, i) => i % 3 === 2).slice(0, 4);
      await world.here.fill({ ...here, ...fresh });
      await world.there.fill(there);
      await world.here.remove(...gone);

      await killedAt(world, label, nth, when);

      await world.sync();
      await world.expectQuiet();
      const all = { ...FILES, ...here, ...there, ...fresh };
      expect(await contents(world)).toEqual(
        Object.fromEntries(Object.entries(all).filter(([path]) => !gone.includes(path))),
      );
    }),
  );

  it('during the very first sync of two full sides', () =>
    withWorld({}, async (world) => {
      await world.here.fill(FILES);
      await world.there.fill({ ...FILES, 'there.txt': 'there' });
      await killedAt(world, 'download', 15, 'before');
      await world.sync();
      await world.expectQuiet();
      expect(await contents(world)).toEqual({ ...FILES, 'there.txt': 'there' });
      expect(await world.here.trash()).toEqual([]);
    }));
});
