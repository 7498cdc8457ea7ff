/** One story on every kind of server that the protocol leaves room for. */
import { writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Observer } from '../../src/engine/events.ts';
import type { Pair } from '../../src/engine/pair.ts';
import { RtsyncError } from '../../src/lib/errors.ts';
import type { Behaviour } from '../../src/serve/behaviour.ts';
import type { RequestEntry } from '../../src/serve/log.ts';
import { type PairWorld, withWorld } from '../support/pair-world.ts';

/** Every two settings of name, dialect, dot files and missing folders meet in some row; then what stands alone. */
const SERVERS: readonly Partial<Behaviour>[] = [
  { takenName: 'overwrite', dialect: 'documented', showHidden: 'honoured', missingFolder: 404 },
  { takenName: 'overwrite', dialect: 'alternative', showHidden: 'ignored', missingFolder: 500 },
  { takenName: 'overwrite', dialect: 'alternative', showHidden: 'honoured', missingFolder: 'empty' },
  { takenName: 'rename', dialect: 'alternative', showHidden: 'honoured', missingFolder: 404 },
  { takenName: 'rename', dialect: 'documented', showHidden: 'honoured', missingFolder: 500 },
  { takenName: 'rename', dialect: 'documented', showHidden: 'ignored', missingFolder: 'empty' },
  { takenName: 'refuse', dialect: 'documented', showHidden: 'ignored', missingFolder: 404 },
  { takenName: 'refuse', dialect: 'alternative', showHidden: 'honoured', missingFolder: 500 },
  { takenName: 'refuse', dialect: 'alternative', showHidden: 'ignored', missingFolder: 'empty' },
  { dateFormat: 'seconds' },
  { dateFormat: 'seconds', takenName: 'rename' },
  { pathEncoding: 'whole' },
  { pathEncoding: 'whole', takenName: 'refuse', errorShape: 'text' },
  { putAnswer: 'empty', takenName: 'rename' },
  { putAnswer: 'empty', takenName: 'overwrite' },
  { growingUploads: true },
  { growingUploads: true, takenName: 'rename', takenFolder: 'stray' },
  { takenMove: 'overwrite', takenName: 'rename' },
  { moveDate: 'new' },
  { moveDate: 'new', takenName: 'refuse', putAnswer: 'empty' },
  { takenMove: 'rename', takenName: 'overwrite', badBatch: 'skips', deleteMissing: 404 },
  { missingParent: 'created', folderHints: 'meaningless', pathInfo: 'error', statusForMissing: 500 },
  { auth: 'bearer', rateHeaders: 'none', filePageSize: 3, dateSkewMs: -86_400_000 },
];

const BEFORE: Readonly<Record<string, string>> = {
  'edited here.txt': 'first',
  'deep/er/edited there.txt': 'first one',
  'deleted here.txt': 'deleted here',
  'deep/deleted there.txt': 'deleted there',
  'renamed here.txt': 'renamed here',
  'renamed there.txt': 'renamed there',
  'folder here/a.txt': 'a in a folder',
  'folder here/sub/b.txt': 'b in a folder',
  'folder there/c.txt': 'c in a folder',
  'folder there/sub/d.txt': 'd in a folder',
  'kept.bin': 'kept',
};

async function editBothSides({ here, there }: PairWorld): Promise<void> {
  await here.write('edited here.txt', 'second, by me');
  await here.remove('deleted here.txt');
  await here.rename('renamed here.txt', 'deep/renamed.txt');
  await here.rename('folder here', 'folder of mine');
  await here.fill({ 'new here.txt': 'new', 'new/folder/here.txt': 'new' });
  await there.write('deep/er/edited there.txt', 'second, by an agent');
  await there.remove('deep/deleted there.txt');
  await there.rename('renamed there.txt', 'renamed by an agent.txt');
  await there.rename('folder there', 'folder of agents');
  await there.fill({ 'new there.txt': 'new', 'new/folder/there.txt': 'new' });
}

const AFTER = [
  'deep/',
  'deep/er/',
  'deep/er/edited there.txt',
  'deep/renamed.txt',
  'edited here.txt',
  'folder of agents/',
  'folder of agents/c.txt',
  'folder of agents/sub/',
  'folder of agents/sub/d.txt',
  'folder of mine/',
  'folder of mine/a.txt',
  'folder of mine/sub/',
  'folder of mine/sub/b.txt',
  'kept.bin',
  'new/',
  'new/folder/',
  'new/folder/here.txt',
  'new/folder/there.txt',
  'new here.txt',
  'new there.txt',
  'renamed by an agent.txt',
].sort();

describe('push, edits on both sides, sync', () => {
  it.each(SERVERS.map((behaviour) => [JSON.stringify(behaviour).replaceAll('"', ''), behaviour] as const))(
    'end equal, with the old versions in the trash, on a server with %s',
    (_, behaviour) =>
      withWorld({ behaviour, hasty: true }, async (world) => {
        await world.here.fill(BEFORE);
        expect((await world.push()).code).toBe(0);
        await world.expectEqual();
        await world.sync();
        await editBothSides(world);
        const { code, report } = await world.sync();
        expect({ code, problems: report.problems, conflicts: report.conflicts }).toEqual({
          ...{ code: 0, problems: [], conflicts: [] },
        });
        expect(await world.here.paths()).toEqual(AFTER);
        expect(await world.there.trash()).toEqual(expect.arrayContaining(['deleted here', 'first']));
        expect(await world.here.trash()).toEqual(expect.arrayContaining(['deleted there', 'first one']));
        await world.expectQuiet();
        expect(world.server.requests.counts().rootDelete ?? 0).toBe(0);
      }),
  );
});

describe('names with a leading dot', () => {
  it('are synced where the server lists them', () =>
    withWorld({}, async (world) => {
      await world.here.fill({ '.env': 'here', '.config/a': 'a' });
      await world.there.fill({ '.profile': 'there' });
      expect((await world.sync()).code).toBe(0);
      expect(await world.here.paths()).toEqual(['.config/', '.config/a', '.env', '.profile']);
      await world.expectQuiet();
    }));

  it.each(['overwrite', 'rename', 'refuse'] as const)(
    'stay where they are, untouched, where the server hides them (%s)',
    (takenName) =>
      withWorld({ behaviour: { showHidden: 'ignored', takenName } }, async (world) => {
        await world.here.fill({ '.env': 'here', 'd/.secret': 'here', 'd/seen.txt': 'seen' });
        await world.there.fill({ '.env': 'there', '.profile': 'there' });
        expect((await world.sync()).code).toBe(0);
        expect((await world.sync()).code).toBe(0);
        expect(await world.there.paths()).toEqual(['.env', '.profile', 'd/', 'd/seen.txt']);
        expect(await world.here.paths()).toEqual(['.env', 'd/', 'd/.secret', 'd/seen.txt']);
        expect(await world.there.read('.env')).toBe('there');
        await world.there.write('d/.agent', 'an unseen file');
        await world.here.remove('d');
        await world.here.write('e.txt', 'e');
        await world.sync();
        const everything = [...(await world.there.paths()), ...(await world.there.trash())];
        expect(everything.some((one) => one.includes('.agent') || one === 'an unseen file')).toBe(true);
      }),
  );
});

const isStep = ({ label, path }: RequestEntry): boolean =>
  (label === 'move' || label === 'rename') && !path.startsWith('/.rtsync/probe-');

describe('a move that was interrupted on a server that dates anew what it moves', () => {
  /** The process ends with the move there; what comes after it is for the next run to find out. */
  const interrupted =
    (when: 'before' | 'after') =>
    (pair: Pair): Pair => {
      const { remote } = pair;
      const move: typeof remote.move = async (...args) => {
        if (when === 'after') await remote.move(...args);
        throw new RtsyncError('stopped', 'the process died here');
      };
      return { ...pair, remote: { ...remote, move } };
    };
  const inWorld = (story: (world: PairWorld) => Promise<void>) => () =>
    withWorld({ behaviour: { moveDate: 'new' }, hasty: true }, async (world) => {
      await world.here.fill({ 'x/a': 'mine', 'x/stay': 'x', 'y/stay': 'y' });
      expect((await world.sync()).code).toBe(0);
      await story(world);
    });

  it(
    'is not taken for another file of the same size, and neither file is lost',
    inWorld(async (world) => {
      await world.here.rename('x/a', 'x/b');
      await world.sync({ meddle: interrupted('before') });
      await world.there.remove('x/a');
      await world.there.write('x/b', 'them');
      const { report } = await world.sync();
      expect(report.conflicts).toHaveLength(1);
      await world.expectQuiet();
      expect(await world.here.read('x/b')).toBe('them');
      const [copy] = await world.here.copies();
      expect(await world.here.read(copy ?? '')).toBe('mine');
    }),
  );

  it(
    'half-way goes on, whatever date its first step gave it',
    inWorld(async (world) => {
      await world.here.rename('x/a', 'y/b');
      let met = 0;
      world.server.faults.next((entry) => isStep(entry) && ++met > 1, { kind: 'drop' }, 2);
      const { report } = await world.sync();
      expect(report).toMatchObject({ conflicts: [], problems: [] });
      await world.expectQuiet();
      expect(await world.here.paths()).toEqual(['x/', 'x/stay', 'y/', 'y/b', 'y/stay']);
      expect(await world.here.trash()).toEqual([]);
    }),
  );
});

describe('what a failed move left in our own folder on the server', () => {
  const moving = async (world: PairWorld): Promise<readonly string[]> => {
    const all = await readdir(world.there.at('.rtsync/moving'), { recursive: true, withFileTypes: true });
    return all.filter((entry) => entry.isFile()).map(({ name }) => name);
  };
  /** Its last step fails, and then its way back; the process goes on to its end. */
  const inWorld =
    (beforeLast: (world: PairWorld) => void, story: (world: PairWorld) => Promise<void>) => () =>
      withWorld({ hasty: true }, async (world) => {
        await world.here.fill({ 'x/a': 'mine', 'x/b': 'xb', 'x/c': 'xc', 'y/a': 'ya' });
        expect((await world.sync()).code).toBe(0);
        await world.here.rename('x/a', 'y/b');
        let met = 0;
        world.server.faults.next((entry) => isStep(entry) && ++met === 2, {
          kind: 'after',
          run: () => beforeLast(world),
        });
        world.server.faults.next((entry) => isStep(entry) && met >= 2, { kind: 'status', status: 400 }, 2);
        await world.sync();
        world.server.faults.clear();
        await story(world);
      });

  it(
    'is brought home by the next run, though nothing was killed',
    inWorld(
      () => undefined,
      async (world) => {
        const { asked } = await world.sync();
        expect(asked.upload ?? 0).toBe(0);
        await world.expectQuiet();
        expect(await world.there.read('y/b')).toBe('mine');
        expect(await world.here.paths()).toEqual(['x/', 'x/b', 'x/c', 'y/', 'y/a', 'y/b']);
        expect(await moving(world)).toEqual([]);
        // What is home is not looked for any more.
        expect((await world.sync()).asked.list).toBeLessThanOrEqual(4);
      },
    ),
  );

  it(
    'stands beside what took its name',
    inWorld(
      (world) => writeFileSync(world.there.at('y/b'), 'an agent'),
      async (world) => {
        await world.sync();
        await world.expectQuiet();
        expect(await moving(world)).toEqual([]);
        expect(new Set(Object.values(await contentsOf(world)))).toEqual(
          new Set(['an agent', 'mine', 'xb', 'xc', 'ya']),
        );
        expect(await world.there.read('y/b')).toBe('an agent');
      },
    ),
  );

  it(
    'waits while the server refuses to move it, which is said, and goes once the same bytes have its name',
    inWorld(
      () => undefined,
      async (world) => {
        const notices: string[] = [];
        const observer: Observer = {
          on: (event) => {
            if (event.kind === 'notice' && event.message.includes('/y/b')) notices.push(event.message);
          },
        };
        world.server.faults.next(isStep, { kind: 'status', status: 400 }, 1000);
        await world.sync({ observer });
        expect(notices).toHaveLength(1);
        expect(notices[0]).toContain('in /.rtsync/moving');
        expect(await moving(world)).toHaveLength(1);
        // The local file went up as a new one meanwhile.
        await world.sync({ observer });
        expect(await moving(world)).toEqual([]);
        expect(notices).toHaveLength(1);
        expect(new Set(Object.values(await contentsOf(world)))).toEqual(new Set(['mine', 'xb', 'xc', 'ya']));
      },
    ),
  );

  it.each([
    ['is tried again by a run that goes on for long', 301_000, 2],
    ['is not tried again in each cycle', 299_000, 1],
  ])('%s', (_, ms, times) =>
    inWorld(
      () => undefined,
      async (world) => {
        world.server.faults.next(isStep, { kind: 'status', status: 400 }, 1000);
        let cycles = 0;
        const looks: number[] = [];
        const meddle = (pair: Pair): Pair => ({
          ...pair,
          beforeCycle: async () => {
            cycles += 1;
            if (cycles === 1) await pair.clock.sleep(ms);
            const mark = world.server.requests.mark();
            await pair.beforeCycle();
            const lists = world.server.requests.since(mark).filter(({ path }) => path === '/.rtsync/moving');
            looks.push(lists.length);
          },
        });
        await world.sync({ meddle });
        expect(looks[0]).toBe(times - 1);
        expect(Math.max(...looks.slice(1), 0)).toBe(0);
        expect(await moving(world)).toHaveLength(1);
      },
    )(),
  );
});

async function contentsOf({ here }: PairWorld): Promise<Readonly<Record<string, string>>> {
  const files = (await here.paths()).filter((path) => !path.endsWith('/'));
  return Object.fromEntries(
    await Promise.all(files.map(async (path) => [path, await here.read(path)] as const)),
  );
}
