/**
 * One bad path never stops the rest, and is not tried with every cycle either: after a failure it waits, longer each
 * time, until its version on either side changes. Times are monotonic milliseconds.
 */
import type { RelPath } from '../core/path.ts';
import type { Problem } from '../core/plan.ts';
import type { LocalStamp, Node, RemoteStamp } from '../core/tree.ts';
import type { Disposition } from '../lib/errors.ts';

/** What helps by itself is tried again soon; what a person or the server must change, rarely. */
const FIRST_MS: Partial<Record<Disposition, number>> = {
  retry: 500,
  later: 500,
  hold: 25_000,
  blocked: 25_000,
};
const MOST_MS = 3_600_000;
/** What a person has cleared away is found soon, for the few requests that a try costs. */
const MOST_BLOCKED_MS = 300_000;

export interface Backoff {
  /** `version`: see `versionOf`. */
  failed(path: RelPath, version: string, problem: Problem, disposition: Disposition, now: number): void;
  succeeded(path: RelPath): void;
  /** The problem again, while this version of the path must wait. */
  blocked(path: RelPath, version: string, now: number): Problem | undefined;
  /** When the first waiting path may be tried again. */
  nextAt(now: number): number | undefined;
}

interface Waiting {
  readonly version: string;
  readonly problem: Problem;
  readonly delayMs: number;
  readonly until: number;
}

export function createBackoff(): Backoff {
  const waiting = new Map<RelPath, Waiting>();
  return {
    failed: (path, version, problem, disposition, now) => {
      const first = FIRST_MS[disposition];
      if (first === undefined) return;
      const most = disposition === 'blocked' ? MOST_BLOCKED_MS : MOST_MS;
      const before = waiting.get(path);
      const delayMs = before?.version === version ? Math.min(most, before.delayMs * 2) : first;
      waiting.set(path, { version, problem, delayMs, until: now + delayMs });
    },
    succeeded: (path) => {
      waiting.delete(path);
    },
    blocked: (path, version, now) => {
      const found = waiting.get(path);
      return found !== undefined && found.version === version && now < found.until
        ? found.problem
        : undefined;
    },
    nextAt: (now) => {
      let first: number | undefined;
      for (const { until } of waiting.values())
        if (until > now && (first === undefined || until < first)) first = until;
      return first;
    },
  };
}

/** Names what stands at a path on both sides; another text means that something changed. */
export function versionOf(
  local: Node<LocalStamp> | undefined,
  remote: Node<RemoteStamp> | undefined,
): string {
  const here = local?.kind === 'file' ? `${local.stamp.size}:${local.stamp.mtimeMs}` : local?.kind;
  const there = remote?.kind === 'file' ? `${remote.stamp.size}:${String(remote.stamp.date)}` : remote?.kind;
  return `${here} ${there}`;
}
