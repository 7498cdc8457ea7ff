/** A file about to be uploaded: opened as one exact version, hashed while it is sent, looked at again afterwards. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { LocalPath } from '../core/path.ts';
import type { Digest, LocalStamp } from '../core/tree.ts';
import { RtsyncError } from '../lib/errors.ts';
import { chunks, digestOf, READ_FLAGS, readWhole } from './digest.ts';
import type { DiskFile, DiskStats } from './disk.ts';
import { changed, codeOf, diskError, isMissing } from './fault.ts';
import type { Ground } from './ground.ts';
import type { LocalSource } from './local.ts';
import { absolute, checkParents, checkPath } from './names.ts';
import { sameVersion, stampOf, trusted } from './stamp.ts';

/** Larger ones stream: of a whole one the memory is given back late. */
const WHOLE_LIMIT = 32 * 1024;

export async function openSource(
  ground: Ground,
  path: LocalPath,
  expected: LocalStamp,
): Promise<LocalSource> {
  checkPath(path, ground.caseInsensitive);
  try {
    checkParents(ground, path);
    return expected.size <= WHOLE_LIMIT
      ? wholeSource(ground, path, expected)
      : await streamedSource(ground, path, expected);
  } catch (error) {
    throw openError(error, path);
  }
}

function openError(error: unknown, path: LocalPath): RtsyncError {
  if (isMissing(error)) return changed(path, 'is gone');
  if (codeOf(error) === 'ELOOP' || codeOf(error) === 'ENXIO') return changed(path, 'is no file any more');
  return diskError(error, path, 'read');
}

function differs(path: LocalPath): RtsyncError {
  return changed(path, 'changed since it was looked at');
}

/**
 * Holds no descriptor: the bytes are here already, and the last look goes by name. Closed, it holds no bytes either,
 * since who opened it may keep it for as long as the rest of its folder takes.
 */
function wholeSource(ground: Ground, path: LocalPath, expected: LocalStamp): LocalSource {
  let held = readWhole(ground.disk, absolute(ground.root, path), expected);
  if (held === undefined) throw differs(path);
  const bytes = (): Buffer => {
    if (held === undefined)
      throw new RtsyncError('bug', { message: `"${path}" was read after it was closed`, path });
    return held;
  };
  return {
    size: expected.size,
    body: bytes,
    finish: async () => ({ ...lookAgain(ground, path, expected), digest: digestOf(bytes()) }),
    close: async () => {
      held = undefined;
    },
  };
}

async function streamedSource(ground: Ground, path: LocalPath, expected: LocalStamp): Promise<LocalSource> {
  const handle = await ground.disk.open(absolute(ground.root, path), READ_FLAGS);
  if (!sameVersion(await handle.stat(), expected)) {
    await handle.close();
    throw differs(path);
  }
  let sent: Digest | undefined;
  let attempt = 0;
  const read = async function* (turn: number): AsyncGenerator<Buffer> {
    const sum = createHash('sha256');
    let size = 0;
    for await (const chunk of chunks(handle, expected.size)) {
      sum.update(chunk);
      size += chunk.length;
      // Known before the last byte leaves: a consumer that has its bytes may never ask again.
      if (size === expected.size && turn === attempt) sent = sum.digest('hex');
      yield chunk;
    }
    if (size !== expected.size) throw differs(path);
  };
  return {
    size: expected.size,
    body: () => {
      attempt += 1;
      sent = undefined;
      return Readable.from(read(attempt), { objectMode: false });
    },
    finish: async () => {
      if (sent === undefined) {
        throw new RtsyncError('local-io', { message: `"${path}" was not read to its end`, path });
      }
      const still = sameVersion(await handle.stat(), expected);
      return { ...(still ? lookAgain(ground, path, expected) : overtaken(expected)), digest: sent };
    },
    close: () => closeQuietly(handle),
  };
}

interface LastLook {
  readonly stamp: LocalStamp;
  readonly changed: boolean;
}

function lookAgain(ground: Ground, path: LocalPath, expected: LocalStamp): LastLook {
  let stats: DiskStats | undefined;
  try {
    stats = ground.disk.lstatSync(absolute(ground.root, path));
  } catch (error) {
    if (!isMissing(error)) throw diskError(error, path, 'read');
  }
  if (!sameVersion(stats, expected)) return overtaken(expected);
  return { stamp: trusted(stampOf(stats), ground.clock.now(), ground.grainMs), changed: false };
}

/** What was sent is a version that nobody will meet again; its stamp matches nothing. */
function overtaken(expected: LocalStamp): LastLook {
  return { stamp: { ...expected, ctimeMs: -1 }, changed: true };
}

/** A second close is harmless. */
async function closeQuietly(handle: DiskFile): Promise<void> {
  if (handle.fd >= 0) await handle.close();
}
