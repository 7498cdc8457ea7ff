/**
 * The local scan alone, as it is built: `node scan-client.ts APP ROOT RUNS` prints the seconds of each scan, and how
 * long the event loop was held at most, in milliseconds. The first scan warms up and does not count.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

type Folder = typeof import('../../../src/local/folder.ts');
type Clock = typeof import('../../../src/lib/clock.ts');
type Ignore = typeof import('../../../src/core/ignore.ts');

const [app = '', root = '', runs = '1'] = process.argv.slice(2);
const load = (file: string): Promise<unknown> => import(pathToFileURL(join(app, 'dist', file)).href);
const { openLocalFolder } = (await load('local/folder.js')) as Folder;
const { systemClock } = (await load('lib/clock.js')) as Clock;
const { createIgnoreRules, DEFAULT_IGNORES } = (await load('core/ignore.js')) as Ignore;

const rules = createIgnoreRules(DEFAULT_IGNORES);
const folder = await openLocalFolder({ root, clock: systemClock(), makeOwnFolders: false });
await folder.scan(rules);

let last = performance.now();
let heldMs = 0;
const beat = (): void => {
  const now = performance.now();
  heldMs = Math.max(heldMs, now - last);
  last = now;
};
const seconds: number[] = [];
for (let run = 0; run < Number(runs); run += 1) {
  last = performance.now();
  // A timer that is due at once: the gap between two calls is how long nobody else could run.
  const timer = setInterval(beat, 1);
  const startedAt = performance.now();
  await folder.scan(rules);
  seconds.push((performance.now() - startedAt) / 1000);
  beat();
  clearInterval(timer);
}
console.log(JSON.stringify({ seconds, heldMs }));
