/** What must never be deleted, and what must never be believed. */
import { chmod, rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { relPath } from '../../src/core/path.ts';
import { withChanges } from '../../src/core/tree.ts';
import type { Pair } from '../../src/engine/pair.ts';
import type { LocalScan } from '../../src/local/local.ts';
import type { Fault } from '../../src/serve/faults.ts';
import { type Liar, type Row, startLiar } from '../support/liar.ts';
import { type PairWorld, withWorld, writes } from '../support/pair-world.ts';

const FILES: Readonly<Record<string, string>> = {
  'a.txt': 'a',
  'd/b.txt': 'b',
  'd/e/c.txt': 'c',
  'f/g.txt': 'g',
};
const PATHS = ['a.txt', 'd/', 'd/b.txt', 'd/e/', 'd/e/c.txt', 'f/', 'f/g.txt'];

async function agreed(world: PairWorld, files = FILES): Promise<void> {
  await world.here.fill(files);
  expect((await world.sync()).code).toBe(0);
}

describe('an emptied side', () => {
  it('here holds the deletes: nothing is deleted there', () =>
    withWorld({}, async (world) => {
      await agreed(world);
      await world.here.empty();
      const { code, report, asked } = await world.sync();
      expect(code).toBe(3);
      expect(report.held.length).toBeGreaterThan(0);
      expect(report.held.every(({ side }) => side === 'remote')).toBe(true);
      expect(report.operations.removeRemote).toBe(0);
      expect(writes({ asked })).toEqual({});
      expect(await world.there.paths()).toEqual(PATHS);
    }));

  it("there, rtsync's own folder too, ends the run: it may be another workspace", () =>
    withWorld({}, async (world) => {
      await agreed(world);
      await world.there.empty({ all: true });
      const refusal = await world.refused(world.sync());
      expect(refusal).toMatchObject({ code: 'halted', exit: 3 });
      expect(refusal.message).toContain('has lost the mark of rtsync');
      expect(await world.here.paths()).toEqual(PATHS);
      expect(await world.here.trash()).toEqual([]);
    }));

  it('there holds the deletes: nothing is deleted here', () =>
    withWorld({}, async (world) => {
      await agreed(world);
      await world.there.empty();
      const { code, report } = await world.sync();
      expect(code).toBe(3);
      expect(report.held.every(({ side }) => side === 'local')).toBe(true);
      expect(await world.here.paths()).toEqual(PATHS);
      expect(await world.here.trash()).toEqual([]);
    }));

  it('there whose workspace folder is gone altogether ends the run, and nothing is deleted here', () =>
    withWorld({ pair: { path: 'docs' } }, async (world) => {
      await agreed(world);
      await rm(world.there.root, { recursive: true });
      expect(await world.refused(world.sync())).toMatchObject({ code: 'halted', exit: 3 });
      expect(await world.here.paths()).toEqual(PATHS);
    }));
});

describe('more deletes than the limit', () => {
  it('wait for a person, on either side, while the edits go on', () =>
    withWorld({}, async (world) => {
      const many = Object.fromEntries(
        Array.from({ length: 120 }, (_, i) => [`d${i % 6}/f${i}.txt`, `file ${i}`]),
      );
      await agreed(world, { ...many, 'a.txt': 'a', 'b.txt': 'b' });
      const doomed = Object.keys(many).slice(0, 60);
      await world.here.remove(...doomed);
      await world.here.write('a.txt', 'edited here');
      await world.there.write('b.txt', 'edited there');
      const { code, report } = await world.sync();
      expect({ code, held: report.held.length }).toEqual({ code: 3, held: 60 });
      expect(await world.there.read('a.txt')).toBe('edited here');
      expect(await world.here.read('b.txt')).toBe('edited there');
      expect((await world.there.paths()).filter((path) => doomed.includes(path))).toHaveLength(60);
      expect((await world.sync()).code).toBe(3);

      await world.here.fill(Object.fromEntries(doomed.map((path) => [path, many[path] ?? ''])));
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
      await world.there.remove(...doomed);
      const there = await world.sync();
      expect({ code: there.code, held: there.report.held.length }).toEqual({ code: 3, held: 60 });
      expect((await world.here.paths()).filter((path) => doomed.includes(path))).toHaveLength(60);
    }));
});

describe('a root that is not the one that was synced', () => {
  it.each(['.rtsync/pair.json', '.rtsync'])('halts when %s is missing', (mark) =>
    withWorld({}, async (world) => {
      await agreed(world);
      await world.here.remove('a.txt');
      await world.here.remove(mark);
      expect(await world.refused(world.sync())).toMatchObject({ code: 'halted', exit: 3 });
      expect(await world.there.paths()).toEqual(PATHS);
    }),
  );

  it('is refused when another workspace took the name', () =>
    withWorld({}, async (world) => {
      await agreed(world);
      const { test, server } = world;
      const headers = { 'x-api-key': test.key };
      await fetch(`${test.origin}/v1/workspaces/${test.workspaceId}?force=true`, {
        method: 'DELETE',
        headers,
      });
      await server.workspaces.create({ name: 'project', slug: test.slug });
      expect(await world.refused(world.sync())).toMatchObject({ code: 'state-mismatch', exit: 78 });
      expect(await world.here.paths()).toEqual(PATHS);
    }));
});

describe('a folder that could not be looked at', () => {
  const blind = (pair: Pair): Pair => {
    const without = (scan: LocalScan): LocalScan => ({
      ...scan,
      problems: [...scan.problems, { path: 'd', code: 'unreadable', message: 'a test says so' }],
      tree: withChanges(scan.tree, [
        { path: relPath('d'), node: { kind: 'unknown', why: 'a test says so' } },
      ]),
    });
    const { local } = pair;
    return {
      ...pair,
      remote: pair.remote,
      local: {
        ...local,
        scan: async (...args) => without(await local.scan(...args)),
        rescan: async (...args) => without(await local.rescan(...args)),
      },
    };
  };

  it('here deletes nothing there, takes nothing from there, and does not keep the rest from its turn', () =>
    withWorld({}, async (world) => {
      await agreed(world);
      await world.there.write('d/b.txt', 'edited there');
      await world.here.write('a.txt', 'edited here');
      const { code, report } = await world.sync({ meddle: blind });
      expect(code).toBe(4);
      expect(report.problems).toEqual([expect.objectContaining({ path: 'd', code: 'unreadable' })]);
      expect(await world.there.read('a.txt')).toBe('edited here');
      expect(await world.here.read('d/b.txt')).toBe('b');
      expect(await world.there.paths()).toEqual(PATHS);
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
    }));

  it.skipIf(process.getuid?.() === 0)('here, by its permissions, deletes nothing there', () =>
    withWorld({}, async (world) => {
      await agreed(world);
      await chmod(world.here.at('d'), 0);
      const { code, report } = await world.sync();
      await chmod(world.here.at('d'), 0o755);
      expect(code).toBe(4);
      expect(report.problems).toEqual([expect.objectContaining({ path: 'd', code: 'unreadable' })]);
      expect(await world.there.paths()).toEqual(PATHS);
    }),
  );

  const faults: readonly (readonly [string, Fault])[] = [
    ['answers 500', { kind: 'status', status: 500 }],
    ['answers 404', { kind: 'status', status: 404 }],
    ['is a web page', { kind: 'html' }],
    ['breaks off', { kind: 'drop' }],
  ];
  it.each(faults)('there, whose list %s: nothing below it is deleted, fetched or written over', (_, fault) =>
    withWorld({ hasty: true }, async (world) => {
      await agreed(world);
      await world.here.write('d/b.txt', 'edited here');
      await world.here.remove('d/e/c.txt');
      await world.here.write('a.txt', 'edited here');
      await world.there.write('f/g.txt', 'edited there');
      world.server.faults.next({ label: 'list', path: '/d' }, fault, 1_000);
      const { code, report, asked } = await world.sync();
      expect(code).toBe(4);
      expect(report.problems).toEqual([expect.objectContaining({ path: 'd', code: 'unreadable' })]);
      expect(await world.there.paths()).toEqual(PATHS);
      expect(await world.there.read('d/b.txt')).toBe('b');
      expect(await world.here.paths()).toEqual(PATHS.filter((path) => path !== 'd/e/c.txt'));
      expect(asked.upload).toBe(1);
      expect(await world.there.read('a.txt')).toBe('edited here');
      expect(await world.here.read('f/g.txt')).toBe('edited there');
      world.server.faults.clear();
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
      expect(await world.here.copies()).toEqual([]);
    }),
  );

  it('there, the root itself, ends the run and deletes nothing', () =>
    withWorld({ hasty: true }, async (world) => {
      await agreed(world);
      world.server.faults.next({ label: 'list', path: '/' }, { kind: 'status', status: 500 }, 1_000);
      world.server.faults.next({ label: 'list', path: '' }, { kind: 'status', status: 500 }, 1_000);
      expect((await world.refused(world.sync())).exit).toBe(75);
      expect(await world.here.paths()).toEqual(PATHS);
    }));
});

describe('a list that contradicts itself', () => {
  const withLiar = async (story: (world: PairWorld, liar: Liar) => Promise<void>): Promise<void> => {
    const liar = await startLiar();
    const storageUrl = (origin: string): string => {
      liar.target = origin;
      return liar.origin;
    };
    try {
      await withWorld({ hasty: true, storageUrl }, (world) => story(world, liar));
    } finally {
      await liar.close();
    }
  };
  const lies: readonly (readonly [string, (rows: Row[]) => Row[]])[] = [
    [
      'names an id that lies elsewhere',
      (rows) => rows.slice(0, 1).map((row) => ({ ...row, id: '/elsewhere/b.txt' })),
    ],
    ['names one id twice', (rows) => [...rows, ...rows.slice(0, 1)]],
    [
      'calls an entry otherwise than its id',
      (rows) => rows.map((row) => ({ ...row, value: 'something else' })),
    ],
    [
      'names an id that climbs out',
      (rows) => rows.map((row) => ({ ...row, id: '/d/../../etc/passwd', value: 'passwd' })),
    ],
    ['holds a size below nothing', (rows) => rows.map((row) => ({ ...row, size: -1 }))],
  ];
  it.each(lies)('is no list when it %s', (_, lie) =>
    withLiar(async (world, liar) => {
      await agreed(world);
      await world.there.write('d/e/new.txt', 'new');
      await world.here.write('a.txt', 'edited');
      liar.lie = (folder, rows) => (folder === '/d/e' ? lie(rows) : undefined);
      const { code, report } = await world.sync();
      expect(code).toBe(4);
      expect(report.problems).toEqual([expect.objectContaining({ path: 'd/e', code: 'unreadable' })]);
      expect(await world.here.paths()).toEqual(PATHS);
      expect(await world.there.read('a.txt')).toBe('edited');
      liar.lie = undefined;
      await world.sync();
      await world.expectQuiet();
    }),
  );
});

describe('what is ignored from now on', () => {
  it.each(['configuration', 'ignore file'] as const)('by the %s stays where it is, on both sides', (how) =>
    withWorld({}, async (world) => {
      await agreed(world, { 'a.txt': 'a', 'logs/x.log': 'x', 'd/y.log': 'y', 'd/z.txt': 'z' });
      if (how === 'ignore file') await world.here.write('.rtsyncignore', '*.log\nlogs/\n');
      const pair = how === 'configuration' ? { ignore: ['*.log', 'logs/'] } : {};
      expect((await world.sync({ pair })).code).toBe(0);
      await world.here.write('logs/x.log', 'edited here');
      await world.there.remove('d/y.log');
      await world.here.remove('d/z.txt');
      expect((await world.sync({ pair })).code).toBe(0);
      expect(await world.there.read('logs/x.log')).toBe('x');
      expect(await world.here.read('d/y.log')).toBe('y');
      expect(await world.there.paths()).not.toContain('d/z.txt');

      // A folder that is deleted here keeps there what is ignored in it.
      await world.here.remove('d', 'logs');
      await world.sync({ pair });
      expect(await world.there.paths()).toContain('logs/x.log');
    }),
  );
});

describe('a state database', () => {
  it('that is lost loses nothing: both sides are compared, nothing is deleted, no copy is made', () =>
    withWorld({}, async (world) => {
      await agreed(world);
      await world.forgetState();
      await world.here.remove('a.txt');
      await world.there.remove('f');
      const { code, report } = await world.sync();
      expect(code).toBe(0);
      expect(report.operations).toMatchObject({ removeLocal: 0, removeRemote: 0, conflict: 0 });
      expect(await world.here.paths()).toEqual(PATHS);
      await world.expectQuiet();
      expect(await world.here.trash()).toEqual([]);
    }));

  it('for another workspace is not used for this one', () =>
    withWorld({ workspaces: [{ slug: 'project' }, { slug: 'other' }] }, async (world) => {
      await agreed(world);
      expect(await world.refused(world.sync({ pair: { workspace: 'other' } }))).toMatchObject({
        code: 'state-mismatch',
        exit: 78,
      });
      expect(await world.here.paths()).toEqual(PATHS);
    }));
});
