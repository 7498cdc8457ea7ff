/** What the parts of this room share about one open folder. */
import { type FileHandle, link, open, rename, statfs } from 'node:fs/promises';
import type { LocalPath } from '../core/path.ts';
import type { Clock } from '../lib/clock.ts';
import type { Renames } from './renames.ts';

/** The calls whose answers differ between file systems; tests play other disks through them. */
export interface DiskCalls {
  link(existing: string, fresh: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  statfs(path: string): Promise<{ readonly bavail: number; readonly bsize: number }>;
}

export const systemCalls: DiskCalls = { link, rename, statfs: (path) => statfs(path) };

export interface Ground {
  readonly root: string;
  readonly clock: Clock;
  readonly calls: DiskCalls;
  readonly caseInsensitive: boolean;
  /** Mode of files that are new here: 0666 without the umask. */
  readonly newFileMode: number;
  /** A version younger than this could change without looking different. */
  readonly grainMs: number;
  readonly freeReserveBytes: number;
  /** Name of this machine, for the names of conflict copies. */
  readonly host: string;
  /** A given-up version now lies at `trash` (absolute). */
  readonly onTrashed: ((path: LocalPath, trash: string) => void) | undefined;
  /** Somebody wrote into the old version while it was replaced: those bytes now stand beside, as `copy`. */
  readonly onLateWrite: ((path: LocalPath, copy: LocalPath) => void) | undefined;
  /** Moves of ours that expectations may not know of yet. */
  readonly renames: Renames;
  /** Makes the names in a folder durable. Callers that come while one runs share the next. */
  syncFolder(folder: string): Promise<void>;
}

export function folderSync(): (folder: string) => Promise<void> {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();
  const start = (folder: string): Promise<void> => {
    const deed = syncOnce(folder).finally(() => running.delete(folder));
    running.set(folder, deed);
    return deed;
  };
  return (folder) => {
    const current = running.get(folder);
    if (current === undefined) return start(folder);
    let next = waiting.get(folder);
    if (next === undefined) {
      next = current
        .catch(() => undefined)
        .then(() => {
          waiting.delete(folder);
          return start(folder);
        });
      waiting.set(folder, next);
    }
    return next;
  };
}

/** Some file systems refuse to sync a folder, and a folder may be gone again: neither undoes what was done in it. */
async function syncOnce(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } catch {
    return;
  } finally {
    await handle?.close();
  }
}
