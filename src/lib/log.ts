/**
 * The log: what happened, for people and machines, on stderr; results never come here. Whatever is logged, secrets are
 * taken out of the finished line, so that no caller has to think of it.
 */
import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import pino from 'pino';
import type { PrettyOptions } from 'pino-pretty';
import { RtsyncError } from './errors.ts';

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type Log = pino.Logger;

export interface LogOptions {
  readonly level: LogLevel;
  /** Lines for people; JSON otherwise. */
  readonly pretty: boolean;
  readonly color?: boolean;
  readonly write: (text: string) => void;
}

const HIDDEN = '[hidden]';
const SECRET_KEYS = [
  'authorization',
  'apiKey',
  'api_key',
  'accessToken',
  'token',
  '"x-api-key"',
  '"X-API-Key"',
  'Authorization',
];

export function createLog(options: LogOptions): Log {
  const sink = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      options.write(scrub(String(chunk)));
      done();
    },
  });
  const destination = options.pretty
    ? prettyStream({
        sync: true,
        colorize: options.color ?? false,
        ignore: 'pid,hostname',
        translateTime: 'SYS:HH:MM:ss',
        destination: sink,
      })
    : sink;
  return pino(
    {
      level: options.level,
      base: null,
      serializers: { err: describeError, error: describeError },
      redact: { paths: SECRET_KEYS.flatMap(atAnyDepth), censor: HIDDEN },
    },
    destination,
  );
}

/** Loaded on a terminal alone: a service has no use for it. */
function prettyStream(options: PrettyOptions): Writable {
  const pretty = createRequire(import.meta.url)('pino-pretty') as (options: PrettyOptions) => Writable;
  return pretty(options);
}

/** A log that says nothing; for tests and for parts that nobody listens to. */
export function silentLog(): Log {
  return createLog({ level: 'silent', pretty: false, write: () => undefined });
}

const known = new Set<string>();

/** From now on this very text is hidden wherever it turns up. Called with every key as soon as it is read. */
export function hideSecret(secret: string): void {
  // A short text would blot out innocent words.
  if (secret.length >= 6) known.add(secret);
}

/** The same text without keys, tokens and signatures. */
export function scrub(text: string): string {
  let clean = text;
  for (const secret of known) clean = clean.replaceAll(secret, HIDDEN);
  return clean
    .replace(/\brt_(live|test)_[\w-]+/g, `rt_$1_${HIDDEN}`)
    .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${HIDDEN}`)
    .replace(/(x-api-key["']?\s*[:=]\s*["']?)[^\s"',&}]+/gi, `$1${HIDDEN}`)
    .replace(SIGNED_QUERY, `$1${HIDDEN}`)
    .replace(/(\w+:\/\/)[^/\s:@]+:[^/\s@]+@/g, `$1${HIDDEN}@`);
}

/** Query parameters that open a door by themselves, as the clouds name them. */
const SIGNED_QUERY =
  /([?&](?:x-(?:amz|goog)-(?:signature|credential|security-token)|signature|sig|token|access_token|api_?key|awsaccesskeyid|googleaccessid|key-pair-id|policy)=)[^&\s"'#\\]+/gi;

function describeError(error: unknown): unknown {
  if (!(error instanceof RtsyncError)) return error instanceof Error ? pino.stdSerializers.err(error) : error;
  const { code, message, path, status, requestId, cause } = error;
  const because = cause instanceof Error ? cause.message : undefined;
  return { code, message, path, status, requestId, cause: because };
}

function atAnyDepth(key: string): string[] {
  const step = key.startsWith('"') ? `[${key}]` : `.${key}`;
  const bare = key.startsWith('"') ? `[${key}]` : key;
  return [bare, `*${step}`, `*.*${step}`];
}
