import { describe, expect, it } from 'vitest';
import type { DirId, EntryId } from '../../../src/remote/runtools/ids.ts';
import { watchForSwaps } from '../../../src/simulation/swapped.ts';
import { keyOf } from '../../../src/simulation/truth.ts';
import { simBench } from './server-world.ts';

const [MINE, OTHER] = [Buffer.from('MINE.'), Buffer.from('OTHER')];
const D = '/d' as DirId;

type Step = 'list' | 'read' | 'swap' | 'listed by another' | 'read by another' | 'touch' | 'write';

/** `d/a` holds MINE and `d/b` OTHER; whether the machine is fooled at `d/a` when all is done. */
async function fooled(steps: readonly Step[], other = OTHER): Promise<boolean> {
  const bench = simBench();
  const { server } = bench;
  server.agent.write('d/a', MINE);
  server.agent.write('d/b', other);
  const [client, another] = [bench.client(), bench.client()];
  const swapped = watchForSwaps(server, (number) => `m${number}`);
  const move = (from: string, to: string): void => {
    server.agent.move(from, to);
    swapped.moved(from, to);
  };
  const read = (by: typeof client) =>
    by.download('/d/a' as EntryId, async (bytes) => {
      for await (const _ of bytes);
    });
  const deeds: Readonly<Record<Step, () => unknown>> = {
    list: () => client.list(D),
    read: () => read(client),
    'listed by another': () => another.list(D),
    'read by another': () => read(another),
    swap: () => {
      move('d/a', 'd/c');
      move('d/b', 'd/a');
      move('d/c', 'd/b');
    },
    touch: () => server.agent.write('d/a', MINE),
    write: () => server.agent.write('d/a', Buffer.from('NEWER')),
  };
  for (const step of steps) {
    await bench.pass(10);
    await deeds[step]();
  }
  return swapped.isFooled('m1', 'd/a', keyOf(other), keyOf(MINE));
}

describe('a file that is swapped for another while it is read', () => {
  it('cannot be told from it when it is back before the list that follows', async () => {
    expect(await fooled(['list', 'swap', 'read', 'swap', 'list'])).toBe(true);
  });

  it.each<[string, readonly Step[]]>([
    ['a list showed the other one', ['list', 'swap', 'list', 'read', 'swap', 'list']],
    ['the list that follows shows the other one', ['list', 'swap', 'read', 'list', 'swap', 'list']],
    ['no list follows', ['list', 'swap', 'read', 'swap']],
    ['only another client looks', ['list', 'swap', 'read', 'swap', 'listed by another']],
    ['another client read it', ['list', 'listed by another', 'swap', 'read by another', 'swap', 'list']],
    ['it was read before it was swapped', ['list', 'read', 'swap', 'swap', 'list']],
    ['it was read when it was back', ['list', 'swap', 'swap', 'read', 'list']],
    ['it got another date', ['list', 'swap', 'read', 'swap', 'touch', 'list']],
    ['it was written to since', ['list', 'swap', 'read', 'swap', 'write', 'list']],
  ])('is told from it when %s', async (_, steps) => {
    expect(await fooled(steps)).toBe(false);
  });

  it('is told from one of another size', async () => {
    const steps: readonly Step[] = ['list', 'swap', 'read', 'swap', 'list'];
    expect(await fooled(steps, Buffer.from('LONGER'))).toBe(false);
  });
});
