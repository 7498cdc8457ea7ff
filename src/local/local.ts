/**
 * The local side as the engine sees it: scan, digest, read, and change one folder safely. Implementations must never
 * leave the root, never follow a symlink, never show half a file, and give up no byte without the trash. Paths are
 * spelled as the disk spells them.
 */
import type { Readable } from 'node:stream';
import type { IgnoreRules } from '../core/ignore.ts';
import type { DirPath, LocalDir, LocalPath } from '../core/path.ts';
import type { Problem } from '../core/plan.ts';
import type { Digest, FolderNode, LocalStamp, LocalTree } from '../core/tree.ts';

export interface LocalScan {
  readonly tree: LocalTree;
  /** Names that cannot be synced, unreadable entries: each also stands in the tree as `unknown`, or not at all. */
  readonly problems: readonly Problem[];
  /** The rules given, with every `.rtsyncignore` that was found added. */
  readonly rules: IgnoreRules;
  /** Hand it on with the scan, also where the tree was brought up to date: without it a rescan walks everything. */
  readonly facts?: ScanFacts;
}

/** What a scan knew beyond its answer. For `rescan` alone: nobody else makes or reads it. */
export interface ScanFacts {
  /** Fingerprint of the rules that the scan was given. */
  readonly given: string;
  /** Text of every ignore file, by its folder. */
  readonly ignoreFiles: ReadonlyMap<DirPath, string>;
  /** The tree as it was read. The scan's own may hold digests and deeds of ours since then. */
  readonly tree: LocalTree;
}

/** An open file about to be uploaded. */
export interface LocalSource {
  /** Bytes that will be read: exactly `expected.size`. */
  readonly size: number;
  /** Whole content for small files, a stream otherwise. Call once per attempt; each call reads from the start. */
  body(): Buffer | Readable;
  /**
   * After the last body was consumed: digest of what was sent and the stamp of the file, looked at again. When the
   * file is no longer the version that was opened, `changed` is true, the digest is still that of the bytes sent, and
   * the stamp's `ctimeMs` is -1. A stream whose file shrinks or fails ends with RtsyncError `changed`.
   */
  finish(): Promise<{ readonly stamp: LocalStamp; readonly digest: Digest; readonly changed: boolean }>;
  close(): Promise<void>;
}

/** A download being received in `.rtsync/tmp` of the same disk. */
export interface LocalTemporary {
  /** Writes all of `body`; resolves with what arrived. Refuses (`bad-answer`) more than `limit` bytes. May be called again after a failure: starts from nothing. */
  receive(
    body: AsyncIterable<Uint8Array>,
    limit: number,
  ): Promise<{ readonly size: number; readonly digest: Digest }>;
  /** Removes the temporary. Harmless when it was placed. */
  discard(): Promise<void>;
}

/** As little of a version as tells it from any other. */
export type Expected = Pick<LocalStamp, 'ino' | 'size' | 'mtimeMs'>;

/**
 * Expectations are exact: inode, size and times. One from before a `move` of that very file stays good, at its new
 * name, until the file changes or the next `scan`: a plan is made before its moves.
 */
export interface LocalFolder {
  /**
   * Before the first scan, and once: later calls do nothing. What another program had written to a version in the moment
   * in which a killed run took its name stands at that name again, or beside what has it now; what can have none, or
   * nobody knows, goes to the trash, and what the disk refuses waits for the next start: each with a warning. `pathOf`:
   * where the version stood, in any spelling of its key.
   */
  giveBack(pathOf: (was: Expected) => LocalPath | undefined): Promise<void>;
  /** Absolute, real path of the root. */
  readonly root: string;
  readonly caseInsensitive: boolean;

  /**
   * Walks everything. A missing root, or one that is not a folder, throws `halted`; a subfolder that cannot be read
   * becomes `unknown`. Digests are filled in for `known` versions only.
   */
  scan(rules: IgnoreRules, signal?: AbortSignal): Promise<LocalScan>;
  /**
   * Walks again only these folders and what is new below them; the rest is taken from `before`, whose tree may hold
   * digests and deeds of ours since it was read.
   */
  rescan(
    before: LocalScan,
    dirs: readonly LocalDir[],
    rules: IgnoreRules,
    signal?: AbortSignal,
  ): Promise<LocalScan>;
  /** Digest of exactly this version; undefined when the file is not (or no longer) that version or cannot be read. */
  digest(path: LocalPath, expected: LocalStamp, signal?: AbortSignal): Promise<Digest | undefined>;
  /** True while this version could change once more without looking different. */
  young(stamp: LocalStamp): boolean;
  /** True when the file stood still long enough to be taken (see settle in README); false while it is being written. */
  settled(stamp: LocalStamp): boolean;

  /** Throws `changed` when the file is not the expected version, `unreadable` when it cannot be opened. */
  open(path: LocalPath, expected: LocalStamp): Promise<LocalSource>;
  /** A fresh temporary. Throws `disk-full` when `size` would not leave the reserve free. */
  temporary(size: number): Promise<LocalTemporary>;
  /**
   * Gives a received temporary its name. With `expected` undefined nothing may stand there; otherwise the old version
   * is kept in the trash and its mode kept. Throws `changed` when something else stands there; then nothing happened
   * and the temporary is still there.
   */
  place(temporary: LocalTemporary, path: LocalPath, expected: LocalStamp | undefined): Promise<LocalStamp>;

  /** Inode of the new folder. Fine when the folder exists; `changed` when something else does. */
  makeFolder(path: LocalPath): Promise<number>;
  /**
   * Rename without overwriting. Throws `changed` when `from` is not the expected entry or `to` is taken, an `ambiguous`
   * error when it may be done. Gives the new stamp of a file.
   */
  move(from: LocalPath, to: LocalPath, expected: LocalStamp | 'folder'): Promise<LocalStamp | undefined>;
  /** Into the trash. Throws `changed` when the file is not the expected version. A missing file is fine. */
  removeFile(path: LocalPath, expected: LocalStamp): Promise<void>;
  /**
   * Removes what was seen below a folder, files into the trash, then the empty folders. What was not seen, or changed,
   * stays with its parents, and the answer says so.
   */
  removeFolder(path: LocalPath, seen: FolderNode<LocalStamp>): Promise<{ readonly complete: boolean }>;
}
