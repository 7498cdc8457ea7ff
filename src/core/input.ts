/** What a decision is made from: the three trees, what this run may do, and what the sides can hold. */
import type { BaseTree } from './base.ts';
import type { RelPath } from './path.ts';
import type { ConflictPolicy, Problem } from './plan.ts';
import type { Direction, Mode } from './rules.ts';
import type { LocalStamp, LocalTree, Node, RemoteStamp, RemoteTree } from './tree.ts';

export interface DecideInput {
  readonly base: BaseTree;
  readonly local: LocalTree;
  readonly remote: RemoteTree;
  readonly direction: Direction;
  /** Counts for `push` and `pull`; with `both` there is no source that could win. */
  readonly mode: Mode;
  policyFor(path: RelPath): ConflictPolicy;
  /** A free name for a conflict copy of `name`. */
  copyName(name: string, taken: (name: string) => boolean): string;
  /** Server's clock minus ours. Without it "newer" cannot be answered and keeps both. */
  readonly clockOffsetMs?: number;
  /** Largest upload in bytes. */
  readonly uploadLimit?: number;
  readonly localCaseInsensitive: boolean;
  /** Resolution of the server's dates in milliseconds. */
  readonly remoteGrain: number;
  /**
   * Paths to leave alone this time: the problem is reported and nothing is done there. Told with what stands there, or
   * will once the moves of this plan are done.
   */
  blocked?(path: RelPath, standing: Standing): Problem | undefined;
  /** Why the server cannot hold a name. */
  remoteNameFault?(name: string): string | undefined;
  /** Why the local disk cannot hold a name. */
  localNameFault?(name: string): string | undefined;
}

export interface Standing {
  readonly local: Node<LocalStamp> | undefined;
  readonly remote: Node<RemoteStamp> | undefined;
}

export type Side = 'local' | 'remote';
/** Where content goes: `push` from the local side to the remote one, `pull` the other way. */
export type Flow = 'push' | 'pull';

export const TARGET: Readonly<Record<Flow, Side>> = { push: 'remote', pull: 'local' };
export const SOURCE: Readonly<Record<Flow, Side>> = { push: 'local', pull: 'remote' };

/** The key under which a case-insensitive disk files a name. */
export function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase().normalize('NFC');
}
