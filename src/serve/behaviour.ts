/**
 * What the protocol leaves open, as switches. Real servers differ in each of these points; the defaults are what a
 * person who serves a folder would want. The object of a running server may be changed at any time.
 */

export type TakenName = 'overwrite' | 'rename' | 'refuse';

export interface Behaviour {
  /** Upload and "create file" onto a taken name. `rename` keeps the old and stores `name.new.ext`. */
  takenName: TakenName;
  /** Rename, move and copy onto a taken name; undefined: as `takenName`. */
  takenMove: TakenName | undefined;
  /** "Create folder" where one is. `stray` makes a second one, `name.new`. */
  takenFolder: 'fine' | 'stray';
  /** Upload or create below a folder that is missing. */
  missingParent: 'error' | 'created';
  /** List of a folder that is missing. */
  missingFolder: 404 | 500 | 'empty';
  /** `ignored`: names with a leading dot exist but are never listed. */
  showHidden: 'honoured' | 'ignored';
  /** `alternative` writes `name`, `directory`, `mtime` and wraps answers in `{data}`. */
  dialect: 'documented' | 'alternative';
  /** `date` and `count` of listed folders. */
  folderHints: 'honest' | 'meaningless';
  /** `info/{path}`: `null` and `error` are the answer for every path. */
  pathInfo: 'recursive' | 'shallow' | 'wrong' | 'null' | 'error';
  /** A batch with an id that is missing: an error half-way, or the rest is done. */
  badBatch: 'stops' | 'skips';
  deleteMissing: 200 | 404;
  /** Download of a folder. `huge` claims 2^63-1 bytes and breaks off. */
  folderDownload: 'refused' | 'huge';
  /** Whether a download may ask for a part (`Range`). */
  ranges: 'honoured' | 'ignored';
  /** `plain-string` is `{"error": "text"}`, `text` is no JSON at all. */
  errorShape: 'envelope' | 'text' | 'plain-string';
  statusForMissing: 404 | 500;
  /** `whole`: only the whole id as one segment (`%2Fa%2Fb`) is understood. */
  pathEncoding: 'segments' | 'whole';
  /** Answer of rename, move and copy. `empty` does not tell the new ids. */
  putAnswer: 'result' | 'empty';
  /** `seconds` is `YYYY-MM-DD HH:MM:SS` in UTC. */
  dateFormat: 'iso' | 'seconds';
  /** Added to every listed date: a storage whose clock is not the clock of the `Date` header. */
  dateSkewMs: number;
  /** Whether rename and move keep a file's date. */
  moveDate: 'kept' | 'new';
  /** Uploads are written under their final name: visible at once, first empty, then growing; torn when broken off. */
  growingUploads: boolean;
  /** Which header may carry the key. */
  auth: 'both' | 'x-api-key' | 'bearer';
  /** `lie`: always plenty left. */
  rateHeaders: 'honest' | 'none' | 'lie';
  /** Whether a 429 carries `Retry-After`. */
  retryAfter: boolean;
  /** The answer to writes when the storage is full. */
  quotaError: { readonly status: number; readonly code: string };
  /** Whether a workspace's slug is understood where its id is. */
  slugAsId: boolean;
  /** Largest page of the workspace list; undefined: all at once unless the caller says a limit. */
  pageSize: number | undefined;
  /** File lists come in pages `{data, meta: {hasMore, nextCursor}}` of this size; undefined: a bare array. */
  filePageSize: number | undefined;
}

export function defaultBehaviour(): Behaviour {
  return {
    takenName: 'overwrite',
    takenMove: undefined,
    takenFolder: 'fine',
    missingParent: 'error',
    missingFolder: 404,
    showHidden: 'honoured',
    dialect: 'documented',
    folderHints: 'honest',
    pathInfo: 'recursive',
    badBatch: 'stops',
    deleteMissing: 200,
    folderDownload: 'refused',
    ranges: 'honoured',
    errorShape: 'envelope',
    statusForMissing: 404,
    pathEncoding: 'segments',
    putAnswer: 'result',
    dateFormat: 'iso',
    dateSkewMs: 0,
    moveDate: 'kept',
    growingUploads: false,
    auth: 'both',
    rateHeaders: 'honest',
    retryAfter: false,
    quotaError: { status: 507, code: 'storage_quota_exceeded' },
    slugAsId: true,
    pageSize: undefined,
    filePageSize: undefined,
  };
}
