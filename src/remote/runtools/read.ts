/** Downloads of one folder: whole, of the listed size, and listed the same afterwards, or not at all. */
import { nameOf, type RemoteDir } from '../../core/path.ts';
import type { RemoteStamp } from '../../core/tree.ts';
import { RtsyncError } from '../../lib/errors.ts';
import type { Outcome, Read } from '../remote.ts';
import { attempt, type Context, failed, heed, inParallel } from './context.ts';
import { type DirId, idBelow } from './ids.ts';
import { matches } from './looks.ts';

const MOST_FILES = 64;
const MOST_BYTES = 256 * 1024 * 1024;

export async function read(
  ctx: Context,
  dir: RemoteDir,
  reads: readonly Read[],
  signal?: AbortSignal,
): Promise<void> {
  const dirId = idBelow(ctx.rootId, dir);
  for (const chunk of inChunks(reads)) await readChunk(ctx, dirId, chunk, signal);
}

async function readChunk(
  ctx: Context,
  dir: DirId,
  reads: readonly Read[],
  signal?: AbortSignal,
): Promise<void> {
  const whole: Read[] = [];
  await inParallel(reads, 32, async (one) => {
    const got = await attempt(() => download(ctx, one, signal));
    if (got.ok) whole.push(one);
    else await one.done(got);
  });
  if (whole.length === 0) return;
  const listed = await attempt(() => ctx.looks.fresh(dir, signal));
  await Promise.all(
    whole.map((one) => {
      if (!listed.ok) return one.done(listed);
      const entry = listed.value.entries.get(nameOf(one.path));
      const date = entry?.kind === 'file' && matches(entry, one.expect) ? entry.date : undefined;
      const outcome: Outcome<RemoteStamp> =
        date === undefined ? failed(changing(one)) : { ok: true, value: { size: one.expect.size, date } };
      return one.done(outcome);
    }),
  );
}

async function download(ctx: Context, one: Read, signal?: AbortSignal): Promise<void> {
  heed(signal);
  const id = idBelow(ctx.rootId, one.path);
  let size = -1;
  const receive = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    size = (await one.receive(bytes)).size;
  };
  await ctx.client.download(id, receive, { signal });
  if (size !== one.expect.size) throw changing(one);
}

function changing(one: Read): RtsyncError {
  return new RtsyncError('changing', {
    message: `${JSON.stringify(one.path)} changed on the server while it was read`,
    path: one.path,
  });
}

function inChunks(reads: readonly Read[]): Read[][] {
  const all: Read[][] = [];
  let bytes = 0;
  for (const one of reads) {
    const last = all.at(-1);
    if (last === undefined || last.length >= MOST_FILES || bytes + one.expect.size > MOST_BYTES) {
      all.push([one]);
      bytes = one.expect.size;
    } else {
      last.push(one);
      bytes += one.expect.size;
    }
  }
  return all;
}
