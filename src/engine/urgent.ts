/**
 * What a person waits for, out of a plan that takes minutes: the operations in the folders of a fresh local edit, with
 * what they wait for. The rest is planned again right after it. Pure.
 */
import { inStageOrder, pathsOf } from '../core/builder.ts';
import { keyOf, type LocalDir, parentOf, type RelPath } from '../core/path.ts';
import type { Operation, Plan } from '../core/plan.ts';

/** A plan of more operations (each costs about a request) is long. */
export const LONG = 40;
/** Edits of one moment, such as those of a program that saves some files. Milliseconds. */
const TOGETHER_MS = 5_000;

/** Undefined when the plan is done soon anyway, or holds nothing in these folders. */
export function urgentPart(plan: Plan, dirs: readonly LocalDir[]): Plan | undefined {
  if (plan.operations.length <= LONG) return undefined;
  const keys = new Set<string>(dirs.map((dir) => keyOf(dir)));
  const changing = plan.problems.some(
    ({ code, path }) => code === 'changing' && keys.has(parentOf(path as RelPath)),
  );
  // The edit itself is not in the plan yet. It will be in a moment, and finds free what is kept free for it.
  if (changing) return { ...plan, operations: [] };
  const there = plan.operations.filter((operation) =>
    pathsOf(operation).some((path) => keys.has(parentOf(path))),
  );
  const latest = there.reduce(
    (most, one) => Math.max(most, one.kind === 'upload' ? one.local.mtimeMs : 0),
    0,
  );
  // What else waits in these folders would use up what is kept free for the edit.
  const fresh = there
    .filter((operation) => editedAt(operation) >= latest - TOGETHER_MS)
    .sort((a, b) => editedAt(b) - editedAt(a))
    .slice(0, LONG);
  if (fresh.length === 0) return undefined;
  const byId = new Map(plan.operations.map((operation) => [operation.id, operation]));
  const wanted = new Set<number>();
  const want = ({ id, after }: Operation): void => {
    if (wanted.has(id)) return;
    wanted.add(id);
    for (const earlier of after) {
      const operation = byId.get(earlier);
      if (operation !== undefined) want(operation);
    }
  };
  for (const operation of fresh) want(operation);
  return { ...plan, operations: inStageOrder(plan.operations.filter(({ id }) => wanted.has(id))) };
}

/** Local time of the edit, as far as the operation knows it: a deed without a version is a small one. */
function editedAt(operation: Operation): number {
  return operation.kind === 'upload' ? operation.local.mtimeMs : Number.MAX_VALUE;
}
