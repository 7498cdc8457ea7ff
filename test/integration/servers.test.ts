/** One story on every kind of server that the protocol leaves room for. */
import { describe, expect, it } from 'vitest';
import type { Behaviour } from '../../src/serve/behaviour.ts';
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
