/**
 * One upload and the truth about it: it is sent only while the look at its folder is young, the answer's id must be
 * the one asked for, what landed elsewhere is ours and is taken away again, and a lost answer is settled by looking,
 * never by a blind retry.
 */
import type { DateWitness, RemoteStamp } from '../../core/tree.ts';
import type { Throttle } from '../../lib/bandwidth.ts';
import { RtsyncError } from '../../lib/errors.ts';
import { type Pace, Stale } from '../../lib/gate.ts';
import type { Outcome, Write, WriteSource } from '../remote.ts';
import type { UploadReply } from './client.ts';
import {
  attempt,
  type Context,
  changed,
  failed,
  heed,
  type Recall,
  stoppable,
  tellRecall,
} from './context.ts';
import { dateProves, startTimes } from './dating.ts';
import type { Sending } from './file-clock.ts';
import { childId, type DirId, idName, parentId } from './ids.ts';
import { datesTell, mayDate, tellsNothing, untold } from './item.ts';
import { slowedSource } from './slowed.ts';
import { clearLate, clearStrays, clearUntold } from './strays.ts';
import { afterTear, canBeTorn, sameFile } from './torn.ts';
import { inTime, type Try } from './while-young.ts';
import type { Entry, FileEntry, Listing } from './wire.ts';

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
  /** Of those that are sent together. */
  readonly recall: Recall;
  /**
   * The folder as it was last looked at, or, with `again`, by a look that is young enough; throws `changed` when the
   * name does not hold what the write expects, or `stands` in its place. Undefined: a fresh folder of ours that nobody
   * else writes to.
   */
  readonly look: ((how: LookHow) => Promise<Listing>) | undefined;
  /** Names that we send there at the same time, this one among them. Undefined: whatever lies there is ours. */
  readonly others?: ReadonlySet<string>;
}

export interface LookHow {
  readonly again: boolean;
  readonly stands: RemoteStamp | undefined;
  /** See `Manner`. */
  readonly concludes: boolean;
}

/** The name may be tried once more: how the folder looked, and what then stood there if not what the write expects. */
export interface Again {
  readonly kind: 'again';
  readonly seen: Listing;
  readonly stands?: RemoteStamp;
}

/** A file is held twice, once with its frame around it; a large one streams, and holds so much in what it passes through. */
const MOST_HELD = 512 * 1024;
const NOTHING: Listing = { entries: new Map(), sentAt: 0 };

/** Waits for its bytes before it takes a place and looks, so that it holds up no other and no look grows old meanwhile. */
export async function upload(ctx: Context, job: UploadJob, signal?: AbortSignal): Promise<Stored> {
  const { recall } = job;
  if (recall.error !== undefined) return { kind: 'failed', error: recall.error };
  const { size = Number.MAX_SAFE_INTEGER } = job.write;
  try {
    const passed = ctx.bandwidth.transfer({ way: 'up', size, signal }, (throttle) =>
      ctx.uploads.run(() => send(ctx, job, throttle, signal), Math.min(2 * (job.write.size ?? 0), MOST_HELD)),
    );
    const stored = await stoppable(passed, signal);
    if (stored.kind === 'failed') tellRecall(recall, stored.error);
    return stored;
  } catch (thrown) {
    const { error } = failed(thrown);
    tellRecall(recall, error);
    return { kind: 'failed', error };
  }
}

async function send(
  ctx: Context,
  job: UploadJob,
  throttle: Throttle | undefined,
  signal?: AbortSignal,
): Promise<Stored> {
  heed(signal);
  const source = slowedSource(await job.write.open(), throttle);
  const first = await deliver(ctx, { job, source, again: undefined }, signal);
  if (first.kind !== 'again') return first;
  const second = await deliver(ctx, { job, source, again: first }, signal);
  return second.kind === 'again' ? { kind: 'failed', error: second.error } : second;
}

interface Delivery {
  readonly job: UploadJob;
  readonly source: WriteSource;
  readonly again: Again | undefined;
}

/** One sending with its end. `error` is why it has to be sent again. */
async function deliver(
  ctx: Context,
  delivery: Delivery,
  signal?: AbortSignal,
): Promise<Stored | (Again & { readonly error: RtsyncError })> {
  const { job, source } = delivery;
  const { seen, outcome, sending } = await sendInTime(ctx, delivery, signal);
  const judgement = outcome.ok
    ? await attempt(() => judged(ctx, { job, seen, source }, outcome.value))
    : outcome;
  if (judgement.ok) return judgement.value;
  const { error } = judgement;
  if (error.code === 'taken') {
    if (ctx.traits.takenUpload !== 'refuse') ctx.contradiction('an upload onto a taken name was refused');
    return { kind: 'failed', error: appeared(job) };
  }
  if (!error.ambiguous) return { kind: 'failed', error };
  const end = await afterLostAnswer(ctx, delivery, { seen, sending }, signal);
  if (end.kind === 'again') return { ...end, error };
  if (end.kind !== 'stored' || job.look === undefined) return end;
  // What stands there is ours by its size alone: no proof where others write, unless it was dated while the server, which
  // gives answers that say nothing, answered.
  const { size, date } = end;
  const proven =
    error.code === 'bad-answer' && date !== undefined && dateProves(ctx, sending, { size, date });
  return proven ? end : { kind: 'failed', error: untold(job.write.path) };
}

interface Sent {
  readonly sending: Sending;
  /** The look that it relied on. */
  readonly seen: Listing;
  readonly outcome: Outcome<UploadReply>;
}

/**
 * Sends under a look that is still young when the gate lets the request through, else looks again. Who looked again
 * goes before the others at the gate, so that this look does not grow old too.
 * RACE: what appears in a name between that look and the arrival of the upload is overwritten: `Looks.trusts` says how
 * long that can be.
 */
async function sendInTime(
  ctx: Context,
  { job, source, again }: Delivery,
  signal?: AbortSignal,
): Promise<Sent> {
  let next: Listing | undefined = again?.seen;
  // What was sent before may stand there torn, or arrive yet: so what is called back was never sent at all.
  const concludes = again !== undefined;
  // Another list may have shown meanwhile that it is not so.
  const stands = (): boolean => ctx.looks.allows(job.dir, job.name, again?.stands ?? job.write.expect);
  const once = async (one: Try): Promise<Sent> => {
    const look =
      next ?? (await job.look?.({ again: one.again, stands: again?.stands, concludes })) ?? NOTHING;
    next = undefined;
    const before = look.entries.get(job.name);
    let { entries } = look;
    const still = (pace: Pace): boolean => {
      // What a look shows is replaced when a list for another purpose shows more, and that may show ours.
      entries = look.entries;
      return ctx.looks.trusts(look, pace) && stands();
    };
    if (job.look !== undefined) ctx.looks.sends(job.dir, job.name);
    const { onSent, span } = startTimes(ctx);
    const relying = job.look === undefined ? {} : { still, priority: one.priority };
    const manner = { signal, onSent, concludes, ...relying };
    const outcome = await orStale(() => ctx.client.upload(job.dir, job.name, source, manner));
    return { seen: frozen({ ...look, entries }, job.name, before), outcome, sending: span() };
  };
  const { path } = job.write;
  return inTime(once, { what: `${JSON.stringify(path)} was not sent`, path });
}

/** What came of it. That its turn came too late for the look is no end: `Stale` is thrown. */
async function orStale<T>(run: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    if (error instanceof Stale) throw error;
    return failed(error);
  }
}

/** What we remember of a folder grows with our own deeds; how this name was seen must not change. */
function frozen(look: Listing, name: string, before: Entry | undefined): Listing {
  if (look.entries.get(name) === before) return look;
  const entries = new Map(look.entries);
  if (before === undefined) entries.delete(name);
  else entries.set(name, before);
  return { ...look, entries };
}

interface Landing {
  readonly job: UploadJob;
  readonly seen: Listing;
  readonly source: WriteSource;
}

/** A success, or a file of ours under another name. */
async function judged(ctx: Context, { job, seen, source }: Landing, reply: UploadReply): Promise<Stored> {
  const { size } = source;
  const sending = { sentAt: reply.answeredAt - reply.tookMs, answeredAt: reply.answeredAt };
  if (reply.id === childId(job.dir, job.name)) {
    ctx.looks.put(job.dir, job.name, 'file', size);
    // Also in a folder that we made just now: others find it while the answer is on its way.
    if (job.look !== undefined && tellsNothing(sending, size))
      return { kind: 'failed', error: untold(job.write.path) };
    const date = datesTell(ctx) ? ctx.fileClock.span(sending) : undefined;
    return { kind: 'stored', size, date, sending };
  }
  if (ctx.traits.takenUpload !== 'rename')
    ctx.contradiction('an upload onto a taken name was stored under another name');
  // Only what lies in our folder and was not there before is surely ours; a folder for staging goes with all it holds.
  if (job.look !== undefined && parentId(reply.id) === job.dir && !seen.entries.has(idName(reply.id))) {
    const isOurs = isSent(ctx, size, sending);
    if (tellsNothing(sending, size)) await clearLate(ctx, [reply.id], isOurs, [source]);
    else await clearStrays(ctx, [reply.id], isOurs);
  }
  return { kind: 'failed', error: appeared(job) };
}

function isSent(ctx: Context, size: number, sending: Sending): (entry: FileEntry) => boolean {
  return (entry) => entry.size === size && (entry.date === undefined || mayDate(ctx, sending, entry.date));
}

/** Ambiguous, since it may be ours after all: something on the way may have sent the request twice. */
function appeared({ write: { path } }: UploadJob): RtsyncError {
  const message = `${JSON.stringify(path)} has appeared on the server`;
  return new RtsyncError('changed', { message, path, ambiguous: true });
}

async function afterLostAnswer(
  ctx: Context,
  { job, source }: Delivery,
  sent: Pick<Sent, 'seen' | 'sending'>,
  signal?: AbortSignal,
): Promise<Stored | Again> {
  const before = sent.seen.entries.get(job.name);
  const seen = await ctx.looks.after(job.dir, signal);
  const now = seen.entries.get(job.name);
  if (ctx.traits.takenUpload === 'rename' && job.others !== undefined) {
    const { name, others } = job;
    const isOurs = isSent(ctx, source.size, sent.sending);
    const untold = { name, before: sent.seen.entries, now: seen.entries, others, source, isOurs };
    if (await clearUntold(ctx, untold)) return { kind: 'failed', error: appeared(job) };
  }
  if (now === undefined) {
    return before === undefined
      ? { kind: 'again', seen }
      : { kind: 'failed', error: changed(job.write.path) };
  }
  if (now.kind !== 'file') return { kind: 'failed', error: changed(job.write.path) };
  if (sameFile(now, before)) {
    const stands =
      now.size === undefined || now.date === undefined ? undefined : { size: now.size, date: now.date };
    return { kind: 'again', seen, ...(stands === undefined ? {} : { stands }) };
  }
  if (now.size === source.size && now.date !== undefined) {
    return { kind: 'stored', size: source.size, date: now.date, sending: undefined };
  }
  if (canBeTorn(ctx, now, source.size)) return afterTear(ctx, { job, source, torn: now, before }, signal);
  return { kind: 'failed', error: changed(job.write.path) };
}
