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
  reply.header('content-length', size);
  if (wanted.attachment) {
    const name = encodeURIComponent(segments.at(-1) ?? '').replaceAll("'", '%27');
    reply.header('content-disposition', `attachment; filename*=UTF-8''${name}`);
  }
  if (cut !== undefined) {
    return breakOff(
      reply,
      await readStart(handle, cut === true ? Math.floor(size / 2) : Math.min(cut, size)),
    );
  }
  if (size > SMALL) return reply.send(Readable.from(content(handle, size), { objectMode: false }));
  const bytes = await readStart(handle, size);
  if (bytes.length < size) return breakOff(reply, bytes);
  return reply.send(bytes);
}

async function openPlain(shelf: Shelf, segments: Segments): Promise<FileHandle> {
  try {
    return await open(diskPath(shelf.root, segments), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    throw isCode(error, 'ENOENT', 'ELOOP') ? missing(shelf.behaviour, idOf(segments)) : error;
  }
}

/** Exactly `size` bytes; a file that shrank meanwhile fails, which breaks the connection. */
async function* content(handle: FileHandle, size: number): AsyncGenerator<Buffer> {
  try {
    let left = size;
    while (left > 0) {
      const buffer = Buffer.allocUnsafe(Math.min(SMALL, left));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) throw new Error('the file shrank while it was sent');
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function readStart(handle: FileHandle, length: number): Promise<Buffer> {
  try {
    const buffer = Buffer.alloc(length);
    let at = 0;
    while (at < length) {
      const { bytesRead } = await handle.read(buffer, at, length - at);
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
  reply.raw.writeHead(200, reply.getHeaders() as Record<string, string>);
  reply.raw.flushHeaders();
  const end = (): void => {
    reply.raw.socket?.destroySoon();
  };
  if (bytes.length === 0) setImmediate(end);
  else reply.raw.write(bytes, end);
  return reply;
}
