/**
 * How fast file bytes may go: `pace/` builds it, whoever moves bytes passes through it. Requests have a door of their
 * own (`gate.ts`): what is scarce there are turns, here bytes.
 */

export type Way = 'up' | 'down';

export interface Bandwidth {
  /** Bytes a second that are allowed now; undefined: no limit. */
  rate(way: Way): number | undefined;
  /**
   * Runs one transfer of so many bytes when it may begin. `throttle` is undefined for what goes in one piece: its bytes
   * are counted already. Rejects with the signal's reason when aborted before it began, else as `run` does.
   */
  transfer<T>(job: Transfer, run: (throttle: Throttle | undefined) => Promise<T>): Promise<T>;
}

export interface Transfer {
  readonly way: Way;
  /** Bytes. */
  readonly size: number;
  readonly signal?: AbortSignal | undefined;
}

/** For a transfer that takes long: its bytes pass a few at a time. */
export interface Throttle {
  /** The largest piece that should pass at once, in bytes. */
  readonly piece: number;
  /** Resolves when so many bytes may go. Rejects with the signal's reason when aborted. */
  pass(bytes: number): Promise<void>;
}

export const unlimited: Bandwidth = {
  rate: () => undefined,
  transfer: (_, run) => run(undefined),
};
