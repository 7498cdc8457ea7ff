/** A clock that only sleepers and tests move, the simplest gate, and a remote on a test server. */

import type { IgnoreRules } from '../../../src/core/ignore.ts';
import { type RemoteDir, type RemotePath, ROOT } from '../../../src/core/path.ts';
import type { RemoteStamp } from '../../../src/core/tree.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { RtsyncError } from '../../../src/lib/errors.ts';
import { type Gate, type RequestTicket, Stale } from '../../../src/lib/gate.ts';
import { createHttp, type Http } from '../../../src/remote/http.ts';
import type { Outcome, Read, Remote, Removal, Write, Written } from '../../../src/remote/remote.ts';
import {
  createStorageClient,
  type StorageClient,
  type StorageOptions,
} from '../../../src/remote/runtools/client.ts';
import { createRunToolsRemote, type RunToolsRemoteOptions } from '../../../src/remote/runtools/remote.ts';
import type { Traits } from '../../../src/remote/traits.ts';
import type { TestServer } from '../../support/server.ts';

export interface HandClock extends Clock {
  pass(ms: number): void;
}

/** Whoever sleeps moves it. */
export function handClock(start = Date.UTC(2026, 0, 5, 12)): HandClock {
  let elapsed = 0;
  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      elapsed += ms;
    },
    pass: (ms) => {
      elapsed += ms;
    },
  };
}

export interface TestGate extends Gate {
  readonly tickets: readonly RequestTicket[];
  readonly full: readonly boolean[];
}

/** Lets everything through at once and sends again after a 429. */
export function openGate(): TestGate {
  const tickets: RequestTicket[] = [];
  const full: boolean[] = [];
  return {
    tickets,
    full,
    run: async (ticket, send, signal) => {
      for (;;) {
        signal?.throwIfAborted();
        if (ticket.still?.({ turnMs: 0, openMs: Number.POSITIVE_INFINITY }) === false) throw new Stale();
        tickets.push(ticket);
        const answer = await send(signal ?? new AbortController().signal);
        if (answer.status !== 429) return answer;
      }
    },
    storageFull: (now) => full.push(now),
    get storageIsFull() {
      return full.at(-1) ?? false;
    },
    limitPerMinute: undefined,
    get counts() {
      const byLabel: Record<string, number> = {};
      for (const { label } of tickets) byLabel[label] = (byLabel[label] ?? 0) + 1;
      return { total: tickets.length, byLabel, limited: 0 };
    },
  };
}

export const carefulTraits: Traits = {
  version: 1,
  probedAt: 0,
  depth: 'full',
  auth: 'x-api-key',
  takenUpload: 'overwrite',
  takenMove: 'overwrite',
  dotFiles: 'listed',
  dateGrain: 1,
  datesFollowClock: true,
  pathEncoding: 'segments',
  missingFolder: 'not-found',
  uploadMakesParents: false,
  moveKeepsDate: true,
  rateHeaders: false,
  growingUploads: true,
};

export interface Bench {
  readonly clock: HandClock;
  readonly gate: TestGate;
  readonly http: Http;
  readonly client: StorageClient;
  readonly contradictions: string[];
  remote(traits: Partial<Traits>, options?: Partial<RunToolsRemoteOptions>): Remote;
  close(): Promise<void>;
}

export function bench(server: TestServer, clock: HandClock, options: Partial<StorageOptions> = {}): Bench {
  const [gate, http] = [openGate(), createHttp()];
  const contradictions: string[] = [];
  const client = createStorageClient({
    http,
    gate,
    clock,
    origin: server.origin,
    key: server.key,
    workspaceId: server.workspaceId,
    ...options,
  });
  return {
    clock,
    gate,
    http,
    client,
    contradictions,
    remote: (traits, more = {}) =>
      createRunToolsRemote({
        client,
        clock,
        traits: { ...carefulTraits, ...traits },
        root: ROOT,
        folder: '/here',
        onContradiction: (what) => contradictions.push(what),
        ...more,
      }),
    close: () => http.close(),
  };
}

export const noRules: IgnoreRules = {
  ignores: () => false,
  explain: () => undefined,
  withFile: () => noRules,
  fingerprint: 'none',
};

export const at = (path: string): RemotePath => path as RemotePath;
export const dirAt = (path: string): RemoteDir => path as RemoteDir;

/** Writes texts; gives the outcomes by path. */
export async function writeAll(
  remote: Remote,
  dir: string,
  files: Readonly<Record<string, { readonly text: string; readonly expect?: RemoteStamp }>>,
  signal?: AbortSignal,
): Promise<Record<string, Outcome<Written>>> {
  const outcomes: Record<string, Outcome<Written>> = {};
  const writes = Object.entries(files).map(([name, { text, expect }]): Write => {
    const path = at(dir === '' ? name : `${dir}/${name}`);
    const body = Buffer.from(text);
    return {
      path,
      expect,
      size: body.length,
      open: async () => ({ size: body.length, body: () => body }),
      done: async (outcome) => {
        if (outcomes[name] !== undefined) throw new Error(`${name} was told twice`);
        outcomes[name] = outcome;
      },
    };
  });
  await remote.write(dirAt(dir), writes, signal);
  return outcomes;
}

export async function readAll(
  remote: Remote,
  dir: string,
  files: Readonly<Record<string, RemoteStamp>>,
  signal?: AbortSignal,
): Promise<{
  readonly texts: Record<string, string>;
  readonly outcomes: Record<string, Outcome<RemoteStamp>>;
}> {
  const texts: Record<string, string> = {};
  const outcomes: Record<string, Outcome<RemoteStamp>> = {};
  const reads = Object.entries(files).map(
    ([name, expect]): Read => ({
      path: at(dir === '' ? name : `${dir}/${name}`),
      expect,
      receive: async (body) => {
        const parts: Uint8Array[] = [];
        for await (const part of body) parts.push(part);
        texts[name] = Buffer.concat(parts).toString();
        return { size: Buffer.concat(parts).length };
      },
      done: async (outcome) => {
        outcomes[name] = outcome;
      },
    }),
  );
  await remote.read(dirAt(dir), reads, signal);
  return { texts, outcomes };
}

export async function removeAll(
  remote: Remote,
  removals: Readonly<Record<string, Removal['expect']>>,
  signal?: AbortSignal,
): Promise<Record<string, Outcome<undefined>>> {
  const outcomes: Record<string, Outcome<undefined>> = {};
  await remote.remove(
    Object.entries(removals).map(([path, expect]) => ({
      path: at(path),
      expect,
      done: async (outcome) => {
        outcomes[path] = outcome;
      },
    })),
    signal,
  );
  return outcomes;
}

/** `ok`, or the error's code. */
export function codes(outcomes: Readonly<Record<string, Outcome<unknown>>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(outcomes).map(([path, outcome]) => [path, outcome.ok ? 'ok' : outcome.error.code]),
  );
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'ok';
  } catch (error) {
    return error instanceof RtsyncError ? error.code : `thrown: ${error}`;
  }
}
