/** Sending a file, whole or, when a fault says so, not. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { ApiError, missing } from './answers.ts';
import { diskPath, idOf, isCode, look, type Segments } from './place.ts';
import type { Shelf } from './shelf.ts';

/** Up to this size a file goes out in one piece. */
const SMALL = 64 * 1024;

export interface DownloadRequest {
  readonly segments: Segments;
  /** Ask browsers to save rather than show. */
  readonly attachment: boolean;
  /** The header `Range`, if it came. */
  readonly range: string | undefined;
  /** Break off after so many bytes; `true`: after half of them. */
  readonly cut: number | true | undefined;
}

export async function sendFile(shelf: Shelf, reply: FastifyReply, wanted: DownloadRequest): Promise<unknown> {
  const { segments, cut } = wanted;
  const seen = await look(shelf.root, segments);
  if (seen.kind === 'folder') return sendFolder(shelf, reply, idOf(segments));
  if (seen.kind !== 'file') throw missing(shelf.behaviour, idOf(segments));
  const handle = await openPlain(shelf, segments);
  const { size } = await handle.stat();
  reply.header('content-type', 'application/octet-stream');
  const part = shelf.behaviour.ranges === 'honoured' ? partOf(wanted.range, size) : undefined;
  if (part === 'none') {
    await handle.close();
    reply.header('content-range', `bytes */${size}`);
    throw new ApiError(416, 'range_not_satisfiable', `there are no such bytes in ${idOf(segments)}`);
  }
  const { start, end } = part ?? { start: 0, end: size };
  const length = end - start;
  if (part !== undefined) {
    reply.code(206);
    reply.header('content-range', `bytes ${start}-${end - 1}/${size}`);
  }
  reply.header('content-length', length);
  if (wanted.attachment) {
    const name = encodeURIComponent(segments.at(-1) ?? '').replaceAll("'", '%27');
    reply.header('content-disposition', `attachment; filename*=UTF-8''${name}`);
  }
  if (cut !== undefined) {
    return breakOff(
      reply,
      await readPart(handle, start, cut === true ? Math.floor(length / 2) : Math.min(cut, length)),
    );
  }
  if (length > SMALL) return reply.send(Readable.from(content(handle, start, end), { objectMode: false }));
  const bytes = await readPart(handle, start, length);
  if (bytes.length < length) return breakOff(reply, bytes);
  return reply.send(bytes);
}

/** One range; undefined for what is none, or several at once: then the whole is sent. `end` is not in it. */
function partOf(
  range: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'none' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  return start < end ? { start, end } : 'none';
}

async function openPlain(shelf: Shelf, segments: Segments): Promise<FileHandle> {
  try {
    return await open(diskPath(shelf.root, segments), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    throw isCode(error, 'ENOENT', 'ELOOP') ? missing(shelf.behaviour, idOf(segments)) : error;
  }
}

/** Exactly these bytes; a file that shrank meanwhile fails, which breaks the connection. */
async function* content(handle: FileHandle, start: number, end: number): AsyncGenerator<Buffer> {
  try {
    for (let at = start; at < end; ) {
      const buffer = Buffer.allocUnsafe(Math.min(SMALL, end - at));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new Error('the file shrank while it was sent');
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function readPart(handle: FileHandle, start: number, length: number): Promise<Buffer> {
  try {
    const buffer = Buffer.alloc(length);
    let at = 0;
    while (at < length) {
      const { bytesRead } = await handle.read(buffer, at, length - at, start + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return buffer.subarray(0, at);
  } finally {
    await handle.close();
  }
}

function sendFolder(shelf: Shelf, reply: FastifyReply, id: string): unknown {
  if (shelf.behaviour.folderDownload === 'refused') {
    throw new ApiError(400, 'bad_request', `${id} is a folder`);
  }
  reply.header('content-type', 'application/octet-stream');
  reply.header('content-length', '9223372036854775807');
  return breakOff(reply, Buffer.from('folder'));
}

/** Sends the headers and these bytes, then breaks the connection. */
function breakOff(reply: FastifyReply, bytes: Buffer): FastifyReply {
  reply.hijack();
  reply.raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>);
  reply.raw.flushHeaders();
  const end = (): void => {
    reply.raw.socket?.destroySoon();
  };
  if (bytes.length === 0) setImmediate(end);
  else reply.raw.write(bytes, end);
  return reply;
}
