/**
 * Versions on the server that nobody can tell apart: at one name, of one size, and, as far as the server tells dates,
 * of one time. The README names this gap of the API.
 */

import type { SimEntry } from './server/agent.ts';
import type { SimServer } from './server.ts';
import type { Truth } from './truth.ts';

/** Our own upload's date is known to so many milliseconds, since nothing but the time of the request tells it. */
const SPAN_MS = 60;
/** By dates of whole seconds, and a server's clock that is known to half a second, it is known to so many. */
const COARSE_SPAN_MS = 3_000;

export interface Twins {
  /** Does a person's deed, and excuses the versions that became twins by it. */
  around<T>(deed: () => T): T;
}

interface Version {
  readonly bytes: Uint8Array;
  readonly date: number;
  /** A process put it there. */
  readonly ours: boolean;
}

export function watchForTwins(server: SimServer, truth: Truth): Twins {
  const { dateGrainMs, moveDate } = server.behaviour;
  const span = dateGrainMs < 1000 ? SPAN_MS : COARSE_SPAN_MS;
  const history = new Map<string, Version[]>();
  let putByUs = new Set<string>();

  const alike = (one: Version, other: Version): boolean => {
    if (one.bytes === other.bytes || one.bytes.length !== other.bytes.length) return false;
    const tick = Math.floor(one.date / dateGrainMs) === Math.floor(other.date / dateGrainMs);
    return tick || (one.ours && Math.abs(one.date - other.date) <= span);
  };
  const see = ({ path, bytes, date }: SimEntry, byPerson: boolean): void => {
    if (bytes === undefined) return;
    const known = history.get(path) ?? [];
    const last = known.at(-1);
    if (last?.bytes === bytes && last.date === date) return;
    const version = { bytes, date, ours: putByUs.has(path) };
    if (byPerson && known.some((old) => alike(old, version))) {
      truth.inGap(bytes, 'a twin of what stood there');
      truth.twin(bytes);
    }
    history.set(path, [...known, version]);
  };

  server.onChange(({ path, before, after, agentWroteAt, lastListedAt }) => {
    if (after !== undefined) putByUs.add(path);
    const unseen = agentWroteAt !== undefined && (lastListedAt === undefined || agentWroteAt >= lastListedAt);
    // Where a move dates anew, what moved along unseen cannot be told from what was meant to move.
    if (moveDate === 'new' && after === undefined && before !== undefined && unseen) truth.twin(before);
  });
  return {
    around: (deed) => {
      for (const entry of server.agent.list()) see(entry, false);
      putByUs = new Set();
      const result = deed();
      for (const entry of server.agent.list()) see(entry, true);
      return result;
    },
  };
}
