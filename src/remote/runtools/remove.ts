/**
 * Taking files and folders away. Each is looked at again first, a folder with everything that was seen below it; then
 * they go in batches, into the trash when it is on. What was not seen is never taken along.
 */
import { keyOf, nameOf, parentOf } from '../../core/path.ts';
import type { FolderNode, RemoteStamp } from '../../core/tree.ts';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import { type Pace, Stale } from '../../lib/gate.ts';
import type { Removal } from '../remote.ts';
import { attempt, type Context, changed, chunks, failed, heed, inParallel } from './context.ts';
import { BATCH } from './guard.ts';
import { type DirId, type EntryId, idBelow, idName } from './ids.ts';
import { matches } from './looks.ts';
import { firstDifference } from './same-tree.ts';
import type { Young } from './while-young.ts';
import type { Listing } from './wire.ts';

interface Doomed {
  readonly removal: Removal;
  readonly id: EntryId;
}

type Sight = 'as expected' | 'missing';

/** Looks that one batch may use up. */
const MOST_LOOKS = 8;

export async function remove(
  ctx: Context,
  removals: readonly Removal[],
  signal?: AbortSignal,
): Promise<void> {
  for (const some of chunks(removals, BATCH)) {
    let rest: readonly Removal[] = some;
    for (let looks = 0; looks < MOST_LOOKS && rest.length > 0; looks += 1)
      rest = await removeSeen(ctx, rest, Math.min(looks, 1), signal);
    await Promise.all(rest.map((removal) => removal.done(failed(tooOld()))));
  }
}

/** Gives those of which the look was too old when their turn came; nothing was sent of them. */
async function removeSeen(
  ctx: Context,
  removals: readonly Removal[],
  priority: number,
  signal?: AbortSignal,
): Promise<readonly Removal[]> {
  const doomed: Doomed[] = [];
  const { look, still } = lookOnce(ctx, signal);
  await inParallel(removals, 32, async (removal) => {
    const sight = await attempt(() => lookAt(ctx, removal, look, signal));
    if (!sight.ok) await removal.done(failed(sight.error));
    else if (sight.value === 'missing') await removal.done({ ok: true, value: undefined });
    else doomed.push({ removal, id: idBelow(ctx.rootId, removal.path) });
  });
  const late: Removal[] = [];
  for (const batch of byDistinctNames(doomed)) {
    try {
      await removeBatch(ctx, batch, { still, priority }, signal);
    } catch (error) {
      if (!(error instanceof Stale)) throw error;
      late.push(...batch.map(({ removal }) => removal));
    }
  }
  return late;
}

type Look = (dir: DirId) => Promise<Listing>;

interface Looking extends Pick<Young, 'still'> {
  readonly look: Look;
}

/**
 * Each folder as it is now, listed once for a batch: what was seen a moment ago may have been edited since. What relies
 * on these lists is sent while the last of them is young, if the server asked for no pause since the first: however many
 * they are, they take no longer than their turns.
 */
function lookOnce(ctx: Context, signal?: AbortSignal): Looking {
  const seen = new Map<DirId, Promise<Listing>>();
  const lists: Listing[] = [];
  return {
    look: (dir) => {
      const known = seen.get(dir);
      if (known !== undefined) return known;
      const listing = ctx.looks.fresh(dir, signal).then((list) => {
        lists.push(list);
        return list;
      });
      seen.set(dir, listing);
      return listing;
    },
    still: (pace: Pace) => {
      const openSince = ctx.clock.monotonic() - pace.openMs;
      const trusted = lists.filter((list) => ctx.looks.trusts(list, pace));
      return trusted.length > 0 && lists.every((list) => list.sentAt >= openSince || trusted.includes(list));
    },
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

/** Throws `Stale` where nobody could give back afterwards what somebody wrote since the look, and that is too old. */
async function removeBatch(
  ctx: Context,
  batch: readonly Doomed[],
  young: Young,
  signal?: AbortSignal,
): Promise<void> {
  // A server that hides dot files would delete with a folder what nobody ever saw.
  const blind = ctx.traits.dotFiles === 'hidden' && batch.some(({ removal }) => isFolder(removal.expect));
  const keep = ctx.keepTrash || blind;
  const ids = batch.map(({ id }) => id);
  const expected = new Map(batch.map(({ id, removal }) => [id, removal.expect]));
  const relying = keep && ctx.traits.moveKeepsDate ? { signal } : { signal, young };
  const fates = keep
    ? (await ctx.trash.retire(ids, expected, relying)).fates
    : await ctx.trash.destroy(ids, relying);
  await Promise.all(
    batch.map(({ removal, id }) => {
      const error = fates.get(id);
      if (error === undefined) return removal.done({ ok: true, value: undefined });
      return removal.done(failed(keep && isCode(error, 'bad-request') ? noTrash(error) : error));
    }),
  );
}

function tooOld(): RtsyncError {
  return new RtsyncError(
    'rate-limited',
    'nothing was removed: each time its turn came, the last look was too old; try again later',
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
