/** Receiving a file: streamed into a hidden temporary beside its place and renamed, or growing under its final name. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { ApiError, badRequest, type Made } from './answers.ts';
import { checkName, idOf, isCode, type Segments, temporaryName } from './place.ts';
import type { Shelf } from './shelf.ts';
import { findSpot, madeAt, parentFolder, quotaExceeded, stamp } from './write.ts';

/** The parts of a form, in the order in which they arrive. */
export type FormPart =
  | { readonly kind: 'name'; readonly value: string }
  | { readonly kind: 'file'; readonly filename: string; readonly body: Readable };

export interface UploadLimits {
  /** Largest file in bytes. */
  readonly file: number;
}

/** Content on the disk that still waits for its final name. */
interface Received {
  readonly size: number;
  /** Gives it the name that the form asked for, which may have come after the content. */
  settle(name: string): Promise<Made>;
  discard(): Promise<void>;
}

export async function receiveUpload(
  shelf: Shelf,
  parent: Segments,
  form: { readonly parts: AsyncIterable<FormPart>; readonly limits: UploadLimits },
): Promise<Made> {
  let name: string | undefined;
  let received: Received | undefined;
  try {
    for await (const part of form.parts) {
      if (part.kind === 'name') name = checkName(part.value);
      else if (received !== undefined) throw badRequest('one upload carries one file');
      else received = await receiveFile(shelf, parent, { ...part, name, limits: form.limits });
    }
    if (received === undefined) throw badRequest('the form has no field "file"');
    const made = await received.settle(name ?? '');
    shelf.grew(received.size);
    return made;
  } catch (error) {
    await received?.discard();
    throw error;
  }
}

interface Incoming {
  readonly name: string | undefined;
  readonly filename: string;
  readonly body: Readable;
  readonly limits: UploadLimits;
}

async function receiveFile(shelf: Shelf, parent: Segments, incoming: Incoming): Promise<Received> {
  const fallback = incoming.filename.slice(incoming.filename.lastIndexOf('/') + 1);
  if (incoming.name === undefined && fallback !== '') checkName(fallback);
  const room = await shelf.room();
  if (room <= 0) throw quotaExceeded(shelf);
  const folder = await shelf.exclusive(() => parentFolder(shelf, parent));
  const allowed = { room, file: incoming.limits.file };
  const first = incoming.name ?? fallback;
  if (shelf.behaviour.growingUploads && first !== '') {
    return receiveInPlace(shelf, { parent, folder, first, incoming, allowed });
  }
  return receiveBeside(shelf, { parent, folder, first, incoming, allowed });
}

interface Receiving {
  readonly parent: Segments;
  readonly folder: string;
  /** The name as known when the content begins; "" when it is not. */
  readonly first: string;
  readonly incoming: Incoming;
  readonly allowed: { readonly room: number; readonly file: number };
}

async function receiveBeside(shelf: Shelf, to: Receiving): Promise<Received> {
  const temporary = `${to.folder}/${temporaryName(randomUUID())}`;
  const discard = () => unlink(temporary).catch(() => {});
  try {
    // A name that is refused anyway is refused before the content is taken.
    if (to.first !== '')
      await shelf.exclusive(() => findSpot(to.folder, to.first, shelf.behaviour.takenName));
    const handle = await open(temporary, 'wx');
    const size = await pour(shelf, handle, to);
    await stamp(shelf, temporary);
    return {
      size,
      discard,
      settle: (name) =>
        shelf.exclusive(async () => {
          const spot = await findSpot(to.folder, name || to.first, shelf.behaviour.takenName);
          await rename(temporary, spot.path);
          shelf.grew(-spot.replaces);
          return madeAt(to.parent, spot.name);
        }),
    };
  } catch (error) {
    await discard();
    throw goneParent(error, to.parent);
  }
}

/** What breaks off stays as far as it came: that is how such servers tear files. */
async function receiveInPlace(shelf: Shelf, to: Receiving): Promise<Received> {
  const { O_CREAT, O_TRUNC, O_WRONLY, O_NOFOLLOW } = constants;
  const [spot, handle] = await shelf.exclusive(async () => {
    const free = await findSpot(to.folder, to.first, shelf.behaviour.takenName);
    return [free, await open(free.path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)] as const;
  });
  shelf.grew(-spot.replaces);
  const size = await pour(shelf, handle, to);
  await stamp(shelf, spot.path);
  return {
    size,
    discard: async () => shelf.shrank(),
    settle: (name) =>
      shelf.exclusive(async () => {
        if (name === '' || name === to.first) return madeAt(to.parent, spot.name);
        const final = await findSpot(to.folder, name, shelf.behaviour.takenName);
        await rename(spot.path, final.path);
        shelf.grew(-final.replaces);
        return madeAt(to.parent, final.name);
      }),
  };
}

async function pour(shelf: Shelf, handle: FileHandle, to: Receiving): Promise<number> {
  let size = 0;
  try {
    for await (const chunk of to.incoming.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > to.allowed.file) {
        throw new ApiError(413, 'payload_too_large', `A file may be at most ${to.allowed.file} bytes large.`);
      }
      if (size > to.allowed.room) throw quotaExceeded(shelf);
      await writeAll(handle, chunk);
    }
    return size;
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, chunk: Buffer): Promise<void> {
  let at = 0;
  while (at < chunk.length) at += (await handle.write(chunk, at)).bytesWritten;
}

function goneParent(error: unknown, parent: Segments): unknown {
  return isCode(error, 'ENOENT') ? new ApiError(404, 'not_found', `${idOf(parent)} does not exist`) : error;
}
