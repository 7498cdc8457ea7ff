/**
 * Taking files and folders away. Each is looked at again first, a folder with everything that was seen below it; then
 * they go in batches, into the trash when it is on. What was not seen is never taken along.
 */
import { keyOf, nameOf, parentOf } from '../../core/path.ts';
import type { FolderNode, RemoteStamp } from '../../core/tree.ts';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import type { Removal } from '../remote.ts';
import { attempt, type Context, changed, chunks, failed, heed, inParallel } from './context.ts';
import { BATCH } from './guard.ts';
import { type DirId, type EntryId, idBelow, idName } from './ids.ts';
import { matches } from './looks.ts';
import { firstDifference } from './same-tree.ts';
import type { Listing } from './wire.ts';

interface Doomed {
  readonly removal: Removal;
  readonly id: EntryId;
}

type Sight = 'as expected' | 'missing';

export async function remove(
  ctx: Context,
  removals: readonly Removal[],
  signal?: AbortSignal,
): Promise<void> {
  for (const some of chunks(removals, BATCH)) {
    const doomed: Doomed[] = [];
    const look = lookOnce(ctx, signal);
    await inParallel(some, 32, async (removal) => {
      const sight = await attempt(() => lookAt(ctx, removal, look, signal));
      if (!sight.ok) await removal.done(failed(sight.error));
      else if (sight.value === 'missing') await removal.done({ ok: true, value: undefined });
      else doomed.push({ removal, id: idBelow(ctx.rootId, removal.path) });
    });
    for (const batch of byDistinctNames(doomed)) await removeBatch(ctx, batch, signal);
  }
}

type Look = (dir: DirId) => Promise<Listing>;

/** Each folder as it is now, listed once for a batch: what was seen a moment ago may have been edited since. */
function lookOnce(ctx: Context, signal?: AbortSignal): Look {
  const seen = new Map<DirId, Promise<Listing>>();
  return (dir) => {
    const known = seen.get(dir);
    if (known !== undefined) return known;
    const listing = ctx.looks.fresh(dir, signal);
    seen.set(dir, listing);
    return listing;
  };
}

async function lookAt(
  ctx: Context,
  { path, expect }: Removal,
  look: Look,
  signal?: AbortSignal,
): Promise<Sight> {
  heed(signal);
  const parent = idBelow(ctx.rootId, parentOf(path));
  const entry = (await look(parent)).entries.get(nameOf(path));
  if (entry === undefined) return 'missing';
  if (!isFolder(expect)) {
    if (!matches(entry, expect)) throw changed(path);
    return 'as expected';
  }
  if (entry.kind !== 'folder') throw changed(path);
  const id = idBelow(ctx.rootId, path);
  const difference = await firstDifference({ look, dates: true }, id, expect);
  if (difference !== undefined) throw changed(difference, 'differs from what was seen there');
  return 'as expected';
}

async function removeBatch(ctx: Context, batch: readonly Doomed[], signal?: AbortSignal): Promise<void> {
  // A server that hides dot files would delete with a folder what nobody ever saw.
  const blind = ctx.traits.dotFiles === 'hidden' && batch.some(({ removal }) => isFolder(removal.expect));
  const keep = ctx.keepTrash || blind;
  const ids = batch.map(({ id }) => id);
  const expected = new Map(batch.map(({ id, removal }) => [id, removal.expect]));
  const fates = keep
    ? (await ctx.trash.retire(ids, expected, { signal })).fates
    : await ctx.trash.destroy(ids, { signal });
  await Promise.all(
    batch.map(({ removal, id }) => {
      const error = fates.get(id);
      if (error === undefined) return removal.done({ ok: true, value: undefined });
      return removal.done(failed(keep && isCode(error, 'bad-request') ? noTrash(error) : error));
    }),
  );
}

function noTrash(error: RtsyncError): RtsyncError {
  return new RtsyncError('bad-request', {
    message: `the server does not move entries into the trash, so nothing was removed; with the remote trash off it would be deleted for good (${error.message})`,
    cause: error,
  });
}

/** The k-th entry of a name goes into the k-th batch: equal names must never meet in one trash folder. */
function byDistinctNames(doomed: readonly Doomed[]): Doomed[][] {
  const rounds: Doomed[][] = [];
  const times = new Map<string, number>();
  for (const one of doomed) {
    // Servers that fold case or normalise must not make two of them meet either.
    const name = keyOf(idName(one.id)).toLowerCase();
    const round = times.get(name) ?? 0;
    times.set(name, round + 1);
    const batch = rounds[round];
    if (batch === undefined) rounds.push([one]);
    else batch.push(one);
  }
  return rounds;
}

function isFolder(expect: Removal['expect']): expect is FolderNode<RemoteStamp> {
  return 'children' in expect;
}
