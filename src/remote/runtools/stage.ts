/**
 * Uploading aside and moving in: for servers that keep the old version when a name is taken, and for large files. What is known at each step:
 * 1. the new versions lie whole in a staging folder of ours (sizes listed);
 * 2. the old versions are still the expected ones (looked at again);
 * 3. the old versions lie in the trash, their names are free;
 * 4. the new versions have taken the names (listed), or what could not take its name has been put back.
 */
import type { RtsyncError } from '../../lib/errors.ts';
import type { Outcome, Written } from '../remote.ts';
import { attempt, type Context, changed, failed, heed, inParallel } from './context.ts';
import { childId, type DirId, type EntryId, idName, parentId } from './ids.ts';
import { asListed, finish, type Item, onlyExpected, outlastGrain, writtenMeanwhile } from './item.ts';
import { type Stored, upload } from './upload.ts';
import type { Listing } from './wire.ts';

type Whole = Extract<Stored, { kind: 'stored' }>;

/** At most 250 items of one folder. Tells every item its outcome; throws only before anything was moved. */
export async function replaceStaged(
  ctx: Context,
  dir: DirId,
  items: readonly Item[],
  signal?: AbortSignal,
): Promise<void> {
  if (items.length === 0) return;
  const staging = await ctx.trash.folder('staging', signal);
  try {
    const staged = await uploadStaged(ctx, staging, items, signal);
    const whole = items.filter((item) => staged.has(item));
    if (whole.length === 0) return;
    const ready = await onlyExpected(whole, await ctx.looks.fresh(dir, signal));
    if (ready.length > 0) await swap(ctx, { dir, staging, items: ready, staged }, signal);
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
  await inParallel(items, 32, async (item) => {
    const one = await upload(
      ctx,
      { dir: staging, name: item.name, write: item.write, look: undefined },
      signal,
    );
    if (one.kind === 'stored') stored.set(item, one);
    else await finish(item, failed(one.error));
  });
  if (stored.size === 0) return stored;
  const { entries } = await ctx.looks.fresh(staging, signal);
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
}

/** From here on names are free for a moment: a stop must not leave them so, hence no signal until they are taken again. */
async function swap(ctx: Context, job: Swap, signal?: AbortSignal): Promise<void> {
  heed(signal);
  const { folder, freed } = await freeNames(ctx, job.items);
  if (freed.length === 0) return;
  const { refused, displaced } = await moveIn(ctx, job, freed);
  const listed = await attempt(async () => {
    await outlastGrain(ctx, ctx.clock.monotonic());
    return ctx.looks.fresh(job.dir);
  });
  for (const item of freed) {
    const outcome = displaced.has(item)
      ? failed(writtenMeanwhile(item))
      : listed.ok
        ? judged(ctx, job, item, listed.value)
        : listed;
    const vacant = refused !== undefined && listed.ok && !listed.value.entries.has(item.name);
    if (vacant && folder !== undefined && item.write.expect !== undefined)
      await putBack(ctx, childId(folder, item.name), job.dir);
    await finish(item, vacant ? failed(refused) : outcome);
  }
  if (folder === undefined || ctx.keepTrash) return;
  // What could not be given back lies there and nowhere else.
  const allFreed = freed.length === job.items.length;
  if (allFreed && listed.ok && freed.every((item) => listed.value.entries.has(item.name))) {
    await ctx.trash.destroy([folder]);
  }
}

/** Old versions into the trash; a new name is free by itself. Tells those whose name could not be freed. */
async function freeNames(
  ctx: Context,
  items: readonly Item[],
): Promise<{ readonly folder: EntryId | undefined; readonly freed: readonly Item[] }> {
  const taken = items.filter((item) => item.write.expect !== undefined);
  const free = items.filter((item) => item.write.expect === undefined);
  if (taken.length === 0) return { folder: undefined, freed: free };
  const expected = new Map(taken.flatMap(({ id, write }) => (write.expect ? [[id, write.expect]] : [])));
  const retired = await ctx.trash.retire(
    taken.map((item) => item.id),
    expected,
  );
  const freed = [...free];
  for (const item of taken) {
    const error = retired.fates.get(item.id);
    if (error === undefined && retired.folder !== undefined) freed.push(item);
    else await finish(item, failed(error ?? changed(item.write.path)));
  }
  return { folder: retired.folder, freed };
}

/** Ours, unless the size or, where a move keeps dates, the date says otherwise. */
function judged(ctx: Context, job: Swap, item: Item, listing: Listing): Outcome<Written> {
  const ours = job.staged.get(item);
  const outcome = asListed(item, ours?.size ?? -1, listing);
  const foreign = outcome.ok && ctx.traits.moveKeepsDate && outcome.value.date !== ours?.date;
  return foreign
    ? failed(changed(item.write.path, 'was changed on the server while it was written'))
    : outcome;
}

interface MovedIn {
  /** The error of the last try. */
  readonly refused: RtsyncError | undefined;
  /** Somebody took their names in the moment they were free. */
  readonly displaced: ReadonlySet<Item>;
}

/** Moves the new versions to their names, with a second try for what is still in staging. */
async function moveIn(ctx: Context, job: Swap, items: readonly Item[]): Promise<MovedIn> {
  let rest = items;
  let refused: RtsyncError | undefined;
  for (let tries = 0; tries < 2 && rest.length > 0; tries += 1) {
    const ids = rest.map((item) => childId(job.staging, item.name));
    const moved = await attempt(() => ctx.client.batch('move', ids, job.dir));
    for (const item of rest) ctx.looks.put(job.dir, item.name, 'file');
    if (moved.ok) {
      return { refused: undefined, displaced: await removeStrays(ctx, job, rest, moved.value ?? []) };
    }
    refused = moved.error;
    const [waiting, place] = [
      await attempt(() => ctx.looks.fresh(job.staging)),
      await attempt(() => ctx.looks.fresh(job.dir)),
    ];
    if (!waiting.ok || !place.ok) break;
    rest = rest.filter((item) => waiting.value.entries.has(item.name) && !place.value.entries.has(item.name));
  }
  return { refused, displaced: new Set() };
}

/** A name was taken in the moment it was free: ours was stored beside it, and the answer says where. */
async function removeStrays(
  ctx: Context,
  job: Swap,
  items: readonly Item[],
  told: readonly EntryId[],
): Promise<ReadonlySet<Item>> {
  const landed = new Set(told);
  const asked = new Set(items.map((item) => item.name));
  const strays = told.filter((id) => parentId(id) === job.dir && !asked.has(idName(id)));
  if (strays.length === 0) return new Set();
  await ctx.trash.retire(strays, new Map());
  return new Set(items.filter((item) => !landed.has(childId(job.dir, item.name))));
}

/** Nothing could take the name: the old version gets it back. Its copy in the trash was the only one. */
async function putBack(ctx: Context, old: EntryId, dir: DirId): Promise<void> {
  await attempt(() => ctx.client.batch('move', [old], dir));
  ctx.looks.put(dir, idName(old), 'file');
}
