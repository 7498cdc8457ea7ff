/**
 * Ends the trash: by age, then by size. It touches nothing but days and drawers that are named as ours are, follows
 * no symlink, and takes turns with all else: a drawer may be half gone when it stops. How old something is, only a clock
 * says, and clocks jump by years, so `expiryOf` believes none at once.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Disk, DiskStats } from './disk.ts';
import { codeOf } from './fault.ts';
import { dayOf, trashFolder } from './trash.ts';

export interface TrashLimits {
  /** Days before the last so many go whole. */
  readonly days: number;
  /** But none from this day on (`YYYY-MM-DD`), however old it looks; undefined: the clock is believed. */
  readonly before?: string;
  /** What is left may be this large; undefined: no limit. Drawers of the last hour stay even so. */
  readonly bytes: number | undefined;
}

export interface Dropped {
  /** Drawers that went whole. */
  readonly drawers: number;
  /** Sizes of the files that went. */
  readonly bytes: number;
}

export interface TrashPlace {
  readonly root: string;
  readonly disk: Disk;
  /** Epoch milliseconds. */
  readonly now: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** A day before it was named by a clock that had lost its time: nobody knows how old it is, so it goes by size alone. */
const FIRST_DAY = '2026-01-01';

/** Throws only the reason of `signal`. */
export async function purgeTrash(
  { root, disk, now }: TrashPlace,
  limits: TrashLimits,
  signal?: AbortSignal,
): Promise<Dropped> {
  const walk = newWalk(disk, signal);
  const base = trashFolder(root);
  const own = base.slice(0, base.lastIndexOf('/'));
  if (!isFolder(walk, own) || !isFolder(walk, base)) return { drawers: 0, bytes: 0 };

  const days = [...namesIn(walk, base, /^\d{4}-\d{2}-\d{2}$/)].sort();
  const oldest = earlier(dayOf(now - limits.days * DAY_MS), limits.before);
  const isOver = (day: string): boolean => day >= FIRST_DAY && day < oldest;
  let drawers = 0;
  for (const day of days.filter(isOver)) {
    const before = drawersIn(walk, `${base}/${day}`).length;
    await remove(walk, `${base}/${day}`);
    drawers += before - drawersIn(walk, `${base}/${day}`).length;
  }
  if (limits.bytes !== undefined) {
    const recent = days.filter((name) => !isOver(name)).map((name) => `${base}/${name}`);
    drawers += await shrink(walk, recent, { bytes: limits.bytes, now });
  }
  return { drawers, bytes: walk.bytes };
}

export interface Expiry {
  /** Days before this one may go; empty: none. */
  readonly before: string;
  /** What the next purge has to be told. */
  readonly note: string;
}

/**
 * What may go by age now (epoch milliseconds): what was over its time already when the trash was looked at before, a day
 * ago or more, as `note` tells. So a clock that jumped ahead takes nothing along at first, and whoever notices it, or
 * the next look at a time server, has a whole day to put it right; once it is right, what it said is forgotten. The rule
 * needs no other clock: a second look shows that time has passed, and cannot show how much. It costs a day of room.
 */
export function expiryOf(note: string | undefined, now: number, days: number): Expiry {
  const [, at, seen = ''] = /^(\d+) (\d{4}-\d{2}-\d{2})$/.exec(note ?? '') ?? [];
  const oldest = dayOf(now - days * DAY_MS);
  const ago = at === undefined ? Number.NaN : now - Number(at);
  // Looked at a moment ago: it stays the look that counts.
  if (note !== undefined && ago >= 0 && ago < DAY_MS) return { before: '', note };
  return {
    before: ago >= DAY_MS ? earlier(oldest, seen) : '',
    note: `${Math.max(0, Math.floor(now))} ${oldest}`,
  };
}

function earlier(day: string, other: string | undefined): string {
  return other !== undefined && other < day ? other : day;
}

/** Folders of a day that are named as our drawers are (absolute). */
function drawersIn(walk: Walk, day: string): readonly string[] {
  const paths = namesIn(walk, day, /^[0-9a-f]{8}-\d+$/).map((name) => `${day}/${name}`);
  return paths.filter((path) => isFolder(walk, path));
}

interface SizedDrawer {
  readonly path: string;
  readonly day: string;
  readonly mtimeMs: number;
  readonly bytes: number;
}

/** Oldest first, until the rest fits. Gives the number of drawers that went. */
async function shrink(
  walk: Walk,
  days: readonly string[],
  limit: { readonly bytes: number; readonly now: number },
): Promise<number> {
  const all: SizedDrawer[] = [];
  for (const day of days) for (const drawer of await drawersOf(walk, day)) all.push(drawer);
  let left = all.reduce((sum, { bytes }) => sum + bytes, 0);
  let dropped = 0;
  for (const { path, day, mtimeMs, bytes } of all) {
    if (left <= limit.bytes) break;
    // A deed may be under way in it. Its day may have been yesterday.
    const young = limit.now - mtimeMs < HOUR_MS && nameOf(day) >= dayOf(limit.now - HOUR_MS);
    if (young || !(await remove(walk, path))) continue;
    left -= bytes;
    dropped += 1;
    removeEmpty(walk, day);
  }
  return dropped;
}

async function drawersOf(walk: Walk, day: string): Promise<readonly SizedDrawer[]> {
  const found: SizedDrawer[] = [];
  for (const path of drawersIn(walk, day)) {
    const stats = lookAt(walk, path);
    if (stats === undefined) continue;
    found.push({ path, day, mtimeMs: stats.mtimeMs, bytes: await sizeOf(walk, path, stats) });
  }
  return found.sort((a, b) => a.mtimeMs - b.mtimeMs);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

interface Walk {
  readonly disk: Disk;
  /** Sizes of the files that were removed. */
  bytes: number;
  /** To be awaited once for each entry. */
  breathe(): Promise<void> | undefined;
}

const ENTRIES_PER_TURN = 128;

function newWalk(disk: Disk, signal: AbortSignal | undefined): Walk {
  let entries = 0;
  return {
    disk,
    bytes: 0,
    breathe: () => {
      signal?.throwIfAborted();
      entries += 1;
      return entries % ENTRIES_PER_TURN === 0 ? nextTurn() : undefined;
    },
  };
}

/** Of the files in it, or of the file. */
async function sizeOf(walk: Walk, path: string, stats: DiskStats): Promise<number> {
  await walk.breathe();
  if (!stats.isDirectory()) return stats.isFile() ? stats.size : 0;
  let sum = 0;
  for (const name of namesIn(walk, path, /^/)) {
    const inside = lookAt(walk, `${path}/${name}`);
    if (inside !== undefined) sum += await sizeOf(walk, `${path}/${name}`, inside);
  }
  return sum;
}

/** With everything in it. True when nothing is left. */
async function remove(walk: Walk, path: string): Promise<boolean> {
  await walk.breathe();
  const stats = lookAt(walk, path);
  if (stats === undefined) return false;
  if (stats.isDirectory()) {
    for (const name of namesIn(walk, path, /^/)) await remove(walk, `${path}/${name}`);
    return removeEmpty(walk, path);
  }
  try {
    // Asynchronous, since a large file takes the disk a while.
    await walk.disk.unlink(path);
  } catch (error) {
    return passOver(error, false);
  }
  if (stats.isFile()) walk.bytes += stats.size;
  return true;
}

function removeEmpty(walk: Walk, folder: string): boolean {
  try {
    walk.disk.rmdirSync(folder);
    return true;
  } catch (error) {
    return passOver(error, false);
  }
}

/** Of the entry itself; undefined where it is missing, or cannot be looked at. */
function lookAt(walk: Walk, path: string): DiskStats | undefined {
  try {
    return walk.disk.lstatSync(path);
  } catch (error) {
    return passOver(error, undefined);
  }
}

function isFolder(walk: Walk, path: string): boolean {
  return lookAt(walk, path)?.isDirectory() === true;
}

/** Names of a folder, never of what a symlink points to. None where it cannot be read. */
function namesIn(walk: Walk, folder: string, pattern: RegExp): readonly string[] {
  if (!isFolder(walk, folder)) return [];
  try {
    return walk.disk.readdirSync(folder).flatMap(({ name }) => (pattern.test(name) ? [name] : []));
  } catch (error) {
    return passOver(error, []);
  }
}

/** What the system refuses stays until the next time. */
function passOver<T>(error: unknown, instead: T): T {
  if (codeOf(error) === undefined) throw error;
  return instead;
}
