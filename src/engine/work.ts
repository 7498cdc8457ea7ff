/** What a deed is handed: the pair, the trees that were planned from, the books, and the way to stop. */
import type { BaseStamp, BaseTree } from '../core/base.ts';
import type { RelPath } from '../core/path.ts';
import { type LocalTree, nodeAt, type RemoteTree } from '../core/tree.ts';
import type { Ledger } from './ledger.ts';
import type { Pair } from './pair.ts';

export interface Work {
  readonly pair: Pair;
  readonly base: BaseTree;
  readonly local: LocalTree;
  readonly remote: RemoteTree;
  readonly ledger: Ledger;
  readonly signal: AbortSignal;
}

/** The base's stamp of a file before this cycle, if it had one. */
export function baseFileAt(work: Work, path: RelPath): BaseStamp | undefined {
  const node = nodeAt(work.base, path);
  return node?.kind === 'file' ? node.stamp : undefined;
}

/** A file node, named only when its spelling differs from its key. */
export function fileNode<S>(
  stamp: S,
  spelled: string,
  key: string,
): { kind: 'file'; stamp: S; name?: string } {
  return spelled === key ? { kind: 'file', stamp } : { kind: 'file', stamp, name: spelled };
}
