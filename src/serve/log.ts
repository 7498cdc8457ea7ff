/** What was asked of the server: for tests that assert requests, and for the curious. Holds no key. */

export type RequestLabel =
  | 'list'
  | 'upload'
  | 'download'
  | 'makeFile'
  | 'makeFolder'
  | 'move'
  | 'copy'
  | 'rename'
  | 'remove'
  /** A delete of "/" or "": it empties the whole workspace, and no client of ours may ever send it. */
  | 'rootDelete'
  | 'info'
  | 'pathInfo'
  | 'workspaces'
  | 'workspace'
  | 'usage'
  | 'createWorkspace'
  | 'renameWorkspace'
  | 'deleteWorkspace'
  | 'unknown';

export interface RequestEntry {
  /** Counts from 1, in order of arrival. */
  readonly seq: number;
  /** Epoch milliseconds of arrival. */
  readonly at: number;
  readonly method: string;
  readonly label: RequestLabel;
  /** The id that the request is about, as far as it is known: `/a/b`, or "" for none. */
  readonly path: string;
  /** Ids of a batch. */
  readonly ids: readonly string[];
  /** Target folder of a batch, or the new name of a rename. */
  readonly target: string;
  /** The workspace as the caller named it. */
  readonly workspace: string;
  /** 0 until the answer is on its way. */
  readonly status: number;
  /** The key's name; undefined when the request had no valid one. */
  readonly key: string | undefined;
  /** The kind of fault that was played, if any. */
  readonly fault: string | undefined;
}

/** The server's own, writable view of an entry. */
export type OpenEntry = { -readonly [K in keyof RequestEntry]: RequestEntry[K] };

export interface RequestLog {
  entries(): readonly RequestEntry[];
  /** Entries that arrived after the mark. */
  since(mark: number): readonly RequestEntry[];
  /** A point in the log to give to `since` or `counts`. */
  mark(): number;
  /** Requests by label, with `total`; without a mark also those that the log no longer holds. */
  counts(mark?: number): Readonly<Record<string, number>>;
  /** The largest number of requests that arrived within any span shorter than `windowMs`, refused ones included. */
  maxInWindow(windowMs: number, key?: string): number;
  clear(): void;
}

export interface LogBook extends RequestLog {
  open(at: number, method: string, label: RequestLabel): OpenEntry;
}

export function createLog(limit: number): LogBook {
  let entries: OpenEntry[] = [];
  let seq = 0;
  /** Labels of the entries that were dropped to stay within the limit. */
  let dropped: Record<string, number> = {};
  const since = (mark: number): OpenEntry[] => entries.filter((entry) => entry.seq > mark);
  return {
    open(at, method, label) {
      seq += 1;
      const entry: OpenEntry = {
        ...{ seq, at, method, label, path: '', ids: [], target: '', workspace: '', status: 0 },
        ...{ key: undefined, fault: undefined },
      };
      entries.push(entry);
      // Dropped in bulk, so that a full log costs nothing per request.
      if (entries.length > limit * 1.25 + 16) dropOldest();
      return entry;
    },
    entries: () => entries.slice(-limit),
    since,
    mark: () => seq,
    counts: (mark) => (mark === undefined ? tally(entries, dropped) : tally(since(mark), {})),
    maxInWindow(windowMs, key) {
      const times = entries
        .filter((entry) => key === undefined || entry.key === key)
        .map((entry) => entry.at);
      let first = 0;
      let most = 0;
      times.forEach((at, last) => {
        while (at - (times[first] ?? at) >= windowMs) first += 1;
        most = Math.max(most, last - first + 1);
      });
      return most;
    },
    clear() {
      entries = [];
      dropped = {};
    },
  };

  function dropOldest(): void {
    const surplus = entries.splice(0, entries.length - limit);
    const { total: _, ...labels } = tally(surplus, dropped);
    dropped = labels;
  }
}

function tally(
  entries: readonly RequestEntry[],
  start: Readonly<Record<string, number>>,
): Record<string, number> {
  const counts: Record<string, number> = { ...start };
  for (const { label } of entries) counts[label] = (counts[label] ?? 0) + 1;
  return { ...counts, total: Object.values(counts).reduce((sum, count) => sum + count, 0) };
}
