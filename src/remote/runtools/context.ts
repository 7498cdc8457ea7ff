/** What every deed of this room works with. */
import type { Bandwidth } from '../../lib/bandwidth.ts';
import type { Clock } from '../../lib/clock.ts';
import { asRtsyncError, isCode, RtsyncError } from '../../lib/errors.ts';
import type { Outcome } from '../remote.ts';
import type { Traits } from '../traits.ts';
import type { StorageClient } from './client.ts';
import type { FileClock } from './file-clock.ts';
import type { DirId } from './ids.ts';
import type { Looks } from './looks.ts';
import type { Resuming } from './resume.ts';
import type { Trash } from './trash.ts';
import type { Turnstile } from './turnstile.ts';

export interface Context {
  readonly client: StorageClient;
  /** The workspace, the far end in it and the local root, for messages. */
  readonly names: { readonly workspace: string; readonly title: string; readonly folder: string };
  readonly clock: Clock;
  readonly traits: Traits;
  readonly looks: Looks;
  readonly trash: Trash;
  readonly fileClock: FileClock;
  /** File bytes of both ways pass it. */
  readonly bandwidth: Bandwidth;
  /** How downloads that broke off are gone on with. */
  readonly resuming: Resuming;
  /** All uploads pass it: few more than the gate lets through at once, so that none waits there for long. */
  readonly uploads: Turnstile;
  /** Whether given-up versions are kept in the remote trash. */
  readonly keepTrash: boolean;
  /** The pair's root inside the workspace. */
  readonly rootId: DirId;
  /** Something of ours in our own folder could not be cleared away now. */
  leftover(): void;
  /** An entry may lie in our own folder, on its way, and wait to be brought on (see `moving.ts`). */
  halfway(): void;
  /** The server did what its traits exclude. */
  contradiction(what: string): void;
}

/** Runs `task` over all items, at most `limit` at a time. A task must not throw. */
export async function inParallel<T>(
  items: readonly T[],
  limit: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await task(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}

/**
 * Of many tasks, whether one was called back. The others would be, too, after work in vain: files opened, places and bytes
 * taken. So they are not begun.
 */
export interface Recall {
  error: RtsyncError | undefined;
}

export function tellRecall(recall: Recall, error: RtsyncError): void {
  if (isCode(error, 'superseded')) recall.error ??= error;
}

/** The value, or the error as data. */
export async function attempt<T>(run: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    return { ok: false, error: asRtsyncError(error) };
  }
}

export function failed(error: unknown): { readonly ok: false; readonly error: RtsyncError } {
  return { ok: false, error: asRtsyncError(error) };
}

export function changed(path: string, what = 'changed on the server since it was looked at'): RtsyncError {
  return new RtsyncError('changed', { message: `${JSON.stringify(path)} ${what}`, path });
}

/** Throws `stopped` when the run was told to stop. */
export function heed(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  const reason: unknown = signal.reason;
  throw reason instanceof RtsyncError
    ? reason
    : new RtsyncError('stopped', { message: 'stopped before it was done', cause: reason });
}

/** The same wait, but `stopped` where it ends because the run was told to stop. */
export async function stoppable<T>(wait: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await wait;
  } catch (error) {
    if (error === signal?.reason) heed(signal);
    throw error;
  }
}

/** Errors that say nothing about one folder or file, but that there is no point in going on. */
export function endsTheRun(error: unknown): boolean {
  return isCode(error, 'key-refused', 'rate-limited', 'stopped', 'superseded', 'bug');
}

export function chunks<T>(items: readonly T[], size: number): T[][] {
  const all: T[][] = [];
  for (let at = 0; at < items.length; at += size) all.push(items.slice(at, at + size));
  return all;
}
