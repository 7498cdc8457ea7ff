/** Downloads of one folder: whole, of the listed size, and listed the same afterwards, or not at all. */
import { nameOf, type RemoteDir } from '../../core/path.ts';
import type { RemoteStamp } from '../../core/tree.ts';
import { RtsyncError } from '../../lib/errors.ts';
import type { Outcome, Read } from '../remote.ts';
import {
  attempt,
  type Context,
  changed,
  failed,
  heed,
  inParallel,
  type Recall,
  stoppable,
  tellRecall,
} from './context.ts';
import { type DirId, idBelow } from './ids.ts';
import { matches } from './looks.ts';
import { resumable } from './resume.ts';
import { HEADER_GRAIN } from './server-clock.ts';
import { slowedBytes } from './slowed.ts';
import type { Listing } from './wire.ts';

const MOST_FILES = 64;
const MOST_BYTES = 256 * 1024 * 1024;

export async function read(
  ctx: Context,
  dir: RemoteDir,
  reads: readonly Read[],
  signal?: AbortSignal,
): Promise<void> {
  const dirId = idBelow(ctx.rootId, dir);
  const recall: Recall = { error: undefined };
  for (const chunk of inChunks(reads)) await readChunk(ctx, { dir: dirId, reads: chunk, recall }, signal);
}

async function readChunk(
  ctx: Context,
  { dir, reads, recall }: { readonly dir: DirId; readonly reads: readonly Read[]; readonly recall: Recall },
  signal?: AbortSignal,
): Promise<void> {
  const arrived: Arrived[] = [];
  await inParallel(reads, 32, async (one) => {
    const got = recall.error ? failed(recall.error) : await attempt(() => download(ctx, one, signal));
    if (got.ok) {
      arrived.push({ one, size: got.value });
      return;
    }
    tellRecall(recall, got.error);
    await one.done(got);
  });
  if (arrived.length === 0) return;
  const listed = await attempt(() => ctx.looks.after(dir, signal));
  await Promise.all(arrived.map((each) => each.one.done(listed.ok ? judged(each, listed.value) : listed)));
}

interface Arrived {
  readonly one: Read;
  readonly size: number;
}

/**
 * RACE: where somebody moved the file away before it was read, and another of its size there, and both back until the
 * list, this is that other content under the expected version: dates go along with a move, and no answer names a version.
 */
function judged({ one, size }: Arrived, listing: Listing): Outcome<RemoteStamp> {
  const entry = listing.entries.get(nameOf(one.path));
  const date = entry?.kind === 'file' && matches(entry, one.expect) ? entry.date : undefined;
  if (date === undefined) return failed(changed(one.path, 'changed on the server while it was read'));
  if (size !== one.expect.size) return failed(changing(one));
  return { ok: true, value: { size, date } };
}

/** Gives how many bytes came. */
async function download(ctx: Context, one: Read, signal?: AbortSignal): Promise<number> {
  heed(signal);
  await outlastDate(ctx, one.expect, signal);
  const id = idBelow(ctx.rootId, one.path);
  const passed = ctx.bandwidth.transfer({ way: 'down', size: one.expect.size, signal }, async (throttle) => {
    if (one.expect.size >= ctx.resuming.from) return resumable(ctx, { id, one, throttle }, signal);
    let size = -1;
    const receive = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
      size = (await one.receive(slowedBytes(bytes, throttle))).size;
    };
    await ctx.client.download(id, receive, { signal });
    return size;
  });
  return stoppable(passed, signal);
}

/**
 * With coarse dates, an edit of equal size in the second of the expected version looks just like it. So the download
 * begins when that second is over on the server: whatever changes later has another date. A date further ahead than
 * one such second is of another clock, and waiting would prove nothing.
 */
async function outlastDate(ctx: Context, { date }: RemoteStamp, signal?: AbortSignal): Promise<void> {
  const { dateGrain } = ctx.traits;
  if (dateGrain < 1000) return;
  // The offset is known to half a header's grain on either side.
  const serverNow = ctx.clock.now() + (ctx.client.clockOffsetMs ?? 0) - HEADER_GRAIN / 2;
  const left = (typeof date === 'number' ? date : date[1]) + dateGrain - serverNow;
  if (left <= 0 || left > dateGrain + HEADER_GRAIN) return;
  await stoppable(ctx.clock.sleep(left, signal), signal);
}

function changing(one: Read): RtsyncError {
  return new RtsyncError('changing', {
    message: `${JSON.stringify(one.path)} is listed with another size than it was sent with; it may still be changing`,
    path: one.path,
  });
}

function inChunks(reads: readonly Read[]): Read[][] {
  const all: Read[][] = [];
  let bytes = 0;
  for (const one of reads) {
    const last = all.at(-1);
    if (last === undefined || last.length >= MOST_FILES || bytes + one.expect.size > MOST_BYTES) {
      all.push([one]);
      bytes = one.expect.size;
    } else {
      last.push(one);
      bytes += one.expect.size;
    }
  }
  return all;
}
