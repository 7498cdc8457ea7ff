/**
 * Retention of the remote trash, `/.rtsync/trash/<day>/<batch>/…`. A day is dropped whole, by its name: first what is
 * too old, then, where the trash may only have a size, the oldest days beyond it. All rtsyncs of a workspace share the
 * trash and its days have no owner, so an expired day of another machine goes too, and the shortest retention counts.
 * Nothing is remembered from purge to purge, and a purge asks for little: what it could not finish is for the next one.
 */
import type { Clock } from '../../lib/clock.ts';
import { isCode } from '../../lib/errors.ts';
import type { StorageClient } from './client.ts';
import { attempt, chunks } from './context.ts';
import { BATCH } from './guard.ts';
import { childId, type EntryId, idName, OWN_NAME, TOP } from './ids.ts';
import type { Entry } from './wire.ts';

export interface PurgeOptions {
  readonly client: StorageClient;
  readonly clock: Clock;
  /** Days whose name is further back than this go. At least 1. */
  readonly days: number;
  /** What the days before yesterday may hold together; the newest that fit stay. Undefined: no limit. */
  readonly bytes?: number | undefined;
  /** The most requests that one purge may send (pages of one list count as one). */
  readonly requests?: number;
}

export interface Purged {
  /** Days that were dropped. */
  readonly folders: number;
  /** What is known to have been in them: days that were too old are not listed before they go. */
  readonly bytes: number;
}

const DAY_MS = 86_400_000;
const MOST_REQUESTS = 20;
/** Kept while sizes are found, or they would be found in vain. */
const FOR_DROPPING = 1;

/**
 * Drops what is over its time or its size. That this fails is no error of a run: only `key-refused`, `stopped` and
 * `bug` are thrown.
 */
export async function purgeRemoteTrash(options: PurgeOptions, signal?: AbortSignal): Promise<Purged> {
  const asker = askerOf(options, signal);
  const listed = await asker.list(childId(childId(TOP, OWN_NAME), 'trash'));
  const days = listed.flatMap((entry) => (entry.kind === 'folder' && isDay(entry.name) ? [entry.id] : []));
  // A clock that went astray must not empty the trash: a day is as old as the slower of both clocks says.
  const now = options.clock.now() + Math.min(0, options.client.clockOffsetMs ?? 0);
  const [expired, young] = split(days, (id) => idName(id) < dayOf(now - Math.max(1, options.days) * DAY_MS));
  const gone = await asker.drop(expired);
  if (options.bytes === undefined) return { folders: gone, bytes: 0 };
  const measurable = young.filter((id) => idName(id) < dayOf(now - DAY_MS));
  const over = await beyond(asker, measurable, options.bytes, Math.floor(now / DAY_MS));
  const bytes = over.reduce((sum, day) => sum + day.bytes, 0);
  const dropped = await asker.drop(over.map(({ id }) => id));
  return { folders: gone + dropped, bytes: dropped === over.length ? bytes : 0 };
}

/** `note`: what `purgeNote` gave at the last purge. A purge is due once a day, and after a clock was set back. */
export function purgeDue(note: string | undefined, now: number): boolean {
  return note !== purgeNote(now);
}

/** `now`: epoch milliseconds. */
export function purgeNote(now: number): string {
  return dayOf(now);
}

interface Measured {
  readonly id: EntryId;
  bytes: number;
}

/**
 * The days that do not fit, found from the newest back: as soon as what was counted is over the limit, that day and
 * all older ones go unseen. Sizes that nobody counted are taken for nothing, so that too little goes, never too much.
 * Where days are so full of batches that the requests end in the first of them, a second half of the requests is spent
 * on another day and batch each day (`turn`), so that what is large is met some day.
 */
async function beyond(
  asker: Asker,
  ids: readonly EntryId[],
  limit: number,
  turn: number,
): Promise<readonly Measured[]> {
  const days: Measured[] = ids.toSorted((a, b) => (a < b ? 1 : -1)).map((id) => ({ id, bytes: 0 }));
  const half = Math.max(FOR_DROPPING, Math.floor(asker.left / 2));
  let next = 0;
  for (; next < days.length && asker.left > half; next += 1) {
    const day = days[next] as Measured;
    day.bytes = await asker.measure(day.id, 0, half);
    if (firstOver(days, limit) < days.length) return days.slice(firstOver(days, limit));
  }
  const first = Math.max(0, next - 1);
  for (let step = 0; step < days.length - first && asker.left > FOR_DROPPING; step += 1) {
    const day = days[first + ((turn + step) % (days.length - first))] as Measured;
    day.bytes = Math.max(day.bytes, await asker.measure(day.id, turn, FOR_DROPPING));
  }
  return days.slice(firstOver(days, limit));
}

/** Index of the newest day with which the sum is over the limit. */
function firstOver(days: readonly Measured[], limit: number): number {
  let sum = 0;
  const found = days.findIndex(({ bytes }) => {
    sum += bytes;
    return sum > limit;
  });
  return found < 0 ? days.length : found;
}

interface Asker {
  /** Requests that may still be sent. */
  readonly left: number;
  /** Nothing, too, where it could not be listed. */
  list(dir: EntryId): Promise<readonly Entry[]>;
  /** Bytes below a folder, as far as requests are left beyond `reserve`; `turn`: which entry is the first. */
  measure(dir: EntryId, turn: number, reserve: number): Promise<number>;
  /** Deletes folders for good; gives how many surely went. */
  drop(ids: readonly EntryId[]): Promise<number>;
}

function askerOf({ client, requests = MOST_REQUESTS }: PurgeOptions, signal?: AbortSignal): Asker {
  let left = requests;
  const ask = async <T>(run: () => Promise<T>): Promise<T | undefined> => {
    left -= 1;
    const asked = await attempt(run);
    if (asked.ok) return asked.value;
    if (isCode(asked.error, 'key-refused', 'stopped', 'bug')) throw asked.error;
    // After these, the next request would only meet the same.
    if (isCode(asked.error, 'rate-limited', 'network', 'forbidden')) left = 0;
    return undefined;
  };
  const list = async (dir: EntryId): Promise<readonly Entry[]> => {
    if (left <= 0) return [];
    const listing = await ask(() => client.list(dir, { signal, retries: 0 }));
    return [...(listing?.entries.values() ?? [])];
  };
  return {
    get left() {
      return left;
    },
    list,
    measure: async (dir, turn, reserve) => {
      let bytes = 0;
      const queue: EntryId[] = [dir];
      for (let id = queue.shift(); id !== undefined && left > reserve; id = queue.shift()) {
        const entries = await list(id);
        const from = entries.length === 0 ? 0 : turn % entries.length;
        for (const entry of [...entries.slice(from), ...entries.slice(0, from)]) {
          if (entry.kind === 'file') bytes += entry.size ?? 0;
          else if (entry.kind === 'folder') queue.push(entry.id);
        }
      }
      return bytes;
    },
    drop: async (ids) => {
      let dropped = 0;
      for (const some of chunks(ids, BATCH)) {
        if (left <= 0) break;
        const done = await ask(async () => {
          await client.remove(some, { signal });
          return some.length;
        });
        dropped += done ?? 0;
      }
      return dropped;
    },
  };
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Only what is named like a real day is ours to drop. */
function isDay(name: string): boolean {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(name) ? Date.parse(`${name}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(ms) && dayOf(ms) === name;
}

function split<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
