/**
 * How patient requests are spread over the window. What goes in one burst comes free in one burst, a window later, and
 * in between nothing does: an edit that finds the reserve used up would wait for most of a minute. So only a part of
 * the limit may burst; the rest keeps a distance, and its slots come free one by one, all the time. The burst part may
 * burst anew in each window, so that a push which fits into its windows is not longer than one that holds nothing back.
 */
import { type RequestClass, reserveOf } from './classes.ts';
import { countedAfter, type Sent, whenBelow, withOne } from './window.ts';

export interface Spread {
  /** Patient requests of the last window that did not keep a distance. */
  readonly burst: Sent;
  /** When the next one that keeps its distance is due. */
  readonly dueAt: number;
  /** Lists of the background look in the last window. */
  readonly discovery: Sent;
}

/**
 * The part of the limit that may burst in any window. Smaller, and a push of two and a half windows would have to wait
 * for a third; larger, and more than one edit in two seconds at 300 a minute would find no slot.
 */
const BURST = 0.7;

export const NOTHING_SENT: Spread = { burst: [], dueAt: Number.NEGATIVE_INFINITY, discovery: [] };

/** The limit in force and its window. */
interface Frame {
  readonly limit: number;
  readonly windowMs: number;
}

/** When a patient request may go; at most `now` when it may go now. */
export function spreadDue(spread: Spread, { limit, windowMs }: Frame, now: number): number {
  const most = burstOf(limit);
  if (countedAfter(spread.burst, now - windowMs) < most) return now;
  const free = whenBelow(spread.burst, most, windowMs) ?? now;
  return limit === most ? free : Math.min(free, spread.dueAt);
}

/** When discovery may go although bulk waits: it has at most half of the limit then. */
export function discoveryDue(spread: Spread, { limit, windowMs }: Frame, now: number): number {
  const most = Math.max(1, Math.floor(limit / 2));
  if (countedAfter(spread.discovery, now - windowMs) < most) return now;
  return whenBelow(spread.discovery, most, windowMs) ?? now;
}

/** After one more patient request. Without a limit each counts as part of a burst: one may be told soon. */
export function afterPatient(
  spread: Spread,
  of: RequestClass,
  frame: { readonly limit: number | undefined; readonly windowMs: number },
  now: number,
): Spread {
  const { limit, windowMs } = frame;
  const discovery = of === 'discovery' ? withOne(spread.discovery, now, windowMs) : spread.discovery;
  const most = limit === undefined ? Number.POSITIVE_INFINITY : burstOf(limit);
  if (limit === undefined || countedAfter(spread.burst, now - windowMs) < most)
    return { ...spread, discovery, burst: withOne(spread.burst, now, windowMs) };
  return { ...spread, discovery, dueAt: dueAfter(spread, { limit, windowMs }, now) };
}

/** After a request that was not patient: the patient ones give up one of their own, or the window would fill too early. */
export function afterUrgent(spread: Spread, frame: Frame, now: number): Spread {
  return { ...spread, dueAt: Math.min(now + frame.windowMs, dueAfter(spread, frame, now)) };
}

function dueAfter(spread: Spread, { limit, windowMs }: Frame, now: number): number {
  // What was a little late may catch up, or every delay would be lost for good.
  const from = spread.dueAt < now - windowMs / 20 ? now : spread.dueAt;
  return from + windowMs / Math.max(1, limit - reserveOf(limit) - burstOf(limit));
}

function burstOf(limit: number): number {
  return Math.ceil(limit * BURST);
}
