/** From what `stat` answers to stamps, and when a stamp may be believed. */
import type { LocalStamp } from '../core/tree.ts';
import type { DiskStats } from './disk.ts';

export function stampOf(stats: DiskStats): LocalStamp {
  return {
    size: stats.size,
    ino: stats.ino,
    mtimeMs: stats.mtimeMs,
    ctimeMs: stats.ctimeMs,
    mode: stats.mode & 0o7777,
  };
}

/** True when `stats` still show the regular file of this stamp. A stamp too young to trust is nobody's version. */
export function sameVersion(stats: DiskStats | undefined, expected: LocalStamp): stats is DiskStats {
  return stats !== undefined && sameContent(stats, expected) && stats.ctimeMs === expected.ctimeMs;
}

/** Like `sameVersion`, after a deed of ours (link, rename, chmod) moved the ctime. */
export function sameContent(stats: DiskStats, expected: LocalStamp): boolean {
  return (
    stats.isFile() &&
    stats.ino === expected.ino &&
    stats.size === expected.size &&
    stats.mtimeMs === expected.mtimeMs
  );
}

/**
 * The racy-clean rule: a version whose times are younger than the grain of the disk's clock could change once more
 * without looking different, so its ctime becomes -1 and whoever meets it again hashes it again.
 */
export function trusted(stamp: LocalStamp, now: number, grainMs: number): LocalStamp {
  const youngest = Math.max(stamp.mtimeMs, stamp.ctimeMs);
  return now - youngest < grainMs ? { ...stamp, ctimeMs: -1 } : stamp;
}
