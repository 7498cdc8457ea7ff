/** Reading one exact version: its digest, and its bytes for an upload. */
import { createHash, hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Digest, LocalStamp } from '../core/tree.ts';
import { sameVersion } from './stamp.ts';

/** Never through a symlink, never waiting for the other end of a pipe. */
export const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Up to here a file is read at one go. */
export const WHOLE_LIMIT = 1024 * 1024;
export const CHUNK = 256 * 1024;

/** The content of exactly this version, undefined when the file is another one now. Throws what open and read throw. */
export function readWhole(file: string, expected: LocalStamp): Buffer | undefined {
  const fd = openSync(file, READ_FLAGS);
  try {
    if (!sameVersion(fstatSync(fd), expected)) return undefined;
    const bytes = Buffer.allocUnsafe(expected.size);
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(fd, bytes, filled, bytes.length - filled, filled);
      if (count === 0) return undefined;
      filled += count;
    }
    return sameVersion(fstatSync(fd), expected) ? bytes : undefined;
  } finally {
    closeSync(fd);
  }
}

export function digestOf(bytes: Uint8Array): Digest {
  return hash('sha256', bytes, 'hex');
}

/** Undefined when the file is not, or does not stay, this version. Throws what open and read throw. */
export async function digestFile(
  file: string,
  expected: LocalStamp,
  signal?: AbortSignal,
): Promise<Digest | undefined> {
  if (expected.size <= WHOLE_LIMIT) {
    const bytes = readWhole(file, expected);
    return bytes === undefined ? undefined : digestOf(bytes);
  }
  const handle = await open(file, READ_FLAGS);
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
export async function* chunks(handle: FileHandle, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; ) {
    const wanted = Math.min(CHUNK, size - at);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield bytesRead === wanted ? buffer : buffer.subarray(0, bytesRead);
  }
}
