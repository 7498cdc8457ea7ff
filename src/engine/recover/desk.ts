/** What the parts of a recovery share: what is seen, and what was found to be done and is settled at the end. */
import type { BaseChange, BaseStamp } from '../../core/base.ts';
import type { RelPath } from '../../core/path.ts';
import { type LocalStamp, type Node, nodeAt, type RemoteStamp, type Tree } from '../../core/tree.ts';
import type { ConflictRecord, Intent, JournalEntry } from '../../state/state.ts';
import type { Memory } from '../cycle.ts';
import type { Pair } from '../pair.ts';
import { afterDeeds, type TreeChange } from '../remembered.ts';

export interface Desk {
  readonly pair: Pair;
  readonly signal: AbortSignal;
  readonly changes: BaseChange[];
  readonly journal: JournalEntry[];
  readonly conflicts: ConflictRecord[];
  /** Remote paths that the recovery itself changed. */
  readonly lookAgain: RelPath[];
  /** Both sides, with the recovery's own deeds. */
  seen(): Memory;
  /** The base's stamp of a file, if it has one. */
  baseFile(path: RelPath): BaseStamp | undefined;
  /** The deed was done: its base changes and its row in the journal are still owed. */
  done(intent: Intent, changes: readonly BaseChange[]): void;
  conflict(intent: Intent): void;
  localChange(change: TreeChange<LocalStamp>): void;
  remoteChange(change: TreeChange<RemoteStamp>): void;
  notice(message: string): void;
}

export function createDesk(pair: Pair, begin: Memory, signal: AbortSignal): Desk {
  let seen = begin;
  const [changes, journal, conflicts]: [BaseChange[], JournalEntry[], ConflictRecord[]] = [[], [], []];
  return {
    ...{ pair, signal, changes, journal, conflicts, lookAgain: [] },
    seen: () => seen,
    baseFile: (path) => {
      const node = nodeAt(pair.state.base(), path);
      return node?.kind === 'file' ? node.stamp : undefined;
    },
    done: ({ kind, cycle, path, other, digest, size }, more) => {
      changes.push(...more);
      journal.push({
        ...{ at: pair.clock.now(), cycle, kind: kind === 'compare' ? 'download' : kind, path },
        ...(other === undefined || kind === 'compare' ? {} : { other }),
        ...(digest === undefined ? {} : { digest }),
        ...(size === undefined ? {} : { size }),
      });
    },
    conflict: ({ path, other }) => {
      conflicts.push({ at: pair.clock.now(), path, copy: other, resolution: 'keep-both' });
      pair.observer.on({ kind: 'conflict', path, copy: other });
    },
    localChange: (change) => {
      seen = { ...seen, local: { ...seen.local, tree: afterDeeds(seen.local.tree, [change]) } };
    },
    remoteChange: (change) => {
      seen = { ...seen, remote: { ...seen.remote, tree: afterDeeds(seen.remote.tree, [change]) } };
    },
    notice: (message) => pair.observer.on({ kind: 'notice', level: 'warn', message }),
  };
}

/**
 * What stands at a path; `unseen` where it, or a folder above it, could not be looked at. For what is left out on
 * purpose, with all below it, the untracked node: nobody will ever look there, so nothing can wait for it.
 */
export function seenAt<S>(tree: Tree<S>, path: RelPath): Node<S> | 'unseen' | undefined {
  let node: Node<S> | undefined = tree;
  for (const key of path.split('/')) {
    if (node.kind === 'unknown') return 'unseen';
    if (node.kind === 'untracked') return node;
    node = node.kind === 'folder' ? node.children.get(key) : undefined;
    if (node === undefined) return undefined;
  }
  return node.kind === 'unknown' ? 'unseen' : node;
}
