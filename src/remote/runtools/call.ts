/**
 * One request of the RunTools services with everything that each of them needs: the gate, the key, the choice between
 * the two ways to send it, retries of what only reads, and errors in our own words. It knows no endpoint.
 */
import type { Readable } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import { type Answered, type Gate, type RequestTicket, Stale } from '../../lib/gate.ts';
import { type Asked, badAnswer, looksLikeHtml, lostAnswer, refusal } from '../errors.ts';
import type { Http, HttpAnswer, Method } from '../http.ts';
import { createServerClock, HEADER_GRAIN } from './server-clock.ts';
import { WireFault } from './wire.ts';

export type AuthStyle = 'x-api-key' | 'bearer';

export interface CallerOptions {
  readonly http: Http;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly origin: string;
  readonly key: string;
  /** How the key is sent first; the other way is tried once when it is refused. */
  readonly auth?: AuthStyle;
  /** Keeps to `auth`. */
  readonly authFixed?: boolean;
}

export interface Call {
  readonly method: Method;
  readonly path: string;
  readonly what: string;
  readonly ticket: RequestTicket;
  readonly json?: unknown;
  /** Made afresh for each attempt. */
  readonly body?: () => {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Buffer | Readable;
  };
  readonly headers?: Readonly<Record<string, string>>;
  /** Takes the bytes of a success instead of its text. */
  readonly receive?: (bytes: AsyncIterable<Uint8Array>, answer: Answered) => Promise<void>;
  /** Tries after the first, for what only reads. */
  readonly retries?: number;
  readonly signal?: AbortSignal | undefined;
  /**
   * Told, at its end, of each sending that may have been carried out: when the gate had let it go (monotonic
   * milliseconds). Nothing is done of what a 401 or a 429 answers.
   */
  readonly onSent?: ((sentAt: number) => void) | undefined;
}

export interface Reply {
  readonly text: string;
  readonly headers: Answered['headers'];
  /** Monotonic times. */
  readonly sentAt: number;
  readonly answeredAt: number;
  /** The server's clock in epoch milliseconds, from the `Date` header. */
  readonly serverDate: number | undefined;
}

export interface Caller {
  send(call: Call): Promise<Reply>;
  /** Sends, and reads the answer with `decode`; an answer that makes no sense is retried like a failure. */
  ask<T>(call: Call, decode: (json: unknown, reply: Reply) => T): Promise<T>;
  readonly clockOffsetMs: number | undefined;
  /** How the key was last accepted. */
  readonly auth: AuthStyle;
  /** Whether any answer told its rate. */
  readonly rateHeaders: boolean;
}

interface Attempt extends Answered, Reply {}

const BACKOFF_MS = [400, 1600];

export function createCaller(options: CallerOptions): Caller {
  const { gate, clock } = options;
  const seen: { auth: AuthStyle; settled: boolean; rate: boolean; readonly allowed: Set<string> } = {
    auth: options.auth ?? 'x-api-key',
    settled: options.authFixed ?? false,
    rate: false,
    allowed: new Set(),
  };
  const serverClock = createServerClock();

  const once = async (call: Call, auth: AuthStyle): Promise<Attempt> => {
    try {
      return await gate.run(call.ticket, (signal) => exchange(options, call, auth, signal), call.signal);
    } catch (error) {
      if (error instanceof Stale) throw error;
      throw lostAnswer(askedOf(call), error, call.signal);
    }
  };

  const send = async (call: Call): Promise<Reply> => {
    let auth = seen.auth;
    let attempt = await once(call, auth);
    if (attempt.status === 401 && !seen.settled) {
      auth = auth === 'bearer' ? 'x-api-key' : 'bearer';
      const second = await once(call, auth);
      if (second.status !== 401) attempt = second;
    }
    if (attempt.status !== 401) Object.assign(seen, { auth, settled: true });
    if (attempt.serverDate !== undefined) serverClock.saw(attempt.serverDate, attempt.answeredAt);
    if (attempt.headers['x-ratelimit-remaining'] !== undefined) seen.rate = true;
    if (attempt.status >= 200 && attempt.status < 300) {
      // What stands before the server answers so too; whether the deed was done, nobody knows.
      if (looksLikeHtml(attempt.text)) throw badAnswer(askedOf(call), 'it is a web page');
      seen.allowed.add(kindOf(call));
      return attempt;
    }
    // Only a file's content makes a proxy refuse one path; the refusal of anything else is about the key.
    const { label } = call.ticket;
    const allowedBefore = (label === 'upload' || label === 'download') && seen.allowed.has(kindOf(call));
    const error = refusal(
      { ...askedOf(call), allowedBefore },
      attempt.status,
      scrub(attempt.text, options.key),
    );
    if (error.code === 'storage-full') gate.storageFull(true);
    throw error;
  };

  return {
    send: (call) => retrying(clock, call, () => send(call)),
    ask: (call, decode) =>
      retrying(clock, call, async () => {
        const reply = await send(call);
        return decodeReply(call, reply, decode);
      }),
    get clockOffsetMs() {
      const now = serverClock.at(clock.monotonic());
      return now === undefined ? undefined : now + HEADER_GRAIN / 2 - clock.now();
    },
    get auth() {
      return seen.auth;
    },
    get rateHeaders() {
      return seen.rate;
    },
  };
}

/** Repeats what only reads. */
async function retrying<T>(clock: Clock, call: Call, run: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await run();
    } catch (error) {
      const again = isCode(error, 'network', 'server-error', 'bad-answer') && tries < (call.retries ?? 0);
      if (!again) throw error;
      await pause(clock, BACKOFF_MS[tries] ?? 1600, call);
    }
  }
}

/** One exchange while the gate is open for it. */
async function exchange(
  options: CallerOptions,
  call: Call,
  auth: AuthStyle,
  signal: AbortSignal,
): Promise<Attempt> {
  const { http, clock, key } = options;
  const content = call.body?.() ?? jsonBody(call.json);
  const sentAt = clock.monotonic();
  let answer: HttpAnswer;
  try {
    answer = await http.send({
      origin: options.origin,
      method: call.method,
      path: call.path,
      headers: {
        accept: 'application/json, */*;q=0.5',
        ...(auth === 'bearer' ? { authorization: `Bearer ${key}` } : { 'x-api-key': key }),
        ...content?.headers,
        ...call.headers,
      },
      ...(content === undefined ? {} : { body: content.body }),
      signal,
    });
  } catch (error) {
    call.onSent?.(sentAt);
    if (content !== undefined && !Buffer.isBuffer(content.body)) content.body.destroy();
    throw error;
  }
  if (answer.status !== 401 && answer.status !== 429) call.onSent?.(sentAt);
  const date = Date.parse(String(answer.headers.date ?? ''));
  const ok = answer.status >= 200 && answer.status < 300;
  let text = '';
  if (ok && call.receive !== undefined)
    await call.receive(networkBytes(call, answer.bytes(), signal), answer);
  else text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    sentAt,
    answeredAt: clock.monotonic(),
    serverDate: Number.isNaN(date) ? undefined : date,
  };
}

/** A body whose failures are already in our words, so that they can be told from those of whoever writes it down. */
async function* networkBytes(
  call: Call,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  try {
    for (;;) {
      let next: IteratorResult<Uint8Array>;
      try {
        next = await source.next();
      } catch (error) {
        throw lostAnswer(askedOf(call), error, signal);
      }
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await source.return?.();
  }
}

function decodeReply<T>(call: Call, reply: Reply, decode: (json: unknown, reply: Reply) => T): T {
  let json: unknown;
  try {
    json = reply.text.trim() === '' ? undefined : JSON.parse(reply.text);
  } catch {
    throw badAnswer(askedOf(call), 'it is not JSON');
  }
  try {
    return decode(json, reply);
  } catch (error) {
    if (error instanceof WireFault) throw badAnswer(askedOf(call), error.message);
    throw error;
  }
}

function jsonBody(json: unknown): { headers: Record<string, string>; body: Buffer } | undefined {
  if (json === undefined) return undefined;
  const body = Buffer.from(JSON.stringify(json));
  return { headers: { 'content-type': 'application/json', 'content-length': String(body.length) }, body };
}

function askedOf(call: Call): Asked {
  return {
    method: call.method,
    what: call.what,
    growth: call.ticket.growth,
    upload: call.ticket.label === 'upload',
  };
}

/** The same for the uploads of the probe, which have another label. */
function kindOf(call: Call): string {
  if (call.body !== undefined) return 'upload';
  return call.receive === undefined ? call.ticket.label : 'download';
}

async function pause(clock: Clock, ms: number, call: Call): Promise<void> {
  try {
    await clock.sleep(ms, call.signal);
  } catch (error) {
    throw lostAnswer(askedOf(call), error, call.signal);
  }
}

/** A server may quote the key that it refuses. */
function scrub(text: string, key: string): string {
  return key === '' ? text : text.replaceAll(key, '***');
}

/** The same refusal for a key that cannot be sent at all. */
export function checkedKey(key: string): string {
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new RtsyncError('key-missing', 'the API key is empty or holds characters that no key has');
  return key;
}
