/** The benchmark's server in a process of its own: `node server.ts DATA LATENCY-MS`; prints its origin. */
import { startServer } from '../../src/serve/server.ts';

const [data = '', latency = '0'] = process.argv.slice(2);
const server = await startServer({ data, open: true });
server.faults.latencyMs = Number(latency);
console.log(server.origin);
process.on('message', (message) => {
  if (message === 'count') process.send?.(server.requests.counts());
  else server.requests.clear();
});
process.once('SIGTERM', () => {
  void server.close().then(() => process.exit(0));
});
