/** rclone over its own WebDAV server: `copy` for the first push, then `bisync`. */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Contestant, JOBS, type Job } from '../contestant.ts';
import { type Ran, type Running, run, startProcess } from '../measure.ts';
import { applyChanges, firstDifference, makeTree, type TreeSize, undoChanges } from '../trees.ts';
import { startWire, type Wire } from '../wire.ts';
import { saidBy, versionIn } from './installed.ts';

export interface RcloneOptions {
  readonly home: string;
  readonly size: TreeSize;
  readonly latencyMs: number;
  /** False: without the 10 ms that it waits between calls. */
  readonly spacing: boolean;
  /** False: its far side is made by copying, and only bisync is measured. */
  readonly pushes: boolean;
}

/** Undefined version: not installed. `canUnspace`: its spacing of requests can be switched off. */
export function rcloneHere(): { readonly version: string | undefined; readonly canUnspace: boolean } {
  const said = saidBy('rclone', ['version']);
  const flags = said === undefined ? '' : (saidBy('rclone', ['help', 'flags']) ?? '');
  return {
    version: said === undefined ? undefined : versionIn(said),
    canUnspace: flags.includes('--webdav-pacer-min-sleep'),
  };
}

/** A WebDAV server of rclone over a folder. No cache: what others change in the folder counts at once. */
export async function serveByRclone(
  folder: string,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const server: Running = startProcess('rclone', [
    ...['serve', 'webdav', folder, '--addr', '127.0.0.1:0', '--dir-cache-time', '0s', '--poll-interval', '0'],
  ]);
  const said = await server.line(/127\.0\.0\.1:\d+/);
  return { port: Number(/127\.0\.0\.1:(\d+)/.exec(said)?.[1]), stop: () => server.stop() };
}

export function rcloneEnv(home: string, url: string): Record<string, string> {
  return {
    RCLONE_CONFIG: join(home, 'rclone.conf'),
    RCLONE_CONFIG_BENCH_TYPE: 'webdav',
    RCLONE_CONFIG_BENCH_URL: url,
    // bisync wants modification times, which this vendor's header carries.
    RCLONE_CONFIG_BENCH_VENDOR: 'owncloud',
    RCLONE_CACHE_DIR: join(home, 'cache'),
  };
}

export async function createRclone(options: RcloneOptions): Promise<Contestant> {
  const { home, size, latencyMs, spacing, pushes } = options;
  const [tree, served, work] = [join(home, 'tree'), join(home, 'served'), join(home, 'bisync')];
  for (const folder of [tree, served]) mkdirSync(folder, { recursive: true });
  makeTree(tree, size);
  const server = await serveByRclone(served);
  const wire: Wire = await startWire(server.port, latencyMs);
  const env = rcloneEnv(home, wire.origin);
  const extra = spacing ? [] : ['--webdav-pacer-min-sleep', '0'];
  const rclone = async (...args: readonly string[]): Promise<Ran> => {
    const ran = await run('rclone', [...args, ...extra], { env });
    if (ran.code !== 0) throw new Error(`rclone ${args[0]} ended with ${ran.code}: ${ran.stderr}`);
    return ran;
  };
  const bisync = (...more: readonly string[]): Promise<Ran> =>
    rclone('bisync', tree, 'bench:', '--workdir', work, ...more);
  const ready: Record<Job, () => Promise<unknown>> = {
    'first push': async () => undefined,
    'nothing changed': () => bisync('--resync'),
    '1 % + 1 %': async () => {
      applyChanges(tree, size, 'here');
      applyChanges(served, size, 'there');
    },
  };
  return {
    name: spacing ? 'rclone' : 'rclone, no spacing',
    jobs: JOBS.filter((job) => pushes || job !== 'first push'),
    begin: async () => {
      undoChanges(tree, size);
      for (const folder of [served, work]) rmSync(folder, { recursive: true, force: true });
      if (pushes) mkdirSync(served);
      else cpSync(tree, served, { recursive: true, preserveTimestamps: true });
    },
    tree: () => tree,
    measure: async (job) => {
      await ready[job]();
      await wire.reset();
      const ran = await (job === 'first push' ? rclone('copy', tree, 'bench:') : bisync());
      const { seconds, cpu, peakMb } = ran;
      const different = firstDifference(tree, served);
      if (different !== undefined) throw new Error(`rclone left ${different} unequal after "${job}"`);
      return { seconds, cpu, peakMb, requests: await wire.requests() };
    },
    end: async () => {
      await wire.stop();
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
