/**
 * The storage endpoints of one workspace, one function each, with the room's own types on both sides. It decides
 * nothing: whoever calls it has looked before and judges the answer after.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import type { Answered, Gate, Lane, RequestTicket } from '../../lib/gate.ts';
import { type Http, parseOrigin } from '../http.ts';
import { type AuthStyle, type Call, type Caller, checkedKey, createCaller, type Reply } from './call.ts';
import { refuseNesting, refuseTop } from './guard.ts';
import { type DirId, type EntryId, endpoint, type PathEncoding, parentId } from './ids.ts';
import { frameUpload, type UploadSource } from './multipart.ts';
import { listPages } from './pages.ts';
import { decodeId, decodeIds, decodeRoom, type Listing, WireFault } from './wire.ts';

export interface StorageOptions {
  readonly http: Http;
  readonly gate: Gate;
  readonly clock: Clock;
  /** Storage service, with or without `/v1`. */
  readonly origin: string;
  readonly key: string;
  readonly auth?: AuthStyle;
  readonly authFixed?: boolean;
  readonly workspaceId: string;
  /** How ids go into URLs; `segments` until the probe says otherwise. */
  readonly pathEncoding?: PathEncoding;
}

/** How one request differs from the usual. */
export interface Manner {
  readonly signal?: AbortSignal | undefined;
  /** Tries after the first, for what only reads. */
  readonly retries?: number;
  /** False when a full store must not hold it up, such as a folder of the trash. */
  readonly growth?: boolean;
  /** See `RequestTicket`: when it says no, the request is not sent and `Stale` is thrown. */
  readonly still?: RequestTicket['still'];
  readonly priority?: number;
  readonly discovery?: RequestTicket['discovery'];
  readonly concludes?: RequestTicket['concludes'];
  /** See `Call`. */
  readonly onSent?: Call['onSent'];
}

export interface UploadReply {
  /** Where the server says that it put the file. */
  readonly id: EntryId;
  readonly tookMs: number;
  readonly answeredAt: number;
  readonly serverDate: number | undefined;
}

export interface StorageClient {
  readonly workspaceId: string;
  readonly origin: string;
  readonly clock: Clock;
  readonly clockOffsetMs: number | undefined;
  readonly auth: AuthStyle;
  readonly rateHeaders: boolean;
  readonly pathEncoding: PathEncoding;
  list(dir: DirId, manner?: Manner): Promise<Listing>;
  room(manner?: Manner): Promise<number | undefined>;
  /** Where the server put the folder; undefined when it does not tell. */
  makeFolder(dir: DirId, name: string, manner?: Manner): Promise<EntryId | undefined>;
  upload(dir: DirId, name: string, source: UploadSource, manner?: Manner): Promise<UploadReply>;
  rename(id: EntryId, name: string, manner?: Manner): Promise<EntryId | undefined>;
  batch(
    operation: 'move' | 'copy',
    ids: readonly EntryId[],
    target: DirId,
    manner?: Manner,
  ): Promise<readonly EntryId[] | undefined>;
  remove(ids: readonly EntryId[], manner?: Manner): Promise<void>;
  download(
    id: EntryId,
    receive: (bytes: AsyncIterable<Uint8Array>, answer: Answered) => Promise<void>,
    manner?: Manner & { readonly headers?: Readonly<Record<string, string>> },
  ): Promise<void>;
  /** The same client whose requests are counted under another label and use another lane or encoding. */
  variant(change: {
    readonly label?: string;
    readonly lane?: Lane;
    readonly pathEncoding?: PathEncoding;
  }): StorageClient;
}

const DISCOVERY = { discovery: true } as const;
const BOUNDARY = `rtsync-${randomBytes(18).toString('hex')}`;
let frames = 0;

/** Cannot stand in any file by chance, and is another one for each request. */
function nextBoundary(): string {
  frames += 1;
  return `${BOUNDARY}-${frames}`;
}

interface Variant {
  readonly label?: string;
  readonly lane?: Lane;
  readonly pathEncoding: PathEncoding;
}

export function createStorageClient(options: StorageOptions): StorageClient {
  const origin = parseOrigin(options.origin);
  const caller = createCaller({ ...options, origin, key: checkedKey(options.key) });
  return clientOn(caller, { ...options, origin }, { pathEncoding: options.pathEncoding ?? 'segments' });
}

/** One way of asking: where, how ids are written, and how requests are counted. */
interface Desk {
  readonly caller: Caller;
  readonly gate: Gate;
  readonly base: string;
  url(what: string, id: DirId): string;
  ticket(lane: Lane, label: string, growth: boolean): RequestTicket;
}

function clientOn(caller: Caller, options: StorageOptions, variant: Variant): StorageClient {
  const base = `/v1/workspaces/${encodeURIComponent(options.workspaceId)}`;
  const desk: Desk = {
    caller,
    gate: options.gate,
    base,
    url: (what, id) => endpoint(`${base}/${what}`, id, variant.pathEncoding),
    ticket: (lane, label, growth) => ({ lane: variant.lane ?? lane, label: variant.label ?? label, growth }),
  };
  return {
    ...looking(desk),
    ...transferring(desk),
    ...changing(desk),
    workspaceId: options.workspaceId,
    origin: options.origin,
    clock: options.clock,
    pathEncoding: variant.pathEncoding,
    get clockOffsetMs() {
      return caller.clockOffsetMs;
    },
    get auth() {
      return caller.auth;
    },
    get rateHeaders() {
      return caller.rateHeaders;
    },
    variant: (change) => clientOn(caller, options, { ...variant, ...change }),
  };
}

function looking({ caller, gate, base, url, ticket }: Desk): Pick<StorageClient, 'list' | 'room'> {
  return {
    list: (dir, manner) =>
      listPages(caller, dir, {
        method: 'GET',
        path: `${url('files', dir)}?showHidden=true`,
        what: `list of ${shown(dir)}`,
        ticket: {
          ...relying(ticket('metadata', 'list', false), manner),
          ...(manner?.discovery === true && DISCOVERY),
        },
        retries: manner?.retries ?? 2,
        signal: manner?.signal,
      }),
    room: async (manner) => {
      const free = await caller.ask(
        {
          method: 'GET',
          path: `${base}/info`,
          what: 'room left',
          ticket: ticket('control', 'info', false),
          retries: 2,
          signal: manner?.signal,
        },
        decodeRoom,
      );
      if (free === undefined || free > 0) gate.storageFull(false);
      return free;
    },
  };
}

function transferring({ caller, base, url, ticket }: Desk): Pick<StorageClient, 'upload' | 'download'> {
  return {
    upload: (dir, name, source, manner) =>
      caller.ask(
        {
          method: 'POST',
          path: url('upload', dir),
          what: `upload of ${shown(dir, name)}`,
          ticket: relying(ticket('transfer', 'upload', true), manner),
          body: () => frameUpload(name, source, nextBoundary()),
          signal: manner?.signal,
          onSent: manner?.onSent,
        },
        (json, reply) => uploadReply(decodeId(json, dir), reply),
      ),
    download: async (id, receive, manner) => {
      await caller.send({
        method: 'GET',
        path: `${base}/direct?id=${encodeURIComponent(id)}&download=true`,
        what: `download of ${shown(id)}`,
        ticket: relying(ticket('transfer', 'download', false), manner),
        receive,
        ...(manner?.headers === undefined ? {} : { headers: manner.headers }),
        retries: manner?.retries ?? 1,
        signal: manner?.signal,
      });
    },
  };
}

function changing({
  caller,
  base,
  url,
  ticket,
}: Desk): Pick<StorageClient, 'makeFolder' | 'rename' | 'batch' | 'remove'> {
  const files = `${base}/files`;
  return {
    makeFolder: (dir, name, manner) =>
      caller.ask(
        {
          method: 'POST',
          path: url('files', dir),
          what: `new folder ${shown(dir, name)}`,
          ticket: relying(ticket('metadata', 'makeFolder', manner?.growth ?? true), manner),
          json: { name, type: 'folder' },
          signal: manner?.signal,
        },
        (json) => decodeId(json, dir),
      ),
    rename: (id, name, manner) =>
      caller.ask(
        {
          method: 'PUT',
          path: url('files', id),
          what: `rename of ${shown(id)}`,
          ticket: relying(ticket('metadata', 'move', false), manner),
          json: { operation: 'rename', name },
          signal: manner?.signal,
          onSent: manner?.onSent,
        },
        (json) => decodeId(json, parentId(id)),
      ),
    batch: async (operation, ids, target, manner) => {
      refuseNesting(operation, ids, target);
      return caller.ask(
        {
          method: 'PUT',
          path: files,
          what: `${operation} of ${several(ids)} to ${shown(target)}`,
          ticket: relying(ticket('metadata', operation, operation === 'copy'), manner),
          json: { operation, target, ids },
          signal: manner?.signal,
          onSent: manner?.onSent,
        },
        (json) => decodeIds(json, target),
      );
    },
    remove: async (ids, manner) => {
      refuseTop(ids);
      await caller.send({
        method: 'DELETE',
        path: files,
        what: `delete of ${several(ids)}`,
        ticket: relying(ticket('metadata', 'remove', false), manner),
        json: { ids },
        signal: manner?.signal,
      });
    },
  };
}

/** With what the request relies on. */
function relying(ticket: RequestTicket, { still, priority, concludes }: Manner = {}): RequestTicket {
  return {
    ...ticket,
    ...(still === undefined ? {} : { still }),
    ...(priority === undefined ? {} : { priority }),
    ...(concludes === undefined ? {} : { concludes }),
  };
}

function uploadReply(id: EntryId | undefined, reply: Reply): UploadReply {
  if (id === undefined) throw new WireFault('it does not tell where the file is');
  return {
    id,
    tookMs: reply.answeredAt - reply.sentAt,
    answeredAt: reply.answeredAt,
    serverDate: reply.serverDate,
  };
}

function shown(dir: DirId, name?: string): string {
  return JSON.stringify(name === undefined ? dir : `${dir === '/' ? '' : dir}/${name}`);
}

function several(ids: readonly EntryId[]): string {
  return ids.length === 1 ? shown(ids[0] as EntryId) : `${ids.length} entries`;
}
