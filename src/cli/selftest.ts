/** `rtsync selftest`: the real engine in simulated worlds, with crashes, faults and people in between. */
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { EXIT, RtsyncError } from '../lib/errors.ts';
import type { Failure, SelftestFigures } from '../simulation/selftest.ts';
import type { CliContext } from './globals.ts';

interface Options {
  readonly seed?: string;
  readonly runs: string;
  readonly from: string;
  readonly jobs?: string;
  readonly keepGoing?: boolean;
}

export function registerSelftest(program: Command, context: CliContext): void {
  program
    .command('selftest')
    .description(
      'play simulated worlds with crashes, faults and other writers, and check every promise in each',
    )
    .option('--seed <text>', 'where chance begins; the same seed plays the same worlds')
    .option('--runs <n>', 'how many worlds', '1000')
    .option('--from <n>', 'number of the first world', '1')
    .option('--jobs <n>', 'threads: as many as there are processors')
    .option('--keep-going', 'play on after a world that fails')
    .action(async (options: Options) => {
      const seed = options.seed ?? String(Date.now());
      const runs = whole('--runs', options.runs);
      const from = whole('--from', options.from);
      const jobs = Math.min(runs, whole('--jobs', options.jobs ?? String(availableParallelism())));
      const output = context.output();
      const startedAt = performance.now();
      let told = startedAt;
      const job = {
        seed,
        runs,
        from,
        signal: context.signal,
        failures: options.keepGoing === true ? runs : 1,
        onRun: (figures: SelftestFigures) => {
          if (performance.now() - told < 10_000) return;
          told = performance.now();
          output.note(`${figures.runs} of ${runs} worlds`);
        },
      };
      // Loaded when it is asked for: no other command needs the worlds.
      const { selftestInThreads } = await import('../simulation/parallel.ts');
      const { selftest } = await import('../simulation/selftest.ts');
      const { figures, failures } = jobs > 1 ? await selftestInThreads(job, jobs) : await selftest(job);
      const seconds = Math.round(performance.now() - startedAt) / 1000;
      output.result(
        [...failures.flatMap(failureLines), ...figureLines(seed, figures, failures.length, seconds)],
        {
          version: 1,
          seed,
          ...figures,
          seconds,
          violations: failures.length,
          failures: failures.map(({ seed: world, violations }) => ({ world, violations })),
        },
      );
      if (context.signal.aborted && figures.runs < runs)
        throw new RtsyncError('stopped', `stopped after ${figures.runs} of ${runs} worlds`);
      if (failures.length > 0) context.exitWith(EXIT.bug);
    });
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RtsyncError('usage', `${name} must be a whole number from 1, not "${text}"`);
}

function failureLines({ seed, violations, story, scenario }: Failure): string[] {
  const dash = seed.lastIndexOf('-');
  return [
    `world ${seed}, made as small as it still fails:`,
    ...story.map((line) => `  ${line}`),
    `  in ${JSON.stringify(scenario)}`,
    ...violations.map(({ promise, what }) => `  ${promise}: ${what}`),
    `play it again: rtsync selftest --seed ${seed.slice(0, dash)} --from ${seed.slice(dash + 1)} --runs 1`,
    '',
  ];
}

function figureLines(seed: string, figures: SelftestFigures, violations: number, seconds: number): string[] {
  const { runs, events, edits, crashes, powerCuts, faults, requests, conflicts, gaps } = figures;
  return [
    `seed ${seed}: ${runs} worlds in ${seconds.toFixed(1)} s: ${violations} with a broken promise`,
    `${edits} edits, ${crashes} processes killed (${powerCuts} by a power cut), ${faults} faults in ${requests} requests, ${events} events; ${conflicts} conflicts, ${gaps} versions in a gap of the API`,
  ];
}
