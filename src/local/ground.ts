/** What the parts of this room share about one open folder. */
import type { LocalPath } from '../core/path.ts';
import type { Clock } from '../lib/clock.ts';
import type { Disk } from './disk.ts';
import type { Renames } from './renames.ts';
import type { FolderSync, ParentSync } from './sync.ts';

export interface Ground {
  readonly root: string;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly caseInsensitive: boolean;
  /** Mode of files that are new here: 0666 without the umask. */
  readonly newFileMode: number;
  /** A version younger than this could change without looking different. */
  readonly grainMs: number;
  readonly freeReserveBytes: number;
  /** Bytes of downloads under way that are not on the disk yet. */
  readonly promised: { bytes: number };
  /** Name of this machine, for the names of conflict copies. */
  readonly host: string;
  /** A given-up version now lies at `trash` (absolute). */
  readonly onTrashed: ((path: LocalPath, trash: string) => void) | undefined;
  /** Somebody wrote into the old version while it was replaced: those bytes now stand beside, as `copy`. */
  readonly onLateWrite: ((path: LocalPath, copy: LocalPath) => void) | undefined;
  /** What a person should know, as a sentence. */
  readonly onWarning: ((message: string) => void) | undefined;
  /** Moves of ours that expectations may not know of yet. */
  readonly renames: Renames;
  readonly syncFolder: FolderSync;
  readonly parents: ParentSync;
}
