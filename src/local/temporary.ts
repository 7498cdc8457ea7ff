/** Downloads on their way: one exclusive file each in `.rtsync/tmp`, on the disk where they shall end. */
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { RtsyncError } from '../lib/errors.ts';
import type { Disk, DiskFile } from './disk.ts';
import { codeOf, diskError, isMissing } from './fault.ts';
import type { Ground } from './ground.ts';
import type { LocalTemporary } from './local.ts';
import { OWN_FOLDER } from './names.ts';
import { makeOwnFolders } from './own.ts';

const WRITE_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** What `place` needs of a temporary. */
export interface Received {
  readonly file: string;
  readonly handle: DiskFile;
  readonly size: number;
  /** It has its name now: discarding must not take it away. */
  placed(): Promise<void>;
}

const received = new WeakMap<LocalTemporary, () => Received | undefined>();

/** Undefined when nothing was received, or it was placed or discarded. */
export function receivedBy(temporary: LocalTemporary): Received | undefined {
  return received.get(temporary)?.();
}

export async function makeTemporary(ground: Ground, size: number): Promise<LocalTemporary> {
  makeOwnFolders(ground.root, ground.disk);
  const room = await takeRoom(ground, size);
  const file = `${ground.root}/${OWN_FOLDER}/tmp/${randomUUID()}`;
  let handle: DiskFile | undefined;
  let whole: number | undefined;

  const close = async (): Promise<void> => {
    const open = handle;
    handle = undefined;
    whole = undefined;
    room.left(0);
    await open?.close();
  };
  const temporary: LocalTemporary = {
    receive: async (body, limit) => {
      whole = undefined;
      try {
        handle ??= await ground.disk.open(file, WRITE_FLAGS, 0o600);
        await handle.truncate(0);
        room.left(size);
        const got = await pour(handle, body, limit, (came) => room.left(size - came));
        whole = got.size;
        room.left(0);
        return got;
      } catch (error) {
        throw receiveError(error);
      }
    },
    discard: async () => {
      const begun = handle !== undefined;
      // Some disks tell on closing that they were full: of no interest for what goes.
      await close().catch(() => undefined);
      if (begun) await removeIfThere(ground.disk, file);
    },
  };
  received.set(temporary, () =>
    handle === undefined || whole === undefined ? undefined : { file, handle, size: whole, placed: close },
  );
  return temporary;
}

/** The reserve of a small disk: one part of so many. */
const MOST_OF_DISK = 20;

/** Room that one download takes up before its bytes are on the disk. */
interface Room {
  /** So many bytes are still to come. */
  left(bytes: number): void;
}

/** What others under way will take counts as taken: each alone might fit where all do not. */
async function takeRoom({ disk, root, promised, freeReserveBytes }: Ground, size: number): Promise<Room> {
  const { bavail, bsize, blocks = Number.POSITIVE_INFINITY } = await disk.statfs(root);
  const free = bavail * bsize - promised.bytes;
  const reserve = Math.min(freeReserveBytes, Math.floor((blocks * bsize) / MOST_OF_DISK));
  if (free - size < reserve)
    throw new RtsyncError('disk-full', {
      message: `the disk of ${root} has ${Math.max(0, free)} bytes free: too few for ${size} more and the ${reserve} that stay free ("minFreeBytes")`,
      path: root,
    });
  let mine = 0;
  const left = (bytes: number): void => {
    promised.bytes += Math.max(0, bytes) - mine;
    mine = Math.max(0, bytes);
  };
  left(size);
  return { left };
}

async function pour(
  handle: DiskFile,
  body: AsyncIterable<Uint8Array>,
  limit: number,
  onWritten: (size: number) => void,
): Promise<{ readonly size: number; readonly digest: string }> {
  const sum = createHash('sha256');
  let size = 0;
  for await (const chunk of body) {
    if (size + chunk.length > limit) {
      throw new RtsyncError('bad-answer', `the server sent more than the ${limit} bytes that it listed`);
    }
    sum.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      const { bytesWritten } = await handle.write(chunk, at, chunk.length - at, size + at);
      at += bytesWritten;
    }
    size += chunk.length;
    onWritten(size);
  }
  return { size, digest: sum.digest('hex') };
}

/** Only the disk's own refusals are ours to name; a body that breaks off keeps its sender's error. */
function receiveError(error: unknown): unknown {
  const code = codeOf(error);
  const ours = ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'EIO', 'EFBIG', 'EEXIST', 'ENOENT', 'ELOOP'];
  return code !== undefined && ours.includes(code) ? diskError(error, `${OWN_FOLDER}/tmp`, 'write') : error;
}

export async function removeIfThere(disk: Disk, file: string): Promise<void> {
  try {
    await disk.unlink(file);
  } catch (error) {
    if (!isMissing(error)) throw diskError(error, file, 'remove');
  }
}
