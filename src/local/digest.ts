/** Reading one exact version: its digest, and its bytes for an upload. */
import { createHash, hash } from 'node:crypto';
import { constants } from 'node:fs';
import type { Digest, LocalStamp } from '../core/tree.ts';
import type { Disk, DiskFile } from './disk.ts';
import { sameVersion } from './stamp.ts';

/** Never through a symlink, never waiting for the other end of a pipe. */
export const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Up to here a file is read at one go. */
const WHOLE_LIMIT = 1024 * 1024;
/** Small enough that many are made between two looks for what is garbage; see `bin/rtsync`. */
const CHUNK = 64 * 1024;

/** The content of exactly this version, undefined when the file is another one now. Throws what open and read throw. */
export function readWhole(disk: Disk, file: string, expected: LocalStamp): Buffer | undefined {
  const fd = disk.openSync(file, READ_FLAGS);
  try {
    if (!sameVersion(disk.fstatSync(fd), expected)) return undefined;
    const bytes = readUpTo(disk, fd, expected.size);
    if (bytes.length < expected.size) return undefined;
    return sameVersion(disk.fstatSync(fd), expected) ? bytes : undefined;
  } finally {
    disk.closeSync(fd);
  }
}

/** At most `size` bytes from the start; fewer when the file ends before. */
export function readUpTo(disk: Disk, fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let filled = 0;
  while (filled < size) {
    const count = disk.readSync(fd, bytes, filled, size - filled, filled);
    if (count === 0) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

export function digestOf(bytes: Uint8Array): Digest {
  return hash('sha256', bytes, 'hex');
}

/** Undefined when the file is not, or does not stay, this version. Throws what open and read throw. */
export async function digestFile(
  disk: Disk,
  { file, expected }: { readonly file: string; readonly expected: LocalStamp },
  signal?: AbortSignal,
): Promise<Digest | undefined> {
  if (expected.size <= WHOLE_LIMIT) {
    const bytes = readWhole(disk, file, expected);
    return bytes === undefined ? undefined : digestOf(bytes);
  }
  const handle = await disk.open(file, READ_FLAGS);
  try {
    if (!sameVersion(await handle.stat(), expected)) return undefined;
    const sum = createHash('sha256');
    let size = 0;
    for await (const chunk of chunks(handle, expected.size)) {
      signal?.throwIfAborted();
      sum.update(chunk);
      size += chunk.length;
    }
    if (size !== expected.size || !sameVersion(await handle.stat(), expected)) return undefined;
    return sum.digest('hex');
  } finally {
    await handle.close();
  }
}

/** At most `size` bytes from the start; fewer when the file ends before. Chunks may be kept. */
export async function* chunks(handle: DiskFile, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; ) {
    const wanted = Math.min(CHUNK, size - at);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield bytesRead === wanted ? buffer : buffer.subarray(0, bytesRead);
  }
}
