/**
 * Taking files and folders away. Each is looked at again first, a folder with everything that was seen below it; then
 * they go in batches, into the trash when it is on. What was not seen is never taken along.
 */
import { keyOf, nameOf, parentOf } from '../../core/path.ts';
import { type FolderNode, type RemoteStamp, walk } from '../../core/tree.ts';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import type { Pace } from '../../lib/gate.ts';
import type { Removal } from '../remote.ts';
import { attempt, type Context, changed, failed, heed, inParallel } from './context.ts';
import { BATCH } from './guard.ts';
import { type DirId, type EntryId, idBelow } from './ids.ts';
import { matches } from './looks.ts';
import { firstDifference } from './same-tree.ts';
import type { Fates } from './trash.ts';
import { inTime, type Try, type Young } from './while-young.ts';
import type { Listing } from './wire.ts';

interface Doomed {
  readonly removal: Removal;
  readonly id: EntryId;
}

type Sight = 'as expected' | 'missing';

/** Batches under way: each waits for a few requests, and none for another's. */
const BATCHES_AT_ONCE = 4;
/** Folders that are listed for a batch of what is deleted for good, each a turn of the gate. */
const MOST_FOLDERS = 20;

export async function remove(
  ctx: Context,
  removals: readonly Removal[],
  signal?: AbortSignal,
): Promise<void> {
  const [retired, destroyed] = [removals.filter(isKept(ctx)), removals.filter((one) => !isKept(ctx)(one))];
  const begun = ctx.clock.monotonic();
  // RACE: what is deleted for good cannot be given back: an edit since the list of its folder is lost. A batch takes the
  // lists of a few folders, so that the first of them is not old when it goes; a folder with more below it goes whole.
  for (const batch of byFewFolders(destroyed)) {
    const destroy: Deed = async (doomed, young) =>
      tell(doomed, await ctx.trash.destroy(idsOf(doomed), { signal, young }), (error) => error);
    await whileSeen(ctx, { removals: batch, begun }, destroy, signal);
  }
  await inParallel(byDistinctNames(retired), BATCHES_AT_ONCE, async (batch) => {
    const retire = async (doomed: readonly Doomed[], young?: Young): Promise<void> => {
      const expected = new Map(doomed.map(({ id, removal }) => [id, removal.expect]));
      const { fates } = await ctx.trash.retire(idsOf(doomed), expected, { signal, ...(young && { young }) });
      await tell(doomed, fates, (error) => (isCode(error, 'bad-request') ? noTrash(error) : error));
    };
    // Where a move dates the file anew, nobody could tell in the trash what somebody edited since the look.
    if (!ctx.traits.moveKeepsDate) return whileSeen(ctx, { removals: batch, begun }, retire, signal);
    // All is looked at once more in the trash, and what somebody edited since the look is given back.
    const doomed = await asExpected(ctx, batch, (dir) => ctx.looks.at(dir, true, signal), signal);
    if (doomed.length > 0) await retire(doomed);
  });
}

type Deed = (doomed: readonly Doomed[], young: Young) => Promise<void>;

/** The deed on those that stand as they were seen, looked at again as often as its turn came too late for the look. */
async function whileSeen(
  ctx: Context,
  { removals, begun }: { readonly removals: readonly Removal[]; readonly begun: number },
  deed: Deed,
  signal?: AbortSignal,
): Promise<void> {
  let rest = removals;
  const once = async ({ priority }: Try): Promise<void> => {
    const { look, still } = lookSince(ctx, begun, signal);
    const doomed = await asExpected(ctx, rest, look, signal);
    rest = doomed.map(({ removal }) => removal);
    if (doomed.length > 0) await deed(doomed, { still, priority });
  };
  try {
    await inTime(once, { what: 'nothing was removed' });
  } catch (error) {
    if (!isCode(error, 'too-late')) throw error;
    await Promise.all(rest.map((removal) => removal.done(failed(error))));
  }
}

/** A server that hides dot files would delete with a folder what nobody ever saw. */
function isKept({ keepTrash, traits }: Context): (removal: Removal) => boolean {
  return ({ expect }) => keepTrash || (traits.dotFiles === 'hidden' && isFolder(expect));
}

/** Those that stand there as they were seen; the others are told. */
async function asExpected(
  ctx: Context,
  removals: readonly Removal[],
  look: Look,
  signal?: AbortSignal,
): Promise<readonly Doomed[]> {
  const doomed: Doomed[] = [];
  await inParallel(removals, 32, async (removal) => {
    const sight = await attempt(() => lookAt(ctx, removal, look, signal));
    if (!sight.ok) await removal.done(failed(sight.error));
    else if (sight.value === 'missing') await removal.done({ ok: true, value: undefined });
    else doomed.push({ removal, id: idBelow(ctx.rootId, removal.path) });
  });
  return doomed;
}

async function tell(
  doomed: readonly Doomed[],
  fates: Fates,
  asTold: (error: RtsyncError) => RtsyncError,
): Promise<void> {
  await Promise.all(
    doomed.map(({ removal, id }) => {
      const error = fates.get(id);
      return removal.done(error === undefined ? { ok: true, value: undefined } : failed(asTold(error)));
    }),
  );
}

function idsOf(doomed: readonly Doomed[]): readonly EntryId[] {
  return doomed.map(({ id }) => id);
}

type Look = (dir: DirId) => Promise<Listing>;

interface Looking extends Pick<Young, 'still'> {
  readonly look: Look;
}

/**
 * Each folder as it is since a moment, listed once for all batches that come to it soon: what was seen before may have
 * been edited since. What relies on these lists is sent while the last of them is young, if the server asked for no
 * pause since the first: however many they are, they take no longer than their turns.
 */
function lookSince(ctx: Context, begun: number, signal?: AbortSignal): Looking {
  const seen = new Map<DirId, Promise<Listing>>();
  const lists: Listing[] = [];
  return {
    look: (dir) => {
      const known = seen.get(dir);
      if (known !== undefined) return known;
      const listing = ctx.looks.since(begun, dir, signal).then((list) => {
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

function noTrash(error: RtsyncError): RtsyncError {
  return new RtsyncError('bad-request', {
    message: `the server does not move entries into the trash, so nothing was removed; with the remote trash off it would be deleted for good (${error.message})`,
    cause: error,
  });
}

/** Batches as few as can be: equal names must never meet in one trash folder. */
function byDistinctNames(removals: readonly Removal[]): readonly (readonly Removal[])[] {
  const batches: Removal[][] = [];
  const next = new Map<string, number>();
  let open = 0;
  for (const removal of removals) {
    // Servers that fold case or normalise must not make two of them meet either.
    const name = keyOf(nameOf(removal.path)).toLowerCase();
    let at = Math.max(open, next.get(name) ?? 0);
    while (batches[at]?.length === BATCH) at += 1;
    while (batches[open]?.length === BATCH) open += 1;
    next.set(name, at + 1);
    const batch = batches[at];
    if (batch === undefined) batches.push([removal]);
    else batch.push(removal);
  }
  return batches;
}

function isFolder(expect: Removal['expect']): expect is FolderNode<RemoteStamp> {
  return 'children' in expect;
}

/** In their order, for as few folders as are to be listed for each batch. */
function byFewFolders(removals: readonly Removal[]): readonly (readonly Removal[])[] {
  const batches: Removal[][] = [];
  let batch: Removal[] = [];
  let parents = new Set<string>();
  let below = 0;
  for (const removal of removals) {
    const inside = isFolder(removal.expect) ? foldersIn(removal.expect) : 0;
    const parent = parentOf(removal.path);
    const folders = parents.size + (parents.has(parent) ? 0 : 1) + below + inside;
    if (batch.length === 0 || batch.length === BATCH || folders > MOST_FOLDERS) {
      [batch, parents, below] = [[], new Set(), 0];
      batches.push(batch);
    }
    batch.push(removal);
    parents.add(parent);
    below += inside;
  }
  return batches;
}

/** With itself. */
function foldersIn(folder: FolderNode<RemoteStamp>): number {
  let folders = 1;
  for (const [, node] of walk(folder)) if (node.kind === 'folder') folders += 1;
  return folders;
}
