/**
 * The state of one pair, durable: base, remembered remote snapshot, journal, conflicts, problems, traits. One SQLite
 * file. What must move together moves in one transaction; nothing here decides anything.
 */
import type { BaseChange, BaseTree } from '../core/base.ts';
import type { RelPath } from '../core/path.ts';
import type { Problem } from '../core/plan.ts';
import type { Digest, LocalStamp, RemoteTree } from '../core/tree.ts';

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

/** Facts that a deed settled: applied in one transaction. */
export interface Settlement {
  readonly changes: readonly BaseChange[];
  readonly journal: readonly JournalEntry[];
  readonly conflicts?: readonly ConflictRecord[];
}

export interface PairState {
  /** Stable random id of this pair; also in the marker of the local root. */
  readonly pairId: string;
  /** The base as last settled. The same object until the next `settle`. */
  base(): BaseTree;
  /** Applies and makes durable. */
  settle(settlement: Settlement): void;
  nextCycle(): number;

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
