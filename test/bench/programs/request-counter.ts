/** Finds the requests in the bytes that a client of HTTP/1.1 sends over one connection. */

/** Give it each chunk in order; it tells how many request heads ended in it. */
export function createRequestCounter(): (chunk: Buffer) => number {
  /** Bytes of a body that are still to come. */
  let left = 0;
  let chunked = false;
  /** Of a head, or of the line with a chunk's size, what has come so far. */
  let begun = Buffer.alloc(0);

  const take = (
    chunk: Buffer,
    from: number,
    end: string,
  ): { readonly text: string; readonly next: number } | undefined => {
    const whole = begun.length === 0 ? chunk.subarray(from) : Buffer.concat([begun, chunk.subarray(from)]);
    const at = whole.indexOf(end, 0, 'latin1');
    if (at === -1) {
      begun = Buffer.from(whole);
      return undefined;
    }
    const next = from + at + end.length - begun.length;
    begun = Buffer.alloc(0);
    return { text: whole.toString('latin1', 0, at), next };
  };

  return (chunk) => {
    let heads = 0;
    let at = 0;
    while (at < chunk.length) {
      if (left > 0) {
        const skipped = Math.min(left, chunk.length - at);
        left -= skipped;
        at += skipped;
        continue;
      }
      const part = take(chunk, at, chunked ? '\r\n' : '\r\n\r\n');
      if (part === undefined) break;
      at = part.next;
      if (chunked) {
        const size = Number.parseInt(part.text, 16) || 0;
        chunked = size > 0;
        // The line break behind a chunk, and behind the last one the empty line.
        left = size + 2;
      } else {
        heads += 1;
        chunked = /\r\ntransfer-encoding:[^\r]*chunked/i.test(part.text);
        left = chunked ? 0 : Number(/\r\ncontent-length:\s*(\d+)/i.exec(part.text)?.[1] ?? 0);
      }
    }
    return heads;
  };
}
