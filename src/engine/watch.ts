/**
 * The service: cycles for as long as it is asked. Local hints bring a cycle at once, the remote side is swept by
 * time, troubles are tried again after a pause, and a halt is waited out. Only what the user must mend ends it.
 */
import type { LocalDir } from '../core/path.ts';
import { census } from '../core/tree.ts';
import { asRtsyncError, type RtsyncError } from '../lib/errors.ts';
import { type CyclePair, type CycleRequest, type CycleResult, type Memory, runCycle } from './cycle.ts';
import { patienceOf, STAYS_UP, type Standing, standStill } from './halt.ts';
import { whatNext } from './next.ts';
import type { Pair } from './pair.ts';
import { keepSnapshot, sendFirst } from './recall.ts';
import { createTriggers } from './triggers.ts';

export interface WatchOptions {
  /** Milliseconds between sweeps of the remote side. Stretched when the rate limit cannot carry it. */
  readonly pollMs: number;
  /** Requests a minute, when configured; else what the server tells. Polling takes at most half of them. */
  readonly limitPerMinute: number | undefined;
  /** Milliseconds between full local scans, the net under the hints. */
  readonly rescanMs: number;
  /**
   * Starts the watcher, with the place to send hints to. Called before the first cycle, and again after each halt: the
   * folders that were watched may be others now.
   */
  readonly startWatching: (hint: (dirs: readonly LocalDir[] | 'all') => void) => Promise<LocalWatcher>;
  /** Told after each cycle. */
  readonly onCycle?: (result: CycleResult) => void;
}

export interface LocalWatcher {
  /** Folders that the scan found; the watcher follows them. */
  follow(memory: Memory): Promise<void> | void;
  close(): Promise<void>;
}

const RETRY_MS = 2_000;
const RETRY_MAX_MS = 120_000;

/** `afresh`: only opening the pair anew can end its halt: it is to be compared afresh, or its folder is elsewhere. */
export type WatchEnd = 'stopped' | 'afresh';

/** Runs until the signal is aborted, or an approval asks for more than going on. Rejects with what only the user can mend. */
export async function watchPair(
  pair: WatchedPair,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<WatchEnd> {
  const triggers = createTriggers(pair.clock);
  const plan = newSchedule();
  while (!signal.aborted) {
    const watcher = await options.startWatching((dirs) => triggers.hint(dirs));
    try {
      await loop(pair, options, { triggers, watcher, plan }, signal);
    } finally {
      await watcher.close();
    }
    if (!plan.halted) continue;
    if ((await standStill(pair, patienceOf(plan.halts), signal)) === 'afresh') return 'afresh';
    plan.halted = false;
  }
  return 'stopped';
}

type WatchedPair = CyclePair & Standing;

interface Parts {
  readonly triggers: ReturnType<typeof createTriggers>;
  readonly watcher: LocalWatcher;
  readonly plan: Schedule;
}

interface Schedule {
  memory: Memory | undefined;
  /** Monotonic milliseconds. */
  pollAt: number;
  rescanAt: number;
  again: { readonly at: number; readonly request: CycleRequest } | undefined;
  tries: number;
  failures: number;
  halted: boolean;
  /** In a row. */
  halts: number;
  /** The halt that was told: each is told once. */
  told: string | undefined;
}

function newSchedule(): Schedule {
  return {
    ...{ memory: undefined, pollAt: 0, rescanAt: 0, again: undefined, tries: 0, failures: 0 },
    ...{ halted: false, halts: 0, told: undefined },
  };
}

/** Until it is stopped or halted. */
async function loop(
  pair: CyclePair,
  options: WatchOptions,
  parts: Parts,
  signal: AbortSignal,
): Promise<void> {
  const { plan } = parts;
  if (plan.halts === 0)
    await attempt(pair, plan, signal, async () => {
      const sent = await sendFirst(pair, signal);
      if (sent !== undefined) await parts.watcher.follow(sent.memory);
    });
  while (!signal.aborted && !plan.halted) {
    const never = Number.POSITIVE_INFINITY;
    const retryAt = pair.backoff.nextAt(pair.clock.monotonic()) ?? never;
    const dueAt = Math.min(plan.pollAt, plan.rescanAt, plan.again?.at ?? never, retryAt);
    const hints = await parts.triggers.wait(dueAt, signal);
    if (signal.aborted) return;
    const request = requestFor(plan, hints, pair.clock.monotonic());
    await attempt(pair, plan, signal, async () => {
      const result = await runCycle(pair, plan.memory, request, signal);
      if (isNews(pair, result)) keepSnapshot(pair, result.memory);
      plan.memory = result.memory;
      recovered(pair, plan);
      await parts.watcher.follow(result.memory);
      schedule(pair, options, plan, request, result);
      options.onCycle?.(result);
      pair.observer.on({ kind: 'phase', phase: 'idle' });
    });
  }
}

function recovered(pair: Pair, plan: Schedule): void {
  if (plan.told !== undefined)
    pair.observer.on({ kind: 'notice', level: 'info', message: 'no longer halted; it goes on' });
  plan.failures = 0;
  plan.halts = 0;
  plan.told = undefined;
}

/** What fails is tried again later; only what the user must mend ends the service. */
async function attempt(
  pair: CyclePair,
  plan: Schedule,
  signal: AbortSignal,
  job: () => Promise<void>,
): Promise<void> {
  try {
    await job();
  } catch (thrown) {
    if (!signal.aborted) afterFailure(pair, plan, asRtsyncError(thrown));
  }
}

function isNews(pair: Pair, { plan, totals }: CycleResult): boolean {
  return totals.done.size > 0 || plan.baseChanges.length > 0 || pair.state.remoteSnapshot() === undefined;
}

function requestFor(plan: Schedule, hints: readonly LocalDir[] | 'all', now: number): CycleRequest {
  const due = plan.again !== undefined && plan.again.at <= now ? plan.again.request : undefined;
  if (due !== undefined) plan.again = undefined;
  const everything =
    hints === 'all' || due?.local === 'all' || plan.rescanAt <= now || plan.memory === undefined;
  const sweep = plan.pollAt <= now || due?.remote === 'sweep';
  return {
    local: everything ? 'all' : [...new Set([...hints, ...(due === undefined ? [] : due.local)])],
    remote: sweep ? 'sweep' : due === undefined ? [] : due.remote,
  };
}

function schedule(
  pair: Pair,
  options: WatchOptions,
  plan: Schedule,
  request: CycleRequest,
  result: CycleResult,
): void {
  const now = pair.clock.monotonic();
  if (request.local === 'all') plan.rescanAt = now + options.rescanMs;
  if (request.remote === 'sweep') plan.pollAt = now + pollEvery(pair, options, result);
  const next = whatNext(result, plan.tries);
  plan.tries = next.kind === 'again' && result.totals.done.size === 0 ? plan.tries + 1 : 0;
  plan.again = next.kind === 'again' ? { at: now + next.waitMs, request: next.request } : undefined;
}

/** A sweep costs one request a folder and one for the root; half of the rate is the most it may take. */
function pollEvery(pair: Pair, options: WatchOptions, result: CycleResult): number {
  const limit = options.limitPerMinute ?? pair.gate.limitPerMinute;
  if (limit === undefined) return options.pollMs;
  const cost = census(result.memory.remote.tree).folders + 1;
  return Math.max(options.pollMs, (cost / (limit / 2)) * 60_000);
}

function afterFailure(pair: CyclePair, plan: Schedule, error: RtsyncError): void {
  if (error.disposition === 'fix' || error.disposition === 'bug') throw error;
  const now = pair.clock.monotonic();
  plan.memory = undefined;
  plan.again = undefined;
  if (error.disposition === 'halt') {
    // It may come from a look before the cycle.
    pair.cycleEnded?.({ kind: 'failed', error });
    plan.halted = true;
    plan.halts += 1;
    plan.pollAt = now;
    plan.rescanAt = now;
    if (plan.told !== error.message)
      pair.observer.on({ kind: 'notice', level: 'error', message: `${error.message}; ${STAYS_UP}` });
    plan.told = error.message;
    return;
  }
  plan.failures += 1;
  const waitMs = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** (plan.failures - 1));
  plan.pollAt = now + waitMs;
  plan.rescanAt = now + waitMs;
  const message = `${error.message}; trying again in ${Math.round(waitMs / 1000)} s`;
  pair.observer.on({ kind: 'notice', level: 'warn', message });
}
