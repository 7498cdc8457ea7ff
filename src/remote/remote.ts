/**
 * The remote side as the engine sees it: one workspace folder behind an API. Implementations choose protocols by what
 * the server was found to do (`Traits`), look before every deed, and turn every odd answer into an RtsyncError. Paths
 * are relative to the pair's remote root, spelled as the server spells them.
 */
import type { Readable } from 'node:stream';
import type { IgnoreRules } from '../core/ignore.ts';
import type { RemoteDir, RemotePath } from '../core/path.ts';
import type { Problem } from '../core/plan.ts';
import type { DateWitness, Digest, FolderNode, RemoteStamp, RemoteTree } from '../core/tree.ts';
import type { RtsyncError } from '../lib/errors.ts';
import type { Traits } from './traits.ts';

export interface RemoteScan {
  readonly tree: RemoteTree;
  /** Names that cannot be synced, folders that could not be listed: each also stands in the tree as `unknown`. */
  readonly problems: readonly Problem[];
}

/** What a write sends. Bodies are made afresh for each attempt. */
export interface WriteSource {
  readonly size: number;
  body(): Buffer | Readable;
}

export interface Write {
  readonly path: RemotePath;
  /** The version to be replaced; undefined: the name must be free. */
  readonly expect: RemoteStamp | undefined;
  /** Bytes that will probably be sent: what takes long is uploaded aside and moved in. */
  readonly size?: number;
  /** Opens the content; called when the write's turn comes, once. Its errors become the item's outcome. */
  open(): Promise<WriteSource>;
  /** Called once with the outcome of this item, as soon as it is known. On success the promise is awaited. */
  done(outcome: Outcome<Written>): Promise<void>;
}

/** What is known of our version on the server after a write. */
export interface Written {
  readonly size: number;
  readonly date: DateWitness;
}

export interface Read {
  readonly path: RemotePath;
  readonly expect: RemoteStamp;
  /** Takes the body; called once per attempt, starts afresh each time. `limit` is the expected size. */
  receive(body: AsyncIterable<Uint8Array>): Promise<{ readonly size: number }>;
  /** Called once. Success means: whole, of the expected size, and listed the same afterwards. On success it is awaited. */
  done(outcome: Outcome<RemoteStamp>): Promise<void>;
}

export interface Removal {
  readonly path: RemotePath;
  /** A file's version, or a folder with everything that was seen below it. */
  readonly expect: RemoteStamp | FolderNode<RemoteStamp>;
  done(outcome: Outcome<undefined>): Promise<void>;
}

export interface RemoteMove {
  readonly from: RemotePath;
  readonly to: RemotePath;
  /** A file's version, or 'folder'. `to` must be free. */
  readonly expect: RemoteStamp | 'folder';
  /** Content of that version, where it is known: what a server has dated anew is told by nothing else. */
  readonly digest?: Digest | undefined;
}

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: RtsyncError };

export interface Remote {
  /** Human name of the far end, such as `docs-project:/docs`. No secret in it. */
  readonly title: string;
  readonly traits: Traits;
  /** Server's clock minus ours in milliseconds, from the `Date` of the latest answer; undefined before the first. */
  readonly clockOffsetMs: number | undefined;

  /** Whether the pair's remote root is there. */
  root(signal?: AbortSignal): Promise<'folder' | 'missing' | 'file'>;
  /** Makes the pair's remote root with its parents. */
  makeRoot(signal?: AbortSignal): Promise<void>;
  /**
   * A sweep: lists every folder, concurrently; ignored folders are `untracked` and not listed. Throws when the root itself cannot be listed (`halted` when the
   * workspace or the root folder is gone); any other folder that cannot be listed becomes `unknown`.
   */
  sweep(rules: IgnoreRules, signal?: AbortSignal): Promise<RemoteScan>;
  /** Lists only these folders again (all below them too when they are new), the rest is taken from `before`. */
  look(
    before: RemoteScan,
    dirs: readonly RemoteDir[],
    rules: IgnoreRules,
    signal?: AbortSignal,
  ): Promise<RemoteScan>;
  /** Storage left, in bytes; undefined when unlimited or not told. */
  room(signal?: AbortSignal): Promise<number | undefined>;

  /** Makes one folder; its parent must exist. Fine when it exists as a folder; `taken` when a file does. */
  makeFolder(path: RemotePath, signal?: AbortSignal): Promise<void>;
  /** All writes of one folder. Never throws for a single item. Aborting gives the rest the outcome `stopped`. */
  write(dir: RemoteDir, writes: readonly Write[], signal?: AbortSignal): Promise<void>;
  /** All reads of one folder. */
  read(dir: RemoteDir, reads: readonly Read[], signal?: AbortSignal): Promise<void>;
  /**
   * One rename or move, whole folders as one. Throws `changed` or `taken` when the expectation does not hold, an
   * `ambiguous` error when it may be done or was left half-way. Gives the new stamp of a file where the server has dated it anew.
   */
  move(move: RemoteMove, signal?: AbortSignal): Promise<RemoteStamp | undefined>;
  /** Files and whole folders of any place; into the trash when it is on. */
  remove(removals: readonly Removal[], signal?: AbortSignal): Promise<void>;
}
