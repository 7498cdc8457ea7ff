/**
 * Uploading aside and moving in: for servers that keep the old version when a name is taken, and for large files. What is known at each step:
 * 1. the new versions lie whole in a staging folder of ours (sizes listed), and a folder of the trash is ready;
 * 2. the old versions are the expected ones: listed right before the next step, which is not sent on an older list;
 * 3. the old versions lie in the trash (looked at there: what was not expected went back), their names are free;
 * 4. where a taken name would be overwritten: the names are free still, listed right before the next step;
 * 5. the new versions have taken the names (listed), or what could not take its name has been put back.
 */
import type { RtsyncError } from '../../lib/errors.ts';
import type { Outcome, WriteSource, Written } from '../remote.ts';
import { attempt, type Context, changed, failed, heed, inParallel, type Recall } from './context.ts';
import { startTimes, type Times, teachClock } from './dating.ts';
import type { Sending } from './file-clock.ts';
import { childId, type DirId, type EntryId } from './ids.ts';
import {
  asListed,
  finish,
  type Item,
  isMoved,
  onlyExpected,
  outlastGrain,
  tellsNothing,
  untold,
  writtenMeanwhile,
} from './item.ts';
import { clearLate, clearStrays, clearUntold, straysAmong } from './strays.ts';
import { type Stored, upload } from './upload.ts';
import { unlessTaken, whileYoung, type Young } from './while-young.ts';
import type { FileEntry, Listing } from './wire.ts';

interface Whole extends Extract<Stored, { kind: 'stored' }> {
  readonly source: WriteSource;
}

/** At most 250 items of one folder. Tells every item its outcome; throws only before anything was moved. */
export async function replaceStaged(
  ctx: Context,
  dir: DirId,
  items: readonly Item[],
  signal?: AbortSignal,
): Promise<void> {
  if (items.length === 0) return;
  const staging = await ctx.trash.folder('staging', { signal });
  try {
    const staged = await uploadStaged(ctx, staging, items, signal);
    const whole = items.filter((item) => staged.has(item));
    if (whole.length > 0) {
      const times = startTimes(ctx);
      await swap(ctx, { dir, staging, items: whole, staged, times }, signal);
    }
  } finally {
    // Everything in it was made by us and is either in place by now or was given up with an outcome that says so.
    const removed = await attempt(() => ctx.client.remove([staging]));
    if (!removed.ok) ctx.leftover();
  }
}

async function uploadStaged(
  ctx: Context,
  staging: EntryId,
  items: readonly Item[],
  signal?: AbortSignal,
): Promise<Map<Item, Whole>> {
  const stored = new Map<Item, Whole>();
  const recall: Recall = { error: undefined };
  await inParallel(items, 32, async (item) => {
    let source: WriteSource | undefined;
    const open = async (): Promise<WriteSource> => {
      source = await item.write.open();
      return source;
    };
    const write = { ...item.write, open };
    const one = await upload(ctx, { dir: staging, name: item.name, write, recall, look: undefined }, signal);
    if (one.kind === 'stored' && source !== undefined) stored.set(item, { ...one, source });
    if (one.kind === 'failed') await finish(item, failed(one.error));
  });
  if (stored.size === 0) return stored;
  const { entries } = await ctx.looks.after(staging, signal);
  teachClock(ctx, stored, entries);
  for (const [item, one] of stored) {
    const { size } = one;
    const entry = entries.get(item.name);
    if (entry?.kind === 'file' && entry.size === size) {
      stored.set(item, { ...one, date: entry.date });
      continue;
    }
    stored.delete(item);
    await finish(item, failed(changed(item.write.path, 'did not arrive whole on the server')));
  }
  return stored;
}

interface Swap {
  readonly dir: DirId;
  readonly staging: EntryId;
  readonly items: readonly Item[];
  readonly staged: ReadonlyMap<Item, Whole>;
  /** Of moving in. */
  readonly times: Times;
}

/** Once names are free a stop must not leave them so, hence no signal until they are taken again. */
async function swap(ctx: Context, job: Swap, signal?: AbortSignal): Promise<void> {
  const { folder, freed, before, seen } = await freeNames(ctx, job, signal);
  if (freed.length === 0) return;
  const { refused, displaced, unseen, strays } = await moveIn(ctx, job, freed, seen);
  const moving = job.times.span();
  const isOurs = (entry: FileEntry): boolean =>
    freed.some((item) => isMoved(ctx, entry, job.staged.get(item), moving));
  if (ctx.traits.moveKeepsDate || !tellsNothing(moving, 0)) await clearStrays(ctx, strays, isOurs);
  else {
    const sources = freed.flatMap((item) => job.staged.get(item)?.source ?? []);
    await clearLate(ctx, strays, isOurs, sources);
  }
  const listed = await attempt(async () => {
    await outlastGrain(ctx, ctx.clock.monotonic());
    return ctx.looks.fresh(job.dir);
  });
  const vacant =
    refused === undefined || !listed.ok ? [] : freed.filter(({ name }) => !listed.value.entries.has(name));
  const old = vacant.flatMap(({ id, write }) => (write.expect === undefined ? [] : [id]));
  // Nothing could take their names. Their copies in the trash are the only ones.
  if (folder !== undefined && old.length > 0)
    await ctx.trash.giveBack({ into: folder, dir: job.dir, ids: old });
  for (const item of freed) {
    const outcome = displaced.has(item)
      ? failed(writtenMeanwhile(item))
      : listed.ok
        ? judged(ctx, { item, ours: job.staged.get(item), moving, unseen }, listed.value)
        : listed;
    const ours = job.staged.get(item);
    if (ctx.traits.takenMove === 'rename' && listed.ok && !outcome.ok && ours !== undefined)
      await clearUntold(ctx, {
        ...{ name: item.name, before: before.entries, now: listed.value.entries, source: ours.source },
        isOurs: (entry) => isMoved(ctx, entry, ours, moving),
      });
    await finish(item, refused !== undefined && vacant.includes(item) ? failed(refused) : outcome);
  }
  if (folder === undefined || ctx.keepTrash) return;
  // What could not be given back lies there and nowhere else.
  const allFreed = freed.length === job.items.length;
  if (allFreed && listed.ok && freed.every((item) => listed.value.entries.has(item.name))) {
    await ctx.trash.destroy([folder]);
  }
}

interface Freed {
  /** Where the old versions lie. */
  readonly folder: EntryId | undefined;
  readonly freed: readonly Item[];
  readonly before: Listing;
  /** The same, where nothing was moved out of the folder since. */
  readonly seen: Listing | undefined;
}

/**
 * Old versions into the trash; a new name is free by itself. Tells those that changed, and those whose name could not be
 * freed.
 * RACE: what somebody writes between the list and the arrival of the move (that list, its turn at the gate and one
 * request: 2 s and a request at most, or 20 turns of a slow gate) is moved aside, and goes back three requests later;
 * should its name be taken by then, it stays in the trash.
 */
async function freeNames(ctx: Context, job: Swap, signal?: AbortSignal): Promise<Freed> {
  const replaces = job.items.some(({ write }) => write.expect !== undefined);
  // Made before the last look, so that nothing but the move comes after it.
  const into = replaces ? await ctx.trash.folder('trash', { signal, concludes: true }) : undefined;
  let rest = job.items;
  const look = (): Promise<Listing> => {
    heed(signal);
    return ctx.looks.after(job.dir, signal);
  };
  return whileYoung(ctx.looks, look, async (seen, young) => {
    rest = await onlyExpected(rest, seen);
    const taken = rest.filter(({ write }) => write.expect !== undefined);
    const freed = rest.filter(({ write }) => write.expect === undefined);
    if (taken.length === 0) return { folder: into, freed, before: seen, seen };
    const expected = new Map(taken.flatMap(({ id, write }) => (write.expect ? [[id, write.expect]] : [])));
    const { folder, fates } = await ctx.trash.retire([...expected.keys()], expected, {
      into,
      certain: true,
      young,
    });
    for (const item of taken) {
      const error = fates.get(item.id);
      if (error === undefined && folder !== undefined) freed.push(item);
      else await finish(item, failed(error ?? changed(item.write.path)));
    }
    return { folder, freed, before: seen, seen: undefined };
  });
}

interface Placed {
  readonly item: Item;
  readonly ours: Whole | undefined;
  readonly moving: Sending;
  /** Nobody could look whether it left staging. */
  readonly unseen: boolean;
}

/** Ours, unless the size or the date says otherwise: that of the upload, or that of the move where it dates anew. */
function judged(ctx: Context, { item, ours, moving, unseen }: Placed, listing: Listing): Outcome<Written> {
  const outcome = asListed(item, ours?.size ?? -1, listing);
  if (!outcome.ok || outcome.value.date === ours?.date) return outcome;
  const entry = listing.entries.get(item.name);
  if (!isMoved(ctx, entry, ours, moving)) return failed(writtenMeanwhile(item));
  return unseen || tellsNothing(moving, 0) ? failed(untold(item.write.path)) : outcome;
}

interface MovedIn {
  /** The error of the last try. */
  readonly refused: RtsyncError | undefined;
  /** Somebody took their names in the moment they were free. */
  readonly displaced: ReadonlySet<Item>;
  /** Nobody could look what the last try moved. */
  readonly unseen: boolean;
  /** Ours, under names that the server chose. */
  readonly strays: readonly EntryId[];
}

/** Moves the new versions to their names, with a second try for what is still in staging. */
async function moveIn(
  ctx: Context,
  job: Swap,
  items: readonly Item[],
  seen: Listing | undefined,
): Promise<MovedIn> {
  const displaced = new Set<Item>();
  let [rest, look] = [items, seen];
  let refused: RtsyncError | undefined;
  for (let tries = 0; tries < 2 && rest.length > 0; tries += 1) {
    const moved = await attempt(() => moveToFree(ctx, job, rest, look));
    if (moved.ok) {
      const { free, told } = moved.value;
      for (const item of rest) if (!free.includes(item)) displaced.add(item);
      const { strays, without } = straysAmong(told, free);
      for (const item of without) displaced.add(item);
      return { refused: undefined, displaced, unseen: false, strays };
    }
    refused = moved.error;
    const [waiting, place] = [
      await attempt(() => ctx.looks.fresh(job.staging)),
      await attempt(() => ctx.looks.fresh(job.dir)),
    ];
    if (!waiting.ok || !place.ok) return { refused, displaced, unseen: true, strays: [] };
    look = place.value;
    const still = rest.filter(({ name }) => waiting.value.entries.has(name));
    rest = still.filter(({ name }) => !place.value.entries.has(name));
    // Ours is in staging still, so what has its name is somebody else's, whatever its size.
    for (const item of still) if (!rest.includes(item)) displaced.add(item);
  }
  return { refused, displaced, unseen: false, strays: [] };
}

interface Moved {
  readonly free: readonly Item[];
  /** What the server told of them. */
  readonly told: readonly EntryId[];
}

/**
 * Only names that are free, where the server would overwrite the others; elsewhere it keeps them by itself.
 * RACE: what takes a name between that list and the arrival of the move is overwritten: the list, its turn at the gate
 * and one request (2 s and a request at most, or 20 turns of a slow gate).
 */
async function moveToFree(
  ctx: Context,
  job: Swap,
  items: readonly Item[],
  first: Listing | undefined,
): Promise<Moved> {
  const send = async (free: readonly Item[], manner: Partial<Young>): Promise<Moved> => {
    if (free.length === 0) return { free, told: [] };
    const ids = free.map((item) => childId(job.staging, item.name));
    const { onSent } = job.times;
    for (const item of free) ctx.looks.sends(job.dir, item.name);
    const told = await ctx.client.batch('move', ids, job.dir, { ...manner, onSent }).finally(() => {
      for (const item of free) ctx.looks.put(job.dir, item.name, 'file');
    });
    return { free, told: told ?? [] };
  };
  if (ctx.traits.takenMove !== 'overwrite') return send(items, {});
  const look = async (again: boolean): Promise<Listing> =>
    again || first === undefined ? ctx.looks.fresh(job.dir) : first;
  return whileYoung(ctx.looks, look, (seen, young) => {
    const free = items.filter(({ name }) => !seen.entries.has(name));
    const names = free.map(({ name }) => name);
    return send(free, unlessTaken(ctx.looks, young, job.dir, names));
  });
}
