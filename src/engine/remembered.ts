/**
 * The observed trees after our own deeds, so that the next cycle need not look to know them. What a deed did is said
 * as a change; a move takes along whatever the tree holds at that moment, the deeds before it included.
 */
import { type Draft, draftOf } from '../core/draft.ts';
import { nameOf, type RelPath } from '../core/path.ts';
import { shared } from '../core/same.ts';
import type { Node, NodeChange, Tree } from '../core/tree.ts';
import type { LocalScan } from '../local/local.ts';
import type { RemoteScan } from '../remote/remote.ts';

/** `spelled`: how the side spells the new path. `stamp`: what a moved file looks like now, where that is known. */
export interface NodeMove<S> {
  readonly from: RelPath;
  readonly to: RelPath;
  readonly spelled: string;
  readonly stamp?: S;
}

export type TreeChange<S> = NodeChange<S> | NodeMove<S>;

/** Folders that hold the same stay the same objects, so that what was found out about them holds. */
export function localAsBefore(before: LocalScan, seen: LocalScan): LocalScan {
  const tree = shared(before.tree, seen.tree);
  return { ...seen, tree, ...(seen.facts && { facts: { ...seen.facts, tree } }) };
}

export function remoteAsBefore(before: RemoteScan | undefined, seen: RemoteScan): RemoteScan {
  return before === undefined ? seen : { ...seen, tree: shared(before.tree, seen.tree) };
}

/** Applies changes in order. Each touched folder is copied once, whatever the number of changes. */
export function afterDeeds<S>(tree: Tree<S>, changes: readonly TreeChange<S>[]): Tree<S> {
  const draft = draftOf(tree);
  for (const change of changes) {
    if ('from' in change) move(draft, change);
    else draft.set(change.path, change.node);
  }
  return draft.tree();
}

/** Where we do not know what moved, the new place is unknown until it is looked at: absence would be a claim. */
function move<S>(draft: Draft<S>, { from, to, spelled, stamp }: NodeMove<S>): void {
  const node: Node<S> =
    stamp !== undefined
      ? { kind: 'file', stamp }
      : (draft.at(from) ?? { kind: 'unknown', why: 'moved, and not looked at since' });
  draft.set(from, undefined);
  draft.set(to, renamed(node, spelled, to));
}

/** The node under another name; `name` only where the spelling is not the key. */
export function renamed<S>(node: Node<S>, spelled: string, path: RelPath): Node<S> {
  const { name: _old, ...rest } = node;
  const name = spelled.slice(spelled.lastIndexOf('/') + 1);
  return (name === nameOf(path) ? rest : { ...rest, name }) as Node<S>;
}
