/**
 * Every meeting of a base with what each side may hold, one path at a time. For each the same invariants hold, and where
 * the answer is a cell of the table, the plan is that cell's.
 */
import { describe, expect, test } from 'vitest';
import { relPath } from '../../../src/core/path.ts';
import type { OperationKind } from '../../../src/core/plan.ts';
import { VERDICTS } from '../../../src/core/rules.ts';
import { emptyTree, nodeAt } from '../../../src/core/tree.ts';
import { applyPlan } from '../../support/model.ts';
import { hide, makeFolder, remove, write } from '../../support/people.ts';
import { planFor, problemsOf, sync, syncedWorld, told } from '../../support/planning.ts';
import { contentsOf, emptyWorld, listing, type SideName, type World } from '../../support/world.ts';

const BASES = ['nothing', 'file', 'folder'] as const;
const STATES = [
  'gone',
  'kept',
  'file',
  'same size',
  'folder',
  'empty folder',
  'untracked',
  'unknown',
] as const;
type Base = (typeof BASES)[number];
type State = (typeof STATES)[number];

/** One path `p`; a folder holds `p/in`. Something that nobody touches lies beside it. */
function meeting(base: Base, local: State, remote: State): World {
  const files: Record<string, string> = { beside: 'quiet' };
  if (base === 'file') files.p = 'old1';
  if (base === 'folder') files['p/in'] = 'old1';
  const world = syncedWorld(files);
  become(world, 'local', local);
  become(world, 'remote', remote);
  return world;
}

function become(world: World, side: SideName, state: State): void {
  if (state === 'kept') return;
  if (nodeAt<unknown>(world[side], relPath('p')) !== undefined && state !== 'file' && state !== 'same size')
    remove(world, side, 'p');
  if (nodeAt<unknown>(world[side], relPath('p'))?.kind === 'folder') remove(world, side, 'p');
  if (state === 'file') write(world, side, 'p', side === 'local' ? 'new-l0' : 'new-r2');
  // The last character makes the size: these two have one.
  if (state === 'same size') write(world, side, 'p', `${side}1`);
  if (state === 'folder') write(world, side, 'p/new', `${side}-new`);
  if (state === 'empty folder') makeFolder(world, side, 'p');
  if (state === 'untracked' || state === 'unknown') hide(world, side, 'p', state);
}

const ALL = BASES.flatMap((base) =>
  STATES.flatMap((local) => STATES.map((remote) => [base, local, remote] as const)),
);
const isDark = (state: State): boolean => state === 'untracked' || state === 'unknown';

describe('every meeting of a base, a local and a remote state', () => {
  test.each(ALL.filter(([, local, remote]) => isDark(local) || isDark(remote)))(
    'base %s, local %s, remote %s: nothing is done',
    (base, local, remote) => {
      const world = meeting(base, local, remote);
      const plan = planFor(world);
      expect(told(plan)).toEqual([]);
      const unknown = local === 'unknown' || remote === 'unknown';
      const forgets = !unknown && base !== 'nothing';
      expect(plan.baseChanges).toEqual(forgets ? [{ kind: 'forget', path: 'p' }] : []);
    },
  );

  test.each(ALL.filter(([, local, remote]) => !isDark(local) && !isDark(remote)))(
    'base %s, local %s, remote %s: both sides become equal and no new content is lost',
    (base, local, remote) => {
      const world = meeting(base, local, remote);
      const fresh = [...contentsOf(world.local), ...contentsOf(world.remote)].filter(
        (content) => content !== 'old1',
      );
      const kept = base !== 'nothing' && local === 'kept' && remote === 'kept';
      sync(world);
      expect(listing(world.remote)).toEqual(listing(world.local));
      const live = contentsOf(world.local);
      expect(fresh.filter((content) => !live.has(content))).toEqual([]);
      expect(live.has('old1')).toBe(kept);
      expect(planFor(world)).toEqual({ operations: [], baseChanges: [], problems: [] });
    },
  );

  test.each(ALL.filter(([, local, remote]) => !isDark(local) && !isDark(remote)))(
    'a lost base, before it %s, local %s, remote %s: nothing is removed',
    (base, local, remote) => {
      const world = meeting(base, local, remote);
      world.base = emptyTree();
      const all = new Set([...contentsOf(world.local), ...contentsOf(world.remote)]);
      expect(planFor(world).operations.filter(({ kind }) => kind.startsWith('remove'))).toEqual([]);
      sync(world);
      expect(listing(world.remote)).toEqual(listing(world.local));
      expect([...all].filter((content) => !contentsOf(world.local).has(content))).toEqual([]);
    },
  );
});

describe('a cell of the table', () => {
  const change = { none: 'kept', modified: 'file', deleted: 'gone' } as const;
  const planned: Readonly<Record<string, readonly OperationKind[]>> = {
    keep: [],
    push: ['upload'],
    pull: ['download'],
    removeLocal: ['removeLocal'],
    removeRemote: ['removeRemote'],
    compare: ['setAside', 'download'],
    conflict: ['setAside', 'download'],
    forget: [],
  };
  const known = ['none', 'modified', 'deleted'] as const;
  test.each(known.flatMap((local) => known.map((remote) => [local, remote] as const)))(
    'is what is planned for a known file: local %s, remote %s',
    (local, remote) => {
      const world = meeting('file', change[local], change[remote]);
      expect(planFor(world).operations.map(({ kind }) => kind)).toEqual(planned[VERDICTS[local][remote]]);
    },
  );

  test('asks the contents when both sides hold a file of one size', () => {
    expect(told(planFor(meeting('nothing', 'same size', 'same size')))).toEqual(['compare p']);
    expect(told(planFor(meeting('file', 'same size', 'same size')))).toEqual(['compare p']);
  });

  test('adopts two empty files without a look', () => {
    const world = emptyWorld();
    write(world, 'local', 'p', '');
    write(world, 'remote', 'p', '');
    const plan = planFor(world);
    expect(told(plan)).toEqual([]);
    expect(plan.baseChanges).toMatchObject([{ kind: 'file', path: 'p', stamp: { size: 0 } }]);
  });

  test('treats a file whose digest nobody could tell as modified', () => {
    const world = syncedWorld({ p: 'old1' });
    write(world, 'local', 'p', 'new1');
    const operations = planFor(world, { look: ({ local, remote }) => ({ local, remote }) }).operations;
    expect(operations.map(({ kind }) => kind)).toEqual(['upload']);
  });

  test('refreshes the base after a touch and does nothing else', () => {
    const world = syncedWorld({ p: 'old1' });
    write(world, 'local', 'p', 'old1');
    const plan = planFor(world);
    expect(told(plan)).toEqual([]);
    expect(plan.baseChanges).toMatchObject([{ kind: 'file', path: 'p' }]);
    applyPlan(world, plan);
    expect(planFor(world).baseChanges).toEqual([]);
  });

  test('turns the span of an upload into the date that was listed', () => {
    const world = syncedWorld({ p: 'old1' });
    const node = nodeAt(world.base, relPath('p'));
    if (node?.kind !== 'file' || typeof node.stamp.date !== 'number')
      throw new Error('a dated file is expected');
    const span = { ...node.stamp, date: [node.stamp.date - 5, node.stamp.date + 5] as const };
    world.base = {
      kind: 'folder',
      children: new Map([...world.base.children, ['p', { kind: 'file', stamp: span }]]),
    };
    expect(planFor(world).baseChanges).toEqual([{ kind: 'file', path: 'p', stamp: node.stamp }]);
  });
});

describe('a folder that one side deleted', () => {
  test('goes as one when nothing below changed', () => {
    const world = syncedWorld({ 'd/a': 'a1', 'd/e/b': 'b1' });
    remove(world, 'local', 'd');
    expect(told(planFor(world))).toEqual(['removeRemote d']);
  });

  test('keeps what is new or changed there, with its parents, and nothing else', () => {
    const world = syncedWorld({ 'd/a': 'a1', 'd/e/b': 'b1', 'd/f/c': 'c1' });
    remove(world, 'local', 'd');
    write(world, 'remote', 'd/e/b', 'changed');
    const plan = planFor(world);
    expect(told(plan).sort()).toEqual([
      'download d/e/b',
      'makeFolderLocal d',
      'makeFolderLocal d/e',
      'removeRemote d/a',
      'removeRemote d/f',
    ]);
    sync(world);
    expect(listing(world.local)).toEqual(['d/', 'd/e/', 'd/e/b=changed']);
  });

  test('stays, reported, while it holds what is not synced', () => {
    const world = syncedWorld({ 'd/a': 'a1' });
    hide(world, 'remote', 'd/ignored', 'untracked');
    remove(world, 'local', 'd');
    const plan = planFor(world);
    expect([told(plan), problemsOf(plan)]).toEqual([['removeRemote d/a'], ['kept d']]);
    applyPlan(world, plan);
    expect(told(planFor(world))).toEqual([]);
  });

  test('stays while something below could not be looked at, and its base stays too', () => {
    const world = syncedWorld({ 'd/a': 'a1', 'd/u': 'u1' });
    hide(world, 'remote', 'd/u', 'unknown');
    remove(world, 'local', 'd');
    const plan = planFor(world);
    expect(told(plan)).toEqual(['removeRemote d/a']);
    applyPlan(world, plan);
    expect(nodeAt(world.base, relPath('d/u'))?.kind).toBe('file');
  });
});
