/** What the log of a server says about the rate: how many requests, when, and how many it refused. */
import type { RequestEntry } from '../../../src/serve/log.ts';

export const MINUTE_MS = 60_000;

type Timed = Pick<RequestEntry, 'at'>;

/** The most requests that arrived within any span shorter than a minute, refused ones included. */
export function mostInMinute(entries: readonly Timed[]): number {
  const times = sorted(entries);
  let first = 0;
  let most = 0;
  for (const [last, at] of times.entries()) {
    while (at - (times[first] ?? at) >= MINUTE_MS) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

/** Requests of each minute, counted from a moment in epoch milliseconds; by label, with `total`. */
export function minutesOf(
  entries: readonly RequestEntry[],
  from: number,
): readonly Readonly<Record<string, number>>[] {
  const minutes: Record<string, number>[] = [];
  for (const { at, label } of entries) {
    const nth = Math.floor((at - from) / MINUTE_MS);
    if (nth < 0) continue;
    while (minutes.length <= nth) minutes.push({ total: 0 });
    const counts = minutes[nth] ?? {};
    counts.total = (counts.total ?? 0) + 1;
    counts[label] = (counts[label] ?? 0) + 1;
  }
  return minutes;
}

/** How well the allowed rate was used from the first request to the last. */
export interface Use {
  readonly spanMs: number;
  /** Requests of the full minutes, as a part of what they allowed. NaN when it took less than a minute. */
  readonly part: number;
  /** The shortest time in which a sliding minute lets so many through, as a part of the time that they took. */
  readonly shortest: number;
}

/** `limit`: requests a minute. */
export function useOf(entries: readonly Timed[], limit: number): Use {
  const times = sorted(entries);
  const [first = 0] = times;
  const spanMs = (times.at(-1) ?? first) - first;
  const minutes = Math.floor(spanMs / MINUTE_MS);
  const inFull = times.filter((at) => at < first + minutes * MINUTE_MS).length;
  return {
    spanMs,
    part: inFull / (minutes * limit),
    shortest: (Math.floor((times.length - 1) / limit) * MINUTE_MS) / spanMs,
  };
}

export function refused(entries: readonly Pick<RequestEntry, 'status'>[]): number {
  return entries.filter(({ status }) => status === 429).length;
}

/** `list 150, upload 3`: what is in the counts beside the total, most first. */
export function labelsIn({ total: _, ...labels }: Readonly<Record<string, number>>): string {
  return Object.entries(labels)
    .sort(([, a], [, b]) => b - a)
    .map(([label, count]) => `${label} ${count}`)
    .join(', ');
}

/** The log stands in the order of the ends. */
function sorted(entries: readonly Timed[]): number[] {
  return entries.map(({ at }) => at).sort((a, b) => a - b);
}
