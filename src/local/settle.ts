/** When a file has stood still long enough to be taken. */
import type { LocalStamp } from '../core/tree.ts';
import type { Clock } from '../lib/clock.ts';

const REMEMBERED = 10_000;
const MIB = 1024 * 1024;

/**
 * A file is taken when its younger time is `settleMs` old: four times as long over 1 MiB, ten times over 16 MiB. Big
 * files are written in bursts with pauses between, and half of one costs most when it goes up in vain.
 *
 * Every write sets the ctime, so an mtime in the future (set on purpose) is passed over. A ctime in the future (the
 * clock was set back) says nothing about age: such a version is taken once it was asked for twice, at least that long
 * apart, and looked the same.
 */
export function settleRule(clock: Clock, settleMs: number): (stamp: LocalStamp) => boolean {
  const firstSeen = new Map<string, number>();
  return (stamp) => {
    const now = clock.now();
    const stillMs = settleMs * patience(stamp.size);
    if (stamp.ctimeMs <= now) {
      const latest = stamp.mtimeMs <= now ? Math.max(stamp.mtimeMs, stamp.ctimeMs) : stamp.ctimeMs;
      return now - latest >= stillMs;
    }
    const version = `${stamp.ino} ${stamp.size} ${stamp.mtimeMs} ${stamp.ctimeMs}`;
    const seen = firstSeen.get(version);
    if (seen !== undefined) return clock.monotonic() - seen >= stillMs;
    if (firstSeen.size >= REMEMBERED) firstSeen.clear();
    firstSeen.set(version, clock.monotonic());
    return stillMs <= 0;
  };
}

function patience(size: number): number {
  if (size <= MIB) return 1;
  return size <= 16 * MIB ? 4 : 10;
}
