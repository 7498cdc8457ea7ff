/** Networks and servers as they are: answers get lost, downloads break off, errors come in bursts. */
import { describe, expect, it } from 'vitest';
import type { PairFile } from '../../src/config/schema.ts';
import type { Behaviour } from '../../src/serve/behaviour.ts';
import type { FaultRates } from '../../src/serve/faults.ts';
import { filesBelow } from '../support/edits.ts';
import { type PairWorld, type Run, type RunOptions, withWorld } from '../support/pair-world.ts';

const FILES: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from({ length: 60 }, (_, i) => [
    `d${i % 6}/${i % 2 === 0 ? 'e/' : ''}f${i}.txt`,
    `file ${i} `.repeat(20 * (i % 7)),
  ]),
);

/** Runs until nothing is left for later; a run that gives up goes on in the next one. */
async function persist(
  world: PairWorld,
  how: 'sync' | 'push' | 'pull',
  options: RunOptions = {},
): Promise<Run | undefined> {
  for (let i = 0; i < 12; i += 1) {
    try {
      const run = await world[how](options);
      if (run.code === 0) return run;
      expect([4, 75]).toContain(run.code);
    } catch (error) {
      expect(await world.refused(Promise.reject(error))).toMatchObject({ exit: 75 });
    }
  }
  return undefined;
}

/** Every content that anybody wrote and nobody replaced on purpose. */
async function expectAll(world: PairWorld, files: Readonly<Record<string, string>>): Promise<void> {
  const found = await filesBelow(world.here.root);
  expect(found.sort()).toEqual(Object.keys(files).sort());
  for (const [path, content] of Object.entries(files)) expect(await world.here.read(path)).toBe(content);
}

function edited(files: Readonly<Record<string, string>>): {
  here: Record<string, string>;
  there: Record<string, string>;
  all: Record<string, string>;
} {
  const names = Object.keys(files);
  const here = Object.fromEntries(
    names.filter((_, i) => i % 4 === 0).map((name) => [name, `${name} edited here`]),
  );
  const there = Object.fromEntries(
    names.filter((_, i) => i % 4 === 1).map((name) => [name, `${name} edited by an agent`]),
  );
  return { here, there, all: { ...files, ...here, ...there } };
}

type Trouble = readonly [what: string, takenName: Behaviour['takenName'], rates: FaultRates];

const EVERYTHING: FaultRates = { lostAnswer: 0.02, drop: 0.02, serverError: 0.03, cut: 0.1, html: 0.02 };
const TROUBLES: readonly Trouble[] = [
  ['lost answers', 'overwrite', { lostAnswer: 0.05 }],
  ['lost answers', 'rename', { lostAnswer: 0.05 }],
  ['broken connections', 'refuse', { drop: 0.05 }],
  ['5xx', 'overwrite', { serverError: 0.05 }],
  ['5xx', 'refuse', { serverError: 0.05 }],
  ['cut downloads', 'overwrite', { cut: 0.3 }],
  ['web pages', 'rename', { html: 0.05 }],
  ['all of it', 'overwrite', EVERYTHING],
  ['all of it', 'rename', EVERYTHING],
  ['all of it', 'refuse', EVERYTHING],
];

describe('trouble on the way of push, edits and pull', () => {
  it.each(TROUBLES)('%s: both sides end equal and nothing is lost (%s)', (_, takenName, rates) =>
    withWorld({ hasty: true, behaviour: { takenName } }, async (world) => {
      const seed = 20_261_122;
      await world.here.fill(FILES);
      world.server.faults.random({ ...rates, seed });
      await persist(world, 'push');
      await persist(world, 'sync');
      const edits = edited(FILES);
      await world.here.fill(edits.here);
      await world.there.fill(edits.there);
      await world.here.rename('d0', 'moved');
      await persist(world, 'sync');
      await persist(world, 'pull');
      expect(
        world.server.requests.entries().filter(({ fault }) => fault !== undefined).length,
      ).toBeGreaterThan(2);
      world.server.faults.clear();
      await world.sync();
      await world.expectQuiet();
      const all = Object.fromEntries(
        Object.entries(edits.all).map(([path, text]) => [path.replace(/^d0\//, 'moved/'), text]),
      );
      await expectAll(world, all);
      expect(world.server.requests.counts().rootDelete ?? 0).toBe(0);
    }),
  );
});

describe('the answer that is lost after the deed', () => {
  const deeds = [
    ['upload', {}],
    ['makeFolder', {}],
    ['copy', {}],
    ['move', {}],
    ['rename', {}],
    ['upload', { takenName: 'rename' }],
    ['move', { takenName: 'rename' }],
    ['upload', { takenName: 'refuse' }],
    ['move', { takenName: 'refuse' }],
    ['remove', { trash: { remote: false } }],
  ] as const;
  it.each(deeds)(
    'to %s, three times over (%o): no stray, no copy, nothing twice',
    (label, { trash, ...behaviour }: { trash?: PairFile['trash']; takenName?: 'rename' | 'refuse' }) =>
      withWorld({ hasty: true, behaviour, pair: trash === undefined ? {} : { trash } }, async (world) => {
        await world.here.fill({ 'a.txt': 'a', 'd/b.txt': 'b', 'd/c.txt': 'c' });
        expect((await world.sync()).code).toBe(0);
        world.server.faults.next(label, { kind: 'lost-answer' }, 3);
        await world.here.fill({ 'a.txt': 'edited', 'new/one.txt': '1', 'new/er/two.txt': '2' });
        await world.here.rename('d/b.txt', 'd/renamed.txt');
        await world.here.remove('d/c.txt');
        await persist(world, 'sync');
        expect(world.server.faults.pending()).toBeLessThan(3);
        world.server.faults.clear();
        await world.expectQuiet();
        expect(await world.here.paths()).toEqual([
          'a.txt',
          'd/',
          'd/renamed.txt',
          'new/',
          'new/er/',
          'new/er/two.txt',
          'new/one.txt',
        ]);
        if (trash === undefined)
          expect(await world.there.trash()).toEqual(expect.arrayContaining(['a', 'c']));
      }),
  );
});

describe('somebody else on the server', () => {
  it('who writes a file right before ours arrives loses nothing', () =>
    withWorld({ hasty: true }, async (world) => {
      await world.here.fill({ 'a.txt': 'a', 'b.txt': 'b' });
      await world.sync();
      await world.here.write('a.txt', 'edited here');
      await world.here.write('new.txt', 'new here');
      world.server.faults.next('copy', {
        kind: 'before',
        run: () => world.there.write('a.txt', 'written in between'),
      });
      world.server.faults.next('upload', { kind: 'before', run: () => world.there.write('b.txt', 'b, too') });
      await persist(world, 'sync');
      await world.sync();
      const kept = [
        ...(await contentsOf(world)),
        ...(await world.there.trash()),
        ...(await world.here.trash()),
      ];
      expect(kept).toEqual(
        expect.arrayContaining(['edited here', 'written in between', 'b, too', 'new here']),
      );
      await world.expectQuiet();
    }));

  it('who replaces a file while we fetch it: we end with the new one', () =>
    withWorld({ hasty: true }, async (world) => {
      await world.there.write('a.txt', 'old content');
      world.server.faults.next('download', {
        kind: 'after',
        run: () => world.there.write('a.txt', 'new content, longer'),
      });
      await persist(world, 'sync');
      expect(await world.here.read('a.txt')).toBe('new content, longer');
      await world.expectQuiet();
      expect(await world.here.copies()).toEqual([]);
    }));
});

async function contentsOf({ here }: PairWorld): Promise<string[]> {
  return Promise.all((await filesBelow(here.root)).map((path) => here.read(path)));
}

describe('the rate', () => {
  it('that the server refuses beyond is waited for, and everything arrives', () =>
    withWorld({ hasty: true, rateLimit: 60, behaviour: { retryAfter: true } }, async (world) => {
      await world.here.fill(FILES);
      await persist(world, 'push');
      await world.expectEqual();
      expect(
        world.server.requests.entries().filter(({ status }) => status === 429).length,
      ).toBeLessThanOrEqual(2);
    }));
});

describe('a full store', () => {
  it('keeps uploads waiting with exit 75, while deletes and downloads go on', () =>
    withWorld({ hasty: true, quotaBytes: 5_000 }, async (world) => {
      await world.here.fill({ 'small.txt': 's', 'gone.txt': 'g' });
      await world.there.write('there.txt', 'there');
      await world.sync();
      await world.here.write('large.txt', 'x'.repeat(20_000));
      await world.here.remove('gone.txt');
      await world.there.write('there.txt', 'edited there');
      const { code, report } = await world.sync();
      expect(code).toBe(75);
      expect(report.problems).toEqual([expect.objectContaining({ path: 'large.txt', code: 'waiting' })]);
      expect(await world.there.paths()).toEqual(['small.txt', 'there.txt']);
      expect(await world.here.read('there.txt')).toBe('edited there');
      await world.here.write('large.txt', 'now small');
      await persist(world, 'sync');
      await world.expectQuiet();
    }));
});
