import { describe, expect, it } from 'vitest';
import { type EntryId, TOP } from '../../../src/remote/runtools/ids.ts';
import type { ChecksOf } from '../../../src/simulation/checks.ts';
import { watchCopies } from '../../../src/simulation/copied.ts';
import { keyOf } from '../../../src/simulation/truth.ts';
import { simBench, text } from './server-world.ts';

const THEIRS = Buffer.from('THEIRS');
const A = '/a' as EntryId;

interface Story {
  /** Who copies what stands at `a` into the trash: another process, the one that replaces it, or nobody. */
  readonly copier?: 'other' | 'sender' | 'nobody';
  /** The sender looks again before it sends. */
  readonly looksAgain?: boolean;
  /** Milliseconds from its look to its upload. */
  readonly later?: number;
}

/** A process looks at `a`; somebody writes THEIRS over it; it is copied; the process replaces it. */
async function replaced({ copier = 'other', looksAgain = false, later = 0 }: Story = {}) {
  const bench = simBench({ behaviour: { takenName: 'overwrite' } });
  const { server } = bench;
  const scenario = { machines: [{}], faults: { kinds: [] } } as unknown as ChecksOf['scenario'];
  const copied = watchCopies({ scenario, server, machines: [] });
  server.agent.write('a', Buffer.from('OLD'));
  server.agent.mkdir('.rtsync/trash/day/x');
  const [sender, other] = [bench.client(), bench.client()];
  await sender.list(TOP);
  await bench.pass(1);
  server.agent.write('a', THEIRS);
  if (copier !== 'nobody')
    await { other, sender }[copier].batch('copy', [A], '/.rtsync/trash/day/x' as EntryId);
  await bench.pass(later);
  if (looksAgain) await sender.list(TOP);
  await sender.upload(TOP, 'a', { size: 4, body: () => Buffer.from('OURS') });
  expect(text(server.agent.read('a'))).toBe('OURS');
  return copied.liesInTrash(keyOf(THEIRS));
}

describe('a version that was replaced unseen after another process had copied it', () => {
  it('lies in the trash, and nobody gives it back', async () => {
    expect(await replaced()).toBe(true);
  });

  it.each<[string, Story]>([
    ['its sender had copied it', { copier: 'sender' }],
    ['nobody had copied it', { copier: 'nobody' }],
    ['its sender had seen it', { looksAgain: true, later: 1 }],
    ['its sender relied on a look that was too old', { later: 3_000 }],
  ])('is not told of when %s', async (_, story) => {
    expect(await replaced(story)).toBe(false);
  });
});
