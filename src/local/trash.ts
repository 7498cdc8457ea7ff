/** Where given-up versions wait: `.rtsync/trash/<day>/<random>-<n>/<path as it was>`. */
import { randomBytes } from 'node:crypto';
import { constants, lstatSync, mkdirSync } from 'node:fs';
import { copyFile, open, readdir, rm, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LocalPath } from '../core/path.ts';
import { isMissing } from './fault.ts';
import { OWN_FOLDER } from './names.ts';

export interface Trash {
  /** A fresh drawer for one deed; the same path never meets itself in it. */
  drawer(now: number): Drawer;
  /** Drops the days before the last `days`. Gives their number. */
  purgeOlderThan(days: number, now: number): Promise<number>;
}

export interface Drawer {
  /** Absolute path at which the version shall lie; its parents are there, it is not. */
  slot(path: LocalPath): string;
}

export function openTrash(root: string): Trash {
  const base = `${root}/${OWN_FOLDER}/trash`;
  const session = randomBytes(4).toString('hex');
  let count = 0;
  return {
    drawer: (now) => {
      count += 1;
      const drawer = `${base}/${dayOf(now)}/${session}-${count}`;
      return {
        slot: (path) => {
          const slot = `${drawer}/${path}`;
          mkdirSync(dirname(slot), { recursive: true, mode: 0o700 });
          return slot;
        },
      };
    },
    purgeOlderThan: async (days, now) => {
      const oldest = dayOf(now - days * 86_400_000);
      const expired = (await daysIn(base)).filter((day) => day < oldest);
      for (const day of expired) await rm(`${base}/${day}`, { recursive: true, force: true });
      return expired.length;
    },
  };
}

function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}

/** Only what is named like a day: other things in the folder are not ours to drop. */
async function daysIn(base: string): Promise<readonly string[]> {
  try {
    return (await readdir(base)).filter((name) => /^\d{4}-\d{2}-\d{2}$/.test(name));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** A durable copy for a trash on another disk, with the times of the original. */
export async function copyDurably(from: string, to: string): Promise<void> {
  const before = lstatSync(from);
  await copyFile(from, to, constants.COPYFILE_EXCL);
  await utimes(to, before.atimeMs / 1000, before.mtimeMs / 1000);
  const handle = await open(to, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
