/**
 * The observed trees after our own deeds, so that the next cycle need not look to know them. What a deed did is said
 * as a change; a move takes along whatever the tree holds at that moment, the deeds before it included.
 */
import type { RelPath } from '../core/path.ts';
import { nameOf } from '../core/path.ts';
import { type Node, type NodeChange, nodeAt, type Tree, withChanges } from '../core/tree.ts';

/** `spelled`: how the side spells the new path. `stamp`: what a moved file looks like now, where that is known. */
export interface NodeMove<S> {
  readonly from: RelPath;
  readonly to: RelPath;
  readonly spelled: string;
  readonly stamp?: S;
}

export type TreeChange<S> = NodeChange<S> | NodeMove<S>;

/** Applies changes in order. */
export function afterDeeds<S>(tree: Tree<S>, changes: readonly TreeChange<S>[]): Tree<S> {
  let now = tree;
  let plain: NodeChange<S>[] = [];
  for (const change of changes) {
    if (!('from' in change)) {
      plain.push(change);
      continue;
    }
    now = withChanges(now, plain);
    plain = [];
    now = withChanges(now, moved(now, change));
  }
  return withChanges(now, plain);
}

/** Where we do not know what moved, the new place is unknown until it is looked at: absence would be a claim. */
function moved<S>(tree: Tree<S>, move: NodeMove<S>): NodeChange<S>[] {
  const found = nodeAt(tree, move.from);
  const node: Node<S> =
    move.stamp !== undefined
      ? { kind: 'file', stamp: move.stamp }
      : (found ?? { kind: 'unknown', why: 'moved, and not looked at since' });
  return [
    { path: move.from, node: undefined },
    { path: move.to, node: renamed(node, move.spelled, move.to) },
  ];
}

/** The node under another name; `name` only where the spelling is not the key. */
export function renamed<S>(node: Node<S>, spelled: string, path: RelPath): Node<S> {
  const { name: _old, ...rest } = node;
  const name = spelled.slice(spelled.lastIndexOf('/') + 1);
  return (name === nameOf(path) ? rest : { ...rest, name }) as Node<S>;
}
