/**
 * `/.rtsync/moving/<random>-<n>-<where>/`: a folder for one entry on its way. Its name says where the entry goes (the id
 * in base64url; what one name cannot hold goes on in a folder below it, `n` in all), so that whoever finds it there can
 * bring it on without any database. It may hold the only copy of an entry that nobody wanted deleted: a folder is taken
 * away by the very move that made it alone, and only when it is empty; one that a crash leaves stays, empty in the end.
 */
import { randomBytes } from 'node:crypto';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import { bringHome, type Homing } from './bring-home.ts';
import type { StorageClient } from './client.ts';
import { attempt, type Context, endsTheRun } from './context.ts';
import { createFolderMaker, ensureOwn } from './folders.ts';
import {
  childId,
  type DirId,
  type EntryId,
  idName,
  isIdWithin,
  OWN_NAME,
  parentId,
  parseEntryId,
  TOP,
} from './ids.ts';
import type { FileEntry, FolderEntry } from './wire.ts';

type Entry = FileEntry | FolderEntry;

const MOVING = childId(childId(TOP, OWN_NAME), 'moving');
/** Characters of the id in one name. */
const PART = 180;
const NAME = /^[0-9a-f]{12}-(\d{1,3})-([\w-]*)$/;

/** A fresh, empty folder that says that its entry goes to `to`. */
export async function makeMoving(ctx: Context, to: EntryId, signal?: AbortSignal): Promise<EntryId> {
  const folders = createFolderMaker(ctx.client, ctx.looks, () => ctx.traits);
  return ensureOwn(folders, ['moving', ...namesFor(to)], { signal });
}

/** Both ends of a move, and what stands in their folders. */
export interface Ends {
  readonly from: EntryId;
  readonly to: EntryId;
  readonly source: ReadonlyMap<string, unknown>;
  readonly target: ReadonlyMap<string, unknown>;
}

/** The steps of a move that changes both folder and name, none onto a name that was seen taken. */
export async function route(
  ctx: Context,
  { from, to, source, target }: Ends,
  signal?: AbortSignal,
): Promise<EntryId[]> {
  const [home, away] = [parentId(from), parentId(to)];
  if (!source.has(idName(to))) return [childId(home, idName(to)), to];
  if (!target.has(idName(from))) return [childId(away, idName(from)), to];
  const between = await makeMoving(ctx, to, signal);
  return [childId(between, idName(from)), childId(between, idName(to)), to];
}

/** What an earlier move to `to` left on its way. */
export async function leftMoving(
  ctx: Context,
  to: EntryId,
  signal?: AbortSignal,
): Promise<{ readonly entry: Entry } | undefined> {
  return (await onTheWay(ctx.client, signal)).found.find((one) => one.to === to);
}

/** Whether a step ends in the folder of a move: nobody else writes there. */
export function isOnTheWay(step: EntryId): boolean {
  return isIdWithin(step, MOVING);
}

/**
 * Takes the folder of a move away again, should one of its steps have gone through one. When it is not seen to be empty,
 * or a step may yet arrive (`unsure`), it stays, and somebody has to look there again.
 */
export async function emptied(ctx: Context, steps: readonly EntryId[], unsure = false): Promise<void> {
  const inner = steps.map(parentId).find((dir) => dir !== MOVING && isIdWithin(dir, MOVING));
  if (inner === undefined) return;
  const listed = unsure ? undefined : await attempt(() => ctx.looks.fresh(inner));
  if (listed?.ok !== true || listed.value.entries.size > 0) return ctx.halfway();
  const top = inner.slice(MOVING.length + 1).split('/')[0];
  if (top !== undefined) await attempt(() => ctx.client.remove([childId(MOVING, top)]));
}

/** Whether its last step may still be on its way, and needs its folder: a stop breaks off a request that was sent. */
export function mayYetArrive(error: unknown, signal: AbortSignal | undefined): boolean {
  if (signal?.aborted === true || !(error instanceof RtsyncError)) return true;
  return error.ambiguous || error.code === 'stopped';
}

export interface FinishedMoves {
  /** Where they stand now: where they were going, or beside what has that name by now. */
  readonly finished: readonly EntryId[];
  /** Where those were going that nothing could be done for yet. */
  readonly left: readonly EntryId[];
  /** Whether all that is there was seen, and understood. */
  readonly whole: boolean;
}

/**
 * Brings on what a killed run, or a failed one, left on its way to somewhere below `root`, which is known to be there. To
 * be run before anything below it is looked at: what is here is missing on the server. Somebody else's move that is under
 * way comes to the same end by it.
 */
export async function finishMoves(how: Homing, root: DirId, signal?: AbortSignal): Promise<FinishedMoves> {
  const finished: EntryId[] = [];
  const left: EntryId[] = [];
  const { found, whole } = await onTheWay(how.client, signal);
  for (const { to, entry } of found) {
    if (!isIdWithin(to, root)) continue;
    const done = await attempt(() => bringHome(how, { to, entry, root }, signal));
    if (!done.ok && endsTheRun(done.error)) throw done.error;
    if (!done.ok) left.push(to);
    else if (done.value !== undefined) finished.push(done.value);
  }
  return { finished, left, whole };
}

interface OnTheWay {
  readonly to: EntryId;
  readonly entry: Entry;
}

async function onTheWay(
  client: StorageClient,
  signal?: AbortSignal,
): Promise<{ readonly found: readonly OnTheWay[]; readonly whole: boolean }> {
  const found: OnTheWay[] = [];
  let whole = true;
  const entriesOf = async (dir: EntryId): Promise<readonly Entry[]> => {
    const entries = await entriesIn(client, dir, signal);
    // Two of them in one place of ours are nothing that we made: which of them was on its way, nobody can tell.
    whole &&= entries !== 'unseen' && (dir === MOVING || entries.length < 2);
    return entries === 'unseen' ? [] : entries;
  };
  for (const top of await entriesOf(MOVING)) {
    const [, count, first] = NAME.exec(top.name) ?? [];
    if (top.kind !== 'folder' || first === undefined) continue;
    let text = first;
    let inside = await entriesOf(top.id);
    for (let parts = 1; parts < Number(count) && inside[0]?.kind === 'folder'; parts += 1) {
      text += inside[0].name;
      inside = await entriesOf(inside[0].id);
    }
    const to = parseEntryId(Buffer.from(text, 'base64url').toString('utf8'));
    const [entry] = inside;
    if (to !== undefined && entry !== undefined && inside.length === 1) found.push({ to, entry });
  }
  return { found, whole };
}

/** Nothing where there is no such folder: most workspaces never see one. */
async function entriesIn(
  client: StorageClient,
  dir: EntryId,
  signal?: AbortSignal,
): Promise<readonly Entry[] | 'unseen'> {
  const listed = await attempt(() => client.list(dir, { signal, retries: 0 }));
  if (listed.ok) return [...listed.value.entries.values()].filter((entry) => entry.kind !== 'odd');
  if (endsTheRun(listed.error) || listed.error.code === 'network') throw listed.error;
  return isCode(listed.error, 'not-found') ? [] : 'unseen';
}

function namesFor(to: EntryId): readonly string[] {
  const text = Buffer.from(to).toString('base64url');
  const parts = text.match(new RegExp(`.{1,${PART}}`, 'g')) ?? [];
  const [first = '', ...more] = parts;
  return [`${randomBytes(6).toString('hex')}-${parts.length}-${first}`, ...more];
}
