/**
 * One upload and the truth about it: the answer's id must be the one asked for, what landed elsewhere is ours and is
 * taken away again, and a lost answer is settled by looking, never by a blind retry.
 */
import type { DateWitness } from '../../core/tree.ts';
import type { RtsyncError } from '../../lib/errors.ts';
import type { Write, WriteSource } from '../remote.ts';
import type { UploadReply } from './client.ts';
import { type Context, changed, failed, heed } from './context.ts';
import type { Sending } from './file-clock.ts';
import { childId, type DirId, idName, parentId } from './ids.ts';
import type { Entry, Listing } from './wire.ts';

export type Stored =
  | {
      readonly kind: 'stored';
      readonly size: number;
      /** Known when it was looked up, or when the server's clock is known. */
      readonly date: DateWitness | undefined;
      /** When it was sent; undefined when its answer was lost. */
      readonly sending: Sending | undefined;
    }
  | { readonly kind: 'failed'; readonly error: RtsyncError };

export interface UploadJob {
  readonly dir: DirId;
  readonly name: string;
  readonly write: Write;
  /** The folder as it was looked at before. */
  readonly seen: Listing;
}

export async function upload(ctx: Context, job: UploadJob, signal?: AbortSignal): Promise<Stored> {
  let source: WriteSource;
  try {
    heed(signal);
    source = await job.write.open();
  } catch (error) {
    return { kind: 'failed', error: failed(error).error };
  }
  for (let tries = 0; ; tries += 1) {
    try {
      const reply = await ctx.client.upload(job.dir, job.name, source, { signal });
      return await judged(ctx, job, source.size, reply, signal);
    } catch (thrown) {
      const { error } = failed(thrown);
      if (error.code === 'taken') {
        if (ctx.traits.takenUpload !== 'refuse') ctx.contradiction('an upload onto a taken name was refused');
        return { kind: 'failed', error: changed(job.write.path, 'has appeared on the server') };
      }
      if (!error.ambiguous) return { kind: 'failed', error };
      const landed = await afterLostAnswer(ctx, job, source.size, signal);
      if (landed === 'not landed' && tries === 0) continue;
      return landed === 'not landed' ? { kind: 'failed', error } : landed;
    }
  }
}

/** A success, or a file of ours under another name. */
async function judged(
  ctx: Context,
  job: UploadJob,
  size: number,
  reply: UploadReply,
  signal?: AbortSignal,
): Promise<Stored> {
  if (reply.id === childId(job.dir, job.name)) {
    ctx.looks.put(job.dir, job.name, 'file', size);
    const sending = { sentAt: reply.answeredAt - reply.tookMs, answeredAt: reply.answeredAt };
    const date = ctx.traits.datesFollowClock ? ctx.fileClock.span(sending) : undefined;
    return { kind: 'stored', size, date, sending };
  }
  if (ctx.traits.takenUpload !== 'rename')
    ctx.contradiction('an upload onto a taken name was stored under another name');
  const stray = idName(reply.id);
  // Only what lies in our folder and was not there before is surely ours.
  if (parentId(reply.id) === job.dir && !job.seen.entries.has(stray)) {
    await ctx.client.remove([reply.id], { signal });
    ctx.looks.gone(job.dir, stray);
  }
  return { kind: 'failed', error: changed(job.write.path, 'has appeared on the server') };
}

async function afterLostAnswer(
  ctx: Context,
  job: UploadJob,
  size: number,
  signal?: AbortSignal,
): Promise<Stored | 'not landed'> {
  let now: Entry | undefined;
  try {
    now = (await ctx.looks.fresh(job.dir, signal)).entries.get(job.name);
  } catch (error) {
    return { kind: 'failed', error: failed(error).error };
  }
  if (now === undefined) {
    return job.seen.entries.has(job.name) ? { kind: 'failed', error: changed(job.write.path) } : 'not landed';
  }
  const before = job.seen.entries.get(job.name);
  if (now.kind === 'file' && before?.kind === 'file' && now.size === before.size && now.date === before.date)
    return 'not landed';
  if (now.kind === 'file' && now.size === size && now.date !== undefined) {
    return { kind: 'stored', size, date: now.date, sending: undefined };
  }
  return { kind: 'failed', error: changed(job.write.path) };
}
