/** `rtsync watch`: keeps one pair or all pairs in sync until it is stopped. */
import type { Command } from 'commander';
import { keepPair } from '../app/keep.ts';
import { openServer, type ServerLink } from '../app/link.ts';
import { type PairConfig, pairFor } from '../config/pairs.ts';
import type { Config } from '../config.ts';
import type { CycleResult } from '../engine/cycle.ts';
import { limitsOf } from '../engine/pair.ts';
import { stepOf } from '../engine/report.ts';
import { WAITS_FOR_ROOM } from '../engine/room.ts';
import { type WatchOptions, watchPair } from '../engine/watch.ts';
import { watchFiles } from '../engine/watcher.ts';
import { systemClock } from '../lib/clock.ts';
import { RtsyncError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { approveCommand } from './approve-command.ts';
import type { CliContext } from './globals.ts';
import { keepHeapSmall } from './heap.ts';
import { observeWith } from './observe.ts';
import { createProgress, createProgressLines, describe } from './progress.ts';
import { byCause } from './report-lines.ts';

/** The net under the watcher's hints: everything local is scanned again this often. */
const RESCAN_MS = 600_000;

export function registerWatch(program: Command, context: CliContext): void {
  program
    .command('watch')
    .description('keep folder and workspace the same until stopped')
    .argument('[folder]', 'folder on this machine, or the name of a configured pair')
    .argument('[workspace]', 'id, slug or name of a workspace, with :/path for a folder in it')
    .option('--poll <seconds>', 'seconds between looks at the workspace', positive)
    .action(async (folder: string | undefined, farEnd: string | undefined, options: { poll?: number }) => {
      if (context.globals().dryRun)
        throw new RtsyncError(
          'usage',
          'watch has no --dry-run; "rtsync sync --dry-run" shows what it would do first',
        );
      keepHeapSmall();
      const { config } = await context.config();
      const pairs = pairFor({ folder, farEnd }, context.io.cwd, config.pairs);
      const log = await context.log();
      await watchAll(context, { config, pairs, log, poll: options.poll });
    });
}

type Hint = Parameters<WatchOptions['startWatching']>[0];

interface Job {
  readonly config: Config;
  readonly pairs: readonly PairConfig[];
  readonly log: Log;
  readonly poll: number | undefined;
}

/** One gate for all pairs. What ends one pair for good ends the service: a half-working one would go unnoticed. */
async function watchAll(context: CliContext, job: Job): Promise<void> {
  const clock = systemClock();
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const link = await openServer(job.config, { env: context.io.env, clock });
  try {
    const running = job.pairs.map(async (pair) => {
      try {
        await watchOne(context, link, { ...job, pair, signal });
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    });
    const ends = await Promise.allSettled(running);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined && !context.signal.aborted) throw failed.reason;
    job.log.info('stopped');
  } finally {
    await link.close();
  }
}

async function watchOne(
  context: CliContext,
  link: ServerLink,
  job: Job & { readonly pair: PairConfig; readonly signal: AbortSignal },
): Promise<void> {
  const log = job.pairs.length > 1 ? job.log.child({ pair: job.pair.name }) : job.log;
  const clock = systemClock();
  const parts = {
    requests: () => link.gate.counts.total,
    now: () => clock.monotonic(),
    limits: () => limitsOf(link),
  };
  const progress = createProgress(context.io.stderr, parts);
  const lines =
    context.io.stderr.isTTY === true
      ? undefined
      : createProgressLines(parts, (figures, sentence) => log.info(figures, sentence));
  const approve = approveCommand(context.globals(), job.pair.folder);
  const observer = observeWith({ log, progress, approve }, (event) => {
    lines?.on(event);
    if (event.kind !== 'operation' || (event.result !== 'done' && event.result !== 'failed')) return;
    progress.clear();
    log.info(
      event.result === 'done'
        ? describe(stepOf(event.operation))
        : `failed: ${describe(stepOf(event.operation))}`,
    );
  });
  const run = { clock, observer, mode: 'normal', dryRun: false, signal: job.signal } as const;
  const onCycle = newProblems(log);
  try {
    await keepPair({ config: job.config, link, pairConfig: job.pair, run }, (pair) => {
      log.info({ folder: pair.local.root, workspace: pair.remote.title }, 'watching');
      const options = {
        pollMs: (job.poll ?? job.pair.pollSeconds) * 1000,
        maxStalenessMs: job.pair.maxStalenessSeconds * 1000,
        limitPerMinute: job.config.server.limitPerMinute,
        rescanMs: RESCAN_MS,
        startWatching: (hint: Hint) => watchFiles(pair, hint),
        onCycle,
      };
      return watchPair(pair, options, job.signal);
    });
  } finally {
    progress.clear();
  }
}

/**
 * Each problem is logged once, not at every look, and only when it outlived one cycle: a folder that is renamed while it
 * is listed, say, is whole again at the next look. What keeps many paths back is one problem.
 */
export function newProblems(log: Pick<Log, 'warn'>): (result: Pick<CycleResult, 'problems'>) => void {
  let before = new Map<string, number>();
  return ({ problems }) => {
    const now = new Map<string, number>();
    // Files that are being written settle by themselves; what waits for room is told as a whole.
    const standing = problems.filter(
      ({ code, message }) => code !== 'changing' && message !== WAITS_FOR_ROOM,
    );
    for (const [{ path, code, message }] of byCause(standing)) {
      const cause = `${code} ${code === 'in-the-way' ? message : path}`;
      const times = (before.get(cause) ?? 0) + 1;
      now.set(cause, times);
      if (times === 2) log.warn({ path, code }, message);
    }
    before = now;
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new RtsyncError('usage', `--poll must be a number of seconds above 0, not "${text}"`);
  return value;
}
