/** One write under way, and the three ways in which its outcome becomes known. */
import { dateMatches } from '../../core/base.ts';
import type { DateWitness } from '../../core/tree.ts';
import { RtsyncError } from '../../lib/errors.ts';
import type { Outcome, Write, Written } from '../remote.ts';
import { type Context, changed, failed, stoppable } from './context.ts';
import type { Sending } from './file-clock.ts';
import type { EntryId } from './ids.ts';
import { matches } from './looks.ts';
import type { Entry, Listing } from './wire.ts';

export interface Item {
  readonly write: Write;
  readonly name: string;
  readonly id: EntryId;
  finished: boolean;
}

/** Tells the rest that they changed. */
export async function onlyExpected(items: readonly Item[], seen: Listing): Promise<Item[]> {
  const [ready, stale]: [Item[], Item[]] = [[], []];
  for (const item of items)
    (matches(seen.entries.get(item.name), item.write.expect) ? ready : stale).push(item);
  await Promise.all(stale.map((item) => finish(item, failed(changed(item.write.path)))));
  return ready;
}

/**
 * Whether the time of an upload tells its date closely enough to know another's by it. On a clock of whole seconds it
 * would not: the span would reach into the seconds before and after.
 */
export function datesTell({ traits }: Context): boolean {
  return traits.datesFollowClock && traits.dateGrain < 1000;
}

/** Whether what a server dates anew can have got this date by a request of ours. Where its dates tell nothing, it can. */
export function mayDate({ traits, fileClock, client }: Context, sending: Sending, date: number): boolean {
  if (!traits.datesFollowClock) return true;
  const span = fileClock.span(sending);
  return span === undefined
    ? fileClock.possible({ ...sending, date }, client.clockOffsetMs)
    : dateMatches(span, date);
}

/** Whether an entry is this file of ours that we moved there: by its date, or by that of the move where it dates anew. */
export function isMoved(
  ctx: Context,
  entry: Entry | undefined,
  ours: { readonly size: number; readonly date: DateWitness | undefined } | undefined,
  moving: Sending,
): boolean {
  if (ours === undefined || entry?.kind !== 'file' || entry.size !== ours.size) return false;
  if (entry.date === ours.date) return true;
  return !ctx.traits.moveKeepsDate && entry.date !== undefined && mayDate(ctx, moving, entry.date);
}

/** A later edit must not be able to share the date of ours: on a coarse clock, wait until its hand has moved. */
export async function outlastGrain(ctx: Context, since: number, signal?: AbortSignal): Promise<void> {
  if (ctx.traits.dateGrain < 1000) return;
  const left = since + ctx.traits.dateGrain - ctx.clock.monotonic();
  if (left <= 0) return;
  await stoppable(ctx.clock.sleep(left, signal), signal);
}

export function asListed(item: Item, size: number, listing: Listing): Outcome<Written> {
  const entry = listing.entries.get(item.name);
  if (entry?.kind === 'file' && entry.size === size && entry.date !== undefined) {
    return { ok: true, value: { size, date: entry.date } };
  }
  return failed(writtenMeanwhile(item));
}

/** Longer than this, and the sending of a file is no usual one. Milliseconds, and bytes in each of them. */
const LONG_MS = 5_000;
const SLOWEST = 2;

/**
 * A date inside a sending tells nothing when the sending took very long: somebody else may have written since the file
 * arrived. Then its content must tell.
 */
export function tellsNothing({ sentAt, answeredAt }: Sending, size: number): boolean {
  return answeredAt - sentAt > LONG_MS + size / SLOWEST;
}

/** Ambiguous: ours may stand there, and only its content can tell. */
export function untold(path: string): RtsyncError {
  const message = `${JSON.stringify(path)} was sent, and only what the server holds can tell whether it arrived`;
  return new RtsyncError('changed', { message, path, ambiguous: true });
}

export function writtenMeanwhile(item: Item): RtsyncError {
  return changed(item.write.path, 'was changed on the server while it was written');
}

/** Tells the outcome, once. */
export async function finish(item: Item, outcome: Outcome<Written>): Promise<void> {
  if (item.finished) return;
  item.finished = true;
  await item.write.done(outcome);
}
