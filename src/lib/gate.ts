/**
 * The one door to the server: every HTTP request of a key passes a `Gate`, which decides when it may start and learns
 * from the answer. `pace/` builds it, `remote/` passes through it, neither knows the other.
 */

/** `control`: a few requests that must not wait behind others. `metadata`: lists, moves, deletes. `transfer`: file bytes. */
export type Lane = 'control' | 'metadata' | 'transfer';

export interface RequestTicket {
  readonly lane: Lane;
  /**
   * What it is, for counting: `list`, `upload`, `download`, `makeFolder`, `move`, `copy`, `remove`, `info`, `probe`,
   * `workspace`.
   */
  readonly label: string;
  /** True when it makes the store larger: held while the store is full. */
  readonly growth: boolean;
  /** Higher goes first, within its class and share. 0 is the usual one. */
  readonly priority?: number;
  /** An edit that a person waits for: goes before all but control, and may use what others must leave in reserve. */
  readonly urgent?: boolean;
  /** A list of the background look. It takes turns with bulk, which is what is neither urgent nor discovery. */
  readonly discovery?: boolean;
  /**
   * It asks what came of a deed that was sent, or bytes that went or came would be lost without it: a stop ends it, but it
   * is not called back: to find out later, or to move them once more, costs more.
   */
  readonly concludes?: boolean;
  /** Whom it serves, such as one pair: shares of one class take turns. Without: one share for all of these. */
  readonly share?: symbol;
  /**
   * Asked in the moment of admission, before anything is counted or sent: does what the request relies on still hold?
   * When it answers false, `run` rejects with `Stale` and the turn goes to another.
   */
  readonly still?: (pace: Pace) => boolean;
}

export interface Pace {
  /**
   * Milliseconds from one admission to the next at the limit in force, a quarter of what the key has at least; 0 without
   * a limit.
   */
  readonly turnMs: number;
  /** Milliseconds since the end of the last pause that the server asked for; infinite when there was none. */
  readonly openMs: number;
}

/** The request was not sent: its `still` said no. Look again, then ask the gate again. */
export class Stale extends Error {
  override readonly name = 'Stale';
  constructor() {
    super('what the request relied on grew too old while it waited');
  }
}

/** What the gate must see of every answer. Header names are lower case. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Gate {
  /**
   * Waits for admission, then calls `send`. A 429 proves that nothing was done: the gate waits as told and calls
   * `send` again, so `send` must be able to start afresh. Every other answer or error is passed on untouched.
   * Rejects with the signal's reason when aborted, with `Stale` when the ticket asks for it, and with an RtsyncError
   * `rate-limited` when the pause that the server asks for is longer than this run may wait.
   */
  run<T extends Answered>(
    ticket: RequestTicket,
    send: (signal: AbortSignal) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>;
  /** Tells the gate that the server refused growth (storage quota), or that `info` shows room again. */
  storageFull(full: boolean): void;
  /** True while what grows the store is refused. */
  readonly storageIsFull: boolean;
  /** Requests a minute, as configured or as the server tells; undefined while nobody said. */
  readonly limitPerMinute: number | undefined;
  readonly counts: RequestCounts;
}

/** Requests sent since the gate was made, 429s included. */
export interface RequestCounts {
  readonly total: number;
  readonly byLabel: Readonly<Record<string, number>>;
  readonly limited: number;
}
