/** One-way runs, mirrors, force and dry runs: what each may touch, and how it ends. */
import { describe, expect, it } from 'vitest';
import { type PairWorld, withWorld, writes } from '../support/pair-world.ts';

type Way = 'push' | 'pull';
const WAYS = ['push', 'pull'] as const;

/** The side a run reads from and the side it writes to. */
function ends(world: PairWorld, way: Way): { source: PairWorld['here']; target: PairWorld['here'] } {
  return way === 'push'
    ? { source: world.here, target: world.there }
    : { source: world.there, target: world.here };
}

async function agreed(world: PairWorld, files: Readonly<Record<string, string>>): Promise<void> {
  await world.here.fill(files);
  expect((await world.sync()).code).toBe(0);
}

async function snapshot(world: PairWorld): Promise<unknown> {
  const read = async (side: PairWorld['here']): Promise<unknown> => {
    const paths = await side.paths();
    return Promise.all(paths.map(async (path) => [path, path.endsWith('/') ? '' : await side.read(path)]));
  };
  return { here: await read(world.here), there: await read(world.there) };
}

describe.each(WAYS)('%s', (way) => {
  it('brings over what is new, changed, moved and deleted, and ends with 0', () =>
    withWorld({}, async (world) => {
      await agreed(world, { 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c', 'd.txt': 'd' });
      const { source, target } = ends(world, way);
      await source.write('a.txt', 'edited');
      await source.remove('b.txt');
      await source.rename('c.txt', 'e/c.txt');
      await source.write('new/f.txt', 'new');
      const { code, report } = await world[way]();
      expect({ code, inSync: report.inSync, problems: report.problems }).toEqual({
        code: 0,
        inSync: true,
        problems: [],
      });
      expect(await target.trash()).toEqual(expect.arrayContaining(['a', 'b']));
      await world.expectQuiet();
    }));

  it('touches nothing on the side it reads from, reports what stays undone, and ends with 4', () =>
    withWorld({}, async (world) => {
      await agreed(world, { 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c' });
      const { source, target } = ends(world, way);
      await target.write('a.txt', 'edited on the target');
      await target.remove('b.txt');
      await target.write('only/there.txt', 'only there');
      await source.write('c.txt', 'edited');
      const before = await source.paths();
      const { code, report } = await world[way]();
      expect({ code, inSync: report.inSync }).toEqual({ code: 4, inSync: false });
      expect(new Set(report.problems.map((problem) => problem.code))).toEqual(new Set(['undone']));
      expect(report.problems.map(({ path }) => path)).toEqual(expect.arrayContaining(['a.txt', 'b.txt']));
      expect(await source.paths()).toEqual(before);
      expect(await source.read('a.txt')).toBe('a');
      expect(await target.read('a.txt')).toBe('edited on the target');
      expect(await target.read('c.txt')).toBe('edited');
      expect(await target.paths()).toContain('only/there.txt');
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
    }));

  it('deletes nothing on a first run, whatever the target holds', () =>
    withWorld({}, async (world) => {
      const { source, target } = ends(world, way);
      await source.write('a.txt', 'a');
      await target.fill({ 'b.txt': 'b', 'd/c.txt': 'c' });
      const { code } = await world[way]();
      expect(code).toBe(4);
      expect(await target.paths()).toEqual(['a.txt', 'b.txt', 'd/', 'd/c.txt']);
      expect(await source.paths()).toEqual(['a.txt']);
    }));

  it('--mirror makes the target exactly like the source, and keeps what it takes away', () =>
    withWorld({}, async (world) => {
      await agreed(world, { 'a.txt': 'a', 'b.txt': 'b', 'c/d.txt': 'd' });
      const { source, target } = ends(world, way);
      await target.write('a.txt', 'edited on the target');
      await target.remove('b.txt', 'c');
      await target.fill({ 'extra/e.txt': 'extra', c: 'a file where a folder was' });
      await source.write('c/d.txt', 'edited at the source');
      const before = await source.paths();
      const { report } = await world[way]({ mode: 'mirror' });
      expect(report.problems).toEqual([]);
      expect(report.inSync).toBe(true);
      expect(await source.paths()).toEqual(before);
      expect(await source.read('a.txt')).toBe('a');
      expect(await target.trash()).toEqual(
        expect.arrayContaining(['edited on the target', 'extra', 'a file where a folder was']),
      );
      expect(await source.trash()).toEqual([]);
      await world.expectQuiet();
    }));

  it('--mirror still asks a person before it takes very much away', () =>
    withWorld({}, async (world) => {
      const { source, target } = ends(world, way);
      await source.write('a.txt', 'a');
      await target.fill(Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`extra/${i}.txt`, `${i}`])));
      const { code, report } = await world[way]({ mode: 'mirror' });
      expect(code).toBe(3);
      expect(report.held.length).toBeGreaterThan(0);
      expect(await target.paths()).toHaveLength(82);
    }));

  it('--force lets the source win a conflict; the loser is in the trash', () =>
    withWorld({}, async (world) => {
      await agreed(world, { 'a.txt': 'a', 'b.txt': 'b' });
      const { source, target } = ends(world, way);
      await source.write('a.txt', 'the source');
      await target.write('a.txt', 'on the target');
      await target.write('extra.txt', 'extra');
      const { report } = await world[way]({ mode: 'force' });
      expect(report.conflicts).toEqual([{ path: 'a.txt' }]);
      expect(report.problems.map(({ path }) => path)).toEqual(['extra.txt']);
      expect(await target.read('a.txt')).toBe('the source');
      expect(await target.trash()).toContain('on the target');
      expect(await source.copies()).toEqual([]);
    }));
});

describe('a conflict in a one-way run', () => {
  it('is left alone by push', () =>
    withWorld({}, async (world) => {
      await agreed(world, { 'a.txt': 'a' });
      await world.here.write('a.txt', 'mine');
      await world.there.write('a.txt', 'theirs');
      const { code, report } = await world.push();
      expect({ code, codes: report.problems.map((problem) => problem.code) }).toEqual({
        code: 4,
        codes: ['undone'],
      });
      expect(await world.there.read('a.txt')).toBe('theirs');
      expect(await world.here.read('a.txt')).toBe('mine');
    }));

  it('sets the local version aside in a pull, and sends nothing', () =>
    withWorld({}, async (world) => {
      await agreed(world, { 'a.txt': 'a' });
      await world.here.write('a.txt', 'mine');
      await world.there.write('a.txt', 'theirs');
      const { code, asked } = await world.pull();
      expect(code).toBe(4);
      expect(await world.here.read('a.txt')).toBe('theirs');
      expect(await world.here.read((await world.here.copies())[0] ?? '')).toBe('mine');
      expect(asked.upload ?? 0).toBe(0);
      expect(await world.there.paths()).toEqual(['a.txt']);
    }));
});

describe('a dry run', () => {
  const stories: readonly (readonly [
    string,
    (world: PairWorld) => Promise<unknown>,
    (world: PairWorld) => Promise<void>,
  ])[] = [
    [
      'of a first sync',
      async () => undefined,
      async ({ here, there }) => {
        await here.fill({ 'a.txt': 'a', 'd/e/b.txt': 'b' });
        await there.fill({ 'c.txt': 'c', 'f/g.txt': 'g' });
      },
    ],
    [
      'of edits, moves and deletes on both sides',
      (world) =>
        agreed(world, {
          'a.txt': 'a',
          'b.txt': 'b',
          'c.txt': 'c',
          'd.txt': 'd',
          'e/f.txt': 'f',
          'g/h.txt': 'h',
          'g/i.txt': 'i',
          'k.txt': 'k',
        }),
      async ({ here, there }) => {
        await here.write('a.txt', 'edited here');
        await there.write('b.txt', 'edited there');
        await here.remove('c.txt');
        await there.remove('d.txt');
        await here.rename('e', 'moved here');
        await there.write('new/there.txt', 'new');
        await here.write('new here.txt', 'new');
      },
    ],
    [
      'of deleted folders',
      (world) =>
        agreed(world, { 'a.txt': 'a', 'd/b.txt': 'b', 'd/c.txt': 'c', 'e/f/g.txt': 'g', 'e/f/h.txt': 'h' }),
      async ({ here, there }) => {
        await here.remove('d');
        await there.remove('e');
      },
    ],
  ];
  it.each(stories)('%s changes nothing and counts what the real run then does', (_, begin, edit) =>
    withWorld({}, async (world) => {
      await begin(world);
      await edit(world);
      const before = await snapshot(world);
      const dry = await world.sync({ dryRun: true });
      expect(writes({ asked: dry.asked })).toEqual({});
      expect(await snapshot(world)).toEqual(before);
      expect(await world.here.trash()).toEqual([]);
      expect(dry.report).toMatchObject({ dryRun: true, inSync: false });
      const real = await world.sync();
      expect(real.report.operations).toEqual(dry.report.operations);
      expect(dry.report.forecast?.bytes).toBe(real.report.bytes.up + real.report.bytes.down);
      await world.expectQuiet();
    }),
  );

  it('tells a conflict before it is one', () =>
    withWorld({}, async (world) => {
      await agreed(world, { 'a.txt': 'a', 'b.txt': 'b' });
      await world.here.write('a.txt', 'edited here');
      await world.there.write('a.txt', 'and edited there');
      const before = await snapshot(world);
      const dry = await world.sync({ dryRun: true });
      expect(dry.report.operations).toMatchObject({ conflict: 1, download: 1 });
      expect(await snapshot(world)).toEqual(before);
      const real = await world.sync();
      expect(real.report.operations).toMatchObject({ conflict: 1, download: 1 });
      await world.expectQuiet();
    }));

  it.each(WAYS)('of %s --mirror counts what it takes away, and takes nothing', (way) =>
    withWorld({}, async (world) => {
      await agreed(world, { 'a.txt': 'a', 'b.txt': 'b' });
      const { target } = ends(world, way);
      await target.write('extra.txt', 'extra');
      const dry = await world[way]({ mode: 'mirror', dryRun: true });
      expect(await target.read('extra.txt')).toBe('extra');
      const real = await world[way]({ mode: 'mirror' });
      expect(real.report.operations).toEqual(dry.report.operations);
      await world.expectQuiet();
    }),
  );

  it('on a folder that was never synced makes nothing in it', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'a');
      await world.push({ dryRun: true });
      await expect(world.here.read('.rtsync/pair.json')).rejects.toThrow('ENOENT');
      expect(await world.there.paths()).toEqual([]);
      expect(await world.there.trash()).toEqual([]);
    }));
});
