import { describe, expect, it } from 'vitest';
import { defaultSimBehaviour } from '../../../src/simulation/server/behaviour.ts';
import type { SimServerChange } from '../../../src/simulation/server/changes.ts';
import type { SimServer, SimServerList } from '../../../src/simulation/server.ts';
import { createTruth } from '../../../src/simulation/truth.ts';
import { watchForTwins } from '../../../src/simulation/twins.ts';

const OURS = Buffer.from('m0#1......');
const THEIRS = Buffer.from('agent#2...');

type Listed = Pick<SimServerList, 'client' | 'folder'>;

/** Process 1 sends `d/a` at 1,000; an agent writes as much over it at `editedAt`. */
function twinOf(editedAt: number, listed: readonly Listed[] = [], request = 'POST /upload/d'): boolean {
  const truth = createTruth(() => 0);
  let [tellChange, tellList] = [(_: SimServerChange): void => {}, (_: SimServerList): void => {}];
  let stands = { path: 'd/a', kind: 'file' as const, bytes: OURS, date: 1_000 };
  const server = {
    behaviour: defaultSimBehaviour(),
    metTroubleSince: () => false,
    onChange: (listener: typeof tellChange) => {
      tellChange = listener;
      return () => {};
    },
    onList: (listener: typeof tellList) => {
      tellList = listener;
    },
    agent: { list: () => [stands] },
  } as unknown as SimServer;
  const twins = watchForTwins(server, truth, false);
  const sent = { client: 1, request, before: undefined, growing: false, sentAt: 990, date: 1_000 };
  tellChange({ ...sent, path: 'd/a', after: OURS } as unknown as SimServerChange);
  for (const list of listed) tellList({ heardOf: () => undefined, ...list });
  if (listed.length > 0) tellChange({ ...sent, path: 'd/a', after: OURS } as unknown as SimServerChange);
  twins.around(() => {
    stands = { ...stands, bytes: THEIRS, date: editedAt };
  });
  return truth.isTwin(THEIRS.toString('latin1'));
}

describe('an edit of the same size as what a process sent', () => {
  it('passes for it until its sender has had a list of that folder, by seconds', () => {
    expect(twinOf(3_900)).toBe(true);
    expect(twinOf(4_100)).toBe(false);
  });

  it.each([
    ['another folder', { client: 1, folder: 'e' }],
    ['it for another process', { client: 2, folder: 'd' }],
  ])('does so after a list of %s', (_, list) => {
    expect(twinOf(2_500, [list])).toBe(true);
  });

  it('is told from what it moved there', () => {
    expect(twinOf(2_500, [], 'PUT /files')).toBe(false);
  });

  it('is told from it by all that is sent after that list', () => {
    const list = { client: 1, folder: 'd' };
    expect(twinOf(1_050, [list])).toBe(true);
    expect(twinOf(2_500, [list])).toBe(false);
  });
});
