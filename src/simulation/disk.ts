/**
 * A disk in memory with the semantics of POSIX that the local room depends on: inodes and their names, descriptors that
 * outlive them, numbers that are used again, and power cuts that lose what was not synced. It knows no real time, no
 * chance and no thread: when a deed of a process happens is for its hands to say, and nothing happens by itself.
 *
 * Without a model: permissions (everybody may do everything), several devices, sockets and the like, names that are
 * not valid UTF-8, times of reading.
 */
import type { Disk } from '../local/disk.ts';
import { type DiskListener, filesBelow, relativeTo } from './disk/observer.ts';
import { type Person, personOf } from './disk/person.ts';
import { cutPower } from './disk/power.ts';
import { diskOf } from './disk/process.ts';
import { createVolume } from './disk/volume.ts';
import type { Chance, Hands } from './hands.ts';

export interface SimDiskOptions {
  /** Absolute path of the synced folder, such as `/home/a`. It and the folders above it are there at once. */
  readonly root: string;
  /** Epoch milliseconds of the machine's clock. */
  readonly now: () => number;
  /** Names that differ in case alone are one; the first spelling stays. Default false. */
  readonly caseInsensitive?: boolean;
  /** Without them `link` is refused with EPERM. Default true. */
  readonly hardLinks?: boolean;
  /** Bytes in files; beyond it ENOSPC. Default: no limit that a test meets. */
  readonly capacity?: number;
  /** Times are floored to it, in milliseconds. Default 1. */
  readonly grainMs?: number;
}

export interface SimDisk {
  /** The calls of one process. Descriptors of a process that died stay open and unused until the power is cut. */
  forProcess(hands: Hands): Disk;
  /**
   * Every process is dead, and of what they did not sync anything may be lost: contents, and entries each by itself.
   * What persons did stays. Nobody is told: compare afterwards.
   */
  powerLoss(chance: Chance): void;
  readonly person: Person;
  /**
   * After every deed of a process that made a name outside of the root's `.rtsync` show other content. Deeds of
   * persons and power cuts are not told. Gives the end of listening. Bytes are never changed later.
   */
  onChange(listener: DiskListener): () => void;
  /** All files, `.rtsync` too: relative to the root; absolute where they lie outside of it. */
  holds(): Iterable<{ readonly path: string; readonly bytes: Uint8Array }>;
}

const PLENTY = 2 ** 40;

export function createSimDisk(options: SimDiskOptions): SimDisk {
  const { root, now, caseInsensitive = false, hardLinks = true, capacity = PLENTY, grainMs = 1 } = options;
  const volume = createVolume({ root, now, caseInsensitive, hardLinks, capacity, grainMs });
  return {
    person: personOf(volume),
    forProcess: (hands) => diskOf(volume, hands),
    powerLoss: (chance) => cutPower(volume, chance),
    onChange: (listener) => volume.observer.listen(listener),
    holds: () => {
      const found: { readonly path: string; readonly bytes: Uint8Array }[] = [];
      filesBelow({ inode: volume.top }, '', (path, bytes) => {
        found.push({ path: relativeTo(root, path) ?? path, bytes });
      });
      return found;
    },
  };
}
