import { describe, expect, it } from 'vitest';
import type { BaseFile } from '../../../src/core/base.ts';
import type { LocalDir, RelPath, RemoteDir } from '../../../src/core/path.ts';
import type { Operation, Plan } from '../../../src/core/plan.ts';
import { emptyTree, nodeAt, walk, withChanges } from '../../../src/core/tree.ts';
import type { CycleRequest } from '../../../src/engine/cycle.ts';
import { believed, provenChanges, provenPart } from '../../../src/engine/unproven.ts';
import { urgentPart } from '../../../src/engine/urgent.ts';
import { rename, write } from '../../support/people.ts';
import { planFor, syncedWorld } from '../../support/planning.ts';
import { emptyWorld } from '../../support/world.ts';

function longPlan(): Plan {
  const world = emptyWorld(1);
  for (let i = 0; i < 100; i += 1) write(world, 'local', `bulk/f${i}`, `${i}`);
  write(world, 'local', 'here/deep/edit', 'fresh');
  return planFor(world);
}

const pathsIn = (plan: Plan | undefined): readonly string[] =>
  (plan?.operations ?? []).map((operation: Operation) => ('place' in operation ? operation.place.path : ''));

describe('the urgent part of a plan', () => {
  it('is what lies in the folders of a fresh edit, with what it waits for', () => {
    expect(pathsIn(urgentPart(longPlan(), ['here/deep' as LocalDir]))).toEqual([
      'here',
      'here/deep',
      'here/deep/edit',
    ]);
  });

  it('is numbered as a plan of its own', () => {
    const part = urgentPart(longPlan(), ['here/deep' as LocalDir]);
    expect(part?.operations.map(({ id, after }) => ({ id, after }))).toEqual([
      { id: 0, after: [] },
      { id: 1, after: [0] },
      { id: 2, after: [1] },
    ]);
  });

  it('is no part of a short plan, nor of one that holds nothing there', () => {
    const plan = longPlan();
    expect(
      urgentPart({ ...plan, operations: plan.operations.slice(0, 5) }, ['bulk' as LocalDir]),
    ).toBeUndefined();
    expect(urgentPart(plan, ['elsewhere' as LocalDir])).toBeUndefined();
  });

  it('leaves what was there before the edit to the rest', () => {
    const plan = longPlan();
    const later = plan.operations.map((one) =>
      one.kind === 'upload' && one.place.path === 'bulk/f7'
        ? { ...one, local: { ...one.local, mtimeMs: one.local.mtimeMs + 60_000 } }
        : one,
    );
    expect(pathsIn(urgentPart({ ...plan, operations: later }, ['bulk' as LocalDir]))).toEqual([
      'bulk',
      'bulk/f7',
    ]);
  });

  it('is nothing while the edit itself is still being written', () => {
    const problem = { path: 'bulk/new', code: 'changing', message: 'still being written' } as const;
    const plan = { ...longPlan(), problems: [problem] };
    expect(urgentPart(plan, ['bulk' as LocalDir])?.operations).toEqual([]);
    expect(pathsIn(urgentPart(plan, ['here/deep' as LocalDir]))).toHaveLength(3);
  });

  it('is short itself, however much was edited there', () => {
    expect(urgentPart(longPlan(), ['bulk' as LocalDir])?.operations).toHaveLength(41);
  });
});

it('a folder of more files than a call takes arguments has an urgent part', () => {
  const plan = longPlan();
  const first = plan.operations.find((one) => one.kind === 'upload' && one.place.path === 'bulk/f1');
  const operations = Array.from({ length: 150_000 }, (_, id) => ({ ...first, id, after: [] }) as Operation);
  expect(urgentPart({ ...plan, operations }, ['bulk' as LocalDir])?.operations).toHaveLength(40);
});

describe('what is only remembered', () => {
  const world = syncedWorld({ 'a/x': 'x', 'a/y': 'yy', 'b/z': 'zzz' });
  const gone = { ...world, remote: emptyTree<never>() };

  it('takes nothing away here until its folder was listed', () => {
    const plan = planFor(gone);
    expect(plan.operations.map(({ kind }) => kind)).toContain('removeLocal');
    const proven = provenPart(plan, gone.remote, () => false);
    expect(proven.plan.operations).toEqual([]);
    expect(proven.wanted).toEqual(['']);
    expect(provenPart(plan, gone.remote, (dir) => dir === '').plan.operations).toEqual(plan.operations);
  });

  it('is no conflict until its folder was listed', () => {
    const both = { ...world };
    write(both, 'local', 'b/z', 'mine');
    write(both, 'remote', 'b/z', 'theirs');
    const plan = planFor(both);
    expect(plan.operations.map(({ kind }) => kind)).toContain('setAside');
    const proven = provenPart(plan, both.remote, () => false);
    expect(proven.plan.operations).toEqual([]);
    expect(proven.wanted).toEqual(['b']);
    expect(provenPart(plan, both.remote, (dir) => dir === 'b').plan.operations).toEqual(plan.operations);
  });

  it('is enough to send by', () => {
    const more = { ...world };
    write(more, 'local', 'b/new', 'new');
    const plan = planFor(more);
    expect(provenPart(plan, more.remote, () => false).plan.operations).toHaveLength(plan.operations.length);
    expect(plan.operations.map((one) => 'place' in one && one.place.path)).toEqual(['b/new' as RelPath]);
  });

  const remembering = (remote: readonly string[]): CycleRequest => ({
    ...{ local: [], remote: remote as readonly RemoteDir[], unproven: true, isListed: () => true },
  });

  it('agrees with lists of this cycle on the very dates of what was sent, and on nothing else', () => {
    const sent = syncedWorld({ 'a/x': 'x', 'a/y': 'yy', 'b/z': 'zzz' });
    const exact = sent.base;
    for (const [path, node] of walk(exact)) {
      if (node.kind !== 'file') continue;
      const date = Number(node.stamp.date);
      const stamp = { ...node.stamp, date: [date - 5, date + 5] as const };
      sent.base = withChanges(sent.base, [{ path, node: { kind: 'file', stamp } }]);
    }
    write(sent, 'local', 'b/new', 'same');
    write(sent, 'remote', 'a/y', 'other');
    const plan = planFor(sent);
    expect(plan.baseChanges.map((change) => 'path' in change && change.path)).toEqual(['a/x', 'b/z']);
    expect(provenChanges(plan, sent.base, remembering(['a']))).toEqual([
      { kind: 'file', path: 'a/x', stamp: (nodeAt(exact, 'a/x' as RelPath) as BaseFile).stamp },
    ]);
    expect(provenChanges(plan, sent.base, remembering([]))).toEqual([]);
    expect(provenChanges(plan, sent.base, { ...remembering([]), unproven: false })).toEqual(plan.baseChanges);
  });

  it('moves nothing here that follows a move which both sides made, until that is agreed on', () => {
    const both = syncedWorld({ 'a/x': 'x', 'b/z': 'zzz' });
    rename(both, 'local', 'a', 'c');
    rename(both, 'remote', 'a', 'c');
    rename(both, 'remote', 'b/z', 'b/y');
    const plan = planFor(both);
    expect(plan.operations.map(({ kind }) => kind)).toEqual(['moveLocal']);
    expect(believed(plan, both.remote, remembering(['', 'a', 'b', 'c'])).plan.operations).toEqual([]);
    expect(plan.baseChanges.map(({ kind }) => kind)).toContain('move');
  });
});
