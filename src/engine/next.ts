/** After a cycle: is there more to do, when, and where must be looked first? Pure. */
import type { RelPath } from '../core/path.ts';
import type { Problem } from '../core/plan.ts';
import { nodeAt } from '../core/tree.ts';
import type { CycleRequest, CycleResult } from './cycle.ts';
import { dirsOf, firstDirsOf, localDirsOf } from './where.ts';

export type Next =
  | { readonly kind: 'quiet' }
  /** `waitMs` before the next look; `why` for the log. */
  | {
      readonly kind: 'again';
      readonly why: 'follow-up' | 'replan' | 'changing' | 'retry' | 'room';
      readonly request: CycleRequest;
      readonly waitMs: number;
    };

const CHANGING_MS = 95;
const CHANGING_MAX_MS = 2_000;
/** How often much that waits is held up for a file that is still being written. */
const MOST_WAITS = 3;
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/**
 * `tries`: cycles in a row that ended the same way without a deed. `inTurn`: the remote side is looked at a few folders
 * at a time, so that much is not swept either.
 */
export function whatNext(result: CycleResult, tries: number, inTurn = false): Next {
  const { totals } = result;
  const where = inTurn ? firstDirsOf : dirsOf;
  // What waits for room holds up nothing else.
  const later = totals.later?.code === 'storage-full' ? undefined : totals.later;
  if (result.partial && tries < MOST_WAITS && later === undefined) {
    const fresh = localDirsOf(result.memory.local.tree, changingIn(result));
    // What a person has just saved stands still in a moment, and goes before the rest.
    if (fresh !== 'all' && fresh.length > 0) {
      const waitMs = CHANGING_MS * (tries + 1);
      return { kind: 'again', why: 'changing', request: { local: fresh, remote: [], fresh }, waitMs };
    }
  }
  if (totals.superseded || (result.partial && later === undefined)) {
    const dirs = totals.replan.size === 0 ? [] : where(result.memory.remote.tree, [...totals.replan]);
    return { kind: 'again', why: 'follow-up', request: { local: [], remote: dirs }, waitMs: 0 };
  }
  // Every deed looks again before it acts, so nothing need be listed here to try once more.
  const onceMore = {
    request: { local: 'all', remote: [] },
    waitMs: Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** tries),
  } as const;
  if (later !== undefined) return { kind: 'again', why: 'retry', ...onceMore };
  if (totals.replan.size > 0) {
    const remote = where(result.memory.remote.tree, [...totals.replan]);
    return {
      kind: 'again',
      why: 'replan',
      request: { local: 'all', remote },
      waitMs: Math.min(CHANGING_MAX_MS, CHANGING_MS * tries),
    };
  }
  if (totals.followUp.size > 0)
    return { kind: 'again', why: 'follow-up', request: { local: 'all', remote: [] }, waitMs: 0 };
  const paths = changingIn(result);
  if (paths.length > 0) {
    const request = {
      local: localDirsOf(result.memory.local.tree, paths),
      remote: where(
        result.memory.remote.tree,
        paths.filter((path) => isEmptyFile(result, path)),
      ),
    };
    return {
      kind: 'again',
      why: 'changing',
      request,
      waitMs: Math.min(CHANGING_MAX_MS, CHANGING_MS * (tries + 1)),
    };
  }
  return totals.later === undefined ? { kind: 'quiet' } : { kind: 'again', why: 'room', ...onceMore };
}

function changingIn({ problems }: CycleResult): readonly RelPath[] {
  return problems.flatMap(({ code, path }) => (code === 'changing' ? [path as RelPath] : []));
}

function isEmptyFile(result: CycleResult, path: RelPath): boolean {
  const node = nodeAt(result.memory.remote.tree, path);
  return node?.kind === 'file' && node.stamp.size === 0;
}

/** Problems that leave the sides unequal; a kept folder does not. */
export function remaining(problems: readonly Problem[]): readonly Problem[] {
  return problems.filter((problem) => problem.code !== 'kept');
}
