/**
 * What may be done while a part of the remote side is only remembered from an earlier process. Deeds look again before
 * they act, so most may: but that something is gone there, or stands in the way, must have been seen by this process
 * before it goes here.
 */
import { type BaseChange, type BaseTree, dateMatches, isDoubted } from '../core/base.ts';
import { isRemoval } from '../core/guard.ts';
import { type DirPath, keyOf, parentOf, ROOT } from '../core/path.ts';
import type { Operation, Plan } from '../core/plan.ts';
import { nodeAt, type RemoteTree } from '../core/tree.ts';
import type { CycleRequest } from './cycle.ts';

export interface Proven {
  readonly plan: Plan;
  /** Folders whose list would prove what was left out. */
  readonly wanted: readonly DirPath[];
}

/** What a cycle may do by what it knows: of what is only remembered, no removal is believed. */
export function believed(plan: Plan, tree: RemoteTree, request: CycleRequest): Proven {
  const { unproven, isListed, remote } = request;
  if (unproven !== true || isListed === undefined || remote === 'sweep') return { plan, wanted: [] };
  const now = new Set<string>(remote.map((dir) => keyOf(dir)));
  return provenPart(withoutLateMoves(plan), tree, (dir) => now.has(dir) || isListed(dir));
}

/** What both sides moved is not agreed on yet, and a move here that follows from it would find other rows in the base. */
function withoutLateMoves(plan: Plan): Plan {
  if (!plan.baseChanges.some(({ kind }) => kind === 'move')) return plan;
  const moves = plan.operations.filter(({ kind }) => kind === 'moveLocal');
  return withoutOperations(
    plan,
    moves.map(({ id }) => id),
  );
}

/**
 * What may be agreed on before any operation: of what is only remembered nothing, but for the doubt about files that are
 * about to move here, and for the very dates, in lists of this cycle, of what we sent ourselves.
 */
export function provenChanges(
  { operations, baseChanges }: Plan,
  base: BaseTree,
  { unproven, remote }: CycleRequest,
): readonly BaseChange[] {
  if (unproven !== true) return baseChanges;
  const moves = operations.some(({ kind }) => kind === 'moveLocal');
  const listed = new Set<string>(remote === 'sweep' ? [] : remote.map((dir) => keyOf(dir)));
  return baseChanges.filter((change) => {
    if (change.kind !== 'file') return false;
    if (isDoubted(change.stamp)) return moves;
    return listed.has(parentOf(change.path)) && onlyDates(base, change);
  });
}

/** The same version as before, with a date for a span. */
function onlyDates(base: BaseTree, { path, stamp }: BaseChange & { readonly kind: 'file' }): boolean {
  const was = nodeAt(base, path);
  if (was?.kind !== 'file' || typeof was.stamp.date === 'number' || typeof stamp.date !== 'number')
    return false;
  return (
    was.stamp.digest === stamp.digest &&
    was.stamp.size === stamp.size &&
    was.stamp.ino === stamp.ino &&
    was.stamp.mtimeMs === stamp.mtimeMs &&
    was.stamp.ctimeMs === stamp.ctimeMs &&
    dateMatches(was.stamp.date, stamp.date)
  );
}

/** The plan without what takes away here by the word of folders that were not listed, and without what waits for it. */
export function provenPart(plan: Plan, remote: RemoteTree, isListed: (dir: DirPath) => boolean): Proven {
  const wanted = new Set<DirPath>();
  const dropped = new Set<number>();
  for (const operation of plan.operations) {
    const dirs = witnessesOf(operation)
      .map((dir) => standing(remote, dir))
      .filter((dir) => !isListed(dir));
    if (dirs.length > 0) dropped.add(operation.id);
    for (const dir of dirs) wanted.add(dir);
  }
  return { plan: withoutOperations(plan, dropped), wanted: [...wanted] };
}

/** The plan without these operations and all that wait for them; numbers stay. */
export function withoutOperations(plan: Plan, ids: Iterable<number>): Plan {
  const dropped = new Set(ids);
  if (dropped.size === 0) return plan;
  for (let before = -1; before !== dropped.size; ) {
    before = dropped.size;
    for (const { id, after } of plan.operations) if (after.some((wait) => dropped.has(wait))) dropped.add(id);
  }
  return { ...plan, operations: plan.operations.filter(({ id }) => !dropped.has(id)) };
}

/** The folder, or the nearest one above it that stands there: its list says that what is below it is gone. */
function standing(remote: RemoteTree, dir: DirPath): DirPath {
  let at = dir;
  while (at !== ROOT && nodeAt(remote, at)?.kind !== 'folder') at = parentOf(at);
  return at;
}

/** The folders whose lists say that something left its place there, or stands where something else stands here. */
function witnessesOf(operation: Operation): readonly DirPath[] {
  if (operation.kind === 'setAside') return [parentOf(operation.place.path)];
  if (isRemoval(operation)) return operation.kind === 'removeLocal' ? [parentOf(operation.place.path)] : [];
  return operation.kind === 'moveLocal' ? [parentOf(operation.from.path), parentOf(operation.to.path)] : [];
}
