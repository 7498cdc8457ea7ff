/** `sync`, `push`, `pull`: cycles until nothing is left to do, then one report. */
import { estimate, forecast } from '../core/summary.ts';
import type { RtsyncError } from '../lib/errors.ts';
import type { RequestCounts } from '../lib/gate.ts';
import { type CycleRequest, type CycleResult, type Memory, runCycle } from './cycle.ts';
import { weightOf } from './ledger.ts';
import { remaining, whatNext } from './next.ts';
import { limitsOf, type Pair } from './pair.ts';
import { keepSnapshot } from './recall.ts';
import { noOperations, type OperationCounts, type RunForecast, type RunReport, stepOf } from './report.ts';

/** Cycles after which a run stops chasing a side that changes faster than it can follow. */
const MOST_CYCLES = 25;
/** Cycles in a row that may end in the same trouble. */
const MOST_TRIES = { retry: 5, room: 5, changing: 16, replan: 8, 'follow-up': 8 } as const;

export interface RunResult {
  readonly report: RunReport;
  /** Why the run gave up for now. */
  readonly later: RtsyncError | undefined;
  /** A failure of ours that cost single paths. */
  readonly bug: RtsyncError | undefined;
}

interface Tally {
  readonly operations: OperationCounts;
  readonly conflicts: { path: string; copy?: string }[];
  up: number;
  down: number;
  bug: RtsyncError | undefined;
  readonly before: RequestCounts;
}

/** `before`: what the gate had counted when this run began, its opening included. */
export async function runUntilQuiet(
  pair: Pair,
  signal: AbortSignal,
  before: RequestCounts,
): Promise<RunResult> {
  const startedAt = pair.clock.monotonic();
  const startedOn = pair.clock.now();
  const tally: Tally = { operations: noOperations(), conflicts: [], up: 0, down: 0, bug: undefined, before };
  let memory: Memory | undefined;
  let request: CycleRequest = { local: 'all', remote: 'sweep' };
  let trouble = '';
  let tries = 0;
  for (let cycle = 1; ; cycle += 1) {
    const result = await runCycle(pair, memory, request, signal);
    memory = result.memory;
    const progress = count(tally, result);
    const next = whatNext(result, tries);
    const same = next.kind === 'again' && next.why === trouble && !progress;
    tries = same ? tries + 1 : 0;
    trouble = next.kind === 'again' ? next.why : '';
    const enough = next.kind === 'quiet' || tries >= MOST_TRIES[next.why] || cycle >= MOST_CYCLES;
    if (enough || signal.aborted) {
      if (!pair.options.dryRun) keepSnapshot(pair, memory);
      const report = reportOf(pair, result, tally, pair.clock.monotonic() - startedAt);
      record(pair, report, startedOn);
      return { report, later: result.totals.later, bug: tally.bug };
    }
    request = next.request;
    if (next.waitMs > 0) await pair.clock.sleep(next.waitMs, signal);
  }
}

/** Adds a cycle's deeds; true when it did something. */
function count(tally: Tally, result: CycleResult): boolean {
  const { totals } = result;
  for (const [kind, number] of totals.done) {
    if (kind === 'makeFolderLocal' || kind === 'makeFolderRemote') tally.operations.makeFolder += number;
    else if (kind !== 'setAside') tally.operations[kind] += number;
  }
  tally.operations.conflict += totals.conflicts.length;
  for (const { path, copy } of totals.conflicts)
    tally.conflicts.push(copy === undefined ? { path } : { path, copy });
  tally.up += totals.up;
  tally.down += totals.down;
  tally.bug ??= totals.bug;
  return totals.done.size > 0;
}

function reportOf(pair: Pair, last: CycleResult, tally: Tally, durationMs: number): RunReport {
  const { dryRun } = pair.options;
  const problems = dryRun ? last.problems : withUnfinished(last);
  const clean = remaining(problems).length === 0 && last.held.length === 0 && last.totals.later === undefined;
  const report: RunReport = {
    version: 1,
    pair: pair.options.name,
    direction: pair.options.direction,
    dryRun,
    inSync: clean && (!dryRun || last.plan.operations.length === 0),
    durationMs: Math.round(durationMs),
    requests: requestsSince(tally.before, pair.gate.counts),
    bytes: { up: tally.up, down: tally.down },
    operations: dryRun ? planned(last) : tally.operations,
    conflicts: tally.conflicts,
    problems,
    held: last.held,
  };
  if (!dryRun) return report;
  return {
    ...report,
    plan: last.plan.operations.map(stepOf),
    forecast: forecastOf(pair, last, report.requests.total),
  };
}

/** The real run looks at all that the dry one looked at. */
function forecastOf(pair: Pair, { plan }: CycleResult, looks: number): RunForecast {
  const limits = limitsOf(pair);
  const deeds = forecast(plan);
  const costs = { ...deeds, requests: deeds.requests + looks, looks };
  const { seconds, by } = estimate(costs, limits) ?? {};
  if (seconds === undefined || by === undefined) return { ...costs, limits };
  return { ...costs, seconds: Math.ceil(seconds), by, limits };
}

/** What was asked between two counts. */
export function requestsSince(before: RequestCounts, now: RequestCounts): RunReport['requests'] {
  const kinds = Object.entries(now.byLabel).map(
    ([kind, count]) => [kind, count - (before.byLabel[kind] ?? 0)] as const,
  );
  return {
    total: now.total - before.total,
    byKind: Object.fromEntries(kinds.filter(([, count]) => count > 0)),
  };
}

/** What kept changing until the end is said path by path. */
function withUnfinished(last: CycleResult): CycleResult['problems'] {
  const known = new Set(last.problems.map((problem) => problem.path));
  const moved = [...last.totals.replan, ...last.totals.followUp].filter((path) => !known.has(path));
  return [
    ...last.problems,
    ...moved.map((path) => ({
      path,
      code: 'changing' as const,
      message: `"${path}" kept changing while it was synced`,
    })),
  ];
}

function planned(last: CycleResult): OperationCounts {
  const counts = noOperations();
  for (const operation of last.plan.operations) {
    switch (operation.kind) {
      case 'makeFolderLocal':
      case 'makeFolderRemote':
        counts.makeFolder += 1;
        break;
      case 'setAside':
        counts.conflict += 1;
        break;
      default:
        counts[operation.kind] += weightOf(operation);
    }
  }
  return counts;
}

function record(pair: Pair, report: RunReport, startedOn: number): void {
  if (report.dryRun) return;
  const { makeFolder, upload, download, moveLocal, moveRemote, removeLocal, removeRemote } =
    report.operations;
  pair.state.recordCycle({
    startedAt: startedOn,
    endedAt: pair.clock.now(),
    trigger: 'run',
    requests: report.requests.total,
    operations: makeFolder + upload + download + moveLocal + moveRemote + removeLocal + removeRemote,
    problems: report.problems,
  });
}
