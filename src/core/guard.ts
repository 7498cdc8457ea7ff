/**
 * The last word before deeds: a plan that would remove suspiciously much keeps everything but its removals, and what
 * depends on them, until a person approves. An emptied side is more likely a missing disk than a wish. Downloads that
 * would put older versions over newer files (see `regressions.ts`) take away as a removal does, and are held with them.
 */
import type { BaseTree } from './base.ts';
import { inStageOrder } from './builder.ts';
import { isWithin } from './path.ts';
import type { Download, Held, Operation, Plan, RemoveLocal, RemoveRemote } from './plan.ts';
import { findRegressions, heldRegression, isRegression, regressionReason } from './regressions.ts';
import { census, type LocalTree, type RemoteTree } from './tree.ts';

export interface GuardFacts {
  readonly base: BaseTree;
  readonly local: LocalTree;
  readonly remote: RemoteTree;
}

export interface GuardLimits {
  /**
   * Removals of more than `files` files, which are also more than `percent` of the pair, are held; false: never.
   * Files that would go back to older versions count as well, and are held as well.
   */
  readonly maxDelete: { readonly files: number; readonly percent: number } | false;
  readonly recent?: RecentlyRemoved;
  /** What was held last time: it stays held, whatever the numbers are now, until it is approved or no longer wanted. */
  readonly before?: readonly Held[];
  /** Fingerprints (see `heldFingerprint`) that a person let pass. */
  readonly approved?: ReadonlySet<string>;
}

/** What went a short while ago without anybody being asked. */
export interface RecentlyRemoved {
  /** Files. */
  readonly removed: number;
  /** The most files that each folder at the top held, of those that lost some. */
  readonly tops: ReadonlyMap<string, number>;
  /** The most files that the pair held in that time. */
  readonly files: number;
}

export interface Guarded {
  /** The plan without what is held. */
  readonly plan: Plan;
  readonly held: readonly Held[];
}

type Removal = RemoveLocal | RemoveRemote;

/** What an approval is bound to: the same removal of the same size. */
export function heldFingerprint({ side, path, files }: Pick<Held, 'side' | 'path' | 'files'>): string {
  return `${side}:${files}:${path}`;
}

export function guard(plan: Plan, facts: GuardFacts, limits: GuardLimits): Guarded {
  const removals = plan.operations.filter(isRemoval);
  const regressions = findRegressions(plan.operations, facts.base);
  if (removals.length === 0 && regressions.length === 0) return { plan, held: [] };
  const objection = objections({ removals, regressions }, facts, limits);
  const held = new Map<number, Held>();
  const hold = (id: number, item: Held): void => {
    if (limits.approved?.has(heldFingerprint(item)) !== true) held.set(id, item);
  };
  for (const removal of removals) {
    const reason = objection.removal(removal);
    if (reason !== undefined)
      hold(removal.id, { path: removal.place.path, side: sideOf(removal), files: filesOf(removal), reason });
  }
  for (const regression of regressions) {
    const reason = objection.regression(regression);
    if (reason !== undefined) hold(regression.id, heldRegression(regression, reason));
  }
  if (held.size === 0) return { plan, held: [] };
  return {
    plan: { ...plan, operations: without(plan.operations, new Set(held.keys())) },
    held: [...held.values()],
  };
}

/** The number of files that a removal takes away: none for an empty folder, which limits and reports do not count. */
export function filesOf(removal: Removal): number {
  const seen = removal.kind === 'removeLocal' ? removal.local : removal.remote;
  return 'children' in seen ? census(seen).files : 1;
}

export function isRemoval(operation: Operation): operation is Removal {
  return operation.kind === 'removeLocal' || operation.kind === 'removeRemote';
}

export function sideOf({ kind }: Removal): Held['side'] {
  return kind === 'removeLocal' ? 'local' : 'remote';
}

interface Suspects {
  readonly removals: readonly Removal[];
  readonly regressions: readonly Download[];
}

/** Why each must wait for a person; undefined when it may pass. */
interface Objections {
  removal(removal: Removal): string | undefined;
  regression(regression: Download): string | undefined;
}

function objections(
  { removals, regressions }: Suspects,
  { base, local, remote }: GuardFacts,
  { maxDelete, before = [], recent = NOTHING_YET }: GuardLimits,
): Objections {
  const agreed = census(base).files;
  const there = { local: census(local).files, remote: census(remote).files };
  // Without a base only a mirror removes; then the side that loses files is what is at stake.
  const known = agreed > 0 ? agreed : Math.max(there.local, there.remote);
  // What is removed on one side is what the other side no longer has.
  const empty = {
    remote: known > 0 && there.local === 0,
    local: known > 0 && there.remote === 0,
  };
  const removed = removals.reduce((sum, removal) => sum + filesOf(removal), 0);
  const back = regressions.length;
  const total = removed + back;
  const tooMany = maxDelete !== false && total > maxDelete.files && total * 100 > known * maxDelete.percent;
  // A busy folder loses and gains files all day; one that empties slowly ends with next to nothing.
  const most = Math.max(known, recent.files);
  const slow = maxDelete !== false && recent.removed > 0 && removed + recent.removed > maxDelete.files;
  const emptying = slow && hasEmptied(known - removed, most);
  const tops =
    maxDelete === false
      ? new Set<string>()
      : emptiedTops(removals, base, { limit: maxDelete.files, recent: recent.tops });
  const heldRemovals = before.filter((item) => !isRegression(item));
  const heldRegressions = new Map(before.filter(isRegression).map(({ path, reason }) => [path, reason]));
  return {
    removal: (removal) => {
      if (empty[sideOf(removal)]) return EMPTIED[sideOf(removal)];
      if (tooMany)
        return `${removed} of ${known} files would be removed${back > 0 ? ` and ${back} go back to older versions` : ''}`;
      if (emptying) return `only ${known - removed} of ${most} files would be left after a few minutes`;
      const top = topOf(removal);
      if (tops.has(top)) return `${nearly(recent, top)} files of the folder "${top}" would be removed`;
      return heldRemovals.find((item) => isPartOf(removal, item))?.reason;
    },
    regression: ({ place }) => (tooMany ? regressionReason(back, known) : heldRegressions.get(place.path)),
  };
}

function nearly({ tops }: RecentlyRemoved, top: string): string {
  return tops.has(top) ? 'nearly all' : 'all';
}

const NOTHING_YET: RecentlyRemoved = { removed: 0, tops: new Map(), files: 0 };

/** A pair that has lost more than this share within a few minutes, little by little, is held. */
const EMPTYING_PERCENT = 75;

const EMPTIED: Readonly<Record<Held['side'], string>> = {
  remote: 'the local folder has no files any more',
  local: 'the remote folder has no files any more',
};

/** A held folder may come again as single files, and single files as their folder. */
function isPartOf(removal: Removal, { side, path }: Held): boolean {
  const ours = removal.place.path;
  return side === sideOf(removal) && (isWithin(ours, path) || isWithin(path, ours));
}

export function topOf({ place }: Removal): string {
  return place.path.split('/', 1)[0] ?? place.path;
}

interface TopLimits {
  readonly limit: number;
  /** The most files that a top-level folder held a short while ago. */
  readonly recent: ReadonlyMap<string, number>;
}

/** Files in a folder at the top. */
export function filesBelow(base: BaseTree, top: string): number {
  const node = base.children.get(top);
  return node?.kind === 'folder' ? census(node).files : 0;
}

function hasEmptied(left: number, most: number): boolean {
  return left * 100 < most * (100 - EMPTYING_PERCENT);
}

/** Top-level folders that had more than `limit` files, of which nothing would be left. */
function emptiedTops(
  removals: readonly Removal[],
  base: BaseTree,
  { limit, recent }: TopLimits,
): ReadonlySet<string> {
  const removed = new Map<string, number>();
  for (const removal of removals) {
    const top = topOf(removal);
    removed.set(top, (removed.get(top) ?? 0) + filesOf(removal));
  }
  const found = new Set<string>();
  for (const [top, files] of removed) {
    const before = filesBelow(base, top);
    const most = Math.max(before, recent.get(top) ?? 0);
    const emptied = before > limit && files >= before;
    if (emptied || (recent.has(top) && most > limit && hasEmptied(before - files, most))) found.add(top);
  }
  return found;
}

/** Drops operations and all that wait for them. */
function without(operations: readonly Operation[], dropped: Set<number>): readonly Operation[] {
  for (let before = -1; before !== dropped.size; ) {
    before = dropped.size;
    for (const { id, after } of operations) if (after.some((wait) => dropped.has(wait))) dropped.add(id);
  }
  return inStageOrder(operations.filter(({ id }) => !dropped.has(id)));
}
