/** What the user's policy, the direction and the mode make of a conflict. */
import type { Entry } from './dir.ts';
import type { DecideInput } from './input.ts';
import type { RelPath } from './path.ts';
import { type Answered, SETTLEMENTS, type Settled } from './rules.ts';

export function settle(input: DecideInput, path: RelPath, entry: Entry): Settled {
  const policy = input.policyFor(path);
  const answered = policy === 'newer' ? newer(input, entry) : policy;
  return SETTLEMENTS[input.direction][input.mode][answered];
}

/**
 * The one place where the clocks of both sides meet, because the user asked for it. Closer than the server can tell is a
 * tie, and a tie keeps both.
 */
function newer({ clockOffsetMs, remoteGrain }: DecideInput, { local, remote }: Entry): Answered {
  if (clockOffsetMs === undefined || local?.kind !== 'file' || remote?.kind !== 'file') return 'keep-both';
  const { date } = remote.stamp;
  if (typeof date !== 'number') return 'keep-both';
  const ahead = local.stamp.mtimeMs + clockOffsetMs - date;
  if (Math.abs(ahead) < remoteGrain) return 'keep-both';
  return ahead > 0 ? 'local' : 'remote';
}
