/**
 * What makes names survive a power cut: the folder that holds them is synced. A cut may drop every change of a folder
 * that was not, each by itself, so a new name is synced before the old one is given up, and a folder's own name before
 * files in it count.
 */
import { dirname } from 'node:path';
import { type LocalPath, parentOf, ROOT } from '../core/path.ts';
import type { Disk, DiskFile } from './disk.ts';
import { codeOf } from './fault.ts';
import { absolute } from './names.ts';

/** Makes the names in a folder (absolute) durable. Callers that come while one runs share the next. */
export type FolderSync = (folder: string) => Promise<void>;

export function folderSync(disk: Disk): FolderSync {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();
  const start = (folder: string): Promise<void> => {
    const deed = syncOnce(disk, folder).finally(() => running.delete(folder));
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

async function syncOnce(disk: Disk, folder: string): Promise<void> {
  let file: DiskFile | undefined;
  try {
    file = await disk.open(folder, 'r');
    await file.sync();
  } catch (error) {
    if (isFailure(error)) throw error;
  } finally {
    await file?.close();
  }
}

/** The same at once, for the few folders of our own. */
export function syncFolderNow(disk: Disk, folder: string): void {
  let fd: number | undefined;
  try {
    fd = disk.openSync(folder, 'r');
    disk.fsyncSync(fd);
  } catch (error) {
    if (isFailure(error)) throw error;
  } finally {
    if (fd !== undefined) disk.closeSync(fd);
  }
}

/** Some file systems refuse to sync a folder, and a folder may be gone again: neither undoes what was done in it. */
function isFailure(error: unknown): boolean {
  const code = codeOf(error);
  return code === undefined || ['EIO', 'ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(code);
}

/** The names of the folders above a path, which a killed run may have made without coming to sync them. */
export interface ParentSync {
  /** Each folder is looked after once, until it is forgotten. */
  sync(path: LocalPath): Promise<void>;
  /** This folder is a new one. */
  forget(folder: LocalPath): void;
  forgetAll(): void;
}

export function parentSync(root: string, syncFolder: FolderSync): ParentSync {
  const synced = new Map<LocalPath, Promise<void>>();
  const sync = (folder: LocalPath): Promise<void> => {
    let deed = synced.get(folder);
    if (deed === undefined) {
      deed = syncFolder(dirname(absolute(root, folder)));
      synced.set(folder, deed);
      // Whoever asked for it gets the failure; the next one tries again.
      deed.catch(() => synced.get(folder) === deed && synced.delete(folder));
    }
    return deed;
  };
  return {
    sync: async (path) => {
      const deeds: Promise<void>[] = [];
      for (let dir = parentOf(path); dir !== ROOT; dir = parentOf(dir as LocalPath))
        deeds.push(sync(dir as LocalPath));
      await Promise.all(deeds);
    },
    forget: (folder) => void synced.delete(folder),
    forgetAll: () => synced.clear(),
  };
}
