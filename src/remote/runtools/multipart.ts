/**
 * The frame of an upload, built by hand: its length is known beforehand, and the name field carries exactly the bytes
 * of the name (form encoders turn a newline into CRLF, and some put the file's own name in its place).
 */
import { Readable } from 'node:stream';

export interface UploadSource {
  /** Bytes that `body` gives. */
  readonly size: number;
  /** Called once per attempt; starts from the beginning each time. */
  body(): Buffer | Readable;
}

export interface Frame {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | Readable;
}

export function frameUpload(name: string, source: UploadSource, boundary: string): Frame {
  // The name comes first: a server that streams must know it when the file begins.
  const head = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="name"\r\n\r\n${name}\r\n` +
      `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${quoted(name)}"\r\n` +
      'Content-Type: application/octet-stream\r\n\r\n',
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const content = source.body();
  return {
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(head.length + source.size + tail.length),
    },
    body: Buffer.isBuffer(content)
      ? Buffer.concat([head, content, tail])
      : Readable.from(framed(head, content, tail), { objectMode: false }),
  };
}

async function* framed(head: Buffer, content: Readable, tail: Buffer): AsyncGenerator<Uint8Array> {
  yield head;
  yield* content;
  yield tail;
}

function quoted(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
