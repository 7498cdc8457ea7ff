/** Making folders on a server that may answer a second create of one name with a stray twin. */
import { isCode, RtsyncError } from '../../lib/errors.ts';
import type { Pace } from '../../lib/gate.ts';
import type { Traits } from '../traits.ts';
import type { Manner, StorageClient } from './client.ts';
import { attempt, endsTheRun } from './context.ts';
import { childId, type DirId, type EntryId, OWN_NAME, parentId, TOP } from './ids.ts';
import type { Looks } from './looks.ts';
import { whileYoung, type Young } from './while-young.ts';
import type { Listing } from './wire.ts';

export interface FolderMaker {
  /** Fine when it exists as a folder, `taken` when something else has the name. Never two creates of one name at once. */
  ensure(dir: DirId, name: string, how: MakeHow, signal?: AbortSignal): Promise<EntryId>;
}

/** See `Manner`. */
export interface MakeHow {
  readonly growth: boolean;
  readonly concludes?: boolean | undefined;
}

interface Making extends MakeHow {
  readonly signal: AbortSignal | undefined;
  readonly seen: Listing;
  readonly young: Young;
}

/** What tells whether a folder is there that its parent's list may leave out. */
export type FolderSigns = Pick<Traits, 'dotFiles' | 'missingFolder'>;

/** A twin that stays would be synced as somebody's folder. */
const STRAY_TRIES = 4;

export function createFolderMaker(
  client: StorageClient,
  looks: Looks,
  signs: () => FolderSigns,
): FolderMaker {
  const underWay = new Map<EntryId, Promise<EntryId>>();

  /**
   * Sent while a list is young that shows the name free: some servers say the same of a folder that they made and of one
   * that was there, and what is uploaded into our own relies on that it was empty.
   */
  const make = (dir: DirId, name: string, how: MakeHow, signal?: AbortSignal): Promise<EntryId> =>
    whileYoung(
      looks,
      () => looks.recent(dir, signal, how.concludes),
      (seen, young) => makeIn(dir, name, { ...how, signal, seen, young }),
    );

  const makeIn = async (dir: DirId, name: string, how: Making): Promise<EntryId> => {
    const { growth, concludes, signal, seen, young } = how;
    const id = childId(dir, name);
    const there = seen.entries.get(name);
    if (there?.kind === 'folder') return id;
    if (there !== undefined) throw taken(id);
    // What cannot be seen in its parent may still be there.
    if (
      name.startsWith('.') &&
      signs().dotFiles === 'hidden' &&
      (await isThere(client, id, signs(), { signal, concludes }))
    )
      return id;
    let sentAt = client.clock.monotonic();
    const still = (pace: Pace): boolean => {
      sentAt = client.clock.monotonic();
      return young.still(pace);
    };
    try {
      const made = await client.makeFolder(dir, name, { growth, concludes, signal, ...young, still });
      if (made !== undefined && made !== id) {
        await removeStray(client, made, id);
        return id;
      }
    } catch (error) {
      if (isCode(error, 'taken'))
        return await whatStands({ client, looks, signs: signs() }, id, error, signal);
      if (!(error instanceof RtsyncError) || !error.ambiguous) throw error;
      return await whatStands({ client, looks, signs: signs() }, id, error, signal);
    }
    looks.put(dir, name, 'folder');
    looks.made(id, sentAt);
    return id;
  };

  return {
    ensure: (dir, name, how, signal) => {
      const id = childId(dir, name);
      const running = underWay.get(id);
      if (running !== undefined) return running;
      const started = make(dir, name, how, signal).finally(() => underWay.delete(id));
      underWay.set(id, started);
      return started;
    },
  };
}

/** A folder inside `/.rtsync`, with its parents. Throws `in-the-way` where something else stands in the place of one. */
export async function ensureOwn(
  folders: FolderMaker,
  names: readonly string[],
  { signal, concludes }: Pick<Manner, 'signal' | 'concludes'> = {},
): Promise<EntryId> {
  let dir: DirId = TOP;
  for (const name of [OWN_NAME, ...names]) {
    try {
      dir = await folders.ensure(dir, name, { growth: false, concludes }, signal);
    } catch (error) {
      throw isCode(error, 'taken') ? inTheWay('in-the-way', childId(dir, name)) : error;
    }
  }
  return dir as EntryId;
}

/** `id`: what stands in the place of one of our own folders. */
export function inTheWay(code: 'in-the-way' | 'halted', id: EntryId): RtsyncError {
  return new RtsyncError(code, {
    message: `${JSON.stringify(id)} in the workspace is no folder, and rtsync needs one there for its own work: move away what stands there`,
    path: id,
  });
}

/** After a refused or lost create: is the folder there now? */
async function whatStands(
  {
    client,
    looks,
    signs,
  }: { readonly client: StorageClient; readonly looks: Looks; readonly signs: FolderSigns },
  id: EntryId,
  error: RtsyncError,
  signal?: AbortSignal,
): Promise<EntryId> {
  const name = id.slice(id.lastIndexOf('/') + 1);
  const there = (await looks.after(parentId(id), signal)).entries.get(name);
  if (there?.kind === 'folder') return id;
  if (there !== undefined) throw taken(id);
  // A name that is never listed, refused as taken, is there.
  if (error.code === 'taken' && name.startsWith('.')) return id;
  if (name.startsWith('.') && (await isThere(client, id, signs, { signal, concludes: true }))) return id;
  throw error;
}

/** Its own list proves it where that of a missing folder is an error; elsewhere its content does. */
async function isThere(
  client: StorageClient,
  id: EntryId,
  signs: FolderSigns,
  manner: Pick<Manner, 'signal' | 'concludes'>,
): Promise<boolean> {
  try {
    const { entries } = await client.list(id, { ...manner, retries: 0 });
    return entries.size > 0 || signs.missingFolder === 'not-found';
  } catch (error) {
    if (isCode(error, 'not-found', 'server-error', 'bad-request')) return false;
    throw error;
  }
}

/** The folder existed and the server made an empty twin under another name, which only we know of: no stop leaves it. */
export async function removeStray(client: StorageClient, stray: EntryId, asked: EntryId): Promise<void> {
  if (parentId(stray) !== parentId(asked))
    throw new RtsyncError(
      'bad-answer',
      `the server made ${JSON.stringify(stray)} where ${JSON.stringify(asked)} was asked for`,
    );
  for (let tries = 1; ; tries += 1) {
    try {
      if ((await client.list(stray)).entries.size === 0) await client.remove([stray]);
      return;
    } catch (error) {
      // It was there a moment ago, and nobody else knows of it.
      if (isCode(error, 'not-found')) return;
      if (tries === STRAY_TRIES || !(error instanceof RtsyncError) || endsTheRun(error)) throw error;
    }
  }
}

/**
 * The same in each way of writing ids that may be the right one: written wrongly, it looks as if it were gone. False when
 * none of them got through.
 */
export async function removeTwin(
  ways: readonly StorageClient[],
  stray: EntryId,
  asked: EntryId,
): Promise<boolean> {
  const gone = await Promise.all(ways.map((client) => attempt(() => removeStray(client, stray, asked))));
  return gone.some(({ ok }) => ok);
}

function taken(id: EntryId): RtsyncError {
  return new RtsyncError('taken', {
    message: `${JSON.stringify(id)} is there and is not a folder`,
    path: id,
  });
}
