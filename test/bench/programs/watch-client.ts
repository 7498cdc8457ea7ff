/**
 * The local watcher alone, as it is built, with the scan that its hints ask for: `node watch-client.ts APP ROOT` prints
 * `ready`, then, asked anything, tells how many files it knows of and the CPU seconds that were not the scan's.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LocalDir } from '../../../src/core/path.ts';
import type { FolderNode, LocalStamp } from '../../../src/core/tree.ts';

type Watch = typeof import('../../../src/local/watch.ts');
type Folder = typeof import('../../../src/local/folder.ts');
type Clock = typeof import('../../../src/lib/clock.ts');
type Ignore = typeof import('../../../src/core/ignore.ts');

const [app = '', root = ''] = process.argv.slice(2);
const load = (file: string): Promise<unknown> => import(pathToFileURL(join(app, 'dist', file)).href);
const { watchFolder } = (await load('local/watch.js')) as Watch;
const { openLocalFolder } = (await load('local/folder.js')) as Folder;
const { systemClock } = (await load('lib/clock.js')) as Clock;
const { createIgnoreRules, DEFAULT_IGNORES } = (await load('core/ignore.js')) as Ignore;

const rules = createIgnoreRules(DEFAULT_IGNORES);
const folder = await openLocalFolder({ root, clock: systemClock(), makeOwnFolders: false });
let scan = await folder.scan(rules);
let waiting: Set<LocalDir> | 'all' = new Set();
let busy = false;
let scanCpu = 0;

function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function catchUp(): Promise<void> {
  if (busy) return;
  busy = true;
  while (waiting === 'all' || waiting.size > 0) {
    const dirs = waiting;
    waiting = new Set();
    const before = cpu();
    scan = dirs === 'all' ? await folder.scan(rules) : await folder.rescan(scan, [...dirs], rules);
    scanCpu += cpu() - before;
    await watch.follow(scan);
  }
  busy = false;
}

function filesIn(node: FolderNode<LocalStamp>): number {
  let files = 0;
  for (const child of node.children.values()) {
    if (child.kind === 'file') files += 1;
    else if (child.kind === 'folder') files += filesIn(child);
  }
  return files;
}

const watch = watchFolder({
  root: folder.root,
  onHint: (dirs) => {
    if (dirs === 'all' || waiting === 'all') waiting = 'all';
    else for (const dir of dirs) waiting.add(dir);
    void catchUp();
  },
  onDegraded: (_dirs, why) => console.error(`not watched: ${why}`),
});
await watch.follow(scan);
// Hints of the start are over when the next turn has come and gone.
await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const start = cpu();
scanCpu = 0;
console.log('ready');
process.on('message', () => {
  const spent = cpu() - start - scanCpu;
  process.send?.({ files: filesIn(scan.tree), cpu: spent });
});
process.once('disconnect', () => process.exit(0));
process.once('SIGTERM', () => process.exit(0));
