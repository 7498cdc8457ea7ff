/**
 * `npm run bench`: rtsync beside the bare floor and, where they are installed, its peers, in one run, alternating;
 * prints medians and ratios, and writes them as JSON. Single times mean little on a busy machine, ratios hold.
 *
 * node test/bench/main.ts [--size T1] [--latency 20] [--runs 3] [--json FILE]
 */
import { type ChildProcess, execFileSync, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { rtsync } from '../e2e/support/cli.ts';
import { createFloor } from './floor.ts';
import { editSome, makeTree, SIZES, type TreeSize } from './trees.ts';

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: 'T1' },
    latency: { type: 'string', default: '20' },
    runs: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
});

interface Sample {
  readonly seconds: number;
  readonly requests: number;
}

interface Row {
  readonly job: string;
  readonly who: string;
  readonly samples: Sample[];
}

const rows: Row[] = [];

function add(job: string, who: string, sample: Sample): void {
  const row = rows.find((one) => one.job === job && one.who === who);
  if (row === undefined) rows.push({ job, who, samples: [sample] });
  else row.samples.push(sample);
}

interface Bench {
  readonly size: TreeSize;
  readonly home: string;
  readonly tree: string;
  readonly served: string;
  readonly origin: string;
  readonly server: ChildProcess;
}

async function withBench(size: TreeSize, use: (bench: Bench) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'rtsync-bench-'));
  const data = join(home, 'data');
  mkdirSync(join(data, 'w'), { recursive: true });
  const server = fork(fileURLToPath(new URL('server.ts', import.meta.url)), [data, values.latency], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  try {
    const [line] = (await once(server.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    const tree = join(home, 'tree');
    makeTree(tree, size);
    await use({ size, home, tree, served: join(data, 'w'), origin: String(line).trim(), server });
  } finally {
    server.kill();
    await once(server, 'close');
    rmSync(home, { recursive: true, force: true });
  }
}

async function timed(job: () => Promise<number>): Promise<Sample> {
  const startedAt = performance.now();
  const requests = await job();
  return { seconds: (performance.now() - startedAt) / 1000, requests };
}

/** A run of the command line; its wall time counts from the start of the process. */
async function ours(bench: Bench, verb: string): Promise<number> {
  const env = {
    RUNTOOLS_API_URL: bench.origin,
    RUNTOOLS_STORAGE_URL: bench.origin,
    RUNTOOLS_API_KEY: 'rt_test_bench',
  };
  const ended = await rtsync(['--json', '--state-dir', join(bench.home, 'state'), verb, bench.tree, 'w'], {
    env,
  });
  if (ended.code !== 0) throw new Error(`rtsync ${verb} ended with ${ended.code}: ${ended.stderr}`);
  return JSON.parse(ended.stdout).requests.total;
}

function empty(bench: Bench): void {
  rmSync(bench.served, { recursive: true, force: true });
  mkdirSync(bench.served);
}

async function round(bench: Bench): Promise<void> {
  // The round before has edited it.
  rmSync(bench.tree, { recursive: true, force: true });
  makeTree(bench.tree, bench.size);
  const floor = createFloor(bench.origin, 'w');
  empty(bench);
  add('first push', 'floor', await timed(() => floor.push(bench.tree)));
  add('nothing changed', 'floor', await timed(() => floor.look(bench.tree)));
  await floor.close();
  empty(bench);
  rmSync(join(bench.home, 'state'), { recursive: true, force: true });
  rmSync(join(bench.tree, '.rtsync'), { recursive: true, force: true });
  add('first push', 'rtsync', await timed(() => ours(bench, 'push')));
  add('nothing changed', 'rtsync', await timed(() => ours(bench, 'sync')));
  const count = Math.max(4, Math.floor(bench.size.files / 100));
  for (const [side, mark] of [
    [bench.tree, 'here'],
    [bench.served, 'there'],
  ] as const) {
    for (const [i, path] of editSome(side, bench.size, count, mark).entries()) {
      if (i % 2 === 0) rmSync(path);
      else renameSync(path, `${path}.renamed-${mark}`);
    }
  }
  add('1 % + 1 %', 'rtsync', await timed(() => ours(bench, 'sync')));
}

function peers(bench: Bench): void {
  if (spawnSync('unison', ['-version']).status !== 0) {
    console.log('unison is not installed: its rows are left out');
    return;
  }
  const other = join(bench.home, 'unison');
  const env = { ...process.env, HOME: bench.home, UNISON: join(bench.home, '.unison') };
  const run = (): number => {
    execFileSync('unison', [bench.tree, other, '-batch', '-silent', '-ignore', 'Name .rtsync'], {
      env,
      stdio: 'ignore',
    });
    return 0;
  };
  cpSync(bench.tree, other, { recursive: true });
  run();
  const startedAt = performance.now();
  run();
  add('nothing changed', 'unison (local to local)', {
    seconds: (performance.now() - startedAt) / 1000,
    requests: 0,
  });
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

function table(size: TreeSize): object[] {
  return rows.map(({ job, who, samples }) => {
    const seconds = median(samples.map((sample) => sample.seconds));
    const requests = median(samples.map((sample) => sample.requests));
    const floor = rows.find((row) => row.job === job && row.who === 'floor');
    const bound = floor === undefined ? undefined : median(floor.samples.map((sample) => sample.seconds));
    return {
      tree: size.name,
      job,
      who,
      seconds: Number(seconds.toFixed(2)),
      requests,
      'time / floor': bound === undefined ? '' : Number((seconds / bound).toFixed(2)),
    };
  });
}

const size = SIZES.find(({ name }) => name === values.size);
if (size === undefined) {
  console.error(`--size must be one of ${SIZES.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
await withBench(size, async (bench) => {
  for (let run = 0; run < Number(values.runs); run += 1) await round(bench);
  peers(bench);
});
console.log(
  `${size.files} files in ${size.folders} folders, ${values.latency} ms latency, medians of ${values.runs}`,
);
console.table(table(size));
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(table(size), null, 2)}\n`);
