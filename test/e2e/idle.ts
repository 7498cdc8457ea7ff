/**
 * What `rtsync watch` costs and knows while nothing happens, on a large tree at a rate limit: CPU, memory, requests of
 * each minute, how old its knowledge gets; then how long an edit in the workspace takes to the disk, in a folder in which
 * something changed a minute ago and in folders in which nothing did. Ends with 1 when the budget is passed, a request is
 * refused, an edit comes late or never, the log holds a warning, or the sides differ.
 *
 * Run: node test/e2e/idle.ts [--files 100000 --folders 5000] [--minutes 10] [--limit 300] [--no-cold]
 *      (the cold folders may take a whole round: 40 minutes for 5,000 folders at 300 requests a minute)
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { RequestEntry } from '../../src/serve/log.ts';
import {
  cpuOf,
  memoryOf,
  pause,
  type Running,
  run,
  startProcess,
  until,
  watchesOf,
} from '../bench/measure.ts';
import { makeTree } from '../bench/trees.ts';
import { labelsIn, MINUTE_MS, minutesOf, mostInMinute, refused } from './support/rates.ts';
import { createChecks } from './support/site.ts';
import { inSeconds, isNews, type Stage, sentencesIn, withStage } from './support/stage.ts';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '100000' },
    folders: { type: 'string', default: '5000' },
    minutes: { type: 'string', default: '10' },
    limit: { type: 'string', default: '300' },
    'no-cold': { type: 'boolean', default: false },
  },
});
const files = Number(values.files);
const folders = Number(values.folders);
const limit = Number(values.limit);
/** The scan, the watches and the first looks after a start. */
const STARTED_MS = 180_000;
const SAMPLE_MS = 5_000;
/** A minute after its change a folder is in the pause of 40 seconds: it was looked at after 5, 10 and 20. */
const HOT_PAUSE_MS = 40_000;
/** Of the time between two looks, for the deed itself and a machine that has other work. */
const SLACK = 1.2;
/** Two requests of the limit for each folder, since half of it is for looking. */
const coldMs = ((2 * (folders + 1)) / limit) * MINUTE_MS * SLACK;
const checks = createChecks();

interface Idling {
  readonly stage: Stage;
  readonly watch: Running;
  /** Requests of this watch alone. */
  requests(): readonly RequestEntry[];
}

async function play(stage: Stage): Promise<void> {
  const { machine, app, server, compare } = stage;
  console.log(`idle with ${files} files in ${folders} folders at ${limit} requests a minute`);
  makeTree(machine.folder, { name: 'idle', files, folders });
  const line = (verb: string): string[] => [
    ...[join(app, 'bin', 'rtsync'), '--json', '--state-dir', machine.stateDir],
    ...[verb, machine.folder, 'project'],
  ];
  const { origin } = server;
  const env = { RUNTOOLS_API_URL: origin, RUNTOOLS_STORAGE_URL: origin, RUNTOOLS_API_KEY: 'rt_test_A' };
  const push = await run(process.execPath, line('push'), { env });
  console.log(
    `   push without a limit: exit ${push.code}, ${push.seconds.toFixed(1)} s, peak ${mb(push.peakMb)}`,
  );
  if (push.code !== 0) throw new Error(push.stderr);
  await server.restart(['--limit', String(limit)]);
  // What the push spent in its last minute counts for the rate, and is not what is asked for.
  await pause(MINUTE_MS);
  const before = server.requests().length;
  const watch = startProcess(process.execPath, line('watch'), { env });
  const idling: Idling = { stage, watch, requests: () => server.requests().slice(before) };
  try {
    await measured(idling);
    await hot(idling);
    if (!values['no-cold']) await cold(idling);
  } finally {
    await watch.stop();
  }
  tellLog(idling);
  checks.check(compare() === 'equal', `both sides: ${compare()}`);
}

/** Until all folders are watched and the work of the start is done; then the minutes that were asked for. */
async function measured({ watch, requests }: Idling): Promise<void> {
  await watch.line(/watching/);
  const startedAt = performance.now();
  let cpu = cpuOf(watch.pid);
  const quiet = (): boolean => {
    const used = cpuOf(watch.pid) - cpu;
    cpu += used;
    return used < 0.1 && watchesOf(watch.pid) > folders;
  };
  await until(quiet, STARTED_MS, 1_000);
  console.log(
    `   quiet after ${inSeconds(performance.now() - startedAt)}: ${watchesOf(watch.pid)} watches, peak ${mb(memoryOf(watch.pid).peakMb)}, ${requests().length} requests`,
  );
  const from = { at: Date.now(), cpu: cpuOf(watch.pid) };
  const memory: number[] = [];
  for (let minute = 1; minute <= Number(values.minutes); minute += 1) {
    const cpuBefore = cpuOf(watch.pid);
    while (Date.now() - from.at < minute * MINUTE_MS) {
      memory.push(memoryOf(watch.pid).nowMb);
      await pause(Math.min(SAMPLE_MS, Math.max(1, from.at + minute * MINUTE_MS - Date.now())));
    }
    const counts = minutesOf(requests(), from.at)[minute - 1] ?? { total: 0 };
    const percent = (100 * (cpuOf(watch.pid) - cpuBefore)) / (MINUTE_MS / 1000);
    console.log(
      `   minute ${minute}: CPU ${percent.toFixed(2)} %, ${mb(memory.at(-1))}, ${counts.total} requests (${labelsIn(counts)})`,
    );
  }
  const took = Date.now() - from.at;
  const share = (100_000 * (cpuOf(watch.pid) - from.cpu)) / took;
  const { nowMb, peakMb } = memoryOf(watch.pid);
  console.log(
    `   idle for ${inSeconds(took)}: CPU ${share.toFixed(2)} % of a core, memory now ${mb(nowMb)}, most while idle ${mb(Math.max(...memory))}, peak since the start ${mb(peakMb)}`,
  );
  tellRate(requests(), from.at, took);
  tellKnowledge(requests());
}

function tellRate(entries: readonly RequestEntry[], from: number, took: number): void {
  const spent = entries.filter(({ at }) => at >= from && at < from + took).length;
  console.log(
    `   requests: ${((spent * MINUTE_MS) / took).toFixed(1)} a minute, most in any minute ${mostInMinute(entries)}`,
  );
}

/** By the server's log: rtsync itself says only how often it comes round. */
function tellKnowledge(entries: readonly RequestEntry[]): void {
  const known = lastLooks(entries);
  const oldest = Date.now() - Math.min(...known.values());
  const missing = folders - known.size;
  console.log(
    `   knowledge: ${known.size} of ${folders} folders looked at since the start${missing > 0 ? `, ${missing} not yet` : ''}, the oldest look ${inSeconds(oldest)} ago`,
  );
}

/** When each folder of the tree was listed last, in epoch milliseconds; those that were not are missing. */
function lastLooks(entries: readonly RequestEntry[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { label, path, at, status } of entries) {
    const name = /^\/(d\d+)$/.exec(path)?.[1];
    if (label === 'list' && status === 200 && name !== undefined)
      found.set(name, Math.max(at, found.get(name) ?? 0));
  }
  return found;
}

async function hot({ stage }: Idling): Promise<void> {
  const [here, there] = both(stage, 'd0');
  writeFileSync(here, 'mine\n');
  const sent = await until(holds(there, 'mine\n'), MINUTE_MS, 20);
  console.log(`   local edit on the server: ${inSeconds(sent)}`);
  await pause(MINUTE_MS);
  writeFileSync(there, 'by an agent\n');
  const allowed = HOT_PAUSE_MS * SLACK;
  const came = await until(holds(here, 'by an agent\n'), allowed, 20);
  checks.check(
    came <= allowed,
    `remote edit in a hot folder on the disk: ${inSeconds(came)} (at most ${inSeconds(allowed)})`,
  );
}

/** Folders that are looked at last, half a round from now, and next. */
async function cold({ stage, requests }: Idling): Promise<void> {
  const looks = lastLooks(requests());
  looks.delete('d0');
  const latestFirst = [...looks].sort(([, a], [, b]) => b - a).map(([name]) => name);
  const never = Array.from({ length: folders }, (_, i) => `d${i}`).filter(
    (name) => name !== 'd0' && !looks.has(name),
  );
  const order = [...latestFirst, ...never];
  const chosen = [
    ['just looked at', order[0]],
    ['in the middle', order[order.length >> 1]],
    [never.length > 0 ? 'not looked at yet' : 'looked at long ago', order.at(-1)],
  ] as const;
  console.log(`   remote edits in cold folders; allowed ${inSeconds(coldMs)}`);
  const waits = chosen.map(async ([what, name = '']) => {
    const [here, there] = both(stage, name);
    writeFileSync(there, `${what}\n`);
    const came = await until(holds(here, `${what}\n`), coldMs, 200);
    checks.check(
      came <= coldMs,
      `remote edit in a cold folder, ${what} (${name}), on the disk: ${inSeconds(came)}`,
    );
  });
  await Promise.all(waits);
  tellKnowledge(requests());
}

function both({ machine, served }: Stage, folder: string): readonly [string, string] {
  return [join(machine.folder, folder, 'edit.txt'), join(served, folder, 'edit.txt')];
}

function holds(file: string, text: string): () => boolean {
  return () => statSync(file, { throwIfNoEntry: false }) !== undefined && readFileSync(file, 'utf8') === text;
}

function tellLog({ watch, requests }: Idling): void {
  const said = sentencesIn(watch.output());
  for (const sentence of said.filter(isNews)) console.log(`   said: ${sentence}`);
  const warnings = said.filter((sentence) => !sentence.startsWith('info'));
  const entries = requests();
  const most = mostInMinute(entries);
  checks.check(watch.child.exitCode === 0, `watch ended with ${watch.child.exitCode}`);
  checks.check(warnings.length === 0, `warnings in its log: ${warnings.length}`);
  checks.check(most <= limit, `most requests in any minute: ${most} (at most ${limit})`);
  checks.check(refused(entries) === 0, `answers 429: ${refused(entries)} (none)`);
}

function mb(value: number | undefined): string {
  return `${(value ?? Number.NaN).toFixed(0)} MB`;
}

await withStage([], play);
console.log(checks.failures === 0 ? 'all good' : `${checks.failures} checks FAILED`);
process.exitCode = checks.failures === 0 ? 0 : 1;
