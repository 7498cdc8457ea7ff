/**
 * The last step of a move that stopped on its way. Its entry belongs to somebody and may be the only copy: it gets the
 * name it was going to; where something else has that name by now, it stands beside it as a conflict copy, unless both
 * hold the same bytes.
 */
import { createHash } from 'node:crypto';
import { conflictName } from '../../core/conflict-name.ts';
import type { Digest } from '../../core/tree.ts';
import type { Clock } from '../../lib/clock.ts';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import type { StorageClient } from './client.ts';
import { attempt, endsTheRun } from './context.ts';
import { createFolderMaker, type FolderSigns } from './folders.ts';
import { childId, type DirId, type EntryId, idName, isIdWithin, isTop, parentId } from './ids.ts';
import { createLooks } from './looks.ts';
import { strayOf } from './strays.ts';
import { sameFile } from './torn.ts';
import type { Entry, FileEntry, FolderEntry } from './wire.ts';

export interface Homing {
  readonly client: StorageClient;
  readonly clock: Clock;
  /** Name of this machine, for the conflict copy. */
  readonly host: string;
}

/** What is to be brought home, and where to. */
export interface Homecoming {
  readonly entry: FileEntry | FolderEntry;
  readonly to: EntryId;
  /** Of the pair. Only folders below it are made again: that it is gone itself is a question for a person. */
  readonly root: DirId;
}

/** What was moved there has been seen, and what is never listed is not synced. */
const UNSURE: FolderSigns = { dotFiles: 'listed', missingFolder: 'empty' };

/** Larger files are not fetched to be compared. Bytes. */
const COMPARE_BYTES = 64 * 1024 * 1024;

/**
 * Gives where the entry stands now; undefined when it was the same as what stands at `to`, and is gone. `not-found` when
 * the root is gone; `bad-answer` when the server left the entry where it was.
 * RACE: a name that is taken between the last look and the move (one request), on a server that overwrites.
 */
export async function bringHome(
  how: Homing,
  { entry, to, root }: Homecoming,
  signal?: AbortSignal,
): Promise<EntryId | undefined> {
  const { client, clock, host } = how;
  const dir = parentId(to);
  const { entries } = await listOrMake(how, { dir, root }, signal);
  const holder = entries.get(idName(to));
  if (holder !== undefined && (await areSame(client, entry, holder, signal))) {
    await client.remove([entry.id], { signal });
    return undefined;
  }
  const copyName = (taken: Entries): string =>
    conflictName(idName(to), { date: new Date(clock.now()), host, taken: (one) => taken.has(one) });
  const name = holder === undefined ? idName(to) : copyName(entries);
  const named = childId(parentId(entry.id), name);
  if (entry.id !== named) await client.rename(entry.id, name, { signal });
  const landed = await moveHome(client, { entry, named, dir, before: entries }, signal);
  if (landed === childId(dir, name)) return landed;
  // The name was taken in the last moment, and the server chose another, which nobody knows to be a conflict copy.
  const renamed = await attempt(async () => {
    const { entries: now } = await client.list(dir, { signal });
    const copy = copyName(now);
    return (await client.rename(landed, copy, { signal })) ?? childId(dir, copy);
  });
  return renamed.ok ? renamed.value : landed;
}

type Entries = ReadonlyMap<string, Entry>;

interface LastStep {
  readonly entry: FileEntry | FolderEntry;
  /** Where it stands in our own folder. */
  readonly named: EntryId;
  readonly dir: DirId;
  readonly before: Entries;
}

/** Gives where it stands then. Where no answer tells, a file is found under another name by its size and date. */
async function moveHome(
  client: StorageClient,
  { entry, named, dir, before }: LastStep,
  signal?: AbortSignal,
): Promise<EntryId> {
  const sent = await attempt(() => client.batch('move', [named], dir, { signal }));
  const told = sent.ok ? sent.value?.find((id) => parentId(id) === dir) : undefined;
  if (told !== undefined) return told;
  if (!sent.ok && (!sent.error.ambiguous || endsTheRun(sent.error))) throw sent.error;
  const name = idName(named);
  // Some servers pass over what they cannot do and say that all is well.
  if ((await client.list(parentId(named), { signal })).entries.has(name))
    throw sent.ok
      ? new RtsyncError('bad-answer', `the server left ${JSON.stringify(named)} where it was`)
      : sent.error;
  const { entries: now } = await client.list(dir, { signal });
  const isIt = (one: Entry | undefined): boolean =>
    one?.kind === 'file' && entry.kind === 'file' && sameFile(one, entry);
  const aside = !now.has(name) || isIt(now.get(name)) ? undefined : strayOf(name, before, now, isIt);
  return aside ?? childId(dir, name);
}

interface Goal {
  readonly dir: DirId;
  readonly root: DirId;
}

/** A folder that was deleted meanwhile comes back with what was moved into it: content beats deletion. */
async function listOrMake(how: Homing, { dir, root }: Goal, signal?: AbortSignal) {
  const { client, clock } = how;
  try {
    return await client.list(dir, { signal });
  } catch (error) {
    const below = dir !== root && isIdWithin(dir, root);
    if (!isCode(error, 'not-found') || isTop(dir) || !below) throw error;
  }
  await listOrMake(how, { dir: parentId(dir), root }, signal);
  const folders = createFolderMaker(client, createLooks(client, clock, 0), () => UNSURE);
  await folders.ensure(parentId(dir), idName(dir), { growth: false }, signal);
  return client.list(dir, { signal });
}

async function areSame(
  client: StorageClient,
  one: Entry,
  other: Entry,
  signal?: AbortSignal,
): Promise<boolean> {
  if (one.kind !== 'file' || other.kind !== 'file' || one.size !== other.size) return false;
  if (one.size === undefined || one.size > COMPARE_BYTES) return false;
  return (await digestOf(client, one.id, signal)) === (await digestOf(client, other.id, signal));
}

async function digestOf(client: StorageClient, id: EntryId, signal?: AbortSignal): Promise<Digest> {
  let sum = createHash('sha256');
  const receive = async (body: AsyncIterable<Uint8Array>): Promise<void> => {
    sum = createHash('sha256');
    for await (const chunk of body) sum.update(chunk);
  };
  await client.download(id, receive, { signal });
  return sum.digest('hex');
}
