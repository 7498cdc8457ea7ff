/**
 * Turns whatever a server or the network answered into an `RtsyncError`. Error bodies come as `{error: {code, message}}`,
 * as `{error: "text"}`, as plain text or as HTML, with any status; here they all become one code and one sentence.
 */
import { z } from 'zod';
import { type ErrorCode, RtsyncError } from '../lib/errors.ts';

/** What was asked, for the sentence that the user reads and for judging what may have happened. */
export interface Asked {
  readonly method: string;
  /** Such as `list of "/docs"`. */
  readonly what: string;
  /** True when the request makes the store larger. */
  readonly growth: boolean;
  /** True when it carries a file. */
  readonly upload: boolean;
  /** True when the key was allowed the same kind of thing before: a 403 is then about this one alone. */
  readonly allowedBefore?: boolean;
}

export interface ErrorBody {
  readonly code?: string;
  readonly message?: string;
  readonly requestId?: string;
}

const wrapped = z.object({
  error: z.union([
    z.string(),
    z.looseObject({
      code: z.coerce.string().optional(),
      message: z.string().optional(),
      requestId: z.string().optional(),
    }),
  ]),
});
const flat = z.looseObject({ code: z.coerce.string().optional(), message: z.string() });

/** The message inside an error's body, at most 200 characters on one line. */
export function readErrorBody(text: string): ErrorBody {
  const json = tryJson(text);
  const found = wrapped.safeParse(json);
  if (found.success) {
    const { error } = found.data;
    if (typeof error === 'string') return { message: brief(error) };
    return {
      ...(error.code === undefined ? {} : { code: brief(error.code) }),
      ...(error.message === undefined ? {} : { message: brief(error.message) }),
      ...(error.requestId === undefined ? {} : { requestId: brief(error.requestId) }),
    };
  }
  const plain = flat.safeParse(json);
  if (plain.success) return { message: brief(plain.data.message) };
  return json === undefined && !looksLikeHtml(text) && text.trim() !== '' ? { message: brief(text) } : {};
}

/** The error for an answer that is not a success. */
export function refusal(asked: Asked, status: number, text: string): RtsyncError {
  const body = readErrorBody(text);
  const code = codeOf(asked, status, `${body.code ?? ''} ${body.message ?? ''}`);
  const said = body.message === undefined ? '' : `: ${body.message}`;
  return new RtsyncError(code, {
    message: `${opening(code, status)} (${asked.what}, HTTP ${status}${said})`,
    status,
    ...(body.requestId === undefined ? {} : { requestId: body.requestId }),
    ambiguous: code === 'server-error' && asked.method !== 'GET',
  });
}

/** The error for an answer with a good status that we cannot make sense of. */
export function badAnswer(asked: Asked, why: string): RtsyncError {
  return new RtsyncError('bad-answer', {
    message: `the server's answer makes no sense (${asked.what}): ${why}`,
    ambiguous: asked.method !== 'GET',
  });
}

/** Codes of failures that come before the first byte of a request is sent. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** The error for a request without a (whole) answer. Errors that are ours already pass unchanged. */
export function lostAnswer(asked: Asked, cause: unknown, signal?: AbortSignal): RtsyncError {
  if (cause instanceof RtsyncError) return cause;
  if (signal?.aborted === true) {
    return signal.reason instanceof RtsyncError
      ? signal.reason
      : new RtsyncError('stopped', { message: `stopped before it was done (${asked.what})`, cause });
  }
  const code = causeCode(cause);
  if (code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH') {
    return new RtsyncError('changed', {
      message: `the file changed while it was sent (${asked.what})`,
      cause,
    });
  }
  const neverSent =
    code !== undefined && (NEVER_SENT.has(code) || code.includes('CERT') || code.startsWith('ERR_TLS'));
  return new RtsyncError('network', {
    message: `no whole answer from the server (${asked.what}${code === undefined ? '' : `, ${code}`})`,
    ambiguous: asked.method !== 'GET' && !neverSent,
    cause,
  });
}

function codeOf(asked: Asked, status: number, message: string): ErrorCode {
  if (status === 401) return 'key-refused';
  if (status === 404) return 'not-found';
  if (status === 409) return 'taken';
  if (status === 429) return 'rate-limited';
  if (asked.growth) {
    if (status === 402 || status === 507 || speaksOfFull(message, status)) return 'storage-full';
    if (status === 413) return asked.upload ? 'too-large' : 'storage-full';
  }
  if (status === 403) return asked.allowedBefore === true ? 'bad-request' : 'forbidden';
  if (status >= 500) return 'server-error';
  if (status >= 400) return 'bad-request';
  return 'bad-answer';
}

/** "Storage" alone is enough in a refusal; a server's own failure may speak of its storage and mean something else. */
function speaksOfFull(message: string, status: number): boolean {
  if (
    /quota|(storage|space|disk)\W+(\w+\W+)?(full|limit|exceeded|exhausted)|(insufficient|no|out of|not enough)\W+(storage|space)|storage_(full|limit|exceeded)/i.test(
      message,
    )
  ) {
    return true;
  }
  return status >= 400 && status < 500 && status !== 403 && /storage/i.test(message);
}

function opening(code: ErrorCode, status: number): string {
  switch (code) {
    case 'key-refused':
      return 'the server refuses the key';
    case 'forbidden':
      return 'the key is not allowed to do this';
    case 'not-found':
      return 'the server does not find it';
    case 'taken':
      return 'the server says that the name is taken or in use';
    case 'too-large':
      return 'the file is larger than the server takes';
    case 'storage-full':
      return 'the storage is full';
    case 'rate-limited':
      return 'the server asks for a pause';
    case 'server-error':
      return 'the server failed';
    default:
      return status === 403
        ? 'the server, or a proxy before it, refuses this one file, though the key may do such things'
        : 'the server refuses the request';
  }
}

function causeCode(cause: unknown): string | undefined {
  let at = cause;
  for (let depth = 0; depth < 4 && at instanceof Error; depth += 1) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    at = at.cause;
  }
  return undefined;
}

export function looksLikeHtml(text: string): boolean {
  return /^\s*</.test(text);
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function brief(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
