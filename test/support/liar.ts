/** A proxy before a server, for answers that no honest server gives: a test rewrites what is listed. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Row {
  id: string;
  [field: string]: unknown;
}

export interface Liar {
  readonly origin: string;
  /** The server behind it. */
  target: string;
  /** Changes the rows of a list; undefined leaves them as they are. Called with the id of the folder. */
  lie: ((folder: string, rows: Row[]) => Row[] | undefined) | undefined;
  close(): Promise<void>;
}

export async function startLiar(): Promise<Liar> {
  const server = createServer((request, response) => {
    void (async () => {
      const { method = 'GET', url = '/' } = request;
      const { host: _, connection: __, 'transfer-encoding': chunked, ...headers } = request.headers;
      const bodyless = method === 'GET' || (chunked === undefined && headers['content-length'] === undefined);
      const answer = await fetch(liar.target + url, {
        method,
        headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
        ...(bodyless ? {} : { body: await buffer(request) }),
      });
      const bytes = Buffer.from(await answer.arrayBuffer());
      const type = answer.headers.get('content-type') ?? 'application/json';
      const date = answer.headers.get('date') ?? new Date().toUTCString();
      const listed = /\/files(\/[^?]*)?(\?|$)/.exec(url);
      const body =
        method === 'GET' && answer.ok && listed !== null
          ? told(decodeURIComponent(listed[1] ?? '/'), bytes)
          : bytes;
      response
        .writeHead(answer.status, { 'content-type': type, date, 'content-length': body.length })
        .end(body);
    })().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  const told = (folder: string, bytes: Buffer): Buffer => {
    const rows = liar.lie?.(folder, JSON.parse(bytes.toString('utf8')) as Row[]);
    return rows === undefined ? bytes : Buffer.from(JSON.stringify(rows));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const liar: Liar = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target: '',
    lie: undefined,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return liar;
}
