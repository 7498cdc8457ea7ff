/** rtsync as it is installed: built, started by `bin/rtsync`, its server in a process of its own behind the wire. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ran, type Running, run, startProcess } from './measure.ts';
import { endFork, forkHere, startWire, type Wire } from './wire.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DEADLINE_MS = 120_000;

/** Builds into a folder of its own: a `dist` of the checkout would be left alone by `bin/rtsync`, and may be old. */
export function buildProduct(into: string): void {
  mkdirSync(into, { recursive: true });
  cpSync(join(ROOT, 'bin'), join(into, 'bin'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(into, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(into, 'node_modules'));
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  const built = spawnSync(tsc, ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(into, 'dist')], {
    encoding: 'utf8',
    timeout: DEADLINE_MS,
  });
  if (!existsSync(join(into, 'dist', 'cli', 'main.js')))
    throw new Error(`the build failed: ${built.stdout}${built.stderr}`);
  if (built.status !== 0) console.error(`the build has type errors, measured all the same:\n${built.stdout}`);
}

export interface ShopOptions {
  /** Folder for everything; emptied first. */
  readonly home: string;
  /** Folder with the built product. */
  readonly app: string;
  /** Undefined: no wire in between, nothing is counted. */
  readonly latencyMs: number | undefined;
  /** Requests in each window. */
  readonly limit?: number;
  /** Shorter than a minute: only for the scaled client. */
  readonly windowMs?: number;
}

/** A served workspace `w`, a folder to sync with it, and the command line pointed at both. */
export interface Shop {
  readonly home: string;
  /** The local folder, empty at first. */
  readonly tree: string;
  /** The workspace's folder on the server's disk. */
  readonly served: string;
  readonly state: string;
  readonly origin: string;
  readonly env: Readonly<Record<string, string>>;
  readonly wire: Wire | undefined;
  /** Runs `rtsync VERB` on the pair. Throws when it does not end with 0. */
  run(verb: 'push' | 'pull' | 'sync'): Promise<Ran>;
  /** Starts `rtsync watch`; resolves when it says that it is watching. */
  watch(pollSeconds?: number): Promise<Running>;
  /**
   * Settings that the command line has no switch for. The requests of the last minute are forgotten: under a new limit
   * rtsync would first wait for them to be a minute old.
   */
  configure(pair: Readonly<Record<string, unknown>>, server?: { readonly limitPerMinute?: number }): void;
  /** Makes server, state and the folder's mark as new; the folder's files stay. */
  forget(): void;
  stop(): Promise<void>;
}

export async function openShop(options: ShopOptions): Promise<Shop> {
  const { home, app } = options;
  rmSync(home, { recursive: true, force: true });
  const served = join(home, 'data', 'w');
  const tree = join(home, 'tree');
  const state = join(home, 'state');
  for (const folder of [served, tree]) mkdirSync(folder, { recursive: true });
  const bin = join(app, 'bin', 'rtsync');
  const server = await startServer(join(home, 'data'), bin, options);
  const wire = options.latencyMs === undefined ? undefined : await startWire(server.port, options.latencyMs);
  const origin = wire?.origin ?? `http://127.0.0.1:${server.port}`;
  const config = join(home, 'config.json');
  const env = {
    RUNTOOLS_API_URL: origin,
    RUNTOOLS_STORAGE_URL: origin,
    RUNTOOLS_API_KEY: 'rt_test_bench',
    XDG_CONFIG_HOME: join(home, 'xdg'),
  };
  let stopped = false;
  const line = (verb: string): string[] =>
    existsSync(config)
      ? [bin, '--state-dir', state, '--config', config, verb, 'bench']
      : [bin, '--state-dir', state, verb, tree, 'w'];
  return {
    ...{ home, tree, served, state, origin, env, wire },
    run: async (verb) => {
      const ran = await run(process.execPath, [...line(verb), '--json'], { env });
      if (ran.code !== 0)
        throw new Error(`rtsync ${verb} ended with ${ran.code}: ${ran.stdout}${ran.stderr}`);
      return ran;
    },
    watch: async (pollSeconds) => {
      const poll = pollSeconds === undefined ? [] : ['--poll', String(pollSeconds)];
      const running = startProcess(process.execPath, [...line('watch'), ...poll], { env });
      await running.line(/watching/);
      return running;
    },
    configure: (pair, ofServer = {}) => {
      const pairs = [{ name: 'bench', folder: tree, workspace: 'w', ...pair }];
      writeFileSync(config, JSON.stringify({ server: ofServer, pairs }));
      for (const name of existsSync(state) ? readdirSync(state) : [])
        if (name.startsWith('pace-')) rmSync(join(state, name));
    },
    forget: () => {
      for (const folder of [served, state, join(tree, '.rtsync')])
        rmSync(folder, { recursive: true, force: true });
      mkdirSync(served);
    },
    stop: async () => {
      if (stopped) return;
      stopped = true;
      await wire?.stop();
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

async function startServer(
  data: string,
  bin: string,
  { limit, windowMs }: ShopOptions,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  if (windowMs !== undefined) {
    const { child, line } = await forkHere('server.ts', [data, String(limit), String(windowMs)]);
    return { port: Number(line.replace('port ', '')), stop: () => endFork(child) };
  }
  const limits = limit === undefined ? [] : ['--limit', String(limit)];
  const server = startProcess(process.execPath, [bin, 'serve', data, '--port', '0', '--open', ...limits]);
  const said = await server.line(/serving .* at http/);
  return { port: Number(/:(\d+)$/.exec(said)?.[1]), stop: () => server.stop() };
}
