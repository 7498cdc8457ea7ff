/**
 * Every failure that rtsync foresees, in one table: what it is called, what the engine does about it, and how the
 * process ends when it cannot go on. An error that is not an `RtsyncError` is a bug.
 */

/**
 * `retry`: soon, by itself. `later`: when a gate opens or after a pause. `hold`: this path waits until it changes.
 * `blocked`: as `hold`, until a person clears the way; nothing tells when that is done, so it is tried now and then.
 * `replan`: the world moved on, look again. `halt`: a person must decide. `fix`: the user must change something.
 * `bug`: ours.
 */
export type Disposition = 'retry' | 'later' | 'hold' | 'blocked' | 'replan' | 'halt' | 'fix' | 'bug';

/** Process exit codes; README has the same table. */
export const EXIT = {
  done: 0,
  bug: 1,
  usage: 2,
  halted: 3,
  remaining: 4,
  later: 75,
  refused: 77,
  config: 78,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const TABLE = {
  // the command line and the configuration
  usage: ['fix', EXIT.usage],
  config: ['fix', EXIT.config],
  'no-folder': ['fix', EXIT.config],
  'no-workspace': ['fix', EXIT.config],
  'pair-overlap': ['fix', EXIT.config],
  'state-mismatch': ['fix', EXIT.config],
  'state-newer': ['fix', EXIT.config],
  locked: ['later', EXIT.later],
  // a person must decide
  halted: ['halt', EXIT.halted],
  // the server
  'key-missing': ['fix', EXIT.refused],
  'key-refused': ['fix', EXIT.refused],
  forbidden: ['fix', EXIT.refused],
  'rate-limited': ['later', EXIT.later],
  'storage-full': ['later', EXIT.later],
  // nothing was sent: each time a turn came, the look that the deed relies on was too old
  'too-late': ['retry', EXIT.later],
  network: ['retry', EXIT.later],
  'server-error': ['retry', EXIT.later],
  'bad-answer': ['retry', EXIT.later],
  'not-found': ['replan', EXIT.later],
  taken: ['replan', EXIT.later],
  'bad-request': ['hold', EXIT.remaining],
  'too-large': ['hold', EXIT.remaining],
  'unsupported-name': ['hold', EXIT.remaining],
  'in-the-way': ['blocked', EXIT.remaining],
  // expectations
  changed: ['replan', EXIT.later],
  changing: ['retry', EXIT.remaining],
  // called back before it was sent, because something more urgent came up
  superseded: ['replan', EXIT.later],
  // the local disk
  'disk-full': ['later', EXIT.later],
  unreadable: ['hold', EXIT.remaining],
  'local-io': ['retry', EXIT.remaining],
  // ours
  stopped: ['later', EXIT.later],
  bug: ['bug', EXIT.bug],
} as const satisfies Record<string, readonly [Disposition, ExitCode]>;

export type ErrorCode = keyof typeof TABLE;

export interface ErrorDetails {
  /** One plain sentence: what, which path or key, what to do. Never a secret. */
  readonly message: string;
  readonly path?: string;
  /** HTTP status, where there was one. */
  readonly status?: number;
  /** The server's own name for the request. */
  readonly requestId?: string;
  /** True when the server may have done the deed although no answer came. */
  readonly ambiguous?: boolean;
  readonly cause?: unknown;
}

export class RtsyncError extends Error {
  override readonly name = 'RtsyncError';
  readonly code: ErrorCode;
  readonly path: string | undefined;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly ambiguous: boolean;

  constructor(code: ErrorCode, details: ErrorDetails | string) {
    const all: ErrorDetails = typeof details === 'string' ? { message: details } : details;
    super(all.message, all.cause === undefined ? undefined : { cause: all.cause });
    this.code = code;
    this.path = all.path;
    this.status = all.status;
    this.requestId = all.requestId;
    this.ambiguous = all.ambiguous ?? false;
  }

  get disposition(): Disposition {
    return TABLE[this.code][0];
  }

  get exitCode(): ExitCode {
    return TABLE[this.code][1];
  }
}

/** Anything thrown, as an RtsyncError; what we did not foresee becomes a `bug`. */
export function asRtsyncError(thrown: unknown): RtsyncError {
  if (thrown instanceof RtsyncError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new RtsyncError('bug', { message, cause: thrown });
}

export function isCode(thrown: unknown, ...codes: readonly ErrorCode[]): thrown is RtsyncError {
  return thrown instanceof RtsyncError && codes.includes(thrown.code);
}
