/** File bytes under a limit: as they came, but piece by piece, each when it may go. */
import { Readable } from 'node:stream';
import type { Throttle } from '../../lib/bandwidth.ts';
import type { WriteSource } from '../remote.ts';

/** Undefined: nothing slows it. */
export function slowedSource(source: WriteSource, throttle: Throttle | undefined): WriteSource {
  if (throttle === undefined) return source;
  return {
    size: source.size,
    body: () => Readable.from(inPieces(source.body(), throttle), { objectMode: false }),
  };
}

export async function* slowedBytes(
  bytes: AsyncIterable<Uint8Array>,
  throttle: Throttle | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    await throttle?.pass(chunk.length);
    yield chunk;
  }
}

async function* inPieces(content: Buffer | Readable, throttle: Throttle): AsyncGenerator<Uint8Array> {
  const chunks: Iterable<Buffer> | AsyncIterable<Buffer> = Buffer.isBuffer(content) ? [content] : content;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + throttle.piece);
      await throttle.pass(piece.length);
      at += piece.length;
      yield piece;
    }
  }
}
