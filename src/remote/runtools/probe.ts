/**
 * Finds out what the documentation leaves open, by doing it in a scratch folder that is removed again. Every trait
 * comes from what was listed afterwards, not from what an answer claims. Costs at most 18 requests.
 */
import { randomBytes } from 'node:crypto';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import type { Traits } from '../traits.ts';
import type { StorageClient, UploadReply } from './client.ts';
import { attempt, endsTheRun } from './context.ts';
import { inTheWay, removeTwin } from './folders.ts';
import { childId, type DirId, type EntryId, OWN_NAME, type PathEncoding, TOP } from './ids.ts';
import type { FileEntry, Listing } from './wire.ts';

export interface ProbeOptions {
  /** `reading` sends nothing but lists; what it cannot find out gets the careful value. */
  readonly depth: 'full' | 'reading';
  /** The folder that holds `.rtsync`; the top of the workspace by default. */
  readonly base?: DirId;
  /** Keeps to this way of writing ids into URLs instead of finding it out. */
  readonly pathEncoding?: PathEncoding;
  readonly random?: () => string;
  /** Something of ours could not be cleared away now. */
  readonly onLeftover?: () => void;
}

type Found = Omit<Traits, 'version' | 'probedAt' | 'depth' | 'auth' | 'rateHeaders' | 'growingUploads'>;

export async function probeServer(client: StorageClient, options: ProbeOptions): Promise<Traits> {
  const { depth, base = TOP } = options;
  const random = options.random ?? (() => randomBytes(6).toString('hex'));
  const start = client.variant({ label: 'probe', lane: 'control', ...encodingOf(options) });
  const top = await start.list(base);
  const found =
    depth === 'reading'
      ? await byReading(start, { top, base, random, options })
      : await byDoing(start, { top, base, random, options });
  return {
    version: 1,
    probedAt: client.clock.now(),
    depth,
    auth: client.auth,
    rateHeaders: client.rateHeaders,
    // Nothing short of a slow upload could tell.
    growingUploads: true,
    ...found,
  };
}

interface Start {
  readonly top: Listing;
  readonly base: DirId;
  readonly random: () => string;
  readonly options: ProbeOptions;
}

async function byReading(client: StorageClient, { top, base, random, options }: Start): Promise<Found> {
  const files = filesIn(top);
  return {
    takenUpload: 'rename',
    takenMove: 'rename',
    // A dot file that was seen is real, and the base can only hold one that was seen or sent after a full probe.
    dotFiles: 'listed',
    dateGrain: files.length === 0 ? 1000 : grainOf(files),
    datesFollowClock: false,
    pathEncoding: options.pathEncoding ?? (await encodingByReading(client, { top, base })),
    missingFolder: await missingFolder(client, childId(base, `rtsync-${random()}`)),
    uploadMakesParents: false,
    moveKeepsDate: false,
  };
}

/** Only a folder inside a folder tells the two ways apart; a few of the first are tried. */
async function encodingByReading(
  client: StorageClient,
  { top, base }: Pick<Start, 'top' | 'base'>,
): Promise<PathEncoding> {
  const tried = otherWay(client);
  for (const outer of foldersIn(top).slice(0, 3)) {
    const id = childId(base, outer);
    const listed = await attempt(() => client.list(id));
    if (!listed.ok) continue;
    const [inner] = foldersIn(listed.value);
    if (inner === undefined) continue;
    if ((await attempt(() => client.list(childId(id, inner)))).ok) return client.pathEncoding;
    if ((await attempt(() => tried.list(childId(id, inner)))).ok) return tried.pathEncoding;
  }
  return client.pathEncoding;
}

function foldersIn(listing: Listing): string[] {
  return [...listing.entries.values()].flatMap((entry) =>
    entry.kind === 'folder' && entry.name !== OWN_NAME ? [entry.name] : [],
  );
}

async function byDoing(client: StorageClient, { top, base, random, options }: Start): Promise<Found> {
  const own = await ownFolder(client, top, base);
  const scratch = childId(own.id, `probe-${random()}`);
  const scratched = await attempt(() => openScratch(client, scratch, options));
  const ways = options.pathEncoding === undefined ? [client, otherWay(client)] : [client];
  if (!scratched.ok) await clearTwin(ways, own, options);
  if (!scratched.ok) throw endsTheRun(scratched.error) ? scratched.error : (own.doubt ?? scratched.error);
  const opened = scratched.value;
  try {
    return await experiments(opened.client, scratch, opened.first);
  } finally {
    await clear(opened.client, scratch, options);
    await clearTwin([opened.client], own, options);
  }
}

/** A server that hides dot files and makes twins has given us one. It is ours while it is empty. */
async function clearTwin(ways: readonly StorageClient[], own: Own, options: ProbeOptions): Promise<void> {
  const { id, stray } = own;
  if (stray !== undefined && !(await removeTwin(ways, stray, id))) options.onLeftover?.();
}

function otherWay(client: StorageClient): StorageClient {
  return client.variant({ pathEncoding: client.pathEncoding === 'whole' ? 'segments' : 'whole' });
}

interface Own {
  readonly id: EntryId;
  readonly stray?: EntryId;
  readonly doubt?: RtsyncError;
}

/** `.rtsync`, made when it is not listed; where it exists unseen, the server refuses it or makes a twin. */
async function ownFolder(client: StorageClient, top: Listing, base: DirId): Promise<Own> {
  const id = childId(base, OWN_NAME);
  const there = top.entries.get(OWN_NAME);
  if (there?.kind === 'folder') return { id };
  if (there !== undefined) throw inTheWay('halted', id);
  const made = await attempt(() => client.makeFolder(base, OWN_NAME, { growth: false }));
  if (made.ok) return made.value === undefined || made.value === id ? { id } : { id, stray: made.value };
  if (isCode(made.error, 'taken')) return { id };
  // Servers in trouble answer so as well; what comes next tells.
  if (isCode(made.error, 'server-error')) return { id, doubt: made.error };
  throw made.error;
}

interface Dated {
  readonly name: string;
  readonly reply: UploadReply;
}

/** Makes the scratch folder and uploads the first file, which shows how ids go into URLs. */
async function openScratch(
  client: StorageClient,
  scratch: EntryId,
  options: ProbeOptions,
): Promise<{ client: StorageClient; first: Dated }> {
  const parent = scratch.slice(0, scratch.lastIndexOf('/')) as EntryId;
  const name = scratch.slice(parent.length + 1);
  const made = await attempt(() => client.makeFolder(parent, name, { growth: false }));
  let refused = made.ok ? undefined : made.error;
  if (made.ok && (made.value === undefined || made.value === scratch)) {
    const sent = await attempt(() => put(client, scratch, 'k', 1));
    if (sent.ok && sent.value.reply.id === childId(scratch, 'k')) return { client, first: sent.value };
    if (!sent.ok && !mayBeEncoding(sent.error)) {
      await clear(client, scratch, options);
      throw sent.error;
    }
    refused = sent.ok ? undefined : sent.error;
  } else if (!made.ok && !mayBeEncoding(made.error)) throw made.error;
  if (options.pathEncoding !== undefined) {
    throw made.ok
      ? new RtsyncError('bad-answer', 'the server stores a file elsewhere than asked')
      : made.error;
  }
  const whole = otherWay(client);
  const opened = await attempt(async () => {
    if (!made.ok || made.value !== scratch) await whole.makeFolder(parent, name, { growth: false });
    return put(whole, scratch, 'k', 1);
  });
  if (opened.ok) return { client: whole, first: opened.value };
  if (made.ok) await clear(client, scratch, options);
  // When neither way of writing ids works, a server in trouble is what there is to tell.
  throw refused !== undefined && isCode(refused, 'server-error', 'bad-answer') ? refused : opened.error;
}

async function clear(client: StorageClient, id: EntryId, { onLeftover }: ProbeOptions): Promise<void> {
  const removed = await attempt(() => client.remove([id]));
  if (!removed.ok) onLeftover?.();
}

function mayBeEncoding(error: RtsyncError): boolean {
  return isCode(error, 'not-found', 'bad-request', 'server-error', 'bad-answer');
}

async function experiments(client: StorageClient, scratch: EntryId, first: Dated): Promise<Found> {
  const { clock } = client;
  const dot = await put(client, scratch, '.dot', 2);
  const listed = await client.list(scratch);
  const dateGrain = grainOf(filesIn(listed));
  const sub = childId(scratch, 's');
  const uploadMakesParents = await uploadsIntoNothing(client, sub);
  if (!uploadMakesParents) {
    await client.makeFolder(scratch, 's', { growth: false });
    await put(client, sub, 'k', 3);
  }
  const again = await attempt(() => put(client, sub, 'k', 5));
  if (!again.ok && endsTheRun(again.error)) throw again.error;
  const takenUpload = takenBy(await client.list(sub), 5, 3);
  // A moved file must be tellable from a newly dated one.
  await clock.sleep(dateGrain + 20);
  const move = await movesOntoTaken(client, scratch, sub, dateIn(listed, 'k'));
  return {
    takenUpload,
    ...move,
    dotFiles: listed.entries.has('.dot') ? 'listed' : 'hidden',
    dateGrain,
    datesFollowClock: [first, dot].every((one) => followsClock(one, listed, dateGrain)),
    pathEncoding: client.pathEncoding,
    missingFolder: await missingFolder(client, childId(scratch, 'nothing')),
    uploadMakesParents,
  };
}

async function uploadsIntoNothing(client: StorageClient, dir: EntryId): Promise<boolean> {
  const sent = await attempt(() => put(client, dir, 'k', 3));
  if (sent.ok) return sent.value.reply.id === childId(dir, 'k');
  if (endsTheRun(sent.error) || isCode(sent.error, 'storage-full', 'network', 'forbidden')) throw sent.error;
  return false;
}

/** Which of the two versions stands under the name `k`, told by their sizes. */
function takenBy(listing: Listing, size: number, before: number): Traits['takenUpload'] {
  const files = filesIn(listing);
  const named = files.find(({ name }) => name === 'k');
  if (named?.size === size) return 'overwrite';
  if (named?.size !== before)
    throw new RtsyncError(
      'bad-answer',
      'the server lists neither the old nor the new version of a replaced file',
    );
  return files.some((file) => file.size === size) ? 'rename' : 'refuse';
}

/** Moves the one-byte `k` onto the `k` of the folder below. */
async function movesOntoTaken(
  client: StorageClient,
  scratch: EntryId,
  sub: EntryId,
  date: number | undefined,
): Promise<Pick<Found, 'takenMove' | 'moveKeepsDate'>> {
  const moved = await attempt(() => client.batch('move', [childId(scratch, 'k')], sub));
  if (!moved.ok && endsTheRun(moved.error)) throw moved.error;
  const after = filesIn(await client.list(sub));
  const ours = after.find(({ size }) => size === 1);
  if (ours !== undefined) {
    return { takenMove: ours.name === 'k' ? 'overwrite' : 'rename', moveKeepsDate: ours.date === date };
  }
  // Refused: it still stands where it was, and a rename, which dates a file as a move does, shows what becomes of dates.
  const free = await attempt(async () => {
    await client.rename(childId(scratch, 'k'), 'm');
    return dateIn(await client.list(scratch), 'm');
  });
  if (!free.ok && endsTheRun(free.error)) throw free.error;
  return { takenMove: 'refuse', moveKeepsDate: free.ok && free.value !== undefined && free.value === date };
}

async function missingFolder(client: StorageClient, dir: EntryId): Promise<Traits['missingFolder']> {
  const listed = await attempt(() => client.list(dir, { retries: 0 }));
  if (listed.ok) return 'empty';
  if (endsTheRun(listed.error)) throw listed.error;
  return listed.error.code === 'not-found' ? 'not-found' : 'error';
}

/** Uploads `size` bytes; sizes tell the files apart. */
async function put(client: StorageClient, dir: EntryId, name: string, size: number): Promise<Dated> {
  const reply = await client.upload(dir, name, { size, body: () => Buffer.alloc(size, 'r') });
  return { name, reply };
}

/** A file that is not listed (a dot file) says nothing against it. */
function followsClock({ name, reply }: Dated, listing: Listing, grain: number): boolean {
  const date = dateIn(listing, name);
  if (reply.serverDate === undefined) return false;
  if (date === undefined) return name.startsWith('.');
  return date >= reply.serverDate - reply.tookMs - grain - 1000 && date <= reply.serverDate + 1000 + grain;
}

/** Dates with nothing but whole seconds are dates of a coarse clock; one that is not proves a fine one. */
function grainOf(files: readonly FileEntry[]): number {
  return files.some(({ date }) => date !== undefined && date % 1000 !== 0) ? 1 : 1000;
}

function filesIn(listing: Listing): FileEntry[] {
  return [...listing.entries.values()].filter((entry) => entry.kind === 'file');
}

function dateIn(listing: Listing, name: string): number | undefined {
  const entry = listing.entries.get(name);
  return entry?.kind === 'file' ? entry.date : undefined;
}

function encodingOf(options: ProbeOptions): { pathEncoding?: PathEncoding } {
  return options.pathEncoding === undefined ? {} : { pathEncoding: options.pathEncoding };
}
