/**
 * HTTP and nothing more: a pool of connections per origin, timeouts, no redirects. It knows no endpoint, no key and no
 * pace; the only file that knows undici.
 */
import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import type { Pool } from 'undici';
import { RtsyncError } from '../lib/errors.ts';
import type { Answered } from '../lib/gate.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HttpRequest {
  readonly origin: string;
  readonly method: Method;
  /** Path and query, percent-encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | Readable;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer extends Answered {
  /** Must be consumed in one of these ways, once. */
  text(): Promise<string>;
  bytes(): AsyncIterable<Uint8Array>;
}

export interface Http {
  /** Resolves with any answer whose head arrived; rejects with what the network gave. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

export interface HttpOptions {
  readonly connections?: number;
  readonly connectTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  readonly bodyTimeoutMs?: number;
}

export function createHttp(options: HttpOptions = {}): Http {
  const PoolOfConnections = loadPool();
  const pools = new Map<string, Pool>();
  const poolOf = (origin: string): Pool => {
    let pool = pools.get(origin);
    if (pool === undefined) {
      pool = new PoolOfConnections(origin, {
        connections: options.connections ?? 32,
        connect: { timeout: options.connectTimeoutMs ?? 15_000 },
        headersTimeout: options.headersTimeoutMs ?? 120_000,
        bodyTimeout: options.bodyTimeoutMs ?? 60_000,
      });
      pools.set(origin, pool);
    }
    return pool;
  };
  return {
    send: async (request) => {
      const { statusCode, headers, body } = await poolOf(request.origin).request({
        method: request.method,
        path: request.path,
        headers: request.headers,
        ...(request.body === undefined ? {} : { body: request.body }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      return { status: statusCode, headers, text: () => body.text(), bytes: () => body };
    },
    close: async () => {
      const all = [...pools.values()];
      pools.clear();
      await Promise.all(all.map((pool) => pool.destroy()));
    },
  };
}

/**
 * The pool without the rest of its package: a browser's fetch, caches and mocks, 15 MB that nobody here needs. The index
 * of the package gives its dispatchers their `request`. Where a version keeps things elsewhere, the whole will do.
 */
function loadPool(): typeof Pool {
  const require = createRequire(import.meta.url);
  try {
    const { request } = require('undici/lib/api/index.js') as Pick<Pool, 'request'>;
    const Bare = require('undici/lib/dispatcher/pool.js') as typeof Pool;
    Bare.prototype.request ??= request;
    if (typeof Bare.prototype.request === 'function') return Bare;
  } catch {}
  return (require('undici') as { readonly Pool: typeof Pool }).Pool;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Reads a configured service address, with or without `/v1`. Plain http goes to this machine only: the key travels in it. */
export function parseOrigin(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new RtsyncError('config', `the service address ${JSON.stringify(text)} is not a URL`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new RtsyncError('config', 'a service address must not hold a user name or a password');
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.test(url.hostname))) {
    throw new RtsyncError(
      'config',
      `the service address ${url.origin} must begin with https:// (http:// is for this machine only)`,
    );
  }
  if (!/^\/*(v1\/*)?$/.test(url.pathname) || url.search !== '' || url.hash !== '') {
    throw new RtsyncError(
      'config',
      `the service address ${url.origin} must have no path after it, but for /v1`,
    );
  }
  return url.origin;
}
