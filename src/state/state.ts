/**
 * The state of one pair, durable: base, remembered remote snapshot, journal, conflicts, problems, traits. One SQLite
 * file. What must move together moves in one transaction; nothing here decides anything.
 */
import type { BaseChange, BaseTree } from '../core/base.ts';
import type { RelPath } from '../core/path.ts';
import type { Problem } from '../core/plan.ts';
import type { Digest, LocalStamp, RemoteStamp, RemoteTree } from '../core/tree.ts';

/** Who a state belongs to. Another identity under the same state is refused. */
export interface PairIdentity {
  /** Real path of the local root. */
  readonly folder: string;
  /** Origin of the storage service. */
  readonly storage: string;
  readonly workspaceId: string;
  /** Remote root inside the workspace: "" or "a/b". */
  readonly remotePath: string;
}

/** One deed, for the log and for undo. Written when settled, together with the base change it caused. */
export interface JournalEntry {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly cycle: number;
  readonly kind: string;
  readonly path: string;
  /** The other path of a move, or the copy of a conflict. */
  readonly other?: string;
  readonly digest?: Digest;
  readonly size?: number;
  /** Where a given-up version can be found again. */
  readonly trash?: string;
}

export interface ConflictRecord {
  readonly at: number;
  readonly path: RelPath;
  readonly copy: string | undefined;
  readonly resolution: string;
}

export interface CycleRecord {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly trigger: string;
  readonly requests: number;
  readonly operations: number;
  readonly problems: readonly Problem[];
}

/** Deeds that leave something behind when the process dies before they are settled. */
export type IntentKind =
  | 'makeFolderLocal'
  | 'makeFolderRemote'
  | 'upload'
  | 'download'
  | 'compare'
  | 'moveLocal'
  | 'moveRemote'
  | 'setAside'
  | 'removeLocal'
  | 'removeRemote';

/** What recognises the versions of a deed, on either side. */
export interface IntentDetail {
  /** The local version that is sent, moved, removed or replaced. */
  readonly local?: LocalStamp;
  /** The remote version that is fetched, moved, removed or replaced. */
  readonly remote?: RemoteStamp;
  /** What stands at the local place since the deed. */
  readonly landed?: LocalStamp;
  /** How the side that is changed spells `path` and `other`. */
  readonly spelled?: { readonly from: string; readonly to: string };
}

/** A deed before it is done. */
export interface Intention {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly cycle: number;
  readonly state: 'intended' | 'begun';
  readonly kind: IntentKind;
  readonly path: RelPath;
  /** The target of a move, or the copy of a conflict. */
  readonly other?: RelPath;
  /** Of the content that is sent or was received. */
  readonly digest?: Digest;
  readonly size?: number;
  readonly detail: IntentDetail;
}

/** A deed that was never settled: the process died, or nobody could tell how it ended. */
export interface Intent extends Intention {
  readonly id: number;
}

/** What became known while the deed was under way; what is not named stays. */
export interface IntentFacts {
  readonly id: number;
  readonly digest?: Digest;
  readonly size?: number;
  readonly detail?: IntentDetail;
}

/** Facts that a deed settled: applied in one transaction. */
export interface Settlement {
  readonly changes: readonly BaseChange[];
  readonly journal: readonly JournalEntry[];
  readonly conflicts?: readonly ConflictRecord[];
  /** Ids of the intents that end with it. */
  readonly ended?: readonly number[];
}

export interface PairState {
  /** Stable random id of this pair; also in the marker of the local root. */
  readonly pairId: string;
  /** The base as last settled. The same object until the next `settle`. */
  base(): BaseTree;
  /** Applies and makes durable. */
  settle(settlement: Settlement): void;
  /**
   * Paths of the base that were settled within so many milliseconds before the last settlement, whatever settled them.
   * A folder that was known before is not among them for its inode alone.
   */
  settledLately(withinMs: number): readonly RelPath[];
  nextCycle(): number;

  /** Writes down what is about to be done; gives an id each. Survives the death of the process, not a power cut. */
  intend(intentions: readonly Intention[]): readonly number[];
  /** Adds what is known now; each becomes `begun`. Survives what `intend` survives. */
  begin(facts: readonly IntentFacts[]): void;
  /** For deeds that surely did nothing. */
  dropIntents(ids: readonly number[]): void;
  /** In the order in which they were intended. */
  intents(): readonly Intent[];

  /** The remote tree of the last sweep with the deeds since; undefined when there is none. */
  remoteSnapshot(): { readonly at: number; readonly tree: RemoteTree } | undefined;
  saveRemoteSnapshot(at: number, tree: RemoteTree): void;

  /** Digests of versions that the base does not hold, keyed by path and the version's fingerprint. */
  cachedDigest(path: RelPath, stamp: LocalStamp): Digest | undefined;
  cacheDigest(path: RelPath, stamp: LocalStamp, digest: Digest): void;

  recordCycle(record: CycleRecord): void;
  lastCycle(): CycleRecord | undefined;
  /** Newest first. */
  journal(limit: number): readonly JournalEntry[];
  conflicts(): readonly ConflictRecord[];

  /** Small values by name, such as the server's traits (JSON) and the pacer's pause. */
  note(key: string): string | undefined;
  saveNote(key: string, value: string): void;

  close(): void;
}
