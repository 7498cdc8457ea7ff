import { describe, expect, it } from 'vitest';
import { type DirId, type EntryId, TOP } from '../../../src/remote/runtools/ids.ts';
import { lookBack, moveBack, type Taken, takenAgain } from '../../../src/simulation/at-rest.ts';
import type { SimBehaviour } from '../../../src/simulation/server/behaviour.ts';
import type { SimServerChange } from '../../../src/simulation/server/changes.ts';
import type { SimServer, SimServerList } from '../../../src/simulation/server.ts';
import { keyOf } from '../../../src/simulation/truth.ts';
import { simBench } from './server-world.ts';

const TRASH = '.rtsync/trash/day/x';

/** A file at `d/a` was taken at 100 with its folder, and the trash was listed at 120. */
function afterwards(list: Partial<SimServerList>, stands: readonly string[], heard: number[] = []): boolean {
  const unseen = { client: 1, trash: TRASH, at: 100, named: 'd', nameTaken: false };
  const taken: Taken = { path: 'd/a', unseen };
  const server = { agent: { list: () => stands.map((path) => ({ path })) } } as unknown as SimServer;
  const heardOf = (folder: string): number | undefined => (folder === TRASH ? 120 : heard.at(-1));
  lookBack(server, [taken], { client: 1, folder: '', heardOf, ...list });
  return unseen.nameTaken;
}

describe('a name that is taken when what was moved away could go back', () => {
  it('is that of what was moved', () => {
    expect(afterwards({}, ['d'], [90])).toBe(true);
    expect(afterwards({}, ['a', 'e', 'd.txt'], [90])).toBe(false);
  });

  it.each([
    ['another client looks', { client: 2 }],
    ['another folder is listed', { folder: 'd' }],
    ['the trash was not looked into yet', { heardOf: () => 90 }],
  ])('is not told when %s', (_, list) => {
    expect(afterwards(list, ['d'])).toBe(false);
  });

  it('is not told by a later look: by then it ought to have been given back', () => {
    expect(afterwards({}, ['d'], [130])).toBe(false);
  });
});

const IN_TRASH = `/${TRASH}/a` as EntryId;

interface Story {
  readonly behaviour?: Partial<SimBehaviour>;
  /** What somebody writes as `a` before the move that is to give it back. */
  readonly taken?: string;
  /** Number of the client that took it. */
  readonly client?: number;
  readonly target?: EntryId;
  readonly moved?: readonly EntryId[];
}

/** `a` holds OURS and was moved into the trash unseen; the trash is asked for it once. */
async function given({ behaviour = {}, taken, client = 1, target, moved }: Story) {
  const bench = simBench({ behaviour });
  const ours = Buffer.from('OURS');
  bench.server.agent.write(`${TRASH}/a`, ours);
  bench.server.agent.write('d/a', Buffer.from('A'));
  if (taken !== undefined) bench.server.agent.write('a', Buffer.from(taken));
  const unseen: Taken['unseen'] = { client, trash: TRASH, at: 100, named: 'a', nameTaken: false };
  const all: Taken = { path: 'a', unseen };
  bench.server.onMove((move) => moveBack(bench.server, new Map([[keyOf(ours), all]]), move));
  const asked = bench.client();
  const move = () => asked.batch('move', moved ?? [IN_TRASH], (target ?? TOP) as DirId);
  await move().catch(() => undefined);
  const again = async (): Promise<void> => {
    bench.server.agent.remove('a');
    await move();
  };
  return { taken: all, server: bench.server, again };
}

describe('a name that is taken after the look, before the move arrives that is to give it back', () => {
  it.each<[string, Partial<SimBehaviour>]>([
    ['refuses it', { takenName: 'refuse' }],
    ['passes over it', { takenName: 'refuse', badBatch: 'skips' }],
  ])('is told where the server %s', async (_, behaviour) => {
    expect((await given({ behaviour, taken: 'THEIRS' })).taken.unseen?.nameTaken).toBe(true);
    expect((await given({ behaviour })).taken.unseen?.nameTaken).toBe(false);
  });

  it('is not what keeps it where the server overwrites: it is live again', async () => {
    const { taken, server } = await given({ behaviour: { takenName: 'overwrite' }, taken: 'THEIRS' });
    expect(server.agent.read('a')?.toString()).toBe('OURS');
    expect(taken.unseen?.nameTaken).toBe(false);
  });

  it('is forgotten when a later move gives it back', async () => {
    const { taken, again } = await given({ behaviour: { takenName: 'refuse' }, taken: 'THEIRS' });
    expect(taken.unseen?.nameTaken).toBe(true);
    await again();
    expect(taken.unseen?.nameTaken).toBe(false);
  });

  it.each<[string, Story]>([
    ['another client moves', { client: 2 }],
    ['another folder refuses it', { target: '/d' as EntryId }],
    ['something else is moved', { moved: ['/d/a' as EntryId] }],
  ])('is not told when %s', async (_, story) => {
    const { taken } = await given({ behaviour: { takenName: 'refuse' }, taken: 'THEIRS', ...story });
    expect(taken.unseen?.nameTaken).toBe(false);
  });

  it('is not told when the move fails for another cause, and the name is free', async () => {
    const moved = ['/missing' as EntryId, IN_TRASH];
    const { taken, server } = await given({ behaviour: { takenName: 'refuse' }, moved });
    expect(server.agent.read(`${TRASH}/a`)?.toString()).toBe('OURS');
    expect(taken.unseen?.nameTaken).toBe(false);
  });

  it('is told where the server keeps both, once its taker takes it from there, and nobody else', async () => {
    const { taken, server } = await given({ behaviour: { takenName: 'rename' }, taken: 'THEIRS' });
    expect(server.agent.read('a.new')?.toString()).toBe('OURS');
    expect(taken.unseen?.nameTaken).toBe(false);
    const again = (change: Partial<SimServerChange>): Taken | undefined =>
      takenAgain(taken, { client: 1, path: 'a.new', ...change } as SimServerChange);
    expect(again({})?.unseen?.nameTaken).toBe(true);
    expect(again({})?.path).toBe('a');
    expect(again({ client: 2 })).toBeUndefined();
    expect(again({ path: 'b.new' })).toBeUndefined();
  });
});
