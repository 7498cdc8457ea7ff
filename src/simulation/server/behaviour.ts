/**
 * What the protocol leaves open, as switches of the simulated server. Names and meanings are those of `rtsync serve`,
 * so that one set of switches describes both; what no client of a pair ever meets (slugs, pages of the workspace list)
 * is left out.
 */

export type SimTakenName = 'overwrite' | 'rename' | 'refuse';

export interface SimBehaviour {
  /** Upload and "create file" onto a taken name. `rename` keeps the old and stores `name.new.ext`. */
  takenName: SimTakenName;
  /** Rename, move and copy onto a taken name; undefined: as `takenName`. */
  takenMove: SimTakenName | undefined;
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
  /** `plain-string` is `{"error": "text"}`, `text` is no JSON at all. */
  errorShape: 'envelope' | 'text' | 'plain-string';
  statusForMissing: 404 | 500;
  /** `whole`: only the whole id as one segment (`%2Fa%2Fb`) is understood. */
  pathEncoding: 'segments' | 'whole';
  /** Answer of rename, move and copy. `empty` does not tell the new ids. */
  putAnswer: 'result' | 'empty';
  /** 1: ISO dates with milliseconds. 1000: `YYYY-MM-DD HH:MM:SS` in UTC. */
  dateGrainMs: 1 | 1000;
  /** Added to every listed date: a storage whose clock is not the clock of the `Date` header. */
  dateSkewMs: number;
  /** Whether rename and move keep a file's date. */
  moveDate: 'kept' | 'new';
  /** Uploads are written under their final name: visible at once, growing; torn when broken off. */
  growingUploads: boolean;
  /** A download is read while it is sent: who writes into the file meanwhile makes a mix of old and new. */
  streamedDownloads: boolean;
  /**
   * A download that asks for a part (`Range`): gets it, gets the whole, or gets something else that calls itself a part.
   * Undefined: gets the whole, and nobody asks.
   */
  ranges: 'honoured' | 'ignored' | 'wrong' | undefined;
  /** Which header may carry the key. Any key will do. */
  auth: 'both' | 'x-api-key' | 'bearer';
  /** `lie`: always plenty left. Only a server with a limit tells anything. */
  rateHeaders: 'honest' | 'none' | 'lie';
  /** Whether a 429 of the limit carries `Retry-After`. */
  retryAfter: boolean;
  /** The answer to writes when the storage is full. */
  quotaError: { readonly status: number; readonly code: string };
  /** File lists come in pages of this size; undefined: all at once. */
  filePageSize: number | undefined;
}

export function defaultSimBehaviour(): SimBehaviour {
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
    errorShape: 'envelope',
    statusForMissing: 404,
    pathEncoding: 'segments',
    putAnswer: 'result',
    dateGrainMs: 1,
    dateSkewMs: 0,
    moveDate: 'kept',
    growingUploads: false,
    streamedDownloads: false,
    ranges: undefined,
    auth: 'both',
    rateHeaders: 'honest',
    retryAfter: true,
    quotaError: { status: 507, code: 'storage_quota_exceeded' },
    filePageSize: undefined,
  };
}
