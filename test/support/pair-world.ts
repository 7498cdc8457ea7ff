/**
 * A whole world for a story: a folder here, a workspace there, a server between them, and the product run over both,
 * either by its engine in this process or by its command line. Gone when the story ends.
 */
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openServer } from '../../src/app/link.ts';
import { openPair } from '../../src/app.ts';
import { differences } from '../../src/cli/demo/equal.ts';
import { run } from '../../src/cli/main.ts';
import type { PairConfig } from '../../src/config/pairs.ts';
import type { ConfigFile, PairFile } from '../../src/config/schema.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import type { Direction, Mode } from '../../src/core/rules.ts';
import { type Observer, silent } from '../../src/engine/events.ts';
import type { Pair } from '../../src/engine/pair.ts';
import { exitCodeOf, type RunReport } from '../../src/engine/report.ts';
import { runUntilQuiet } from '../../src/engine/run-once.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { asRtsyncError, type ErrorCode, type ExitCode } from '../../src/lib/errors.ts';
import type { ServeOptions } from '../../src/serve/options.ts';
import { startTestServer, TEST_KEY, type TestServer } from './server.ts';
import { type Side, sideAt } from './side.ts';

export interface WorldOptions extends ServeOptions {
  /** Settings of the pair; files are taken at once unless `settleMs` says otherwise. */
  readonly pair?: Partial<PairFile>;
  /** Of the configuration. */
  readonly bandwidth?: ConfigFile['bandwidth'];
  /** Waits take no time, on either side: for servers with coarse dates, and stories in which much is tried again. */
  readonly hasty?: boolean;
  /** The storage's address as the client knows it, made from the server's own. */
  readonly storageUrl?: (origin: string) => string;
}

export interface RunOptions {
  readonly mode?: Mode;
  readonly dryRun?: boolean;
  readonly observer?: Observer;
  /** On top of the world's settings of the pair. */
  readonly pair?: Partial<PairFile>;
  readonly stateDir?: string;
  /** Lets a story come between the engine and its disk or server. */
  readonly meddle?: (pair: Pair) => Pair;
}

export interface Run {
  readonly code: ExitCode;
  readonly report: RunReport;
  /** Requests by label as the server counted them, with `total`. */
  readonly asked: Readonly<Record<string, number>>;
  /** Why the run gave up for now. */
  readonly later: ErrorCode | undefined;
}

export interface CliRun {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly exit: ExitCode;
  readonly message: string;
}

export interface PairWorld {
  readonly home: string;
  readonly here: Side;
  readonly there: Side;
  readonly test: TestServer;
  readonly server: TestServer['server'];
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string>>;
  sync(options?: RunOptions): Promise<Run>;
  push(options?: RunOptions): Promise<Run>;
  pull(options?: RunOptions): Promise<Run>;
  /** Why a run failed, as it must. */
  refused(run: Promise<unknown>): Promise<Refusal>;
  /** The command line in this process. */
  cli(...args: string[]): Promise<CliRun>;
  cliWith(env: Readonly<Record<string, string | undefined>>, ...args: string[]): Promise<CliRun>;
  /** Both sides hold the same, and nothing of ours lies about. */
  expectEqual(): Promise<void>;
  /** Equal, and one more run does nothing but look. */
  expectQuiet(): Promise<void>;
  forgetState(): Promise<void>;
}

export async function withWorld(
  options: WorldOptions,
  story: (world: PairWorld) => Promise<void>,
): Promise<void> {
  const { pair = {}, bandwidth, hasty = false, storageUrl, ...serve } = options;
  const clock = hasty ? hastyClock() : systemClock();
  const test = await startTestServer(hasty ? { ...serve, clock } : serve);
  const home = await realpath(await mkdtemp(join(tmpdir(), 'rtsync-world-')));
  try {
    await mkdir(join(home, 'here'));
    await story(
      worldOf({ bandwidth, test, home, clock, pair, storage: storageUrl?.(test.origin) ?? test.origin }),
    );
  } finally {
    await test.close();
    await rm(home, { recursive: true, force: true });
  }
}

interface Parts {
  readonly test: TestServer;
  readonly home: string;
  readonly storage: string;
  readonly clock: Clock;
  readonly pair: Partial<PairFile>;
  readonly bandwidth: ConfigFile['bandwidth'];
}

function worldOf(parts: Parts): PairWorld {
  const { test, home } = parts;
  const here = sideAt(join(home, 'here'));
  const there = sideAt(join(test.folder, parts.pair.path ?? ''));
  const stateDir = join(home, 'state');
  const env = environment(parts);
  const runAs =
    (direction: Direction | undefined) =>
    (how: RunOptions = {}) =>
      runPair(parts, direction, { stateDir, ...how });
  const expectEqual = async (): Promise<void> => {
    expect(await differences(here.root, there.root)).toEqual([]);
    expect(await here.litter()).toEqual([]);
    expect(await sideAt(test.folder).litter()).toEqual([]);
  };
  return {
    ...{ home, here, there, test, stateDir, env, server: test.server, expectEqual, refused },
    sync: runAs(undefined),
    push: runAs('push'),
    pull: runAs('pull'),
    cli: (...args) => runCli(home, env, ['--state-dir', stateDir, ...args]),
    cliWith: (more, ...args) => runCli(home, { ...env, ...more }, ['--state-dir', stateDir, ...args]),
    expectQuiet: async () => {
      await expectEqual();
      const again = await runAs(undefined)();
      expect(again.report).toMatchObject({ inSync: true, problems: [], conflicts: [], held: [] });
      expect({ code: again.code, writes: writes(again) }).toEqual({ code: 0, writes: {} });
      await expectEqual();
    },
    forgetState: () => rm(stateDir, { recursive: true, force: true }),
  };
}

function environment({ home, test, storage }: Parts): Readonly<Record<string, string>> {
  return {
    HOME: home,
    RUNTOOLS_API_KEY: TEST_KEY,
    RUNTOOLS_API_URL: test.origin,
    RUNTOOLS_STORAGE_URL: storage,
    XDG_STATE_HOME: join(home, 'xdg'),
    XDG_CONFIG_HOME: join(home, 'config'),
  };
}

async function refused(run: Promise<unknown>): Promise<Refusal> {
  const thrown = await run.then(
    () => expect.unreachable('the run should have failed'),
    (error: unknown) => asRtsyncError(error),
  );
  return { code: thrown.code, exit: thrown.exitCode, message: thrown.message };
}

const READS: ReadonlySet<string> = new Set(['total', 'list', 'workspaces', 'workspace', 'info', 'mark']);

/** What a run asked for beyond looking. */
export function writes({ asked }: Pick<Run, 'asked'>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(asked).filter(([label, count]) => count > 0 && !READS.has(label)));
}

type Planned = RunOptions & { readonly stateDir: string };

async function runPair(parts: Parts, direction: Direction | undefined, how: Planned): Promise<Run> {
  const { test, clock } = parts;
  const env = environment(parts);
  const mark = test.server.requests.mark();
  const { config, pair } = await configOf(parts, how);
  const link = await openServer(config, { env, clock, maxWaitMs: 60_000, single: true });
  const before = link.gate.counts;
  const { signal } = new AbortController();
  try {
    const opened = await openPair(config, link, pair, {
      ...{ clock, direction, signal },
      observer: how.observer ?? silent,
      mode: how.mode ?? 'normal',
      dryRun: how.dryRun ?? false,
    });
    try {
      const target = how.meddle?.(opened.pair) ?? opened.pair;
      const { report, later, bug } = await runUntilQuiet(target, signal, before);
      if (bug !== undefined) throw bug;
      return {
        code: exitCodeOf(report, later),
        report,
        asked: asked(test.server.requests, mark),
        later: later?.code,
      };
    } finally {
      opened.close();
    }
  } finally {
    await link.close();
  }
}

/** Requests by label; a look at the pair's own mark in the workspace is no download of anybody's file. */
function asked(requests: TestServer['server']['requests'], mark: number): Readonly<Record<string, number>> {
  const looks = requests
    .since(mark)
    .filter(({ label, path }) => label === 'download' && path.startsWith('/.rtsync/pairs/')).length;
  const counts = requests.counts(mark);
  return looks === 0 ? counts : { ...counts, download: (counts.download ?? 0) - looks, mark: looks };
}

async function configOf(parts: Parts, how: Planned): Promise<{ config: Config; pair: PairConfig }> {
  const { home, test, pair, bandwidth } = parts;
  const file = join(home, 'pair.json');
  const one = { folder: join(home, 'here'), workspace: test.slug, settleMs: 0, ...pair, ...how.pair };
  await writeFile(file, JSON.stringify({ bandwidth, pairs: [one] }));
  const { config } = await loadConfig({
    file,
    stateDir: how.stateDir,
    env: environment(parts),
    cwd: home,
    home,
  });
  const [found] = config.pairs;
  if (found === undefined) throw new Error('the configuration has no pair');
  return { config, pair: found };
}

async function runCli(
  home: string,
  env: Readonly<Record<string, string | undefined>>,
  args: readonly string[],
): Promise<CliRun> {
  let stdout = '';
  let stderr = '';
  const code = await run(args, {
    signal: new AbortController().signal,
    io: {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      env,
      cwd: home,
    },
  });
  return { code, stdout, stderr };
}

/** Sleeping makes it later at once: pauses take no time, and still everything after them happens after them. */
function hastyClock(): Clock {
  const real = systemClock();
  let ahead = 0;
  return {
    now: () => real.now() + ahead,
    monotonic: () => real.monotonic() + ahead,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      const until = real.monotonic() + ahead + ms;
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      ahead = Math.max(ahead, until - real.monotonic());
    },
  };
}
