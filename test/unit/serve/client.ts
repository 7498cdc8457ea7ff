/** A bare client for these tests: sends what it is told, byte for byte, and never asks again. */
import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import type { Clock } from '../../../src/lib/clock.ts';
import type { TestServer } from '../../support/server.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** The body as JSON, or as text where it is none. */
  readonly body: unknown;
}

export interface Ask {
  /** Below the workspace, such as `/files`; or from the root when `at` is given. */
  readonly path: string;
  readonly json?: unknown;
  readonly raw?: Buffer | string;
  readonly headers?: Record<string, string>;
  /** Instead of `/v1/workspaces/{id}`. */
  readonly at?: string;
}

export interface TestClient {
  get(path: string): Promise<Answer>;
  post(path: string, json: unknown): Promise<Answer>;
  put(path: string, json: unknown): Promise<Answer>;
  remove(...ids: string[]): Promise<Answer>;
  upload(path: string, fields: readonly Field[]): Promise<Answer>;
  ask(method: string, ask: Ask): Promise<Answer>;
  /** The names in a folder, hidden ones included. */
  names(path?: string): Promise<string[]>;
}

/** One part of a form: `file` has a filename, `name` has none. */
export type Field = { readonly name: string } | { readonly file: string | Buffer; readonly as?: string };

/** Without an agent each request has a connection of its own. */
export function clientOf(server: TestServer, agent?: Agent): TestClient {
  const base = `/v1/workspaces/${server.workspaceId}`;
  const ask = (method: string, wanted: Ask): Promise<Answer> => {
    const body = wanted.json === undefined ? wanted.raw : JSON.stringify(wanted.json);
    const headers: Record<string, string> = { 'x-api-key': server.key, ...wanted.headers };
    if (wanted.json !== undefined) headers['content-type'] = 'application/json';
    if (body !== undefined && headers['transfer-encoding'] === undefined) {
      headers['content-length'] = String(Buffer.byteLength(body));
    }
    return send(server.origin, { method, path: (wanted.at ?? base) + wanted.path, headers, body, agent });
  };
  return {
    ask,
    get: (path) => ask('GET', { path }),
    post: (path, json) => ask('POST', { path, json }),
    put: (path, json) => ask('PUT', { path, json }),
    remove: (...ids) => ask('DELETE', { path: '/files', json: { ids } }),
    upload: (path, fields) => ask('POST', { path, ...form(fields) }),
    async names(path = '') {
      const { body } = await ask('GET', { path: `/files${path}?showHidden=true` });
      return (body as { value: string }[]).map((row) => row.value);
    },
  };
}

const BOUNDARY = 'frame-of-the-test';

function form(fields: readonly Field[]): Pick<Ask, 'raw' | 'headers'> {
  const chunks = fields.map((field) => {
    const head =
      'name' in field
        ? 'form-data; name="name"'
        : `form-data; name="file"; filename="${field.as ?? 'blob'}"\r\nContent-Type: application/octet-stream`;
    const content = 'name' in field ? field.name : field.file;
    const start = `--${BOUNDARY}\r\nContent-Disposition: ${head}\r\n\r\n`;
    return Buffer.concat([Buffer.from(start), Buffer.from(content), Buffer.from('\r\n')]);
  });
  return {
    raw: Buffer.concat([...chunks, Buffer.from(`--${BOUNDARY}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
  };
}

interface Sending {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | string | undefined;
  readonly agent: Agent | undefined;
}

/** Rejects when the connection breaks before the answer is whole. */
function send(origin: string, { method, path, headers, body, agent }: Sending): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const outgoing = request({ hostname, port, method, path, headers, agent: agent ?? false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, bytes, body: parse(bytes) });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return bytes.toString();
  }
}

export interface ManualClock extends Clock {
  advance(ms: number): void;
  readonly slept: readonly number[];
}

/** Starts at a date of its own; sleeping moves it. */
export function manualClock(start = Date.UTC(2030, 0, 2, 3, 4, 5, 678)): ManualClock {
  let ms = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => start + ms,
    monotonic: () => ms,
    async sleep(duration) {
      slept.push(duration);
      ms += duration;
    },
    advance(duration) {
      ms += duration;
    },
  };
}
