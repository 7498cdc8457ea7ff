/**
 * A plan is data: what shall be done, in which order, and what was seen when it was decided. Each operation carries
 * its expectation (`local`, `remote`: the versions that the planner saw, undefined for "nothing there"); whoever
 * carries it out looks again first and gives it back as "replan" when the world has moved on.
 *
 * Stages run one after the other; inside a stage operations are independent but for `after`.
 */
import type { BaseChange } from './base.ts';
import type { Place, RelPath } from './path.ts';
import type { FolderNode, LocalStamp, RemoteStamp } from './tree.ts';

/**
 * `move` (strictly in list order, with the folders that moves need), `room` (what must go or step aside before
 * something else can take its name), `fill` (folders and transfers), `clear` (deletes), `late` (what takes a name that
 * `clear` set free).
 */
export const STAGES = ['move', 'room', 'fill', 'clear', 'late'] as const;
export type Stage = (typeof STAGES)[number];

/** What to do when both sides hold different contents. */
export type ConflictPolicy = 'keep-both' | 'local' | 'remote' | 'newer' | 'hold';
/** A policy after "newer" was answered. */
export type Resolution = 'keep-both' | 'local' | 'remote' | 'hold';

interface Step {
  /** Position in `Plan.operations`. */
  readonly id: number;
  readonly stage: Stage;
  /** Operations of the same or an earlier stage that must have succeeded. */
  readonly after: readonly number[];
}

export interface MakeFolder extends Step {
  readonly kind: 'makeFolderLocal' | 'makeFolderRemote';
  readonly place: Place;
}
/** Local content to the server. `remote` is the version to be replaced. */
export interface Upload extends Step {
  readonly kind: 'upload';
  readonly place: Place;
  readonly local: LocalStamp;
  readonly remote: RemoteStamp | undefined;
  /** True when this settles a conflict in favour of the local side. */
  readonly conflict: boolean;
}
/** Remote content to the disk. `local` is the version to be replaced. Equal contents are adopted without a write. */
export interface Download extends Step {
  readonly kind: 'download';
  readonly place: Place;
  readonly local: LocalStamp | undefined;
  readonly remote: RemoteStamp;
  readonly conflict: boolean;
}
/** Both sides hold a file of equal size that nobody compared yet: fetch, compare, adopt, or resolve. */
export interface Compare extends Step {
  readonly kind: 'compare';
  readonly place: Place;
  readonly local: LocalStamp;
  readonly remote: RemoteStamp;
  readonly ifDifferent: Resolution;
  /** Where the local version goes when they differ and both are kept. */
  readonly copy: Place;
}
/** The local entry takes another name, so that the remote one can have its own. The copy goes up in the next cycle. */
export interface SetAside extends Step {
  readonly kind: 'setAside';
  readonly place: Place;
  readonly copy: Place;
  readonly local: LocalStamp | 'folder';
}
/** One rename of a file or of a whole folder. */
export interface Move extends Step {
  readonly kind: 'moveLocal' | 'moveRemote';
  readonly from: Place;
  readonly to: Place;
  readonly entry: 'file' | 'folder';
  /** What stands at `from` on the side that is changed (a folder is checked to be one, not its contents). */
  readonly local: LocalStamp | undefined;
  readonly remote: RemoteStamp | undefined;
}
/** A file, or a folder with all that was seen below it: a child that was not seen stops the removal of its parents. */
export interface RemoveLocal extends Step {
  readonly kind: 'removeLocal';
  readonly place: Place;
  readonly local: LocalStamp | FolderNode<LocalStamp>;
}
export interface RemoveRemote extends Step {
  readonly kind: 'removeRemote';
  readonly place: Place;
  readonly remote: RemoteStamp | FolderNode<RemoteStamp>;
}

export type Operation =
  | MakeFolder
  | Upload
  | Download
  | Compare
  | SetAside
  | Move
  | RemoveLocal
  | RemoveRemote;
export type OperationKind = Operation['kind'];

/** A path that is not (yet) synced, this time, and why. Codes are listed in README. */
export interface Problem {
  readonly path: string;
  readonly code: ProblemCode;
  readonly message: string;
}
export type ProblemCode =
  /** Could not be looked at. */
  | 'unreadable'
  /** A name that one side cannot hold, or that two entries claim. */
  | 'name'
  | 'case-clash'
  | 'too-large'
  | 'conflict-held'
  /** The direction or mode of this run leaves it alone. */
  | 'undone'
  /** Something here that is not synced takes the place of something there, or is another pair's. */
  | 'left-out'
  /** A folder that stays because it holds what rtsync does not track. */
  | 'kept'
  /** Still being written. */
  | 'changing'
  | 'failed'
  /** Something stands where rtsync needs a folder of its own in the workspace. */
  | 'in-the-way'
  /** Waits for room in the store, for the network, for the rate. */
  | 'waiting';

export interface Plan {
  readonly operations: readonly Operation[];
  /** Agreements found by looking alone. May be applied at once, in order, before any operation. */
  readonly baseChanges: readonly BaseChange[];
  readonly problems: readonly Problem[];
}

/** Removals that wait for a person. */
export interface Held {
  readonly path: RelPath;
  readonly side: 'local' | 'remote';
  readonly files: number;
  readonly reason: string;
}
