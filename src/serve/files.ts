/** The storage service: the endpoints of a workspace's files. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ApiError, badRequest, listAnswer, putAnswer, resultAnswer, wrap } from './answers.ts';
import { sendFile } from './download.ts';
import { idOf, parseId, placeFromUrl, type Segments } from './place.ts';
import { listFolder, pathInfo } from './read.ts';
import { entryOf, type Handler, query, type Service, workspaceOf } from './service.ts';
import type { Shelf } from './shelf.ts';
import { type FormPart, receiveUpload } from './upload.ts';
import { copyEntry, createEntry, moveEntry, removeBatch, runBatch } from './write.ts';

const MAX_IDS = 250;

const newEntry = z.object({ name: z.string(), type: z.enum(['file', 'folder']) });
const single = z.discriminatedUnion('operation', [
  z.object({ operation: z.literal('rename'), name: z.string() }),
  z.object({ operation: z.enum(['copy', 'move']), target: z.string() }),
]);
const batch = z.object({ operation: z.enum(['copy', 'move']), target: z.string(), ids: z.array(z.string()) });
const removal = z.object({ ids: z.array(z.string()) });

export function addFileRoutes(app: FastifyInstance, service: Service): void {
  const at = '/workspaces/:workspace';
  const read = (label: 'list' | 'download' | 'info' | 'pathInfo') =>
    ({ config: { label, need: 'files:read' } }) as const;
  const write = (label: 'upload' | 'makeFolder' | 'move' | 'rename' | 'remove') =>
    ({ config: { label, need: 'files:write' } }) as const;

  for (const path of ['/files', '/files/*']) {
    app.get(at + path, read('list'), list(service));
    app.post(at + path, write('makeFolder'), create(service));
  }
  for (const path of ['/upload', '/upload/*']) app.post(at + path, write('upload'), upload(service));
  app.put(`${at}/files`, write('move'), moveMany(service));
  app.put(`${at}/files/*`, write('rename'), moveOne(service));
  app.delete(`${at}/files`, write('remove'), removeMany(service));
  app.get(`${at}/direct`, read('download'), download(service));
  app.get(`${at}/info`, read('info'), rootInfo(service));
  app.get(`${at}/info/*`, read('pathInfo'), info(service));
}

/** What the log and the faults want to know of a request, found before anything is done. */
export function describe(request: FastifyRequest): void {
  const entry = entryOf(request);
  const body = request.body as Readonly<Record<string, unknown>> | null | undefined;
  if (body === null || typeof body !== 'object') return;
  const ids = body.ids;
  if (Array.isArray(ids)) entry.ids = ids.map(String);
  entry.target = String(body.target ?? body.name ?? '');
  if (entry.label === 'makeFolder' && body.type === 'file') entry.label = 'makeFile';
  if (entry.label === 'move' || entry.label === 'rename') {
    const operation = body.operation;
    if (operation === 'copy' || operation === 'move' || operation === 'rename') entry.label = operation;
  }
  if (entry.label === 'remove' && entry.ids.some((id) => /^\/*$/.test(id))) entry.label = 'rootDelete';
}

function shelfOf(service: Service, request: FastifyRequest): Shelf {
  return service.shelf(workspaceOf(service, request));
}

function placeOf(service: Service, request: FastifyRequest): Segments {
  return placeFromUrl(request.raw.url ?? '', service.behaviour.pathEncoding);
}

function list(service: Service): Handler {
  return async (request) => {
    const hidden = query(request, 'showHidden') === 'true';
    const rows = await listFolder(shelfOf(service, request), placeOf(service, request), hidden);
    return listAnswer(service.behaviour, rows, query(request, 'cursor'));
  };
}

function create(service: Service): Handler {
  return async (request) => {
    const wanted = decode(newEntry, request.body);
    const shelf = shelfOf(service, request);
    if (wanted.type === 'file' && (await shelf.room()) <= 0) throw full(service);
    const made = await createEntry(shelf, placeOf(service, request), wanted);
    return resultAnswer(service.behaviour, made);
  };
}

function upload(service: Service): Handler {
  return async (request) => {
    const shelf = shelfOf(service, request);
    const id = query(request, 'id');
    const parent = id === undefined ? placeOf(service, request) : parseId(id);
    if (!request.isMultipart()) throw badRequest('an upload is multipart/form-data');
    // Of a connection that broke meanwhile no part and no end would ever come.
    if (request.raw.destroyed) throw badRequest('the connection is gone');
    const limits = { file: service.uploadLimitBytes };
    try {
      const made = await receiveUpload(shelf, parent, { parts: formParts(request), limits });
      entryOf(request).path = made.id;
      const fault = request.trace?.fault;
      const told = fault?.kind === 'wrong-id' ? { ...made, id: fault.id ?? `${made.id}.other` } : made;
      return wrap(service.behaviour, told);
    } catch (error) {
      // The rest of the body still has to be read, or the answer never arrives at a client that is busy sending.
      request.raw.resume();
      throw error;
    }
  };
}

async function* formParts(request: FastifyRequest): AsyncGenerator<FormPart> {
  for await (const part of request.parts()) {
    if (part.type === 'file') {
      if (part.fieldname === 'file') yield { kind: 'file', filename: part.filename ?? '', body: part.file };
      else part.file.resume();
    } else if (part.fieldname === 'name') {
      if (typeof part.value !== 'string') throw badRequest('the field "name" must be text');
      yield { kind: 'name', value: part.value };
    }
  }
}

function moveOne(service: Service): Handler {
  return async (request) => {
    const order = decode(single, request.body);
    const shelf = shelfOf(service, request);
    const from = placeOf(service, request);
    if (order.operation === 'rename') {
      const made = await moveEntry(shelf, from, { folder: from.slice(0, -1), name: order.name });
      return putAnswer(service.behaviour, [made]);
    }
    const target = parseId(order.target);
    return putAnswer(service.behaviour, [await transfer(shelf, order.operation, { from, target })]);
  };
}

function moveMany(service: Service): Handler {
  return async (request) => {
    const { operation, target, ids } = decode(batch, request.body);
    const shelf = shelfOf(service, request);
    const folder = parseId(target);
    const made = await runBatch(shelf, checkIds(ids), (from) =>
      transfer(shelf, operation, { from, target: folder }),
    );
    return putAnswer(service.behaviour, made);
  };
}

function transfer(
  shelf: Shelf,
  operation: 'copy' | 'move',
  { from, target }: { readonly from: Segments; readonly target: Segments },
) {
  if (operation === 'copy') return copyEntry(shelf, from, target);
  return moveEntry(shelf, from, { folder: target, name: from.at(-1) ?? '' });
}

function removeMany(service: Service): Handler {
  return async (request) => {
    if (request.headers['content-length'] === undefined) {
      throw new ApiError(411, 'length_required', 'A delete needs a body with Content-Length.');
    }
    const { ids } = decode(removal, request.body);
    await removeBatch(shelfOf(service, request), checkIds(ids));
    return wrap(service.behaviour, {});
  };
}

function download(service: Service): Handler {
  return async (request, reply) => {
    const id = query(request, 'id');
    if (id === undefined) throw badRequest('the parameter "id" is missing');
    const fault = request.trace?.fault;
    return sendFile(shelfOf(service, request), reply, {
      segments: parseId(id),
      range: request.headers.range,
      attachment: query(request, 'download') === 'true',
      cut: fault?.kind === 'cut' ? (fault.bytes ?? true) : undefined,
    });
  };
}

function rootInfo(service: Service): Handler {
  return async (request) => {
    workspaceOf(service, request);
    const used = await service.used();
    const total = service.quotaBytes ?? -1;
    const free = service.quotaBytes === undefined ? -1 : Math.max(0, service.quotaBytes - used);
    return wrap(service.behaviour, [{ free, total, used }]);
  };
}

function info(service: Service): Handler {
  return async (request, reply) => {
    const answer = wrap(
      service.behaviour,
      await pathInfo(shelfOf(service, request), placeOf(service, request)),
    );
    // A bare null would be sent as an empty body.
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(answer));
  };
}

function checkIds(ids: readonly string[]): Segments[] {
  if (ids.length > MAX_IDS) throw badRequest(`at most ${MAX_IDS} ids go into one request`);
  return ids.map(parseId);
}

function full(service: Service): ApiError {
  const { status, code } = service.behaviour.quotaError;
  return new ApiError(status, code, 'The storage quota is used up.');
}

export function decode<T>(schema: z.ZodType<T>, body: unknown): T {
  const read = schema.safeParse(body);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw badRequest(`the body is not understood: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
}

/** The id that a storage request is about, for the log: whatever can be read of it. */
export function idOfRequest(request: FastifyRequest, service: Service): string {
  const id = query(request, 'id');
  try {
    return id === undefined ? idOf(placeOf(service, request)) : idOf(parseId(id));
  } catch {
    return id ?? '';
  }
}
