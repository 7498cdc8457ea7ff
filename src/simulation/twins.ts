/**
 * Versions on the server that nobody can tell apart: at one name, of one size, and, as far as the server tells dates,
 * of one time. The README names this gap of the API.
 */

import type { SimEntry } from './server/agent.ts';
import type { SimServerChange } from './server/changes.ts';
import type { SimServer } from './server.ts';
import type { Truth } from './truth.ts';

/**
 * Until the folder of an upload is listed, its date is known only to lie about the time of the request. Milliseconds;
 * where requests fail and are tried again, that takes longer.
 */
const SPAN_MS = 100;
const TROUBLED_SPAN_MS = 3_000;
/** By dates of whole seconds, and a server's clock that is known to half a second. */
const COARSE_SPAN_MS = 3_000;

export interface Twins {
  /** Does a person's deed, and excuses the versions that became twins by it. */
  around<T>(deed: () => T): T;
}

interface Version {
  /** The client that sent it as long as only a list of its folder can tell it the date: see `first`. */
  undatedFor?: number | undefined;
  readonly bytes: Uint8Array;
  readonly date: number;
  /** When the process that put it there sent it; undefined: a person did. */
  readonly sentAt: number | undefined;
}

/** `slow`: by a rate that lets the list after an upload wait. */
export function watchForTwins(server: SimServer, truth: Truth, slow: boolean): Twins {
  const { dateGrainMs, moveDate, growingUploads } = server.behaviour;
  const spanSince = (sentAt: number): number => {
    if (dateGrainMs >= 1000) return COARSE_SPAN_MS;
    return slow || server.metTroubleSince(sentAt) ? TROUBLED_SPAN_MS : SPAN_MS;
  };
  // A probe that met a fault may have found so.
  const movesHide = (): boolean => moveDate === 'new' || server.metTroubleSince(Number.POSITIVE_INFINITY);
  const history = new Map<string, Version[]>();
  /** Clients that have had a list of where they had sent something: they know the server's clock since. */
  const knowing = new Set<number>();
  /**
   * What a process uploads first is dated by a list, however long that waits at the gate; by seconds the `Date`
   * headers tell.
   */
  const first = ({ client, request }: SimServerChange): number | undefined =>
    request.startsWith('POST /upload') && !knowing.has(client) ? client : undefined;

  const alike = (one: Version, other: Version): boolean => {
    if (one.bytes === other.bytes || one.bytes.length !== other.bytes.length) return false;
    const apart = Math.abs(one.date - other.date);
    const tick = Math.floor(one.date / dateGrainMs) === Math.floor(other.date / dateGrainMs);
    if (tick || one.sentAt === undefined) return tick;
    return apart <= (one.undatedFor === undefined ? spanSince(one.sentAt) : TROUBLED_SPAN_MS);
  };
  const note = (path: string, version: Version): void => {
    const known = history.get(path) ?? [];
    if (known.some((old) => alike(old, version) || alike(version, old))) excuse(version.bytes);
    history.set(path, [...known, version]);
  };
  const excuse = (bytes: Uint8Array): void => {
    truth.inGap(bytes, 'a twin of what stood there');
    truth.twin(bytes);
  };
  const see = ({ path, bytes, date }: SimEntry): void => {
    const last = history.get(path)?.at(-1);
    if (bytes === undefined || (last?.bytes === bytes && last.date === date)) return;
    note(path, { bytes, date, sentAt: undefined });
  };

  server.onList(({ client, folder }) => {
    for (const [path, versions] of history) {
      if (path.slice(0, Math.max(0, path.lastIndexOf('/'))) !== folder) continue;
      for (const version of versions)
        if (version.undatedFor === client) {
          version.undatedFor = undefined;
          knowing.add(client);
        }
    }
  });
  server.onChange((change) => {
    const { path, before, after, date, sentAt, growing, agentWroteAt, wroteBy, lastListedAt } = change;
    if (after !== undefined && date !== undefined && !growing)
      note(path, { bytes: after, date, sentAt, undatedFor: first(change) });
    // Written into while our upload grew: what comes of both has the size and the date that are awaited.
    const mixed = growingUploads && !growing && wroteBy === 'agent' && (agentWroteAt ?? 0) >= sentAt;
    if (mixed && after !== undefined) excuse(after);
    const unseen = agentWroteAt !== undefined && (lastListedAt === undefined || agentWroteAt >= lastListedAt);
    if (after !== undefined || before === undefined || !unseen || !movesHide()) return;
    // Where a move dates anew, or is believed to, what moved along unseen cannot be told from what was meant.
    const sizes = (history.get(path) ?? []).filter(({ bytes }) => bytes !== before);
    if (sizes.some(({ bytes }) => bytes.length === before.length)) excuse(before);
  });
  return {
    around: (deed) => {
      for (const entry of server.agent.list()) see(entry);
      const result = deed();
      for (const entry of server.agent.list()) see(entry);
      return result;
    },
  };
}
