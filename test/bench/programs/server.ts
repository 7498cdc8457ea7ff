/**
 * A server whose rate window is shorter than a minute, which the command line has no switch for, in a process of its own:
 * `node server.ts DATA LIMIT WINDOW-MS` prints its port.
 */
import { startServer } from '../../../src/serve/server.ts';

const [data = '', limit = '0', windowMs = '0'] = process.argv.slice(2);
const server = await startServer({ data, open: true, rateLimit: Number(limit), windowMs: Number(windowMs) });
console.log(`port ${server.port}`);
process.once('disconnect', () => process.exit(0));
process.once('SIGTERM', () => {
  void server.close().then(() => process.exit(0));
});
