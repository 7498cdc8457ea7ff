/**
 * One rename or move. Looked at on both ends before, and right before each step where nobody could see later what it did:
 * a taken name would be overwritten, or what goes is dated anew; after an error or an odd answer, looked at again. The
 * server can change either the name or the folder of an entry, so a move of both takes two steps, by a name in between
 * that was seen free: the new name in the old folder, or the old name in the new one. Where both are taken it goes by a
 * folder of our own (`moving.ts`), so that no name which nobody chose is ever seen beside people's files. What fails
 * half-way is taken back; what a crash leaves half-way is known by its name alone: a free name of these two that holds the
 * very entry, or what lies in our own folder, which says where it was going. Whoever tries the same move again goes on.
 */
import type { RemoteStamp } from '../../core/tree.ts';
import { RtsyncError } from '../../lib/errors.ts';
import { Stale } from '../../lib/gate.ts';
import type { Outcome, RemoteMove } from '../remote.ts';
import type { Manner } from './client.ts';
import { attempt, type Context, changed, failed } from './context.ts';
import { startTimes, type Times } from './dating.ts';
import { childId, type DirId, type EntryId, idBelow, idName, isIdWithin, parentId } from './ids.ts';
import { mayDate, tellsNothing } from './item.ts';
import { matches } from './looks.ts';
import { emptied, isOnTheWay, leftMoving, mayYetArrive, route } from './moving.ts';
import { type Aim, movedAside } from './strays.ts';
import { unlessTaken, whileYoung, type Young } from './while-young.ts';
import type { Entry, Listing } from './wire.ts';

interface TimedMove extends RemoteMove {
  readonly times: Times;
}

/** Gives the moved file's stamp where the server has dated it anew. */
export async function move(
  ctx: Context,
  job: RemoteMove,
  signal?: AbortSignal,
): Promise<RemoteStamp | undefined> {
  const times = startTimes(ctx);
  await moveEntry(ctx, { ...job, times }, signal);
  const moving = times.span();
  if (ctx.traits.moveKeepsDate || job.expect === 'folder') return undefined;
  const to = idBelow(ctx.rootId, job.to);
  const listed = await attempt(() => ctx.looks.after(parentId(to), signal));
  const entry = listed.ok ? listed.value.entries.get(idName(to)) : undefined;
  if (entry?.kind !== 'file' || entry.size !== job.expect.size || entry.date === undefined) return undefined;
  // Another date is of somebody's own file that took the name since; it is met as an edit.
  return !tellsNothing(moving, 0) && mayDate(ctx, moving, entry.date)
    ? { size: entry.size, date: entry.date }
    : undefined;
}

async function moveEntry(ctx: Context, job: TimedMove, signal?: AbortSignal): Promise<void> {
  const since = ctx.clock.monotonic();
  const [from, to] = [idBelow(ctx.rootId, job.from), idBelow(ctx.rootId, job.to)];
  if (isIdWithin(to, from)) throw new RtsyncError('bug', 'refused to move a folder into itself');
  // Where a move dates the file anew, an edit that it takes along is never seen again: the look must be as young as can be.
  const looked = ctx.traits.moveKeepsDate
    ? await ctx.looks.at(parentId(from), true, signal)
    : await ctx.looks.fresh(parentId(from), signal);
  const aimed = await ctx.looks.at(parentId(to), false, signal);
  const [source, target] = [looked.entries, aimed.entries];
  const entry = source.get(idName(from));
  const twofold = parentId(from) !== parentId(to) && idName(from) !== idName(to);
  if (!isExpected(entry, job)) {
    if (entry !== undefined || !twofold || target.has(idName(to))) throw changed(job.from);
    return goOn(ctx, { job, to }, signal);
  }
  if (target.has(idName(to))) throw taken(job);
  const steps = twofold ? await route(ctx, { from, to, source, target }, signal) : [to];
  // A list that was made for this very move is as good as one made now.
  const seen = [
    { dir: parentId(from), look: looked },
    { dir: parentId(to), look: aimed },
  ].filter(({ look }) => look.sentAt >= since);
  try {
    await walk(ctx, { job, from, steps, seen }, signal);
  } catch (error) {
    await emptied(ctx, steps, mayYetArrive(error, signal));
    throw error;
  }
  await emptied(ctx, steps);
}

/** Nothing stands at the old name and nothing at the new one: an earlier try may have left the entry in our own folder. */
async function goOn(
  ctx: Context,
  { job, to }: { readonly job: TimedMove; readonly to: EntryId },
  signal?: AbortSignal,
): Promise<void> {
  const left = await leftMoving(ctx, to, signal);
  if (left === undefined) throw changed(job.from);
  try {
    if (!isMoved(left.entry, job)) throw changed(job.from);
    const at = left.entry.id;
    const named = childId(parentId(at), idName(to));
    await walk(ctx, { job, from: at, steps: at === named ? [to] : [named, to], seen: [] }, signal);
  } catch (error) {
    ctx.halfway();
    throw error;
  }
}

interface Walk {
  readonly job: TimedMove;
  readonly from: EntryId;
  readonly steps: readonly EntryId[];
  /** Lists that are good for the first step. */
  readonly seen: readonly { readonly dir: DirId; readonly look: Listing }[];
}

/** Once the first of several steps is made there is no stopping until the last: a stop must not leave it half-way. */
async function walk(ctx: Context, { job, from, steps, seen }: Walk, signal?: AbortSignal): Promise<void> {
  let at = from;
  for (const [i, step] of steps.entries()) {
    try {
      at = await makeStep(ctx, { job, at, step, seen: i === 0 ? seen : [] }, i === 0 ? signal : undefined);
    } catch (error) {
      if (await retreat(ctx, at, [from, ...steps.slice(0, i)])) throw error;
      throw leftHalfway(failed(error).error, job);
    }
  }
}

/** Back the way it came, as far as that goes. True when it stands where it stood. */
async function retreat(ctx: Context, at: EntryId, way: readonly EntryId[]): Promise<boolean> {
  let now = at;
  for (const back of way.slice(0, way.indexOf(at)).reverse()) {
    const here = now;
    const done = await attempt(async () => {
      if (!isOnTheWay(back)) await checkFree(ctx, back);
      return take(ctx, here, back);
    });
    if (!done.ok) return false;
    enter(ctx, here, done.value, undefined);
    if (done.value !== back) return false;
    now = back;
  }
  return true;
}

/** RACE: what takes the name between this list and the way back, on a server that overwrites: one request and its turn. */
async function checkFree(ctx: Context, at: EntryId): Promise<void> {
  if ((await ctx.looks.fresh(parentId(at))).entries.has(idName(at))) throw changed(at);
}

/** Ambiguous, so that its intention stays and the next cycle brings it on. */
function leftHalfway(error: RtsyncError, { to }: RemoteMove): RtsyncError {
  const { code, message, path = to } = error;
  return new RtsyncError(code, { message, path, ambiguous: true, cause: error });
}

interface OneStep {
  readonly job: TimedMove;
  readonly at: EntryId;
  readonly step: EntryId;
  /** Lists that are good for it. */
  readonly seen: Walk['seen'];
  readonly aim?: Aim;
}

async function makeStep(ctx: Context, one: OneStep, signal?: AbortSignal): Promise<EntryId> {
  const { job, at, step } = one;
  const aim: Aim = { ...{ job, step }, before: await seenFree(ctx, one, signal) };
  const aimed: OneStep = { ...one, aim };
  ctx.looks.sends(parentId(step), idName(step));
  const done = await sendStep(ctx, aimed, signal);
  const landed = done.ok ? done.value : await whereIsIt(ctx, aimed, done.error, signal);
  enter(ctx, at, landed, job);
  if (landed === step) return step;
  // The name was taken in the last moment and the server chose another: back to where it was.
  const back = await attempt(() => take(ctx, landed, at));
  if (!back.ok) throw leftHalfway(back.error, job);
  enter(ctx, landed, at, job);
  throw taken(job);
}

/** The folder, where the server keeps what has the name by itself. */
async function seenFree(ctx: Context, { job, step }: OneStep, signal?: AbortSignal): Promise<Aim['before']> {
  if (isOnTheWay(step) || ctx.traits.takenMove === 'overwrite') return undefined;
  const { entries } = await ctx.looks.at(parentId(step), false, signal);
  if (entries.has(idName(step))) throw taken(job);
  return new Map(entries);
}

/**
 * Sends it while a list is young that shows the name free, where the server would overwrite a taken one, and the version
 * that was expected, where nobody could see afterwards that another was moved. Throws when the step was not sent; what
 * comes of one that was sent is an outcome, since an error does not tell.
 * RACE: what takes the name between that list and the arrival of the step is overwritten: the list, its turn at the gate
 * and one request (2 s and a request at most, or 20 turns of a slow gate). An edit of what is moved goes along with it,
 * and shows by its date; where moves date anew, by its size alone.
 */
async function sendStep(
  ctx: Context,
  { job, at, step, seen, aim }: OneStep,
  signal?: AbortSignal,
): Promise<Outcome<EntryId>> {
  const { onSent } = job.times;
  const send = async (young: Partial<Young>): Promise<Outcome<EntryId>> => {
    const sent = take(ctx, at, step, { signal, onSent, ...young, ...(aim && { aim }) });
    return sent.then(
      (value) => ({ ok: true, value }),
      (error) => {
        if (error instanceof Stale) throw error;
        return failed(error);
      },
    );
  };
  const home = parentId(at);
  const first = at === idBelow(ctx.rootId, job.from);
  const overwrites = !isOnTheWay(step) && ctx.traits.takenMove === 'overwrite';
  const hides = first && !ctx.traits.moveKeepsDate && job.expect !== 'folder';
  if (!overwrites && !hides) return send({});
  const dir = overwrites ? parentId(step) : home;
  const look = async (of: DirId, again: boolean): Promise<Listing> =>
    (again ? undefined : seen.find((one) => one.dir === of)?.look) ?? ctx.looks.fresh(of, signal);
  let here: Listing | undefined;
  const lookAtBoth = async (again: boolean): Promise<Listing> => {
    if (hides || dir === home) here = await look(home, again);
    return here !== undefined && dir === home ? here : look(dir, again);
  };
  return whileYoung(ctx.looks, lookAtBoth, (listed, young) => {
    if (overwrites && listed.entries.has(idName(step))) throw taken(job);
    // A step has dated it anew.
    if (here && !(first ? isExpected : isMoved)(here.entries.get(idName(at)), job)) throw changed(job.from);
    const still: Young['still'] = (pace) => young.still(pace) && (!here || ctx.looks.trusts(here, pace));
    return send(unlessTaken(ctx.looks, { ...young, still }, dir, overwrites ? [idName(step)] : []));
  });
}

/** Our own deed, in what is remembered of both folders. */
function enter(ctx: Context, from: EntryId, to: EntryId, job: RemoteMove | undefined): void {
  ctx.looks.gone(parentId(from), idName(from));
  const size = job === undefined || job.expect === 'folder' ? undefined : job.expect.size;
  ctx.looks.put(parentId(to), idName(to), job?.expect === 'folder' ? 'folder' : 'file', size);
}

type Taking = Manner & { readonly aim?: Aim };

/** One step; gives the id under which the server says (or its list shows) that the entry now stands. */
async function take(ctx: Context, from: EntryId, to: EntryId, manner: Taking = {}): Promise<EntryId> {
  const dir: DirId = parentId(to);
  if (dir === parentId(from)) {
    const told = await ctx.client.rename(from, idName(to), manner);
    if (told !== undefined && parentId(told) === dir) return told;
  } else if (idName(from) === idName(to)) {
    const told = await ctx.client.batch('move', [from], dir, manner);
    if (told?.length === 1 && told[0] !== undefined && parentId(told[0]) === dir) return told[0];
  } else {
    // Only the way back of a move that the server renamed.
    const moved = await take(ctx, from, childId(dir, idName(from)), manner);
    return take(ctx, moved, to, manner);
  }
  const { entries } = await ctx.looks.after(dir, manner.signal);
  const aside = manner.aim && (await movedAside(ctx, manner.aim, entries));
  if (aside !== undefined) return aside;
  if (entries.has(idName(to))) return to;
  throw new RtsyncError('bad-answer', {
    message: `the server does not tell where ${JSON.stringify(from)} went`,
    path: to,
    ambiguous: true,
  });
}

/** After an error: where the entry stands decides, not the error. */
async function whereIsIt(
  ctx: Context,
  { job, at: from, step: to, aim }: OneStep,
  error: RtsyncError,
  signal?: AbortSignal,
): Promise<EntryId> {
  const [home, away] = [parentId(from), parentId(to)];
  const before = await attempt(() => ctx.looks.after(home, signal));
  const after = home === away ? before : await attempt(() => ctx.looks.after(away, signal));
  if (!before.ok || !after.ok) throw error;
  const there = after.value.entries.get(idName(to));
  const here = before.value.entries.get(idName(from));
  const aside = here === undefined && aim ? await movedAside(ctx, aim, after.value.entries) : undefined;
  if (aside !== undefined) return aside;
  if (here === undefined && isMoved(there, job)) return to;
  if (here !== undefined && there !== undefined) throw taken(job);
  if (here !== undefined && isExpected(here, job)) throw error;
  throw failed(changed(job.from)).error;
}

function isExpected(entry: Entry | undefined, job: RemoteMove): boolean {
  return job.expect === 'folder' ? entry?.kind === 'folder' : matches(entry, job.expect);
}

/** A server may date a moved file anew; its size stays. */
function isMoved(entry: Entry | undefined, job: RemoteMove): boolean {
  return job.expect === 'folder'
    ? entry?.kind === 'folder'
    : entry?.kind === 'file' && entry.size === job.expect.size;
}

function taken(job: RemoteMove): RtsyncError {
  return new RtsyncError('taken', {
    message: `${JSON.stringify(job.to)} is taken on the server`,
    path: job.to,
  });
}
