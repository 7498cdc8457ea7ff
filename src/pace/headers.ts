/**
 * What an answer says about the rate, read with distrust: servers give the reset as epoch seconds, as seconds or
 * milliseconds from now, as epoch milliseconds or as an HTTP date, and some give nonsense, which counts as nothing.
 */
import type { Answered } from '../lib/gate.ts';

export interface RateFacts {
  /** Requests allowed in the server's window. */
  readonly limit?: number;
  readonly remaining?: number;
  /** Milliseconds until the server's window frees up; at most an hour. */
  readonly resetInMs?: number;
  /** Milliseconds of an explicit `Retry-After`. Not bounded: such a pause is never cut short. */
  readonly retryAfterMs?: number;
}

const HOUR = 3_600_000;
/** Plain numbers from here on can only be points in time. */
const EPOCH_SECONDS = 1e9;
const EPOCH_MILLISECONDS = 1e11;
/** Epoch seconds are rounded down by most servers: a second later is never too early. */
const ROUNDING_MS = 1000;

const EMPTY: RateFacts = {};

/**
 * `wallNow`: our clock, epoch milliseconds; used where the answer has no `date` of its own to compare with.
 * `steadyNow`: what it would be, had it not jumped since the start; the nearer of two sane answers is taken.
 */
export function rateFacts(headers: Answered['headers'], wallNow: number, steadyNow = wallNow): RateFacts {
  const limit = first(headers['x-ratelimit-limit'] ?? headers['ratelimit-limit']);
  const remaining = first(headers['x-ratelimit-remaining'] ?? headers['ratelimit-remaining']);
  const reset = first(headers['x-ratelimit-reset'] ?? headers['ratelimit-reset']);
  const retry = first(headers['retry-after']);
  if (limit === undefined && remaining === undefined && reset === undefined && retry === undefined)
    return EMPTY;
  const serverNow = Date.parse(first(headers.date) ?? '');
  // The later clock first: by it there is less to wait.
  const own = [wallNow, steadyNow].sort((a, b) => b - a);
  const nows = Number.isNaN(serverNow) ? own : [serverNow, ...own];
  const limitCount = count(limit);
  return {
    ...(limitCount !== undefined && limitCount >= 1 && { limit: limitCount }),
    ...optional('remaining', count(remaining)),
    ...optional('resetInMs', reset === undefined ? undefined : resetIn(reset, nows)),
    ...optional(
      'retryAfterMs',
      retry === undefined ? undefined : retryAfter(retry, Number.isNaN(serverNow) ? own : [serverNow]),
    ),
  };
}

function resetIn(text: string, nows: readonly number[]): number | undefined {
  const point = pointInTime(text);
  if (point !== undefined) {
    const waits = nows.map((now) => point - now);
    const sane = waits.find((wait) => wait > -ROUNDING_MS && wait <= HOUR);
    if (sane !== undefined) return Math.min(HOUR, Math.max(0, sane) + ROUNDING_MS);
    return waits.some((wait) => wait > HOUR) ? HOUR : undefined;
  }
  const value = number(text);
  if (value === undefined) return undefined;
  // More seconds than an hour has are milliseconds, unless they would be more than an hour as well.
  if (value <= 3600) return value * 1000;
  return Math.min(value, HOUR);
}

function retryAfter(text: string, nows: readonly number[]): number | undefined {
  const point = pointInTime(text);
  if (point !== undefined) {
    return nows.map((now) => point - now).find((wait) => wait >= 0) ?? 0;
  }
  const value = number(text);
  return value === undefined ? undefined : value * 1000;
}

function pointInTime(text: string): number | undefined {
  const value = number(text);
  if (value !== undefined) {
    if (value >= EPOCH_MILLISECONDS) return value;
    return value >= EPOCH_SECONDS ? value * 1000 : undefined;
  }
  // Date.parse takes "-5" and "12 monkeys" for dates; what we mean has a colon in its time of day.
  const date = text.includes(':') ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : date;
}

function number(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function count(text: string | undefined): number | undefined {
  // The IETF draft allows "100, 100;w=60": the first number is the one that counts.
  const digits = text === undefined ? undefined : /^\d{1,9}(?!\d)/.exec(text)?.[0];
  return digits === undefined ? undefined : Number(digits);
}

function first(value: string | string[] | undefined): string | undefined {
  return (Array.isArray(value) ? value[0] : value)?.trim();
}

function optional<K extends string>(key: K, value: number | undefined): { readonly [P in K]?: number } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: number };
}
