/**
 * The wire of the benchmark, in a process of its own: `node proxy.ts TARGET-PORT LATENCY-MS` prints its port. Each byte
 * on its way to the server waits for the latency; requests are counted here, for every kind of server alike. It reads
 * no more of HTTP/1.1 than where a request ends, so that it costs little. Asked `count` it tells, asked `reset` it
 * starts again from 0.
 */
import { connect, createServer, type Socket } from 'node:net';
import { createRequestCounter } from './request-counter.ts';

/** Bytes on the wire of one connection; more make the client wait, as a full socket would. */
const WINDOW = 8 * 1024 * 1024;
const REFUSED = Buffer.from('HTTP/1.1 429');

const [target = '0', latency = '0'] = process.argv.slice(2);
const latencyMs = Number(latency);
let counts = { requests: 0, refused: 0 };

function later(deed: () => void): void {
  if (latencyMs === 0) deed();
  else setTimeout(deed, latencyMs);
}

function carry(client: Socket): void {
  const server = connect({ port: Number(target), host: '127.0.0.1', noDelay: true });
  const count = createRequestCounter();
  let onTheWay = 0;
  client.on('data', (chunk: Buffer) => {
    counts.requests += count(chunk);
    onTheWay += chunk.length;
    if (onTheWay > WINDOW) client.pause();
    later(() => {
      if (server.destroyed) return;
      server.write(chunk, () => {
        onTheWay -= chunk.length;
        if (onTheWay < WINDOW && client.isPaused()) client.resume();
      });
    });
  });
  server.on('data', (chunk: Buffer) => {
    if (chunk.subarray(0, REFUSED.length).equals(REFUSED)) counts.refused += 1;
    if (!client.write(chunk)) server.pause();
  });
  client.on('drain', () => server.resume());
  client.on('end', () => later(() => server.end()));
  client.on('close', () => later(() => server.destroy()));
  server.on('close', () => client.destroy());
  // Whoever broke off is told by the close that follows.
  client.on('error', () => undefined);
  server.on('error', () => undefined);
}

const wire = createServer({ noDelay: true }, carry);
wire.listen(0, '127.0.0.1', () => {
  const address = wire.address();
  console.log(`port ${typeof address === 'object' ? address?.port : ''}`);
});
process.on('message', (message) => {
  if (message === 'reset') counts = { requests: 0, refused: 0 };
  process.send?.(counts);
});
process.once('disconnect', () => process.exit(0));
process.once('SIGTERM', () => process.exit(0));
