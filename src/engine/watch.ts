/**
 * The service: cycles for as long as it is asked. Local hints bring a cycle at once, and interrupt one that takes long;
 * the remote side is looked at by time, troubles are tried again after a pause, and a halt is waited out. Only what the
 * user must mend ends it.
 */
import type { LocalDir } from '../core/path.ts';
import { asRtsyncError, isCode, type RtsyncError } from '../lib/errors.ts';
import { type CyclePair, type CycleRequest, type CycleResult, type Memory, runCycle } from './cycle.ts';
import type { Knowledge } from './freshness.ts';
import { patienceOf, STAYS_UP, type Standing, standStill } from './halt.ts';
import { createInterrupter, type Interrupter } from './interrupt.ts';
import type { Pair } from './pair.ts';
import { keepSnapshot, recall, sender } from './recall.ts';
import { createSchedule, type Schedule, type ScheduleOptions } from './schedule.ts';
import { createTriggers, type Triggers } from './triggers.ts';

export interface WatchOptions extends ScheduleOptions {
  /**
   * Starts the watcher, with the place to send hints to. Called before the first cycle, and again after each halt: the
   * folders that were watched may be others now.
   */
  readonly startWatching: (hint: (dirs: readonly LocalDir[] | 'all') => void) => Promise<LocalWatcher>;
  /** Told after each cycle, with how old our knowledge of the remote side is. */
  readonly onCycle?: (result: CycleResult, knowledge: Knowledge) => void;
}

export interface LocalWatcher {
  /** Folders that the scan found; the watcher follows them. */
  follow(memory: Pick<Memory, 'local'>): Promise<void> | void;
  close(): Promise<void>;
}

/** `afresh`: only opening the pair anew can end its halt: it is to be compared afresh, or its folder is elsewhere. */
export type WatchEnd = 'stopped' | 'afresh';

/** Runs until the signal is aborted, or an approval asks for more than going on. Rejects with what only the user can mend. */
export async function watchPair(
  pair: WatchedPair,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<WatchEnd> {
  const triggers = createTriggers(pair.clock);
  const schedule = createSchedule(pair, options);
  const interrupter = createInterrupter(pair, triggers, schedule.lookAt, signal);
  const halt: Halt = { stands: false, inARow: 0, told: undefined };
  for (let first = true; !signal.aborted; first = false) {
    const watcher = await options.startWatching((dirs) => triggers.hint(dirs));
    const parts = { triggers, watcher, schedule, interrupter, halt };
    try {
      if (first) await start(pair, options, parts, signal);
      await loop(pair, options, parts, signal);
    } finally {
      await watcher.close();
    }
    if (!halt.stands) continue;
    if ((await standStill(pair, patienceOf(halt.inARow), signal)) === 'afresh') return 'afresh';
    halt.stands = false;
  }
  return 'stopped';
}

type WatchedPair = CyclePair & Standing;

interface Parts {
  readonly triggers: Triggers;
  readonly watcher: LocalWatcher;
  readonly schedule: Schedule;
  readonly interrupter: Interrupter;
  readonly halt: Halt;
}

interface Halt {
  stands: boolean;
  inARow: number;
  /** The halt that was told: each is told once. */
  told: string | undefined;
}

/** What is remembered of the remote side is enough to send by. */
async function start(
  pair: CyclePair,
  options: WatchOptions,
  parts: Parts,
  signal: AbortSignal,
): Promise<void> {
  await attempt(pair, parts, signal, undefined, async () => {
    const known = await recall(pair, signal);
    if (known === undefined) return;
    parts.schedule.remember(known);
    const only = sender(pair);
    if (only !== undefined)
      await oneCycle(only, options, parts, { local: [], remote: [], unproven: true }, signal);
  });
}

/** Until it is stopped or halted. */
async function loop(
  pair: CyclePair,
  options: WatchOptions,
  parts: Parts,
  signal: AbortSignal,
): Promise<void> {
  const { schedule, triggers, halt } = parts;
  while (!signal.aborted && !halt.stands) {
    const hints = schedule.owes ? [] : await triggers.wait(schedule.dueAt(pair.clock.monotonic()), signal);
    if (signal.aborted) return;
    const request = schedule.request(hints, pair.clock.monotonic());
    await attempt(pair, parts, signal, request, () => oneCycle(pair, options, parts, request, signal));
  }
}

async function oneCycle(
  pair: CyclePair,
  options: WatchOptions,
  { schedule, interrupter, watcher, halt }: Parts,
  request: CycleRequest,
  signal: AbortSignal,
): Promise<void> {
  const { memory } = schedule;
  let following: Promise<void> = Promise.resolve();
  const result = await interrupter.run((interrupts) => {
    const onStage: typeof interrupts = (stage, local) => {
      interrupts(stage, local);
      // What is edited while much is carried over for the first time is seen, too.
      if (stage === 'working' && memory === undefined)
        following = Promise.resolve(watcher.follow({ local: local() })).catch(() => undefined);
    };
    return runCycle(pair, memory, { ...request, onStage }, signal);
  });
  await following;
  if (isNews(pair, result)) keepSnapshot(pair, result.memory);
  if (halt.told !== undefined) notice(pair, 'info', 'no longer halted; it goes on');
  Object.assign(halt, { inARow: 0, told: undefined });
  schedule.done(request, result);
  await watcher.follow(result.memory);
  const news = schedule.news();
  if (news !== undefined) notice(pair, 'info', news);
  options.onCycle?.(result, schedule.knowledge());
  pair.observer.on({ kind: 'phase', phase: 'idle' });
}

/** What fails is tried again later; only what the user must mend ends the service. */
async function attempt(
  pair: CyclePair,
  parts: Parts,
  signal: AbortSignal,
  request: CycleRequest | undefined,
  job: () => Promise<void>,
): Promise<void> {
  try {
    await job();
  } catch (thrown) {
    if (signal.aborted) return;
    if (isCode(thrown, 'superseded') && request !== undefined) parts.schedule.superseded(request);
    else afterFailure(pair, parts, asRtsyncError(thrown));
  }
}

function isNews(pair: Pair, { plan, totals }: CycleResult): boolean {
  return totals.done.size > 0 || plan.baseChanges.length > 0 || pair.state.remoteSnapshot() === undefined;
}

function afterFailure(pair: CyclePair, { schedule, interrupter, halt }: Parts, error: RtsyncError): void {
  if (error.disposition === 'fix' || error.disposition === 'bug') throw error;
  const waitMs = schedule.failed(error, interrupter.reached === 'looking');
  if (error.disposition === 'halt') {
    // It may come from a look before the cycle.
    pair.cycleEnded?.({ kind: 'failed', error });
    halt.stands = true;
    halt.inARow += 1;
    if (halt.told !== error.message) notice(pair, 'error', `${error.message}; ${STAYS_UP}`);
    halt.told = error.message;
    return;
  }
  notice(pair, 'warn', `${error.message}; trying again in ${Math.round(waitMs / 1000)} s`);
}

function notice(pair: Pair, level: 'info' | 'warn' | 'error', message: string): void {
  pair.observer.on({ kind: 'notice', level, message });
}
