/** One workspace's folder with what its deeds share: a lock for short steps, its byte count, and the date stamp. */
import { lstat, readdir, unlink } from 'node:fs/promises';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Behaviour } from './behaviour.ts';
import { isTemporary } from './place.ts';
import { createTurns } from './turns.ts';

export interface Shelf {
  /** Real path of the folder. */
  readonly root: string;
  readonly behaviour: Behaviour;
  /** The date for new content; undefined leaves it to the disk. */
  readonly date: () => Date | undefined;
  /** Runs one at a time per workspace: "is the name free, then take it" must not interleave. */
  exclusive<T>(step: () => Promise<T>): Promise<T>;
  /** Bytes of all files. */
  used(): Promise<number>;
  /** Files became larger through the server. */
  grew(bytes: number): void;
  /** Files went or shrank: count again when asked next. */
  shrank(): void;
  /** Bytes that may still be written in all workspaces together. */
  room(): Promise<number>;
}

export interface ShelfParts {
  readonly root: string;
  readonly behaviour: Behaviour;
  readonly clock: Clock;
  readonly stampByClock: boolean;
  readonly usageMaxAgeMs: number;
  readonly room: () => Promise<number>;
}

export function createShelf(parts: ShelfParts): Shelf {
  const { root, behaviour, clock, usageMaxAgeMs } = parts;
  let known: { bytes: number; readonly at: number } | undefined;
  return {
    root,
    behaviour,
    room: parts.room,
    date: () => (parts.stampByClock ? new Date(clock.now()) : undefined),
    exclusive: createTurns(),
    async used() {
      if (known !== undefined && clock.monotonic() - known.at < usageMaxAgeMs) return known.bytes;
      const at = clock.monotonic();
      const { bytes } = await measure(root);
      known = { bytes, at };
      return bytes;
    },
    grew(bytes) {
      if (known !== undefined) known.bytes += bytes;
    },
    shrank() {
      known = undefined;
    },
  };
}

export interface Measure {
  readonly bytes: number;
  readonly files: number;
}

/** Bytes and number of the files in a folder, or below it. What vanishes meanwhile is not counted. */
export async function measure(folder: string, deep = true): Promise<Measure> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  let bytes = 0;
  let files = 0;
  await inBatches(entries, async (entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!deep) return;
      const below = await measure(path);
      bytes += below.bytes;
      files += below.files;
    } else if (entry.isFile() && !isTemporary(entry.name)) {
      const stats = await lstat(path).catch(() => undefined);
      if (stats === undefined) return;
      bytes += stats.size;
      files += 1;
    }
  });
  return { bytes, files };
}

/** Runs the step for every item, a few hundred at once. */
export async function inBatches<T>(items: readonly T[], step: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += 256) {
    await Promise.all(items.slice(start, start + 256).map(step));
  }
}

const LEFTOVER_MS = 24 * 60 * 60 * 1000;

/** Removes what a killed server left of an upload, once nobody can be writing it any more. By the disk's own clock. */
export async function sweepLeftover(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats !== undefined && systemClock().now() - stats.mtimeMs > LEFTOVER_MS)
    await unlink(path).catch(() => {});
}
