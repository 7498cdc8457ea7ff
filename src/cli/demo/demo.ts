/** `rtsync demo`: an embedded server, a folder and a workspace with different contents, kept the same before your eyes. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { openServer, type ServerLink } from '../../app/link.ts';
import { openPair } from '../../app.ts';
import { completeBandwidth } from '../../config/bandwidth.ts';
import { completePair, type PairConfig } from '../../config/pairs.ts';
import type { Config } from '../../config.ts';
import type { EngineEvent } from '../../engine/events.ts';
import type { Pair } from '../../engine/pair.ts';
import { stepOf } from '../../engine/report.ts';
import { type RunResult, runUntilQuiet } from '../../engine/run-once.ts';
import { watchPair } from '../../engine/watch.ts';
import { watchFiles } from '../../engine/watcher.ts';
import { systemClock } from '../../lib/clock.ts';
import { EXIT } from '../../lib/errors.ts';
import { approveCommand } from '../approve-command.ts';
import type { CliContext } from '../globals.ts';
import type { Output } from '../output.ts';
import { describe, printable } from '../progress.ts';
import { reportLines } from '../report-lines.ts';
import { differences } from './equal.ts';
import { editBothSides, makeSample, type Sides } from './sample.ts';

const KEY = 'rt_test_demo';
const POLL_MS = 2_000;

interface Stage {
  readonly sides: Sides;
  readonly config: Config;
  readonly link: ServerLink;
  readonly pairConfig: PairConfig;
  readonly output: Output;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export function registerDemo(program: Command, context: CliContext): void {
  program
    .command('demo')
    .description('see it work: an embedded server, a sample folder, live two-way sync')
    .option('--once', 'a scripted round that checks itself, then end')
    .action(async (options: { once?: boolean }) => {
      const home = await mkdtemp(join(tmpdir(), 'rtsync-demo-'));
      try {
        await withStage(context, home, async (stage) => {
          if (options.once !== true) return live(stage);
          if (!(await scriptedRound(stage))) context.exitWith(EXIT.bug);
        });
      } finally {
        await rm(home, { recursive: true, force: true });
      }
    });
}

async function withStage(
  context: CliContext,
  home: string,
  use: (stage: Stage) => Promise<void>,
): Promise<void> {
  const sides = { here: join(home, 'my-folder'), there: join(home, 'workspaces', 'my-workspace') };
  await mkdir(sides.here, { recursive: true });
  await makeSample(sides);
  // Loaded here, so that no other command pays for a web framework.
  const { startServer } = await import('../../serve/server.ts');
  const server = await startServer({ data: join(home, 'workspaces'), keys: [{ key: KEY }] });
  const config: Config = {
    server: {
      apiUrl: server.origin,
      storageUrl: server.origin,
      auth: 'auto',
      limitPerMinute: undefined,
      concurrency: 32,
    },
    pairs: [],
    bandwidth: completeBandwidth(),
    stateDir: join(home, 'state'),
    logLevel: 'warn',
    apiKeyFile: undefined,
    apiKeyCommand: undefined,
  };
  const pairConfig = completePair(
    { name: 'demo', folder: sides.here, workspace: 'my-workspace' },
    { base: home, home, label: 'demo' },
  );
  try {
    const link = await openServer(config, { env: { RUNTOOLS_API_KEY: KEY }, clock: systemClock() });
    const output = context.output();
    const say = (line: string): void => void context.io.stdout.write(`${line}\n`);
    try {
      await use({ sides, config, link, pairConfig, output, say, signal: context.signal });
    } finally {
      await link.close();
    }
  } finally {
    await server.close();
  }
}

async function withPair<T>(
  stage: Stage,
  on: (event: EngineEvent) => void,
  use: (pair: Pair) => Promise<T>,
): Promise<T> {
  const opened = await openPair(stage.config, stage.link, stage.pairConfig, {
    clock: systemClock(),
    observer: { on },
    mode: 'normal',
    dryRun: false,
    signal: stage.signal,
  });
  try {
    return await use(opened.pair);
  } finally {
    opened.close();
  }
}

async function live(stage: Stage): Promise<void> {
  const { sides, output, say } = stage;
  say(output.style('bold', 'rtsync demo: a folder and a workspace with different contents, kept the same'));
  await syncOnce(stage);
  say('');
  say(`  your folder:   ${output.style('cyan', sides.here)}`);
  say(`  the workspace: ${output.style('cyan', sides.there)}`);
  say('');
  say(
    `Edit files in either and see them arrive in the other (the workspace is looked at every ${POLL_MS / 1000} s). Ctrl-C ends it.`,
  );
  await withPair(stage, liveView(stage), async (pair) => {
    await watchPair(
      pair,
      {
        pollMs: POLL_MS,
        limitPerMinute: undefined,
        rescanMs: 600_000,
        startWatching: (hint) => watchFiles(pair, hint),
      },
      stage.signal,
    );
  });
  say('stopped; the folders of the demo are removed');
}

/** Lines for one cycle; what is more is counted, so that the lines above stay in sight. */
const SHOWN = 8;

function liveView({ output, say }: Stage): (event: EngineEvent) => void {
  let shown = 0;
  const tell = (line: string): void => {
    shown += 1;
    if (shown <= SHOWN) say(`${output.style('dim', new Date().toTimeString().slice(0, 8))} ${line}`);
  };
  return (event) => {
    if (event.kind === 'planned') shown = 0;
    if (event.kind === 'phase' && event.phase === 'idle' && shown > SHOWN)
      say(`         … and ${shown - SHOWN} more`);
    if (event.kind === 'operation' && event.result === 'done') tell(describe(stepOf(event.operation)));
    if (event.kind === 'operation' && event.result === 'failed')
      tell(`${output.style('red', 'failed')} ${describe(stepOf(event.operation))}`);
    if (event.kind === 'conflict')
      tell(
        `${output.style('yellow', 'conflict')} ${printable(event.path)}${event.copy === undefined ? '' : `: the version from here is now ${printable(event.copy)}`}`,
      );
    if (event.kind === 'notice') tell(event.message);
  };
}

/** True when both sides ended equal and nothing got lost. */
async function scriptedRound(stage: Stage): Promise<boolean> {
  const { sides, say } = stage;
  say('1. a folder and a workspace with different contents; first sync');
  await syncOnce(stage);
  let good = await equal(stage);
  say('2. edits on both sides');
  await editBothSides(sides, (line) => say(`   ${line}`));
  const { report } = await syncOnce(stage);
  good = (await equal(stage)) && good;
  good =
    check(stage, report.conflicts.length === 1, 'one conflict, and both versions are on both sides') && good;
  good =
    check(
      stage,
      report.operations.moveRemote === 1 && report.operations.moveLocal >= 1,
      'each renamed folder moved as one',
    ) && good;
  say('3. once more, with nothing changed');
  const again = await syncOnce(stage);
  const writes = Object.values(again.report.operations).reduce((sum, count) => sum + count, 0);
  good = check(stage, writes === 0 && again.report.inSync, 'nothing was done') && good;
  say(good ? 'all good: both sides are equal byte for byte' : 'something went wrong, see above');
  return good;
}

async function syncOnce(stage: Stage): Promise<RunResult> {
  const show = (event: EngineEvent): void => {
    if (event.kind === 'notice') stage.say(`   ${event.message}`);
  };
  const before = stage.link.gate.counts;
  const result = await withPair(stage, show, (pair) => runUntilQuiet(pair, stage.signal, before));
  const how = {
    trash: stage.pairConfig.trash,
    approve: approveCommand({ stateDir: stage.config.stateDir }, stage.sides.here),
  };
  for (const line of reportLines(result.report, stage.output, how)) stage.say(`   ${line}`);
  return result;
}

async function equal(stage: Stage): Promise<boolean> {
  const found = await differences(stage.sides.here, stage.sides.there);
  for (const line of found) stage.say(`   DIFFERENT ${line}`);
  return check(stage, found.length === 0, 'both sides hold the same, byte for byte');
}

function check(stage: Stage, good: boolean, what: string): boolean {
  stage.say(`   ${good ? stage.output.style('green', 'ok') : stage.output.style('red', 'FAILED')} ${what}`);
  return good;
}
