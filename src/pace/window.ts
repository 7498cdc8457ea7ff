/**
 * Our own requests of the last window, as counts per moment. The server counts a request somewhere between its start
 * and its answer; it is filed at the latest of these, so that no window of the server's clock holds more than ours.
 * Moments are rounded up to a grain, which bounds the size of the list.
 */

/** Moment (milliseconds of a monotonic clock) and how many; ascending. */
export type Sent = readonly (readonly [at: number, count: number])[];

/** For how many windows more than one requests are remembered: answers tell of a moment that is past. */
export const MEMORY = 0.1;

/** An unanswered request counts as having arrived this late at most: longer ones are uploads, counted when they began. */
function slackOf(windowMs: number): number {
  return windowMs / 40;
}

function grain(at: number, windowMs: number): number {
  const size = windowMs / 600;
  return (Math.floor(at / size) + 1) * size;
}

/** With one more request, filed as if it arrived as late as it can. */
export function withSent(sent: Sent, now: number, windowMs: number): Sent {
  return add(young(sent, now, windowMs), grain(now + slackOf(windowMs), windowMs), 1);
}

/** With one more request, filed as of now: for what is only shared out, not for what the server counts. */
export function withOne(sent: Sent, now: number, windowMs: number): Sent {
  return add(young(sent, now, windowMs), grain(now, windowMs), 1);
}

/** When so many have left the window that fewer than `room` are in it; undefined: never. */
export function whenBelow(sent: Sent, room: number, windowMs: number): number | undefined {
  let used = sent.reduce((sum, [, count]) => sum + count, 0);
  for (const [at, count] of sent) {
    used -= count;
    if (used < room) return at + windowMs;
  }
  return undefined;
}

/** After its answer came: it cannot have arrived later than that. */
export function settled(sent: Sent, sentAt: number, now: number, windowMs: number): Sent {
  const from = grain(sentAt + slackOf(windowMs), windowMs);
  const to = grain(now, windowMs);
  if (to >= from || !sent.some(([at]) => at === from)) return sent;
  return add(add(sent, from, -1), to, 1);
}

/** How many requests were filed after `since`. */
export function countedAfter(sent: Sent, since: number): number {
  let sum = 0;
  for (let i = sent.length - 1; i >= 0; i -= 1) {
    const entry = sent[i];
    if (entry === undefined || entry[0] <= since) break;
    sum += entry[1];
  }
  return sum;
}

function young(sent: Sent, now: number, windowMs: number): Sent {
  let old = 0;
  const oldest = now - (1 + MEMORY) * windowMs;
  while (old < sent.length && (sent[old]?.[0] ?? now) <= oldest) old += 1;
  return old === 0 ? sent : sent.slice(old);
}

function add(sent: Sent, at: number, change: number): Sent {
  let i = sent.length;
  while (i > 0 && (sent[i - 1]?.[0] ?? at) > at) i -= 1;
  const before = sent[i - 1];
  if (before === undefined || before[0] !== at) return [...sent.slice(0, i), [at, change], ...sent.slice(i)];
  const count = before[1] + change;
  const rest = sent.slice(i);
  return count === 0 ? [...sent.slice(0, i - 1), ...rest] : [...sent.slice(0, i - 1), [at, count], ...rest];
}
