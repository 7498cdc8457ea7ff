/**
 * The mark of a pair in its workspace: `/.rtsync/pairs/<pairId>.json`. It is how a workspace is known again: one that
 * was emptied, replaced or restored from a backup of before the first sync has none. The mark alone decides nothing,
 * since people tidy up `/.rtsync` (see `core/mark.ts`).
 */
import { z } from 'zod';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import { looksLikeHtml } from '../errors.ts';
import type { StorageClient } from './client.ts';
import { attempt } from './context.ts';
import { createFolderMaker, type FolderSigns } from './folders.ts';
import { childId, type DirId, type EntryId, idName, OWN_NAME, parentId, TOP } from './ids.ts';
import { createLooks } from './looks.ts';

const markSchema = z.looseObject({ version: z.int().min(1), pairId: z.string() });

export interface MarkOptions {
  readonly client: StorageClient;
  readonly pairId: string;
  /** The pair's folder in the workspace: "" or "a/b". For people who read the mark. */
  readonly path: string;
  /** For people, too. */
  readonly host?: string;
  /** How the server shows folders. */
  readonly signs: FolderSigns;
  /** The pair is new, so no mark of it can be there yet: not looked for. */
  readonly fresh?: boolean;
}

/** More is no mark. */
const MOST_BYTES = 4_096;

/**
 * `other`: the mark of another pair stands there. One that was torn while it was written, or read, still has our name. One
 * request while a mark is there, up to four to be sure that there is none. Throws RtsyncError when it cannot be told.
 */
export async function readRemoteMark(
  client: StorageClient,
  pairId: string,
  signal?: AbortSignal,
): Promise<'ours' | 'missing' | 'other'> {
  const sight = await inspect(client, pairId, signal);
  return sight === 'torn' ? 'ours' : sight;
}

/**
 * True when the mark stands there. Another pair's mark is left alone. A store that is full, a key that may only read, a
 * server that fails now: false, and the next run tries again. Throws `key-refused`, `stopped`, `bug`.
 */
export async function writeRemoteMark(options: MarkOptions, signal?: AbortSignal): Promise<boolean> {
  const { client, pairId } = options;
  const written = await attempt(async () => {
    const sight = options.fresh === true ? 'missing' : await inspect(client, pairId, signal);
    if (sight === 'torn') await client.remove([markId(pairId)], { signal });
    return sight === 'torn' || sight === 'missing' ? upload(options, signal) : sight === 'ours';
  });
  if (written.ok) return written.value;
  if (isCode(written.error, 'key-refused', 'stopped', 'bug')) throw written.error;
  return false;
}

type Sight = 'ours' | 'missing' | 'other' | 'torn';

async function inspect(client: StorageClient, pairId: string, signal?: AbortSignal): Promise<Sight> {
  const id = markId(pairId);
  const read = await attempt(() => textOf(client, id, signal));
  if (read.ok) return verdictOn(read.value, pairId);
  if (read.error.code === 'not-found') return 'missing';
  if (!isCode(read.error, 'server-error', 'bad-request')) throw read.error;
  // Many servers answer so for what is missing. Its parents' lists know.
  if (await isAbsent(client, id, signal)) return 'missing';
  throw read.error;
}

async function upload(options: MarkOptions, signal?: AbortSignal): Promise<boolean> {
  const { client, pairId, path, host } = options;
  // Nobody else makes these folders right now; a look of a second ago is good enough.
  const looks = createLooks(client, client.clock, 1_000);
  const folders = createFolderMaker(client, looks, () => options.signs);
  // The probe that comes before a fresh pair has made our own folder.
  let dir: DirId = options.fresh === true ? childId(TOP, OWN_NAME) : TOP;
  for (const name of options.fresh === true ? ['pairs'] : [OWN_NAME, 'pairs'])
    dir = await folders.ensure(dir, name, { growth: true }, signal);
  const since = new Date(client.clock.now()).toISOString();
  const mark = { version: 1, pairId, path, ...(host === undefined ? {} : { host }), since };
  const body = Buffer.from(`${JSON.stringify(mark)}\n`);
  const id = markId(pairId);
  const { id: landed } = await client.upload(
    dir,
    idName(id),
    { size: body.length, body: () => body },
    { signal },
  );
  if (landed === id) return true;
  // Another process of this pair was quicker, and the server stored ours beside its mark.
  const listed = await client.list(dir, { signal });
  if (parentId(landed) === dir && idName(landed).startsWith(pairId) && listed.entries.has(idName(landed)))
    await client.remove([landed], { signal });
  return listed.entries.has(idName(id));
}

function verdictOn(text: string, pairId: string): Sight {
  if (looksLikeHtml(text))
    throw new RtsyncError('bad-answer', 'the server sent a web page for the mark of this pair');
  try {
    const mark = markSchema.safeParse(JSON.parse(text));
    if (!mark.success) return 'torn';
    return mark.data.pairId === pairId ? 'ours' : 'other';
  } catch {
    return 'torn';
  }
}

async function textOf(client: StorageClient, id: EntryId, signal?: AbortSignal): Promise<string> {
  let text = '';
  const receive = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of bytes) {
      parts.push(part);
      size += part.length;
      if (size > MOST_BYTES) break;
    }
    text = Buffer.concat(parts).toString('utf8');
  };
  await client.download(id, receive, { signal, retries: 0 });
  return text;
}

/** Whether the nearest parent that can be listed has no way to it. The top is always there, so an error of it counts. */
async function isAbsent(client: StorageClient, id: EntryId, signal?: AbortSignal): Promise<boolean> {
  const dir = parentId(id);
  const listed = await attempt(() => client.list(dir, { signal, retries: 0 }));
  if (listed.ok) return !listed.value.entries.has(idName(id));
  if (dir === TOP || !isCode(listed.error, 'not-found', 'server-error', 'bad-request')) throw listed.error;
  return isAbsent(client, dir as EntryId, signal);
}

function markId(pairId: string): EntryId {
  return childId(childId(childId(TOP, OWN_NAME), 'pairs'), `${pairId}.json`);
}
