/**
 * All writes of one folder. New names are uploaded where they belong. How an existing version is replaced depends on
 * what the server does with a taken name: overwritten in place, with a copy in the trash first, or staged beside
 * (see `stage.ts`).
 */
import { nameOf, type RemoteDir } from '../../core/path.ts';
import type { RtsyncError } from '../../lib/errors.ts';
import type { Outcome, Write, Written } from '../remote.ts';
import { attempt, type Context, chunks, failed, heed, inParallel } from './context.ts';
import { childId, type DirId, type EntryId, idBelow } from './ids.ts';
import { asListed, finish, type Item, onlyExpected, outlastGrain, writtenMeanwhile } from './item.ts';
import { replaceStaged } from './stage.ts';
import { type Stored, upload } from './upload.ts';
import type { FileEntry, Listing } from './wire.ts';

/** Uploads of one folder at a time; the gate limits further. */
const WIDE = 32;
/** Versions that are copied and then overwritten together: few, so that little time passes in between. */
const COPY_CHUNK = 20;

export async function write(
  ctx: Context,
  dir: RemoteDir,
  writes: readonly Write[],
  signal?: AbortSignal,
): Promise<void> {
  const items: Item[] = [];
  for (const one of writes) {
    const name = nameOf(one.path);
    const id = await attempt(async () => childId(idBelow(ctx.rootId, dir), name));
    if (id.ok) items.push({ write: one, name, id: id.value, finished: false });
    else await one.done(id);
  }
  try {
    await writeAll(ctx, idBelow(ctx.rootId, dir), items, signal);
  } catch (error) {
    await Promise.all(items.map((item) => finish(item, failed(error))));
  }
}

async function writeAll(
  ctx: Context,
  dir: DirId,
  items: readonly Item[],
  signal?: AbortSignal,
): Promise<void> {
  if (items.length === 0) return;
  const seen = await ctx.looks.at(
    dir,
    items.some((item) => item.write.expect !== undefined),
    signal,
  );
  const ready = await onlyExpected(items, seen);
  const fresh = ready.filter((item) => item.write.expect === undefined);
  const replaced = ready.filter((item) => item.write.expect !== undefined);
  const undated: Undated[] = [];
  await uploadInPlace(ctx, dir, fresh, undated, signal);
  // One trash folder for all chunks: names of one folder never meet.
  let bin: Promise<EntryId> | undefined;
  const open = (): Promise<EntryId> => (bin ??= ctx.trash.folder('trash', signal));
  if (ctx.traits.takenUpload === 'overwrite') {
    for (const chunk of chunks(replaced, ctx.keepTrash ? COPY_CHUNK : WIDE)) {
      const kept = ctx.keepTrash ? await copyToTrash(ctx, { dir, items: chunk, open }, signal) : chunk;
      await uploadInPlace(ctx, dir, kept, undated, signal);
    }
  } else {
    for (const chunk of chunks(replaced, 250)) await replaceStaged(ctx, dir, chunk, signal);
  }
  await dateAll(ctx, dir, undated, signal);
}

interface Undated {
  readonly item: Item;
  readonly stored: Extract<Stored, { kind: 'stored' }>;
}

/** At most `WIDE` at a time, each time after a look that is young enough; a list serves all of them. */
async function uploadInPlace(
  ctx: Context,
  dir: DirId,
  items: readonly Item[],
  undated: Undated[],
  signal?: AbortSignal,
): Promise<void> {
  for (const some of chunks(items, WIDE)) {
    const exact = some.some((item) => item.write.expect !== undefined);
    const looked = await attempt(async () => {
      heed(signal);
      return ctx.looks.at(dir, exact, signal);
    });
    if (!looked.ok) {
      await Promise.all(some.map((item) => finish(item, looked)));
      continue;
    }
    const ready = await onlyExpected(some, looked.value);
    // What we remember grows with our own uploads; what was seen before must not.
    const seen: Listing = { ...looked.value, entries: new Map(looked.value.entries) };
    // RACE: the time in which a request waits for the gate and travels is not covered by any look.
    await inParallel(ready, WIDE, async (item) => {
      const stored = await upload(ctx, { dir, name: item.name, write: item.write, seen }, signal);
      if (stored.kind === 'failed') return finish(item, failed(stored.error));
      if (stored.date === undefined) undated.push({ item, stored });
      else await finish(item, { ok: true, value: { size: stored.size, date: stored.date } });
    });
  }
}

/** Keeps the old versions. Those whose copy is not surely there are told so and left alone. */
async function copyToTrash(
  ctx: Context,
  {
    dir,
    items,
    open,
  }: { readonly dir: DirId; readonly items: readonly Item[]; readonly open: () => Promise<EntryId> },
  signal?: AbortSignal,
): Promise<Item[]> {
  const folder = await attempt(open);
  const give = async (error: RtsyncError, some: readonly Item[]): Promise<void> => {
    await Promise.all(some.map((item) => finish(item, failed(error))));
  };
  if (!folder.ok) {
    await give(folder.error, items);
    return [];
  }
  const seen = await attempt(() => ctx.looks.at(dir, true, signal));
  if (!seen.ok) {
    await give(seen.error, items);
    return [];
  }
  const ready = await onlyExpected(items, seen.value);
  if (ready.length === 0) return [];
  const copied = await attempt(() =>
    ctx.client.batch(
      'copy',
      ready.map((item) => item.id),
      folder.value,
      { signal },
    ),
  );
  if (copied.ok) return ready;
  const kept = await attempt(() => ctx.looks.fresh(folder.value, signal));
  const entries: ReadonlyMap<string, unknown> = kept.ok ? kept.value.entries : new Map();
  const whole = (item: Item): boolean => {
    const entry = entries.get(item.name) as FileEntry | undefined;
    return entry?.kind === 'file' && entry.size === item.write.expect?.size;
  };
  await give(
    copied.error,
    ready.filter((item) => !whole(item)),
  );
  return ready.filter(whole);
}

/**
 * A list at the end dates what was uploaded and could not be dated by the server's clock. Of many folders that wait for
 * that clock one lists, and the others find it known.
 */
async function dateAll(
  ctx: Context,
  dir: DirId,
  undated: readonly Undated[],
  signal?: AbortSignal,
): Promise<void> {
  if (undated.length === 0) return;
  if (!ctx.traits.datesFollowClock) return dateByList(ctx, dir, undated, signal);
  await ctx.fileClock.inTurn(async () => {
    const left: Undated[] = [];
    for (const one of undated) {
      const date = one.stored.sending && ctx.fileClock.span(one.stored.sending);
      if (date === undefined) left.push(one);
      else await finish(one.item, { ok: true, value: { size: one.stored.size, date } });
    }
    await dateByList(ctx, dir, left, signal);
  });
}

async function dateByList(
  ctx: Context,
  dir: DirId,
  undated: readonly Undated[],
  signal?: AbortSignal,
): Promise<void> {
  if (undated.length === 0) return;
  const last = Math.max(...undated.map(({ stored }) => stored.sending?.answeredAt ?? 0));
  const listed = await attempt(async () => {
    await outlastGrain(ctx, last, signal);
    return ctx.looks.fresh(dir, signal);
  });
  const outcomes = undated.map(({ item, stored }) =>
    listed.ok ? asListed(item, stored.size, listed.value) : listed,
  );
  const foreign = ctx.traits.datesFollowClock ? learn(ctx, undated, outcomes) : new Set<Item>();
  await Promise.all(
    undated.map(({ item }, i) =>
      finish(
        item,
        foreign.has(item) ? failed(writtenMeanwhile(item)) : (outcomes[i] ?? failed(writtenMeanwhile(item))),
      ),
    ),
  );
}

/** Teaches the clock; gives those whose dates do not fit the others. */
function learn(
  ctx: Context,
  undated: readonly Undated[],
  outcomes: readonly Outcome<Written>[],
): ReadonlySet<Item> {
  const samples = undated.flatMap(({ item, stored }, i) => {
    const outcome = outcomes[i];
    const date = outcome?.ok === true ? outcome.value.date : undefined;
    return typeof date === 'number' && stored.sending !== undefined
      ? [{ item, date, ...stored.sending }]
      : [];
  });
  if (samples.length === 0) return new Set();
  const fits = ctx.fileClock.learn(samples);
  return new Set(samples.filter((_, i) => fits[i] === false).map(({ item }) => item));
}
