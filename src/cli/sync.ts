/** `rtsync sync`, `push` and `pull`: bring a pair, or all pairs, to rest once, and say what happened. */
import type { Command } from 'commander';
import { openServer, type ServerLink } from '../app/link.ts';
import { openPair } from '../app.ts';
import { type BandwidthConfig, parseBandwidth } from '../config/bandwidth.ts';
import { type PairConfig, pairFor } from '../config/pairs.ts';
import type { Direction, Mode } from '../core/rules.ts';
import type { Observer } from '../engine/events.ts';
import { limitsOf, type Pair } from '../engine/pair.ts';
import { exitCodeOf } from '../engine/report.ts';
import { type RunResult, requestsSince, runUntilQuiet } from '../engine/run-once.ts';
import { systemClock } from '../lib/clock.ts';
import { asRtsyncError, EXIT, type ExitCode, RtsyncError } from '../lib/errors.ts';
import type { RequestCounts } from '../lib/gate.ts';
import { approveCommand } from './approve-command.ts';
import { countDone, type FailedRun, failedReport } from './failed-report.ts';
import type { CliContext } from './globals.ts';
import { heapForPlan } from './heap.ts';
import { observeWith } from './observe.ts';
import { createProgress, createProgressLines } from './progress.ts';
import { reportLines } from './report-lines.ts';

/** A pause that the server asks for may hold up a single run this long; after that it ends with "try later". */
const PATIENCE_MS = 300_000;

interface Verb {
  readonly name: 'sync' | 'push' | 'pull';
  readonly direction: Direction | undefined;
  readonly does: string;
}

const VERBS: readonly Verb[] = [
  { name: 'sync', direction: undefined, does: 'bring folder and workspace to the same state, once' },
  { name: 'push', direction: 'push', does: 'send what changed here; nothing here is touched' },
  { name: 'pull', direction: 'pull', does: 'fetch what changed there; nothing there is touched' },
];

interface SyncOptions {
  readonly bwlimit?: BandwidthConfig;
  readonly mirror?: boolean;
  readonly force?: boolean;
}

export function registerSync(program: Command, context: CliContext): void {
  for (const verb of VERBS) {
    const command = program
      .command(verb.name)
      .description(verb.does)
      .argument('[folder]', 'folder on this machine, or the name of a configured pair')
      .argument('[workspace]', 'id, slug or name of a workspace, with :/path for a folder in it')
      .option(
        '--bwlimit <rate>',
        'file bytes a second, such as "1 MB", or UP:DOWN; "off" for no limit. Instead of what the configuration says',
        parseBandwidth,
      );
    if (verb.direction !== undefined) {
      command
        .option('--mirror', 'make the target exactly like the source, deleting what only the target has')
        .option('--force', 'let the source win conflicts');
    }
    command.action(async (folder: string | undefined, farEnd: string | undefined, options: SyncOptions) => {
      context.exitWith(await run(context, verb, { folder, farEnd }, options));
    });
  }
}

interface Ends {
  readonly folder: string | undefined;
  readonly farEnd: string | undefined;
}

async function run(context: CliContext, verb: Verb, ends: Ends, options: SyncOptions): Promise<ExitCode> {
  const mode: Mode = options.mirror === true ? 'mirror' : options.force === true ? 'force' : 'normal';
  const { pairs, link } = await begin(context, verb, ends, options);
  let worst: ExitCode = EXIT.done;
  try {
    for (const pairConfig of pairs)
      worst = worse(worst, await runPair(context, link, { verb, mode, pairConfig }, pairs.length));
  } finally {
    await link.close();
  }
  return worst;
}

/** What all pairs need. When it fails, each that is known of has failed. */
async function begin(
  context: CliContext,
  verb: Verb,
  ends: Ends,
  options: SyncOptions,
): Promise<{ readonly pairs: readonly PairConfig[]; readonly link: ServerLink }> {
  let pairs: readonly PairConfig[] | undefined;
  try {
    const { config: loaded } = await context.config();
    const config = { ...loaded, bandwidth: options.bwlimit ?? loaded.bandwidth };
    pairs = pairFor(ends, context.io.cwd, config.pairs);
    const clock = systemClock();
    const how = { env: context.io.env, clock, maxWaitMs: PATIENCE_MS, single: true };
    const link = await openServer(config, how);
    return { pairs, link };
  } catch (error) {
    const named = { name: ends.farEnd ?? ends.folder ?? '', direction: verb.direction ?? 'both' };
    for (const { name, direction } of pairs ?? [named])
      tellFailure(context, { pair: name, direction: verb.direction ?? direction }, asRtsyncError(error));
    throw error;
  }
}

type Failed = Pick<FailedRun, 'pair' | 'direction'> & Partial<FailedRun>;

/** Only for programs: a person gets the sentence. Wrong usage is no run. */
function tellFailure(context: CliContext, run: Failed, error: RtsyncError): void {
  const output = context.output();
  if (!output.json || error.code === 'usage') return;
  const nothing = { durationMs: 0, requests: { total: 0, byKind: {} } };
  const { dryRun } = context.globals();
  output.result([], failedReport({ dryRun, ...nothing, ...run }, error));
}

interface Job {
  readonly verb: Verb;
  readonly mode: Mode;
  readonly pairConfig: PairConfig;
}

/** With several pairs, the trouble of one does not keep the others from their turn. */
async function runPair(context: CliContext, link: ServerLink, job: Job, pairs: number): Promise<ExitCode> {
  try {
    return codeOf(await syncOrTell(context, link, job));
  } catch (thrown) {
    const error = asRtsyncError(thrown);
    if (pairs === 1 || error.code === 'bug' || context.signal.aborted) throw error;
    context.output().failure(`${job.pairConfig.name}: ${error.message}`);
    return error.exitCode;
  }
}

async function syncOrTell(context: CliContext, link: ServerLink, job: Job): Promise<RunResult> {
  const clock = systemClock();
  const since = clock.monotonic();
  const before = link.gate.counts;
  const done = countDone();
  try {
    return await syncPair(context, link, { ...job, before, done });
  } catch (error) {
    const facts = {
      pair: job.pairConfig.name,
      direction: job.verb.direction ?? job.pairConfig.direction,
      durationMs: clock.monotonic() - since,
      requests: requestsSince(before, link.gate.counts),
      done,
    };
    tellFailure(context, facts, asRtsyncError(error));
    throw error;
  }
}

async function syncPair(
  context: CliContext,
  link: ServerLink,
  job: Job & { readonly before: RequestCounts; readonly done: Observer },
): Promise<RunResult> {
  const { config } = await context.config();
  const log = await context.log();
  const clock = systemClock();
  const globals = context.globals();
  const parts = {
    requests: () => link.gate.counts.total,
    now: () => clock.monotonic(),
    limits: () => limitsOf(link),
  };
  const shown = globals.json ? { write: () => undefined } : context.io.stderr;
  const progress = createProgress(shown, parts);
  // A dry run says it all at its end.
  const lines =
    ('isTTY' in shown && shown.isTTY === true) || globals.dryRun
      ? undefined
      : createProgressLines(parts, (figures, sentence) => log.info(figures, sentence));
  const approve = approveCommand(globals, job.pairConfig.folder);
  const heap = heapForPlan();
  const opened = await openPair(config, link, job.pairConfig, {
    clock,
    observer: observeWith({ log, progress, approve }, (event) => {
      job.done.on(event);
      heap.on(event);
      lines?.on(event);
    }),
    direction: job.verb.direction,
    mode: job.mode,
    dryRun: globals.dryRun,
    signal: context.signal,
  });
  try {
    const result = await runToTheEnd(opened.pair, context.signal, job.before);
    progress.clear();
    const told = reportLines(result.report, context.output(), { trash: job.pairConfig.trash, approve });
    context.output().result(told, result.report);
    return result;
  } finally {
    progress.clear();
    opened.close();
  }
}

async function runToTheEnd(pair: Pair, signal: AbortSignal, before: RequestCounts): Promise<RunResult> {
  try {
    return await runUntilQuiet(pair, signal, before);
  } catch (error) {
    if (signal.aborted)
      throw new RtsyncError('stopped', {
        message: 'stopped; what was done is kept, the next run goes on',
        cause: error,
      });
    throw error;
  }
}

function codeOf({ report, later, bug }: RunResult): ExitCode {
  if (bug !== undefined) throw bug;
  return exitCodeOf(report, later);
}

/** Of two pairs' ends the one that needs a person more. */
const GRAVITY: readonly ExitCode[] = [
  EXIT.bug,
  EXIT.config,
  EXIT.refused,
  EXIT.usage,
  EXIT.halted,
  EXIT.later,
  EXIT.remaining,
  EXIT.done,
];

function worse(one: ExitCode, other: ExitCode): ExitCode {
  return GRAVITY.indexOf(one) <= GRAVITY.indexOf(other) ? one : other;
}
