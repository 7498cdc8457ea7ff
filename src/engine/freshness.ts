/**
 * How old our knowledge of each remote folder is, and which to list next with the requests that looking may take. The
 * sweep goes round, oldest first, with half of the limit; folders in which something changed a short while ago are hot
 * and looked at far more often, cooling by doubling, with up to a quarter of the limit more. It asks nobody and knows no
 * clock: times are monotonic milliseconds that it is told.
 */
import { type DirPath, parentOf, ROOT } from '../core/path.ts';
import { emptyTree, type RemoteTree } from '../core/tree.ts';
import { foldersOf, remoteChanges } from './remote-changes.ts';

/** A folder that has just changed is looked at again after this long, then after twice as long … */
export const HOT_MS = 5_000;
/** … until so much time would lie between two looks. */
const COLD_MS = 300_000;
/** Folders that are hot at a time; of more than these the latest. */
const HOT_MOST = 64;
/** Parts of the limit. */
const SWEEP_SHARE = 1 / 2;
const HOT_SHARE = 1 / 4;
/** What one slice may take of the budget, so that a cycle with a look is over soon. */
const SLICE_MS = 2_000;
/** Time that the sweep has lost (to deeds, to pauses) and may make up for at most. */
const CATCH_UP_MS = 2 * SLICE_MS;
const MINUTE = 60_000;
/** One request, but for what the sums lose. */
const ENOUGH = 0.99;

/** What is known, as figures. */
export interface Knowledge {
  /** The root included. */
  readonly folders: number;
  /** Age of the oldest list; undefined while a folder was not listed since the start. */
  readonly oldestMs: number | undefined;
  /** Folders that are looked at more often just now. */
  readonly hot: number;
}

export interface Freshness {
  /** Folders of this tree, known from an earlier process or no longer to be relied on: none has been listed. */
  remember(tree: RemoteTree): void;
  /** What was listed now, and what the trees show of it: new folders, folders that are gone, changes by anybody. */
  learn(seen: Seen, now: number): void;
  /** These are to be looked at first. */
  suspect(dirs: Iterable<DirPath>): void;
  /** Whether the folder was listed since the start; true of one that is not known, since it is younger. */
  isListed(dir: DirPath): boolean;
  /** Whether every folder was. */
  readonly complete: boolean;
  /** Whether every folder will have been once these are listed. */
  completedBy(dirs: readonly DirPath[]): boolean;
  /**
   * The folders that are due, at most a slice. They count as asked for. `limit`: requests a minute. `sliceMs`: for so long
   * the sweep may take its part of the limit at once; 2,000.
   */
  take(now: number, limit: number, sliceMs?: number): readonly DirPath[];
  /** The hot folders among them alone, for trees of which a sweep is cheap. `pollMs`: from one sweep to the next. */
  takeHot(now: number, limit: number, pollMs: number): readonly DirPath[];
  /** When `take` will give something. */
  dueAt(now: number, limit: number): number;
  hotDueAt(now: number, limit: number, pollMs: number): number;
  knowledge(now: number): Knowledge;
}

export interface Seen {
  readonly listed: 'all' | readonly DirPath[];
  /** As it was when it was told last; undefined: nothing was known. */
  readonly before: RemoteTree | undefined;
  readonly after: RemoteTree;
}

interface Heat {
  everyMs: number;
  at: number;
}

export function createFreshness(): Freshness {
  /** Oldest first. When each was listed; -Infinity: not since the start. */
  let listedAt = new Map<DirPath, number>([[ROOT, NEVER]]);
  let unlisted = 1;
  let suspects = new Set<DirPath>();
  const hot = new Map<DirPath, Heat>();
  let sweepAt = NEVER;
  /** Requests that hot folders may take now, and when that was counted. */
  let tokens = { left: 1, at: NEVER };

  const put = (dir: DirPath, at: number): void => {
    drop(dir);
    listedAt.set(dir, at);
    if (at === NEVER) unlisted += 1;
  };
  const drop = (dir: DirPath): void => {
    if (listedAt.get(dir) === NEVER) unlisted -= 1;
    listedAt.delete(dir);
  };
  const heat = (dir: DirPath, now: number): void => {
    hot.delete(dir);
    hot.set(dir, { everyMs: HOT_MS, at: now + HOT_MS });
    const [coolest] = hot.keys();
    if (hot.size > HOT_MOST && coolest !== undefined) hot.delete(coolest);
  };
  const cool = (dir: DirPath, now: number): void => {
    const known = hot.get(dir);
    if (known === undefined) return;
    known.everyMs *= 2;
    known.at = now + known.everyMs;
    if (known.everyMs > COLD_MS) hot.delete(dir);
  };
  const refill = (now: number, limit: number): void => {
    const perMs = (limit * HOT_SHARE) / MINUTE;
    const most = Math.max(1, perMs * HOT_MS);
    tokens = {
      left: Math.min(most, tokens.left + Math.max(0, now - Math.max(tokens.at, now - MINUTE)) * perMs),
      at: now,
    };
  };
  /** Latest change first. */
  const hotOnes = (underMs: number): [DirPath, Heat][] =>
    [...hot].filter(([dir, { everyMs }]) => everyMs < underMs && listedAt.has(dir)).reverse();

  const takeHot = (now: number, limit: number, underMs: number): DirPath[] => {
    refill(now, limit);
    const taken: DirPath[] = [];
    for (const [dir, { at }] of hotOnes(underMs)) {
      if (tokens.left < ENOUGH) break;
      if (at > now) continue;
      tokens.left -= 1;
      taken.push(dir);
    }
    return taken;
  };
  const hotDueAt = (now: number, limit: number, underMs: number): number => {
    const first = Math.min(NOT_SOON, ...hotOnes(underMs).map(([, { at }]) => at));
    refill(now, limit);
    const perMs = (limit * HOT_SHARE) / MINUTE;
    return tokens.left >= ENOUGH ? first : Math.max(first, now + (1 - tokens.left) / perMs);
  };
  const oldest = (count: number): DirPath[] => {
    const found: DirPath[] = [];
    for (const dir of suspects) if (found.length < count && listedAt.has(dir)) found.push(dir);
    for (const dir of listedAt.keys()) {
      if (found.length >= count) break;
      if (!suspects.has(dir)) found.push(dir);
    }
    return found;
  };

  return {
    remember: (tree) => {
      listedAt = new Map(foldersOf(tree).map((dir) => [dir, NEVER]));
      unlisted = listedAt.size;
      suspects = new Set();
    },
    learn: ({ listed, before, after }, now) => {
      const { fresh, gone, changed } = remoteChanges(before ?? emptyTree(), after);
      for (const dir of gone) {
        drop(dir);
        hot.delete(dir);
        suspects.delete(dir);
      }
      // What we made or moved ourselves is as good as listed where all else was.
      const whole = listed === 'all' || unlisted === 0;
      for (const dir of fresh) put(dir, whole ? now : NEVER);
      for (const dir of listed === 'all' ? [...listedAt.keys()] : [...listed, ...below(fresh, listed)]) {
        if (!listedAt.has(dir)) continue;
        put(dir, now);
        suspects.delete(dir);
        cool(dir, now);
      }
      if (before !== undefined) for (const dir of changed) heat(dir, now);
    },
    suspect: (dirs) => {
      for (const dir of dirs) if (listedAt.has(dir)) suspects.add(dir);
    },
    isListed: (dir) => listedAt.get(dir) !== NEVER,
    get complete() {
      return unlisted === 0;
    },
    completedBy: (dirs) => dirs.filter((dir) => listedAt.get(dir) === NEVER).length === unlisted,
    take: (now, limit, sliceMs = SLICE_MS) => {
      const hotOnes = takeHot(now, limit, NOT_SOON);
      if (now < sweepAt) return hotOnes;
      const count = sliceOf(limit, sliceMs);
      const from = sweepAt === NEVER ? now : Math.max(sweepAt, now - CATCH_UP_MS);
      sweepAt = from + (count * MINUTE) / (limit * SWEEP_SHARE);
      return [...new Set([...hotOnes, ...oldest(count)])];
    },
    takeHot,
    dueAt: (now, limit) => Math.min(sweepAt, hotDueAt(now, limit, NOT_SOON)),
    hotDueAt,
    knowledge: (now) => {
      const [first = NEVER] = listedAt.values();
      return {
        folders: listedAt.size,
        oldestMs: unlisted > 0 ? undefined : now - first,
        hot: hot.size,
      };
    },
  };
}

/** Of these folders, those below the others. */
function below(fresh: readonly DirPath[], listed: readonly DirPath[]): DirPath[] {
  if (fresh.length === 0) return [];
  const tops = new Set(listed);
  const isBelow = (dir: DirPath): boolean => {
    for (let at = dir; at !== ROOT; ) {
      at = parentOf(at);
      if (tops.has(at)) return true;
    }
    return false;
  };
  return fresh.filter(isBelow);
}

const NEVER = Number.NEGATIVE_INFINITY;
const NOT_SOON = Number.POSITIVE_INFINITY;

/** Lists of one slice. */
function sliceOf(limit: number, sliceMs: number): number {
  return Math.max(1, Math.floor((limit * SWEEP_SHARE * sliceMs) / MINUTE));
}

/** Whether a sweep of so many folders is cheap enough to be made as a whole with each poll. */
export function isSmall(folders: number, limit: number | undefined, pollMs: number): boolean {
  return limit === undefined || folders <= (limit * SWEEP_SHARE * pollMs) / MINUTE;
}

/** Milliseconds from one look at a folder to the next, when so many are looked at in turn. */
export function roundMs(folders: number, limit: number): number {
  return (folders * MINUTE) / (limit * SWEEP_SHARE);
}

/** What a person is told when the limit cannot keep all knowledge as young as was asked for. */
export function staleness(folders: number, limit: number, maxStalenessMs: number): string | undefined {
  const round = roundMs(folders, limit);
  if (round <= maxStalenessMs) return undefined;
  const often =
    round < 2 * MINUTE ? `${Math.round(round / 1_000)} seconds` : `${Math.round(round / MINUTE)} minutes`;
  return `${number(folders)} folders at ${number(limit)} requests a minute are looked at once every ${often}`;
}

function number(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}
