/** What a service costs while nothing happens: measured once, read by several goals. */
import { rmSync } from 'node:fs';
import type { Bench } from './bench.ts';
import { cpuOf, memoryOf, pause, type Running, until, watchesOf } from './measure.ts';
import { saidBy } from './peers/installed.ts';
import { startSyncthing } from './peers/syncthing.ts';
import type { Shop } from './product.ts';
import { makeTree, type TreeSize } from './trees.ts';

export interface Idle {
  readonly memoryMb: number;
  /** Of the whole first cycle: scan, full look, watches. */
  readonly peakMb: number;
  readonly watches: number;
  /** Share of one core, in percent, without looks at the server. */
  readonly cpu: number;
  /** The same for 300 requests of looks a minute. */
  readonly pollingCpu: number;
  /** Undefined: not installed. */
  readonly syncthing: { readonly memoryMb: number; readonly cpu: number } | undefined;
}

const measured = new WeakMap<Bench, Promise<Idle>>();
const RATE = 300;
const STARTED_MS = 300_000;

export function idle(bench: Bench): Promise<Idle> {
  const known = measured.get(bench) ?? measureIdle(bench);
  measured.set(bench, known);
  return known;
}

/** A synced place whose watcher has seen everything and looks no more. Its caller stops both. */
export async function watched(
  bench: Bench,
  size: TreeSize,
): Promise<{ readonly shop: Shop; readonly watch: Running }> {
  const shop = await bench.shop();
  makeTree(shop.tree, size);
  shop.configure({ pollSeconds: 86_400 });
  await shop.run('push');
  await shop.wire?.reset();
  const watch = await shop.watch();
  await settled(shop, size);
  return { shop, watch };
}

/** Until the first look is over: all folders listed, then a second of silence. */
async function settled(shop: Shop, size: TreeSize): Promise<void> {
  let before = -1;
  let silentSince = 0;
  const quiet = async (): Promise<boolean> => {
    const now = (await shop.wire?.requests()) ?? 0;
    if (now !== before || now <= size.folders) silentSince = performance.now();
    before = now;
    return performance.now() - silentSince > 1_000;
  };
  if ((await until(quiet, STARTED_MS, 100)) === Number.POSITIVE_INFINITY)
    throw new Error('the first look of the watcher did not end');
}

/** Percent of one core over some seconds. */
async function shareOf(pid: number, seconds: number): Promise<number> {
  const before = cpuOf(pid);
  const startedAt = performance.now();
  await pause(seconds * 1000);
  return ((cpuOf(pid) - before) / ((performance.now() - startedAt) / 1000)) * 100;
}

async function measureIdle(bench: Bench): Promise<Idle> {
  const seconds = bench.smoke ? 1 : bench.long ? 60 : 15;
  const { shop, watch } = await watched(bench, bench.size);
  try {
    const cpu = await shareOf(watch.pid, seconds);
    const { nowMb, peakMb } = memoryOf(watch.pid);
    const watches = watchesOf(watch.pid);
    await watch.stop();
    const pollingCpu = await pollingShare(bench, shop);
    const syncthing = await syncthingIdle(bench, seconds);
    return { memoryMb: nowMb, peakMb, watches, cpu, pollingCpu, syncthing };
  } finally {
    await watch.stop();
    await shop.stop();
  }
}

/**
 * Under a real limit whole minutes pass between two looks. So it looks without one, and what a request of a look costs
 * then is taken as often as the rate has it.
 */
async function pollingShare(bench: Bench, shop: Shop): Promise<number> {
  const everySeconds = bench.smoke ? 0.5 : Math.max(2, bench.size.folders / 100);
  const requests = async (): Promise<number> => (await shop.wire?.requests()) ?? Number.NaN;
  shop.configure({});
  await shop.wire?.reset();
  const polling = await shop.watch(everySeconds);
  try {
    // The start is not what is asked for.
    await until(async () => (await requests()) > bench.size.folders, STARTED_MS, 50);
    await pause(everySeconds * 500);
    const before = { cpu: cpuOf(polling.pid), requests: await requests() };
    await pause(everySeconds * (bench.smoke ? 2 : 5) * 1000);
    const cpu = cpuOf(polling.pid) - before.cpu;
    return (cpu / ((await requests()) - before.requests)) * (RATE / 60) * 100;
  } finally {
    await polling.stop();
  }
}

async function syncthingIdle(bench: Bench, seconds: number): Promise<Idle['syncthing']> {
  if (saidBy('syncthing', ['--version']) === undefined) {
    bench.say('Syncthing is not installed: its rows are left out');
    return undefined;
  }
  const home = bench.folder();
  makeTree(`${home}/tree`, bench.size);
  const running = await startSyncthing(home, `${home}/tree`);
  try {
    const cpu = await shareOf(running.pid, seconds);
    return { memoryMb: memoryOf(running.pid).nowMb, cpu };
  } finally {
    await running.stop();
    rmSync(home, { recursive: true, force: true });
  }
}
