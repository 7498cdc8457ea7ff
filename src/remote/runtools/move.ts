/** One rename or move. Looked at on both ends before; after an error or an odd answer, looked at again. */
import { randomBytes } from 'node:crypto';
import { RtsyncError } from '../../lib/errors.ts';
import type { RemoteMove } from '../remote.ts';
import { attempt, type Context, changed, failed } from './context.ts';
import { childId, type DirId, type EntryId, idBelow, idName, isIdWithin, parentId } from './ids.ts';
import { matches } from './looks.ts';
import type { Entry } from './wire.ts';

export async function move(ctx: Context, job: RemoteMove, signal?: AbortSignal): Promise<void> {
  const [from, to] = [idBelow(ctx.rootId, job.from), idBelow(ctx.rootId, job.to)];
  if (isIdWithin(to, from)) throw new RtsyncError('bug', 'refused to move a folder into itself');
  const source = (await ctx.looks.at(parentId(from), true, signal)).entries;
  const target = (await ctx.looks.at(parentId(to), false, signal)).entries;
  const entry = source.get(idName(from));
  if (!isExpected(entry, job)) throw changed(job.from);
  if (target.has(idName(to))) throw taken(job);

  let at = from;
  for (const step of route(from, to, source, target)) {
    const done = await attempt(() => take(ctx, at, step, signal));
    const landed = done.ok ? done.value : await whereIsIt(ctx, job, at, step, done.error, signal);
    ctx.looks.gone(parentId(at), idName(at));
    ctx.looks.put(
      parentId(landed),
      idName(landed),
      entry?.kind === 'folder' ? 'folder' : 'file',
      sizeOf(entry),
    );
    if (landed !== step) {
      // The name was taken in the last moment and the server chose another: back to where it was.
      await take(ctx, landed, at, signal);
      ctx.looks.gone(parentId(landed), idName(landed));
      throw taken(job);
    }
    at = step;
  }
}

/** The steps from one id to another, each a rename or a move, none onto a name that was seen taken. */
function route(
  from: EntryId,
  to: EntryId,
  source: ReadonlyMap<string, Entry>,
  target: ReadonlyMap<string, Entry>,
): EntryId[] {
  const [home, away] = [parentId(from), parentId(to)];
  if (home === away || idName(from) === idName(to)) return [to];
  if (!source.has(idName(to))) return [childId(home, idName(to)), to];
  if (!target.has(idName(from))) return [childId(away, idName(from)), to];
  const between = `${idName(to)}.${randomBytes(4).toString('hex')}`;
  return [childId(home, between), childId(away, between), to];
}

/** One step; gives the id under which the server says (or its list shows) that the entry now stands. */
async function take(ctx: Context, from: EntryId, to: EntryId, signal?: AbortSignal): Promise<EntryId> {
  const dir: DirId = parentId(to);
  if (dir === parentId(from)) {
    const told = await ctx.client.rename(from, idName(to), { signal });
    if (told !== undefined && parentId(told) === dir) return told;
  } else if (idName(from) === idName(to)) {
    const told = await ctx.client.batch('move', [from], dir, { signal });
    if (told?.length === 1 && told[0] !== undefined && parentId(told[0]) === dir) return told[0];
  } else {
    // Only the way back of a move that the server renamed.
    const moved = await take(ctx, from, childId(dir, idName(from)), signal);
    return take(ctx, moved, to, signal);
  }
  const { entries } = await ctx.looks.fresh(dir, signal);
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
  job: RemoteMove,
  from: EntryId,
  to: EntryId,
  error: RtsyncError,
  signal?: AbortSignal,
): Promise<EntryId> {
  const [home, away] = [parentId(from), parentId(to)];
  const before = await attempt(() => ctx.looks.fresh(home, signal));
  const after = home === away ? before : await attempt(() => ctx.looks.fresh(away, signal));
  if (!before.ok || !after.ok) throw error;
  const there = after.value.entries.get(idName(to));
  const here = before.value.entries.get(idName(from));
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

function sizeOf(entry: Entry | undefined): number | undefined {
  return entry?.kind === 'file' ? entry.size : undefined;
}

function taken(job: RemoteMove): RtsyncError {
  return new RtsyncError('taken', {
    message: `${JSON.stringify(job.to)} is taken on the server`,
    path: job.to,
  });
}
