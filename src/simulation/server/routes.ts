/** From a request that arrived to its deed and its answer. */
import type { HttpRequest } from '../../remote/http.ts';
import {
  badRequest,
  json,
  listed,
  missing,
  putResult,
  Refusal,
  refused,
  resultOf,
  type SimAnswer,
  wrap,
} from './answer.ts';
import { copyEntry, createEntry, moveEntry, removeBatch, runBatch, type Shelf } from './deeds.ts';
import type { RequestKind } from './faults.ts';
import { type Address, idOf, placeOf, readId } from './place.ts';
import { type Act, bytesIn, filesIn, lookAt, type Segments } from './store.ts';
import type { Sent } from './upload.ts';

/** A request as the server reads it. */
export interface Asked {
  readonly method: HttpRequest['method'];
  readonly headers: HttpRequest['headers'];
  readonly address: Address;
  readonly body: Buffer;
}

const MOST_IDS = 250;

export function kindOf(method: HttpRequest['method'], address: Address | undefined): RequestKind {
  const resource = address?.resource;
  if (method !== 'GET') return resource === 'upload' ? 'upload' : 'change';
  if (resource === 'files') return 'list';
  return resource === 'direct' ? 'download' : 'info';
}

/** Runs what may refuse, and gives the refusal as an answer. */
export function answering<T>(shelf: Shelf, deed: () => T): T | SimAnswer {
  try {
    return deed();
  } catch (error) {
    if (error instanceof Refusal) return refused(shelf.behaviour, error);
    throw error;
  }
}

/** Everything but uploads, in one instant. Throws refusals. */
export function perform(shelf: Shelf, asked: Asked, act: Act): SimAnswer {
  const { method, address } = asked;
  switch (`${method} ${address.resource}`) {
    case 'GET files':
      return list(shelf, address);
    case 'GET direct':
      return download(shelf, asked);
    case 'GET info':
      return info(shelf, address);
    case 'POST files':
      return create(shelf, asked, act);
    case 'PUT files':
      return address.rest === '' ? putMany(shelf, asked, act) : putOne(shelf, asked, act);
    case 'DELETE files':
      return remove(shelf, asked, act);
    default:
      throw new Refusal(404, 'not_found', 'There is no such endpoint.');
  }
}

export function sentUpload(shelf: Shelf, asked: Asked): Sent {
  const { address, headers, body } = asked;
  const id = address.query.get('id');
  const parent = id === undefined ? placeOf(address.rest, shelf.behaviour.pathEncoding) : readId(id);
  return { parent, contentType: headers['content-type'] ?? '', body };
}

function list(shelf: Shelf, { rest, query }: Address): SimAnswer {
  const { behaviour } = shelf;
  const place = placeOf(rest, behaviour.pathEncoding);
  const folder = lookAt(shelf.top, place);
  if (folder?.kind !== 'folder') return missingList(shelf, place);
  const hidden = query.get('showHidden') === 'true' && behaviour.showHidden === 'honoured';
  return json(listed(behaviour, { folder, path: place.join('/'), hidden }, query.get('cursor')));
}

function missingList({ behaviour }: Shelf, place: Segments): SimAnswer {
  if (behaviour.missingFolder === 404) throw new Refusal(404, 'not_found', `${idOf(place)} does not exist`);
  if (behaviour.missingFolder === 500) {
    throw new Refusal(500, 'internal_error', `open ${idOf(place)}: no such file or directory`);
  }
  const size = behaviour.filePageSize;
  const none = { data: [], meta: { hasMore: false, nextCursor: null } };
  return json(size === undefined ? wrap(behaviour, []) : none);
}

function download(shelf: Shelf, { address, headers: sent }: Asked): SimAnswer {
  const { behaviour, top } = shelf;
  const id = address.query.get('id');
  if (id === undefined) throw badRequest('the parameter "id" is missing');
  const place = readId(id);
  const node = lookAt(top, place);
  if (node === undefined) throw missing(behaviour, idOf(place));
  if (node.kind === 'folder') throw badRequest(`${idOf(place)} is a folder`);
  const size = node.bytes.length;
  const from = Number(/^bytes=(\d+)-$/.exec(sent.range ?? '')?.[1] ?? 0);
  const asksPart = from > 0 && (behaviour.ranges ?? 'ignored') !== 'ignored';
  if (asksPart && from >= size) throw new Refusal(416, 'range', `${idOf(place)} has no such bytes`);
  const { start, end, told } = asksPart ? partOf(behaviour, from, size) : { start: 0, end: size, told: {} };
  const body = node.bytes.subarray(start, end);
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(body.length),
    ...told,
  };
  const rest = {
    get bytes() {
      return node.bytes.subarray(start, end);
    },
  };
  const source = behaviour.streamedDownloads ? { source: asksPart ? rest : node } : {};
  return { status: asksPart ? 206 : 200, headers, body, ...source };
}

interface Part {
  readonly start: number;
  readonly end: number;
  /** What the answer tells of it. */
  readonly told: Readonly<Record<string, string>>;
}

/** A wrong one is the whole file, or as many bytes as were asked for from another place; it tells so, or says nothing. */
function partOf({ ranges }: Shelf['behaviour'], from: number, size: number): Part {
  const told = (start: number, end: number): Part['told'] => ({
    'content-range': `bytes ${start}-${end - 1}/${size}`,
  });
  if (ranges !== 'wrong') return { start: from, end: size, told: told(from, size) };
  if (from % 3 === 0) return { start: 0, end: size, told: {} };
  if (from % 3 === 1) return { start: 0, end: size, told: told(0, size) };
  return { start: from - 1, end: size - 1, told: told(from - 1, size - 1) };
}

function info(shelf: Shelf, { rest }: Address): SimAnswer {
  const { behaviour, top } = shelf;
  if (rest === '') {
    const [used, room] = [bytesIn(top), shelf.room()];
    const total = room === Number.POSITIVE_INFINITY ? -1 : used + room;
    return json(wrap(behaviour, [{ free: total === -1 ? -1 : Math.max(0, room), total, used }]));
  }
  const mode = behaviour.pathInfo;
  if (mode === 'null') return json(wrap(behaviour, null));
  if (mode === 'error') throw new Refusal(500, 'internal_error', 'cannot sum this up');
  const place = placeOf(rest, behaviour.pathEncoding);
  const node = lookAt(top, place);
  if (node === undefined) throw missing(behaviour, idOf(place));
  if (node.kind === 'file') return json(wrap(behaviour, { Size: node.bytes.length, Count: 1 }));
  const all = [...filesIn(node, '')].filter(({ path }) => mode !== 'shallow' || !path.includes('/'));
  const bytes = all.reduce((sum, { file }) => sum + file.bytes.length, 0);
  const told =
    mode === 'wrong' ? { Size: bytes * 2 + 4096, Count: all.length + 7 } : { Size: bytes, Count: all.length };
  return json(wrap(behaviour, told));
}

type Fields = Readonly<Record<string, unknown>>;

function create(shelf: Shelf, asked: Asked, act: Act): SimAnswer {
  const { name, type } = fieldsOf(asked);
  if (type !== 'file' && type !== 'folder') throw notUnderstood('type');
  const parent = placeOf(asked.address.rest, shelf.behaviour.pathEncoding);
  return json(resultOf(shelf.behaviour, createEntry(shelf, act, { parent, name: text(name, 'name'), type })));
}

function putOne(shelf: Shelf, asked: Asked, act: Act): SimAnswer {
  const { operation, name, target } = fieldsOf(asked);
  const from = placeOf(asked.address.rest, shelf.behaviour.pathEncoding);
  if (operation === 'rename') {
    const made = moveEntry(shelf, act, { from, folder: from.slice(0, -1), name: text(name, 'name') });
    return json(putResult(shelf.behaviour, [made]));
  }
  const step = stepOf(shelf, act, operation, readId(text(target, 'target')));
  return json(putResult(shelf.behaviour, [step(from)]));
}

function putMany(shelf: Shelf, asked: Asked, act: Act): SimAnswer {
  const { operation, target, ids } = fieldsOf(asked);
  const step = stepOf(shelf, act, operation, readId(text(target, 'target')));
  return json(putResult(shelf.behaviour, runBatch(shelf, idsOf(ids), step)));
}

function stepOf(shelf: Shelf, act: Act, operation: unknown, folder: Segments) {
  if (operation === 'copy') return (from: Segments) => copyEntry(shelf, act, { from, folder });
  if (operation !== 'move') throw notUnderstood('operation');
  return (from: Segments) => moveEntry(shelf, act, { from, folder, name: from.at(-1) ?? '' });
}

function remove(shelf: Shelf, asked: Asked, act: Act): SimAnswer {
  if (asked.headers['content-length'] === undefined) {
    throw new Refusal(411, 'length_required', 'A delete needs a body with Content-Length.');
  }
  removeBatch(shelf, act, idsOf(fieldsOf(asked).ids));
  return json(wrap(shelf.behaviour, {}));
}

function fieldsOf({ body }: Asked): Fields {
  let told: unknown;
  try {
    told = JSON.parse(body.toString('utf8'));
  } catch {
    throw badRequest('the body is not JSON');
  }
  if (typeof told !== 'object' || told === null) throw badRequest('the body is not understood');
  return told as Fields;
}

function idsOf(ids: unknown): Segments[] {
  if (!Array.isArray(ids)) throw notUnderstood('ids');
  if (ids.length > MOST_IDS) throw badRequest(`at most ${MOST_IDS} ids go into one request`);
  return ids.map((id) => readId(text(id, 'ids')));
}

function text(value: unknown, field: string): string {
  if (typeof value !== 'string') throw notUnderstood(field);
  return value;
}

function notUnderstood(field: string): Refusal {
  return badRequest(`the body is not understood: ${field}`);
}
