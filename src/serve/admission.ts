/** Who may come in, and how often: keys with scopes, and a sliding window of requests per key. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { RtsyncError } from '../lib/errors.ts';
import { ApiError } from './answers.ts';
import type { Behaviour } from './behaviour.ts';
import { type KeyOption, type RateLimit, type Scope, TIERS } from './options.ts';

/** What a request needs. `any`: every valid key will do. */
export type Need = 'files:read' | 'files:write' | 'any';

export interface KeyRing {
  /** The name of the key that the request carries. Throws 401 and 403. */
  admit(headers: IncomingHttpHeaders, need: Need, accepted: Behaviour['auth']): string;
}

export function createKeyRing(keys: readonly KeyOption[], open: boolean): KeyRing {
  if (!open && keys.length === 0) {
    throw new RtsyncError(
      'usage',
      'The server needs at least one key, or must be opened to everybody on purpose.',
    );
  }
  const ring = keys.map((key, index) => ({
    digest: digestOf(key.key),
    name: key.name ?? `key ${index + 1}`,
    scopes: key.scopes ?? (['*'] as const),
  }));
  return {
    admit(headers, need, accepted) {
      const sent = sentKey(headers, accepted);
      const digest = sent === undefined ? undefined : digestOf(sent);
      const known =
        digest === undefined ? undefined : ring.find((key) => timingSafeEqual(key.digest, digest));
      if (open) return known?.name ?? 'open';
      if (known === undefined)
        throw new ApiError(401, 'unauthorized', 'The API key is missing or not valid.');
      if (!allows(known.scopes, need))
        throw new ApiError(403, 'forbidden', `The API key lacks the scope ${need}.`);
      return known.name;
    },
  };
}

function sentKey(headers: IncomingHttpHeaders, accepted: Behaviour['auth']): string | undefined {
  const own = headers['x-api-key'];
  if (accepted !== 'bearer' && typeof own === 'string') return own;
  if (accepted === 'x-api-key') return undefined;
  return /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
}

function allows(scopes: readonly Scope[], need: Need): boolean {
  return need === 'any' || scopes.includes('*') || scopes.includes('files:*') || scopes.includes(need);
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

export interface RateVerdict {
  readonly admitted: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds until the window has room for one more than now. */
  readonly resetInMs: number;
}

export interface RateLimiter {
  /** Counts one request; a refused one does not use up the window. Undefined when there is no limit. */
  take(key: string): RateVerdict | undefined;
}

export function createRateLimiter(
  rateLimit: RateLimit | undefined,
  windowMs: number,
  monotonic: () => number,
): RateLimiter {
  if (rateLimit === undefined) return { take: () => undefined };
  const limit = typeof rateLimit === 'number' ? rateLimit : TIERS[rateLimit];
  /** Admitted requests of the last window, oldest first. */
  const windows = new Map<string, number[]>();
  return {
    take(key) {
      const now = monotonic();
      const recent = (windows.get(key) ?? []).filter((at) => now - at < windowMs);
      windows.set(key, recent);
      const admitted = recent.length < limit;
      if (admitted) recent.push(now);
      const oldest = recent[0] ?? now;
      return { admitted, limit, remaining: limit - recent.length, resetInMs: oldest + windowMs - now };
    },
  };
}

/** The headers that tell the rate, as truthful as this server is. `now` in epoch milliseconds. */
export function rateHeaders(
  mode: Behaviour['rateHeaders'],
  verdict: RateVerdict,
  now: number,
): Record<string, string> {
  if (mode === 'none') return {};
  const reset = mode === 'lie' ? now : now + verdict.resetInMs;
  return {
    'x-ratelimit-limit': String(verdict.limit),
    'x-ratelimit-remaining': String(mode === 'lie' ? verdict.limit : verdict.remaining),
    'x-ratelimit-reset': String(Math.ceil(reset / 1000)),
  };
}
