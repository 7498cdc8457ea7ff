/** Tells a checker what the requests of processes did to what people see: file names outside of rtsync's own folder. */
import { type Act, lookAt, type SimFile, type SimFolder, type Writer } from './store.ts';

/** One name that newly shows content, shows other content or shows none any more, by one deed of a process. */
export interface SimServerChange {
  /** Relative to the top, such as `docs/a.txt`. */
  readonly path: string;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
  /** Of `after`, by the server's clock, unrounded. */
  readonly date: number | undefined;
  /** Such as `PUT /files {"operation":"move", …}`. */
  readonly request: string;
  /** Number of the client that sent it, from 1 in the order of `http` calls. */
  readonly client: number;
  /** Server time of the deed. */
  readonly at: number;
  /** Server time at which the request was sent. */
  readonly sentAt: number;
  /** `after` is what has come of an upload that is still arriving, or broke off. */
  readonly growing: boolean;
  /** Nobody waited for that request any more when it was done. */
  readonly givenUp: boolean;
  /** Server time at which the upload of `after` set out, maybe to another name; undefined: no client sent it up. */
  readonly uploadSentAt: number | undefined;
  /** Server time at which `before` came to stand under this name. */
  readonly agentWroteAt: number | undefined;
  /** Who wrote `before`. */
  readonly wroteBy: Writer | undefined;
  /** Server time at which this client sent what it was told to have made this name's folder. */
  readonly madeAt: number | undefined;
  /** The same of the folder around that one. */
  readonly aroundMadeAt: number | undefined;
  /** Server time of the last list of this name's folder that this client had the answer of when it sent the request. */
  readonly lastListedAt: number | undefined;
  /** The same of the nearest folder around it, its own among them, that this client ever had a list of. */
  readonly aroundListedAt: number | undefined;
}

/** A request as a doer. */
export interface Doer {
  readonly client: number;
  readonly sentAt: number;
  readonly growing: boolean;
  readonly givenUp: boolean;
  /**
   * The folder that an upload was sent to. It goes on wherever its file is moved meanwhile, and what its sender can know
   * of it is what it knew of this folder.
   */
  readonly sentTo: string | undefined;
  request(): string;
  lastListedAt(folder: string): number | undefined;
  madeAt(folder: string): number | undefined;
}

export interface Changes {
  /** Gives the way to stop listening. */
  listen(listener: (change: SimServerChange) => void): () => void;
  /** Does a deed of a request at this server time, and tells what it changed. */
  doing<T>(doer: Doer, at: number, deed: (act: Act) => T): T;
}

const NO_FILE = { date: undefined, uploadSentAt: undefined };

type Before = Pick<SimFile, 'bytes' | 'since' | 'writer'> | undefined;

export function createChanges(top: SimFolder): Changes {
  const listeners = new Set<(change: SimServerChange) => void>();

  function tell(doer: Doer, at: number, seen: ReadonlyMap<string, Before>): void {
    for (const [path, before] of seen) {
      const node = lookAt(top, path.split('/'));
      const after = node?.kind === 'file' ? node.bytes : undefined;
      if (isSame(before?.bytes, after)) continue;
      const folder = doer.sentTo ?? path.slice(0, Math.max(0, path.lastIndexOf('/')));
      const change: SimServerChange = {
        ...{ path, before: before?.bytes, after, request: doer.request(), client: doer.client, at },
        ...{ sentAt: doer.sentAt, growing: doer.growing && after !== undefined, givenUp: doer.givenUp },
        agentWroteAt: before?.since,
        wroteBy: before?.writer,
        madeAt: doer.madeAt(folder),
        aroundMadeAt: doer.madeAt(folder.slice(0, Math.max(0, folder.lastIndexOf('/')))),
        ...(node?.kind === 'file' ? { date: node.date, uploadSentAt: node.sentAt } : NO_FILE),
        lastListedAt: doer.lastListedAt(folder),
        aroundListedAt: aroundListedAt(doer, folder),
      };
      for (const listener of listeners) listener(change);
    }
  }

  return {
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    doing(doer, at, deed) {
      const act = { writer: doer.client, at, sentAt: doer.sentAt };
      if (listeners.size === 0) return deed({ ...act, before: undefined });
      const seen = new Map<string, Before>();
      const before: Act['before'] = (path, file) => {
        if (isOwn(path) || seen.has(path)) return;
        // A copy: the file itself goes on changing.
        seen.set(path, file === undefined ? undefined : { ...file });
      };
      try {
        return deed({ ...act, before });
      } finally {
        tell(doer, at, seen);
      }
    },
  };
}

function aroundListedAt(doer: Doer, folder: string): number | undefined {
  for (let at = folder; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
    const listedAt = doer.lastListedAt(at);
    if (listedAt !== undefined || at === '') return listedAt;
  }
}

export function isOwn(path: string): boolean {
  return path === '.rtsync' || path.startsWith('.rtsync/');
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}
