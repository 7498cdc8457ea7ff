/** Hands the pure core what it may know of this pair: its options, the time, and what must be left alone just now. */
import { conflictName } from '../core/conflict-name.ts';
import type { Standing } from '../core/input.ts';
import type { RelPath } from '../core/path.ts';
import type { Plan, Problem } from '../core/plan.ts';
import { decide } from '../core/reconcile.ts';
import type { LocalTree, RemoteTree } from '../core/tree.ts';
import { versionOf } from './backoff.ts';
import type { Pair } from './pair.ts';

/**
 * A remote file that is empty may be an upload that has just begun: it is believed when it is this old by the
 * server's own clock. Milliseconds.
 */
const EMPTY_FILE_AGE = 3_000;

export function decideFor(
  pair: Pair,
  seen: { readonly local: LocalTree; readonly remote: RemoteTree },
): Plan {
  const { options, remote } = pair;
  const now = pair.clock.now();
  return decide({
    base: pair.state.base(),
    local: seen.local,
    remote: seen.remote,
    direction: options.direction,
    mode: options.mode,
    policyFor: options.policyFor,
    copyName: (name, taken) => conflictName(name, { date: new Date(now), host: options.host, taken }),
    ...(remote.clockOffsetMs === undefined ? {} : { clockOffsetMs: remote.clockOffsetMs }),
    ...(options.uploadLimitBytes === undefined ? {} : { uploadLimit: options.uploadLimitBytes }),
    localCaseInsensitive: pair.local.caseInsensitive,
    remoteGrain: remote.traits.dateGrain,
    blocked: (path, standing) => unsettled(pair, standing, path, now) ?? waiting(pair, standing, path),
    remoteNameFault: options.remoteNameFault,
    localNameFault: options.localNameFault,
  });
}

/** A path whose last try failed, and that has not changed since. */
function waiting(pair: Pair, { local, remote }: Standing, path: RelPath): Problem | undefined {
  return pair.backoff.blocked(path, versionOf(local, remote), pair.clock.monotonic());
}

function unsettled(pair: Pair, { local, remote }: Standing, path: RelPath, now: number): Problem | undefined {
  if (local?.kind === 'file' && !pair.local.settled(local.stamp))
    return { path, code: 'changing', message: `"${path}" is still being written here` };
  if (remote?.kind !== 'file' || remote.stamp.size > 0 || typeof remote.stamp.date !== 'number')
    return undefined;
  const age = now + (pair.remote.clockOffsetMs ?? 0) - remote.stamp.date;
  if (age < 0 || age >= EMPTY_FILE_AGE || !pair.remote.traits.growingUploads) return undefined;
  return {
    path,
    code: 'changing',
    message: `"${path}" is empty on the server and may still be arriving there`,
  };
}
