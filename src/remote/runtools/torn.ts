/**
 * What a broken upload leaves on a server that shows files while they grow: the first part of ours under the final
 * name. The next cycle would take it for a stranger's file, so it is recognised here and given up. Somebody else's
 * file is never taken for it: it must have appeared under our name since the look, be shorter than ours, stand still,
 * and hold exactly the first bytes of what we sent.
 */
import { createHash } from 'node:crypto';
import type { Digest } from '../../core/tree.ts';
import { isCode, type RtsyncError } from '../../lib/errors.ts';
import type { WriteSource } from '../remote.ts';
import { attempt, type Context, changed, failed, stoppable } from './context.ts';
import { childId, type EntryId } from './ids.ts';
import type { Again, Stored, UploadJob } from './upload.ts';
import type { Entry, FileEntry } from './wire.ts';

/** A server may need a moment to notice that the rest does not come. */
const STANDS_STILL_MS = 1000;
const MOST_WAITS = 3;

export interface Tear {
  readonly job: UploadJob;
  readonly source: WriteSource;
  /** What stands under our name now. */
  readonly torn: FileEntry;
  /** What stood there when we looked before. */
  readonly before: Entry | undefined;
}

export function canBeTorn(ctx: Context, now: Entry, size: number): now is FileEntry {
  return ctx.traits.growingUploads && now.kind === 'file' && now.size !== undefined && now.size < size;
}

export function sameFile(now: FileEntry, before: Entry | undefined): boolean {
  return before?.kind === 'file' && now.size === before.size && now.date === before.date;
}

/** Makes the name ready for one more try when what stands there is ours without doubt. */
export async function afterTear(ctx: Context, tear: Tear, signal?: AbortSignal): Promise<Stored | Again> {
  const { job, source } = tear;
  const strange = { kind: 'failed', error: changed(job.write.path) } as const;
  let torn = tear.torn;
  for (let waits = 0; waits < MOST_WAITS; waits += 1) {
    await stoppable(ctx.clock.sleep(STANDS_STILL_MS, signal), signal);
    const seen = await ctx.looks.after(job.dir, signal);
    const now = seen.entries.get(job.name);
    if (now?.kind !== 'file' || now.size === undefined) return strange;
    if (now.size === source.size && now.date !== undefined)
      return { kind: 'stored', size: source.size, date: now.date, sending: undefined };
    if (sameFile(now, torn)) {
      const id = childId(job.dir, job.name);
      if (!(await isBeginning(ctx, id, now.size, source, signal))) return strange;
      // Where a known version stood, it is in the trash already: the whole file goes over the torn one.
      if (tear.before !== undefined)
        return now.date === undefined
          ? strange
          : { kind: 'again', seen, stands: { size: now.size, date: now.date } };
      const error = await giveUp(ctx, id, signal);
      if (error !== undefined) return { kind: 'failed', error };
      const entries = new Map(seen.entries);
      entries.delete(job.name);
      return { kind: 'again', seen: { ...seen, entries } };
    }
    if (now.size > source.size) return strange;
    torn = now;
  }
  return strange;
}

async function giveUp(ctx: Context, id: EntryId, signal?: AbortSignal): Promise<RtsyncError | undefined> {
  const fates = ctx.keepTrash
    ? (await ctx.trash.retire([id], new Map(), { signal, concludes: true })).fates
    : await ctx.trash.destroy([id], { signal, concludes: true });
  return fates.get(id);
}

/** Does the file hold the first `size` bytes of ours, and nothing else? What cannot be read is not ours. */
export async function isBeginning(
  ctx: Context,
  id: EntryId,
  size: number,
  source: WriteSource,
  signal?: AbortSignal,
): Promise<boolean> {
  if (size === 0) return true;
  const there = await digestThere(ctx, id, signal);
  return there !== undefined && (await digestOurs(source, size)) === there;
}

/** Of the whole file; undefined when it cannot be read. Throws `stopped`. */
export async function digestThere(
  ctx: Context,
  id: EntryId,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const there = await attempt(async () => {
    let found = '';
    const receive = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
      found = await digestOf(bytes, Number.POSITIVE_INFINITY);
    };
    await ctx.client.download(id, receive, { signal, concludes: true });
    return found;
  });
  if (there.ok) return there.value;
  if (isCode(there.error, 'stopped', 'superseded')) throw failed(there.error).error;
  return undefined;
}

/** The same of the first `size` bytes of ours. */
export async function digestOurs(source: WriteSource, size: number): Promise<string | undefined> {
  const ours = await attempt(async () => {
    const body = source.body();
    return digestOf(Buffer.isBuffer(body) ? [body] : body, size);
  });
  return ours.ok ? ours.value : undefined;
}

/** Digest and length of the first bytes. */
async function digestOf(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  most: number,
): Promise<string> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const part of bytes) {
    const taken = part.subarray(0, Math.min(part.length, most - size));
    hash.update(taken);
    size += taken.length;
    if (size >= most) break;
  }
  return digestLine(size, hash.digest('hex'));
}

/** A whole file of this size and content, as `digestThere` tells it. */
export function digestLine(size: number, digest: Digest): string {
  return `${size} ${digest}`;
}
