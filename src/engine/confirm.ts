/**
 * A second look before local deletes: when a folder vanished from a list, or most of what a folder held, one list may
 * have lied. What the second list still has, or does not show plainly to be gone, stays.
 */
import type { BaseTree } from '../core/base.ts';
import { isRemoval } from '../core/guard.ts';
import { type DirPath, parentOf, type RelPath } from '../core/path.ts';
import type { Operation, Plan, RemoveLocal } from '../core/plan.ts';
import { type Node, nodeAt, type RemoteTree } from '../core/tree.ts';
import type { LocalScan } from '../local/local.ts';
import type { RemoteScan } from '../remote/remote.ts';
import type { Pair } from './pair.ts';
import { withoutOperations } from './unproven.ts';
import { dirsOf } from './where.ts';

/** Fewer files gone from one folder than this are a person's usual work. */
const FEW = 3;

export interface Confirmed {
  readonly plan: Plan;
  readonly remote: RemoteScan;
  /** Deletes that the second look did not confirm. */
  readonly doubted: readonly RelPath[];
}

export async function confirmRemovals(
  pair: Pair,
  seen: { readonly local: LocalScan; readonly remote: RemoteScan },
  plan: Plan,
  signal: AbortSignal,
): Promise<Confirmed> {
  const suspicious = suspiciousRemovals(plan.operations, pair.state.base());
  if (suspicious.length === 0) return { plan, remote: seen.remote, doubted: [] };
  const dirs = dirsOf(
    seen.remote.tree,
    suspicious.map(({ place }) => place.path),
  );
  const { rules } = seen.local;
  const remote =
    dirs === 'sweep'
      ? await pair.remote.sweep(rules, signal)
      : await pair.remote.look(seen.remote, dirs, rules, signal);
  await pair.checkRemote(remote.tree, true, signal);
  const doubted = suspicious.filter(
    ({ place, local }) => !isGone(remote.tree, place.path, 'kind' in local ? 'folder' : 'file'),
  );
  return {
    plan: withoutOperations(
      plan,
      doubted.map(({ id }) => id),
    ),
    remote,
    doubted: doubted.map(({ place }) => place.path),
  };
}

function suspiciousRemovals(operations: readonly Operation[], base: BaseTree): RemoveLocal[] {
  const byDir = new Map<DirPath, RemoveLocal[]>();
  for (const operation of operations) {
    if (!isRemoval(operation) || operation.kind !== 'removeLocal') continue;
    const dir = parentOf(operation.place.path);
    const found = byDir.get(dir);
    if (found === undefined) byDir.set(dir, [operation]);
    else found.push(operation);
  }
  return [...byDir].flatMap(([dir, removals]) => {
    const folder = nodeAt(base, dir);
    const known = folder?.kind === 'folder' ? folder.children.size : 0;
    const most = removals.length >= FEW && removals.length * 2 >= known;
    const all = known > 1 && removals.length === known;
    return most || all || removals.some(({ local }) => 'kind' in local) ? removals : [];
  });
}

/**
 * Only a list that was seen whole says that something is not there. An entry of the other kind in its place says so as
 * well.
 */
export function isGone(tree: RemoteTree, path: RelPath, kind: 'file' | 'folder'): boolean {
  let node: Node<unknown> | undefined = tree;
  for (const key of path.split('/')) {
    if (node === undefined) return true;
    if (node.kind !== 'folder') return node.kind === 'file';
    node = node.children.get(key);
  }
  return node === undefined || (node.kind !== kind && (node.kind === 'file' || node.kind === 'folder'));
}
