/**
 * One pair at work: everything a cycle needs, as interfaces. The engine is given these and knows no concrete disk,
 * server or database.
 */
import type { IgnoreRules } from '../core/ignore.ts';
import type { ConflictPolicy } from '../core/plan.ts';
import type { Direction, Mode } from '../core/rules.ts';
import type { Limits } from '../core/summary.ts';
import type { RemoteTree } from '../core/tree.ts';
import type { Bandwidth } from '../lib/bandwidth.ts';
import type { Clock } from '../lib/clock.ts';
import type { Gate } from '../lib/gate.ts';
import type { LocalFolder } from '../local/local.ts';
import type { PairGate } from '../pace/pair-gate.ts';
import type { Remote } from '../remote/remote.ts';
import type { Approvals } from '../state/approvals.ts';
import type { PairState } from '../state/state.ts';
import type { Backoff } from './backoff.ts';
import type { Observer } from './events.ts';
import type { RecentRemovals } from './recent-removals.ts';
import type { Room } from './room.ts';
import type { TrashNotes } from './trash-notes.ts';

export interface PairOptions {
  /** Name for logs and reports. */
  readonly name: string;
  readonly direction: Direction;
  readonly mode: Mode;
  readonly dryRun: boolean;
  /** Rules of the configuration; ignore files in the tree are added by the scan. */
  readonly rules: IgnoreRules;
  readonly policyFor: (path: string) => ConflictPolicy;
  /** Part of the names of conflict copies. */
  readonly host: string;
  readonly maxDelete: { readonly files: number; readonly percent: number } | false;
  readonly uploadLimitBytes: number | undefined;
  /** Names that one side cannot hold; undefined when it can. */
  readonly remoteNameFault: (name: string) => string | undefined;
  readonly localNameFault: (name: string) => string | undefined;
  /** Folders worked on at once. */
  readonly parallelFolders: number;
}

export interface Pair {
  readonly options: PairOptions;
  readonly local: LocalFolder;
  readonly remote: Remote;
  readonly state: PairState;
  /** Held deletes, and what a person let pass. */
  readonly approvals: Pick<Approvals, 'readHeld' | 'saveHeld' | 'approved'>;
  readonly gate: PairGate;
  /** How fast file bytes may go; undefined: no limit. */
  readonly bandwidth?: Bandwidth | undefined;
  readonly clock: Clock;
  readonly observer: Observer;
  /** Paths that wait after a failure. */
  readonly backoff: Backoff;
  /** What waits for room in the workspace's storage. */
  readonly room: Room;
  /** What was deleted a short while ago. */
  readonly removals?: RecentRemovals;
  /** Where given-up local versions went, for the journal. */
  readonly trashed?: TrashNotes;
  /** Called before each cycle: the server's traits may have to be found out again. `remote` may be another one then. */
  beforeCycle(): Promise<void>;
  /**
   * After a sweep, and (`again`) before much is deleted here by what it showed. Throws `halted` when this is no longer
   * the workspace that the base speaks of.
   */
  checkRemote(remote: RemoteTree, again: boolean, signal: AbortSignal): Promise<void>;
  /** Throws `halted` when the local root is no longer the one that the base speaks of. */
  checkRoot(): void;
}

/** What holds the pair to its pace now. Without those that nobody set. */
export function limitsOf({
  gate,
  bandwidth,
}: Pick<Pair, 'bandwidth'> & { readonly gate: Pick<Gate, 'limitPerMinute'> }): Limits {
  const [up, down] = [bandwidth?.rate('up'), bandwidth?.rate('down')];
  return {
    ...(gate.limitPerMinute === undefined ? {} : { requestsPerMinute: gate.limitPerMinute }),
    ...(up === undefined ? {} : { up }),
    ...(down === undefined ? {} : { down }),
  };
}
