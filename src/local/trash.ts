/** Where given-up versions wait: `.rtsync/trash/<day>/<random>-<n>/<path as it was>`. */
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import type { LocalPath } from '../core/path.ts';
import type { Disk } from './disk.ts';
import { codeOf } from './fault.ts';
import { OWN_FOLDER } from './names.ts';
import { makeRealFolder } from './own.ts';
import type { FolderSync } from './sync.ts';

export interface Trash {
  /** A fresh drawer for one deed; the same path never meets itself in it. */
  drawer(now: number): Drawer;
}

export interface Drawer {
  /** Absolute path at which the version shall lie; its parents are there, it is not. */
  slot(path: LocalPath): string;
  /** All that was put into slots so far can be found after a power cut: to be awaited before a name is given up. */
  sync(): Promise<void>;
  /** Takes an entry out again, and the folders that it leaves empty. Throws nothing: it goes with its day at last. */
  drop(slot: string): void;
}

/** `.rtsync/trash` of a root (absolute). */
export function trashFolder(root: string): string {
  return `${root}/${OWN_FOLDER}/trash`;
}

/** The day folder of a moment, by UTC. */
export function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}

export function openTrash(where: {
  readonly root: string;
  readonly disk: Disk;
  readonly syncFolder: FolderSync;
}): Trash {
  const { disk, syncFolder } = where;
  const base = trashFolder(where.root);
  const session = randomBytes(4).toString('hex');
  /** Folders that all drawers share and whose own names are synced. A killed run may have left them unsynced. */
  const synced = new Set<string>();
  let count = 0;
  return {
    drawer: (now) => {
      count += 1;
      const day = `${base}/${dayOf(now)}`;
      const top = `${day}/${session}-${count}`;
      const shared = [dirname(base), base, day];
      const pending = new Set<string>();
      return {
        slot: (path) => {
          for (const folder of shared) if (makeRealFolder(disk, folder)) synced.delete(folder);
          for (const folder of shared) if (!synced.has(folder)) pending.add(dirname(folder));
          const slot = `${top}/${path}`;
          for (const made of makeFolders(disk, top, dirname(slot))) pending.add(dirname(made));
          pending.add(dirname(slot));
          return slot;
        },
        sync: async () => {
          const folders = new Set(pending);
          pending.clear();
          await Promise.all([...folders].map(syncFolder));
          for (const folder of shared) if (folders.has(dirname(folder))) synced.add(folder);
        },
        drop: (slot) => {
          try {
            if (disk.lstatSync(slot) !== undefined) disk.unlinkSync(slot);
            for (let at = dirname(slot); at !== day; at = dirname(at)) disk.rmdirSync(at);
          } catch (error) {
            // The first folder that is not empty ends it.
            if (codeOf(error) === undefined) throw error;
          }
        },
      };
    },
  };
}

/** Makes `folder` and what is missing above it, down from `top`. Gives those made; when it fails, none is left. */
function makeFolders(disk: Disk, top: string, folder: string): readonly string[] {
  const missing: string[] = [];
  for (let at = folder; disk.lstatSync(at) === undefined; at = dirname(at)) {
    missing.unshift(at);
    if (at === top) break;
  }
  const made: string[] = [];
  try {
    for (const at of missing) {
      disk.mkdirSync(at, { mode: 0o700 });
      made.unshift(at);
    }
  } catch (error) {
    for (const at of made) disk.rmdirSync(at);
    throw error;
  }
  return made;
}

/** A durable copy for a trash on another disk, with the times of the original. Where it fails, a part may be left. */
export async function copyDurably(disk: Disk, from: string, to: string): Promise<void> {
  const before = disk.lstatSync(from);
  await disk.copyFile(from, to);
  const file = await disk.open(to, 'r');
  try {
    if (before !== undefined) await file.utimes(before.atimeMs / 1000, before.mtimeMs / 1000);
    await file.sync();
  } finally {
    await file.close();
  }
}
