/**
 * A large download that breaks off is gone on with, where what comes is provably the rest of what came:
 * 1. the first answer announced as many bytes as are listed, so that what came of it is no web page;
 * 2. the entry is listed as expected when it broke off, and again at the end (`read.ts`), on a server whose dates tell
 *    one version from the next; or the server names the version itself (a strong ETag);
 * 3. the server answers with status 206 and exactly the range that was asked for.
 * Whoever takes the bytes sees one body, so a digest covers all of it. Where any of this fails the whole file is fetched
 * again, as a small one is at once. Whether a server gives ranges is found out by asking once.
 */
import type { Throttle } from '../../lib/bandwidth.ts';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import type { Answered } from '../../lib/gate.ts';
import type { Read } from '../remote.ts';
import { type Belt, startBelt } from './belt.ts';
import { attempt, type Context, changed } from './context.ts';
import { type EntryId, idName, parentId } from './ids.ts';
import { matches } from './looks.ts';
import { slowedBytes } from './slowed.ts';

/** Below this a whole download costs less than finding out. Bytes. */
export const RESUME_FROM = 8 * 1024 * 1024;

export interface Resuming {
  /** Bytes. */
  readonly from: number;
  /** The server was asked for a range, and gave none. */
  refused: boolean;
}

export interface Job {
  readonly id: EntryId;
  readonly one: Read;
  readonly throttle: Throttle | undefined;
}

/** Times that one download is gone on with, and how many of these in a row may bring nothing. */
const MOST_RESUMES = 16;
const MOST_IDLE = 2;
/** Whole downloads after the first. */
const WHOLE_AGAIN = 1;
const PAUSE_MS = [400, 1600];

/** What came so far of one body. */
interface Course {
  belt: Belt<{ readonly size: number }> | undefined;
  got: number;
  /** The first answer announced what is listed. */
  announced: boolean;
  etag: string | undefined;
  /** Who takes the bytes takes no more. */
  gaveUp: boolean;
}

const NOTHING = { got: 0, announced: false, etag: undefined, gaveUp: false } as const;

/** Gives how many bytes came. */
export async function resumable(ctx: Context, job: Job, signal?: AbortSignal): Promise<number> {
  const course: Course = { belt: undefined, ...NOTHING };
  let [resumes, idle, wholes] = [0, 0, 0];
  for (let from = 0; ; ) {
    const before = course.got;
    const end = await attempt(() => fetchFrom(ctx, job, course, from, signal));
    const { size } = job.one.expect;
    const short = end.ok && course.got < size;
    if (end.ok && (!short || !provable(ctx, course))) return (await course.belt?.end())?.size ?? 0;
    const error = end.ok ? cutShort(job.one) : end.error;
    // The status says that the range is none, and nothing about the file.
    const rangeRefused = from > 0 && error.code === 'bad-request';
    if (rangeRefused) ctx.resuming.refused = true;
    idle = course.got > before ? 0 : idle + 1;
    const goesOn = resumes < MOST_RESUMES && idle <= MOST_IDLE && provable(ctx, course);
    const again = wholes < WHOLE_AGAIN || (from > 0 && ctx.resuming.refused);
    if (!(isCode(error, 'network', 'server-error', 'bad-answer') || rangeRefused) || !(goesOn || again)) {
      await course.belt?.breakOff(error);
      throw error;
    }
    await ctx.clock.sleep(PAUSE_MS[idle] ?? 1600, signal).catch(() => undefined);
    if (goesOn) {
      await expectUnchanged(ctx, job, course, signal);
      resumes += 1;
      from = course.got;
    } else {
      await startAnew(course, error);
      wholes += 1;
      from = 0;
    }
  }
}

/** That what is missing can be asked for, and belongs to what is here. */
function provable({ resuming, traits }: Context, { got, announced, etag, gaveUp }: Course): boolean {
  const named = etag !== undefined || traits.dateGrain < 1000;
  return got > 0 && announced && named && !gaveUp && !resuming.refused;
}

async function expectUnchanged(
  ctx: Context,
  { id, one }: Job,
  course: Course,
  signal?: AbortSignal,
): Promise<void> {
  const listed = await attempt(() => ctx.looks.after(parentId(id), signal));
  const same = listed.ok && matches(listed.value.entries.get(idName(id)), one.expect);
  if (same) return;
  const error = listed.ok ? changed(one.path, 'changed on the server while it was read') : listed.error;
  await course.belt?.breakOff(error);
  throw error;
}

async function startAnew(course: Course, why: unknown): Promise<void> {
  await course.belt?.breakOff(why);
  Object.assign(course, { belt: undefined, ...NOTHING });
}

/** One answer, the whole file's or the rest's, to the belt. */
async function fetchFrom(
  ctx: Context,
  { id, one, throttle }: Job,
  course: Course,
  from: number,
  signal?: AbortSignal,
): Promise<void> {
  const range = from === 0 ? {} : { range: `bytes=${from}-`, ...ifRange(course.etag) };
  const receive = async (bytes: AsyncIterable<Uint8Array>, answer: Answered): Promise<void> => {
    const start = startOf(answer, from, one.expect.size);
    if (start === undefined || (start > 0 && otherVersion(course, answer))) {
      ctx.resuming.refused = true;
      // Its connection is let go.
      for await (const _ of bytes) break;
      throw new RtsyncError('bad-answer', {
        message: `the server gave another part of ${JSON.stringify(one.path)} than it was asked for`,
        path: one.path,
      });
    }
    if (start === 0) {
      if (from > 0) {
        ctx.resuming.refused = true;
        await startAnew(course, new RtsyncError('network', 'the whole file comes anew'));
      }
      course.belt ??= startBelt(one.receive);
      course.announced = answer.headers['content-length'] === String(one.expect.size);
      course.etag = strongTag(answer);
    }
    for await (const chunk of slowedBytes(bytes, throttle)) {
      await course.belt?.put(chunk).catch((error: unknown) => {
        course.gaveUp = true;
        throw error;
      });
      course.got += chunk.length;
    }
  };
  await ctx.client.download(id, receive, { signal, retries: 0, headers: range, concludes: from > 0 });
}

/** Where the bytes of an answer begin; undefined when it is not a part that was asked for. */
function startOf({ status, headers }: Answered, from: number, size: number): number | undefined {
  if (status !== 206) return 0;
  const expected = `bytes ${from}-${size - 1}/${size}`;
  const plain = headers['content-encoding'] === undefined || headers['content-encoding'] === 'identity';
  return from > 0 && plain && headers['content-range'] === expected ? from : undefined;
}

function otherVersion({ etag }: Course, answer: Answered): boolean {
  return etag !== undefined && strongTag(answer) !== etag;
}

/** A weak one allows for differences. */
function strongTag({ headers }: Answered): string | undefined {
  const { etag } = headers;
  return typeof etag === 'string' && etag.startsWith('"') ? etag : undefined;
}

function ifRange(etag: string | undefined): { readonly 'if-range'?: string } {
  return etag === undefined ? {} : { 'if-range': etag };
}

function cutShort({ path }: Read): RtsyncError {
  return new RtsyncError('network', { message: `the download of ${JSON.stringify(path)} ended early`, path });
}
