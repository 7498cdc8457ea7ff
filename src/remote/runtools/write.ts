/**
 * All writes of one folder. New names are uploaded where they belong. How an existing version is replaced depends on
 * what the server does with a taken name: overwritten in place, with a copy in the trash first, or staged beside
 * (see `stage.ts`).
 */
import { nameOf, type RemoteDir } from '../../core/path.ts';
import { isCode } from '../../lib/errors.ts';
import type { Outcome, Write, Written } from '../remote.ts';
import { attempt, type Context, changed, chunks, failed, heed, inParallel, type Recall } from './context.ts';
import { childId, type DirId, type EntryId, idBelow } from './ids.ts';
import {
  asListed,
  datesTell,
  finish,
  type Item,
  onlyExpected,
  outlastGrain,
  writtenMeanwhile,
} from './item.ts';
import { copyToTrash, dropCopies } from './keep.ts';
import { matches } from './looks.ts';
import { type SharedLook, sharedLook } from './shared-look.ts';
import { replaceStaged } from './stage.ts';
import { type LookHow, type Stored, upload } from './upload.ts';
import type { Listing } from './wire.ts';

/** Uploads of one folder that wait in line together; `Context.uploads` and the gate limit further. */
const WIDE = 64;
/** Versions that are copied and then overwritten together: few, so that little time passes in between. */
const COPY_CHUNK = 20;
/** From this size on a file is uploaded aside and moved in. */
const ASIDE_BYTES = 4 * 1024 * 1024;
/** Under a limit of bandwidth, from this many seconds on. */
const ASIDE_SECONDS = 2;
const ASIDE_AT_LEAST = 64 * 1024;

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
  const own = ctx.looks.isOwn(dir);
  const direct = items.filter((item) => !goesAside(ctx, item, own));
  const aside = items.filter((item) => goesAside(ctx, item, own));
  const created = direct.filter((item) => item.write.expect === undefined);
  const replaced = direct.filter((item) => item.write.expect !== undefined);
  const first =
    created.length > 0 ? await ctx.looks.at(dir, replaced.length > 0, signal) : ctx.looks.known(dir);
  const hopeful = first === undefined ? replaced : await onlyExpected(replaced, first);
  if (first !== undefined) await createAll(ctx, { dir, items: created, first }, signal);
  await overwrite(ctx, dir, hopeful, signal);
  for (const chunk of chunks(aside, 250)) await replaceStaged(ctx, dir, chunk, signal);
}

/**
 * Where a taken name is not overwritten nothing else will do. Elsewhere it is for what takes long: an edit that somebody
 * makes meanwhile is seen when the new version is moved in, and nobody reads half of it. A folder that we made just now
 * is not worth the extra requests: a first push costs one a file.
 */
function goesAside(ctx: Context, { write: { expect, size = 0 } }: Item, own: boolean): boolean {
  if (ctx.traits.takenUpload !== 'overwrite') return expect !== undefined;
  if (own && expect === undefined) return false;
  return size >= asideFrom(ctx) && ctx.traits.takenMove === 'overwrite';
}

function asideFrom({ bandwidth }: Context): number {
  const rate = bandwidth.rate('up') ?? Number.POSITIVE_INFINITY;
  return Math.min(ASIDE_BYTES, Math.max(ASIDE_AT_LEAST, rate * ASIDE_SECONDS));
}

async function createAll(
  ctx: Context,
  { dir, items, first }: { readonly dir: DirId; readonly items: readonly Item[]; readonly first: Listing },
  signal?: AbortSignal,
): Promise<void> {
  const ready = await onlyExpected(items, first);
  const look = sharedLook(ctx, { dir, exact: false, first }, signal);
  await uploadInPlace(ctx, { dir, items: ready, look }, signal);
}

/**
 * A few at a time: kept, looked at, written over. The look comes after the copy, so that what it shows to be expected is
 * what the copy holds, and so that it is as young as can be.
 */
async function overwrite(
  ctx: Context,
  dir: DirId,
  items: readonly Item[],
  signal?: AbortSignal,
): Promise<void> {
  // One trash folder for all chunks: names of one folder never meet.
  let bin: Promise<EntryId> | undefined;
  for (const chunk of chunks(items, ctx.keepTrash ? COPY_CHUNK : WIDE)) {
    const ready = await attempt(async () => {
      heed(signal);
      if (ctx.keepTrash) bin ??= ctx.trash.folder('trash', { signal });
      const folder = await bin;
      const copy =
        folder === undefined ? { kept: chunk, missing: [] } : await copyToTrash(ctx, chunk, folder, signal);
      return { ...copy, folder, first: await ctx.looks.after(dir, signal) };
    });
    if (!ready.ok) {
      await Promise.all(chunk.map((item) => finish(item, ready)));
      continue;
    }
    const { kept, missing, error, folder, first } = { error: undefined, ...ready.value };
    const unkept = await onlyExpected(missing, first);
    await Promise.all(unkept.map((item) => finish(item, failed(error ?? changed(item.write.path)))));
    const expected = await onlyExpected(kept, first);
    const look = sharedLook(ctx, { dir, exact: true, first }, signal);
    const unsent = await uploadInPlace(ctx, { dir, items: expected, look }, signal);
    if (folder !== undefined) await dropCopies(ctx, unsent, folder, signal);
  }
}

interface Undated {
  readonly item: Item;
  readonly stored: Extract<Stored, { kind: 'stored' }>;
}

/**
 * Those of one chunk stand together in the line, so that one look serves them all. They are dated at once, before
 * anything else is done in the folder: what another writes of equal size until then passes for ours where the clocks
 * are not known yet. Gives those that were called back: of them nothing was ever sent.
 */
async function uploadInPlace(
  ctx: Context,
  { dir, items, look }: { readonly dir: DirId; readonly items: readonly Item[]; readonly look: SharedLook },
  signal?: AbortSignal,
): Promise<readonly Item[]> {
  const others = new Set(items.map(({ name }) => name));
  const undated: Undated[] = [];
  const recall: Recall = { error: undefined };
  const unsent: Item[] = [];
  for (const some of chunks(items, WIDE)) {
    await inParallel(some, WIDE, async (item) => {
      const { name, write: one } = item;
      const seen = async ({ again, stands, concludes }: LookHow): Promise<Listing> => {
        heed(signal);
        const listing = again && concludes ? await ctx.looks.after(dir, signal) : await look(again);
        const expect = stands ?? one.expect;
        if (matches(listing.entries.get(name), expect) && ctx.looks.allows(dir, name, expect)) return listing;
        throw changed(one.path);
      };
      const stored = await upload(ctx, { dir, name, write: one, recall, look: seen, others }, signal);
      if (stored.kind === 'failed') {
        if (isCode(stored.error, 'superseded')) unsent.push(item);
        return finish(item, failed(stored.error));
      }
      if (stored.date === undefined) undated.push({ item, stored });
      else await finish(item, { ok: true, value: { size: stored.size, date: stored.date } });
    });
  }
  await dateAll(ctx, dir, undated, signal);
  return unsent;
}

/**
 * A list dates what was uploaded and could not be dated by the server's clock. Of many folders that wait for
 * that clock one lists, and the others find it known.
 */
async function dateAll(
  ctx: Context,
  dir: DirId,
  undated: readonly Undated[],
  signal?: AbortSignal,
): Promise<void> {
  if (undated.length === 0) return;
  if (!datesTell(ctx)) return dateByList(ctx, dir, undated, signal);
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
  const last = undated.reduce((most, { stored }) => Math.max(most, stored.sending?.answeredAt ?? 0), 0);
  const listed = await attempt(async () => {
    await outlastGrain(ctx, last, signal);
    return ctx.looks.after(dir, signal);
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
  const foreign = samples.filter((sample) => !ctx.fileClock.possible(sample, ctx.client.clockOffsetMs));
  const ours = samples.filter((sample) => !foreign.includes(sample));
  const fits = ours.length === 0 ? [] : ctx.fileClock.learn(ours);
  return new Set([...foreign, ...ours.filter((_, i) => fits[i] === false)].map(({ item }) => item));
}
