/** Both sides changed: what becomes of it, and that nobody's work is lost. */
import { utimes } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type PairWorld, withWorld, writes } from '../support/pair-world.ts';

/** Two sides in sync. */
async function agreed(world: PairWorld, files: Readonly<Record<string, string>>): Promise<void> {
  await world.here.fill(files);
  const { code } = await world.sync();
  expect(code).toBe(0);
}

describe('when both sides changed', () => {
  it('the local version steps aside, the remote one keeps the name, and no copy of the copy is ever made', () =>
    withWorld({}, async (world) => {
      await agreed(world, { 'notes/a.txt': 'first', 'b.txt': 'b' });
      await world.here.write('notes/a.txt', 'mine');
      await world.there.write('notes/a.txt', 'theirs');
      const { code, report } = await world.sync();
      const copies = await world.here.copies();
      expect(copies).toEqual([
        expect.stringMatching(/^notes\/a \(conflict \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d .+\)\.txt$/),
      ]);
      expect({ code, conflicts: report.conflicts }).toEqual({
        code: 4,
        conflicts: [{ path: 'notes/a.txt', copy: copies[0] }],
      });
      expect(await world.here.read('notes/a.txt')).toBe('theirs');
      expect(await world.there.read(copies[0] ?? '')).toBe('mine');
      await world.expectQuiet();
      expect(await world.there.copies()).toEqual(copies);
    }));

  it('a file made on both sides with the same content is no conflict', () =>
    withWorld({ hasty: true }, async (world) => {
      await world.here.fill({ 'same/a.txt': 'same', 'empty.txt': '' });
      await world.there.fill({ 'same/a.txt': 'same', 'empty.txt': '' });
      const { code, report } = await world.sync();
      expect({ code, conflicts: report.conflicts }).toEqual({ code: 0, conflicts: [] });
      expect(await world.here.paths()).toEqual(['empty.txt', 'same/', 'same/a.txt']);
      await world.expectQuiet();
    }));

  it('an edit made on both sides alike is no conflict', () =>
    withWorld({}, async (world) => {
      await agreed(world, { 'a.txt': 'first' });
      await world.here.write('a.txt', 'the same edit');
      await world.there.write('a.txt', 'the same edit');
      expect((await world.sync()).report.conflicts).toEqual([]);
      await world.expectQuiet();
    }));

  it('a file made on both sides with different contents is one', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'mine');
      await world.there.write('a.txt', 'yours');
      expect((await world.sync()).code).toBe(4);
      expect(await world.here.copies()).toHaveLength(1);
      await world.expectQuiet();
    }));

  it('a date alone is no edit: the local edit goes up without a copy', () =>
    withWorld({}, async (world) => {
      await agreed(world, { 'a.txt': 'first' });
      await world.there.touch('a.txt');
      await world.here.write('a.txt', 'edited');
      const { code, report } = await world.sync();
      expect({ code, conflicts: report.conflicts }).toEqual({ code: 0, conflicts: [] });
      expect(await world.there.read('a.txt')).toBe('edited');
      await world.expectQuiet();
      expect(await world.here.copies()).toEqual([]);
    }));

  it('a local date alone is no edit either', () =>
    withWorld({}, async (world) => {
      await agreed(world, { 'a.txt': 'first' });
      await world.here.touch('a.txt');
      await world.there.write('a.txt', 'edited there');
      expect((await world.sync()).code).toBe(0);
      expect(await world.here.read('a.txt')).toBe('edited there');
      await world.expectQuiet();
    }));
});

describe('an edit against a delete', () => {
  it.each(['here', 'there'] as const)('the edit made %s stays, alone in its folder', (editor) =>
    withWorld({}, async (world) => {
      await agreed(world, {
        'd/a.txt': 'a',
        'd/b.txt': 'b',
        'e/c.txt': 'c',
        'top.txt': 'top',
        'same.txt': 's',
      });
      const other = editor === 'here' ? 'there' : 'here';
      await world[editor].write('d/a.txt', 'edited');
      await world[editor].write('d/new.txt', 'new');
      await world[other].remove('d', 'e', 'top.txt');
      await world[editor].write('top.txt', 'edited too');
      const { code, report } = await world.sync();
      expect({ code, problems: report.problems }).toEqual({ code: 0, problems: [] });
      expect(await world.here.paths()).toEqual(['d/', 'd/a.txt', 'd/new.txt', 'same.txt', 'top.txt']);
      expect(await world.here.read('d/a.txt')).toBe('edited');
      expect(await world[editor].trash()).toEqual(expect.arrayContaining(['b', 'c']));
      await world.expectQuiet();
    }),
  );
});

describe('a file against a folder', () => {
  it.each([
    ['here', 'there'],
    ['there', 'here'],
  ] as const)('made %s and %s at one path: both survive', (filer, folderer) =>
    withWorld({}, async (world) => {
      await world[filer].write('x', 'a file');
      await world[folderer].write('x/inside.txt', 'in a folder');
      expect((await world.sync()).code).toBe(4);
      const paths = await world.here.paths();
      const texts = await Promise.all(
        paths.filter((path) => !path.endsWith('/')).map((path) => world.here.read(path)),
      );
      expect(texts.sort()).toEqual(['a file', 'in a folder']);
      await world.expectQuiet();
    }),
  );

  it.each(['here', 'there'] as const)('that took its place %s follows when nothing else happened', (side) =>
    withWorld({}, async (world) => {
      await agreed(world, { 'x/inside.txt': 'in', y: 'a file' });
      await world[side].remove('x', 'y');
      await world[side].fill({ x: 'now a file', 'y/inside.txt': 'now a folder' });
      const { code } = await world.sync();
      expect(code).toBe(0);
      await world.expectQuiet();
      expect(await world.here.paths()).toEqual(['x', 'y/', 'y/inside.txt']);
    }),
  );
});

describe('conflict policies, by glob', () => {
  const conflicts = [
    { match: '*.mine', policy: 'local' as const },
    { match: '*.theirs', policy: 'remote' as const },
    { match: '*.held', policy: 'hold' as const },
    { match: '*.newer', policy: 'newer' as const },
  ];

  it('choose a winner, keep the loser in the trash, and hold what waits for a person', () =>
    withWorld({ pair: { conflicts } }, async (world) => {
      await agreed(world, { 'a.mine': '1', 'b.theirs': '1', 'c.held': '1', 'd.txt': '1' });
      for (const name of ['a.mine', 'b.theirs', 'c.held', 'd.txt']) {
        await world.here.write(name, `${name} here`);
        await world.there.write(name, `${name}, there`);
      }
      const { code, report } = await world.sync();
      expect(code).toBe(4);
      expect(report.problems).toEqual([expect.objectContaining({ path: 'c.held', code: 'conflict-held' })]);
      expect(report.conflicts.map(({ path }) => path).sort()).toEqual(['a.mine', 'b.theirs', 'd.txt']);
      expect(await world.there.read('a.mine')).toBe('a.mine here');
      expect(await world.there.trash()).toContain('a.mine, there');
      expect(await world.here.read('b.theirs')).toBe('b.theirs, there');
      expect(await world.here.trash()).toContain('b.theirs here');
      expect(await world.here.read('c.held')).toBe('c.held here');
      expect(await world.there.read('c.held')).toBe('c.held, there');
      expect(await world.here.copies()).toHaveLength(1);

      const again = await world.sync();
      expect({ code: again.code, writes: writes(again).upload ?? 0 }).toEqual({ code: 4, writes: 0 });
      expect(again.report.conflicts).toEqual([]);
    }));

  it.each(['here', 'there'] as const)('newer: the later edit wins, made %s', (later) =>
    withWorld({ pair: { conflicts } }, async (world) => {
      await agreed(world, { 'a.newer': 'first' });
      const earlier = later === 'here' ? 'there' : 'here';
      await world[earlier].write('a.newer', 'earlier');
      // Far beyond what two clocks may differ by: the earlier edit is dated back on its own side.
      await utimes(
        world[earlier].at('a.newer'),
        new Date(Date.now() - 3_600_000),
        new Date(Date.now() - 3_600_000),
      );
      await world[later].write('a.newer', 'the later one');
      await world.sync();
      expect(await world.here.read('a.newer')).toBe('the later one');
      await world.expectQuiet();
      expect(await world[earlier].trash()).toContain('earlier');
    }),
  );
});
