/**
 * One cycle: look at both sides, ask what only contents can tell, decide, let the guard speak, carry out, and write
 * down what really happened. The recipe of the engine; each step lives in a room of its own.
 */
import { compactLocal, compactRemote } from '../core/compact.ts';
import { guard, isRemoval } from '../core/guard.ts';
import type { IgnoreRules } from '../core/ignore.ts';
import type { DirPath, LocalDir, RemoteDir } from '../core/path.ts';
import type { Held, Plan, Problem } from '../core/plan.ts';
import type { Direction } from '../core/rules.ts';
import { nodeAt } from '../core/tree.ts';
import { tellVoided } from '../core/voided.ts';
import { asRtsyncError, type RtsyncError } from '../lib/errors.ts';
import type { LocalScan } from '../local/local.ts';
import type { RemoteScan } from '../remote/remote.ts';
import { versionOf } from './backoff.ts';
import { confirmRemovals } from './confirm.ts';
import { decideFor } from './decision.ts';
import { withDigests } from './digests.ts';
import { execute } from './executor.ts';
import { createLedger, type Totals } from './ledger.ts';
import type { Pair } from './pair.ts';
import { giveBack } from './recover/held.ts';
import { recover } from './recover.ts';
import { afterDeeds, localAsBefore, remoteAsBefore } from './remembered.ts';
import { believed, provenChanges } from './unproven.ts';
import { LONG, urgentPart } from './urgent.ts';
import { askForRoom, endWithRoom } from './wait-for-room.ts';

/** What to look at: everything, only some folders, or nothing (take it as remembered). */
export interface CycleRequest {
  readonly local: 'all' | readonly LocalDir[];
  readonly remote: 'sweep' | readonly RemoteDir[];
  /** The remote side is only remembered: what it shows is good to act on, since deeds look again, but not to believe. */
  readonly unproven?: boolean;
  /**
   * With `unproven`: which folders this process has listed, those of this request apart. That something is gone there is
   * believed of these alone.
   */
  readonly isListed?: (dir: DirPath) => boolean;
  /** Whether it is still the same workspace is asked as after a sweep. */
  readonly checks?: boolean;
  /** Folders of a local edit that a person waits for: of a long plan only what lies there is done, urgently. */
  readonly fresh?: readonly LocalDir[];
  /** Told when a stage begins. `local`: how the disk should look now, our own deeds included. */
  readonly onStage?: (stage: CycleStage, local: () => LocalScan) => void;
}

/** `looking` and `working` may be interrupted by calling back what waits; what is done in `judging` is over soon. */
export type CycleStage = 'looking' | 'judging' | 'working';

/** What the engine remembers between cycles of one process. */
export interface Memory {
  readonly local: LocalScan;
  readonly remote: RemoteScan;
  /** Monotonic milliseconds at the start of the last sweep. */
  readonly sweptAt: number;
}

export interface CycleResult {
  readonly memory: Memory;
  /** Whether the remote side was looked at as a whole. */
  readonly swept: boolean;
  readonly plan: Plan;
  readonly held: readonly Held[];
  readonly totals: Totals;
  /** Only what was most urgent of the plan was carried out. */
  readonly partial: boolean;
  /** Folders whose list would prove what was left out, since it is only remembered. */
  readonly wanted: readonly DirPath[];
  /** Everything that is not synced now, from looking, deciding and doing. */
  readonly problems: readonly Problem[];
}

export type CycleEnd =
  /** `swept`: both sides were looked at as they are now, at once or, where that takes long, in turn. */
  | { readonly kind: 'done'; readonly swept: boolean }
  | { readonly kind: 'failed'; readonly error: RtsyncError };

/** A pair that wants to know how its cycles end. */
export interface CyclePair extends Pair {
  /** Told after each cycle: what breaks off may leave something half-way, and what halts is to be known elsewhere. */
  readonly cycleEnded?: (end: CycleEnd) => void;
}

export async function runCycle(
  pair: CyclePair,
  memory: Memory | undefined,
  request: CycleRequest,
  signal: AbortSignal,
): Promise<CycleResult> {
  try {
    const result = await atUrgency(pair, memory, request, signal);
    pair.cycleEnded?.({ kind: 'done', swept: result.swept || provesAll(request) });
    return result;
  } catch (thrown) {
    pair.cycleEnded?.({ kind: 'failed', error: asRtsyncError(thrown) });
    throw thrown;
  }
}

/** Every folder was listed since the start, and the workspace was found to be the same. */
function provesAll({ checks, unproven }: CycleRequest): boolean {
  return checks === true && unproven !== true;
}

async function atUrgency(
  pair: Pair,
  memory: Memory | undefined,
  request: CycleRequest,
  signal: AbortSignal,
): Promise<CycleResult> {
  const { gate } = pair;
  // Without a look only what a person waits for is asked.
  gate.urgent = request.fresh !== undefined && request.remote.length === 0;
  try {
    return await cycle(pair, memory, request, signal);
  } finally {
    gate.urgent = false;
  }
}

async function cycle(
  pair: Pair,
  memory: Memory | undefined,
  request: CycleRequest,
  signal: AbortSignal,
): Promise<CycleResult> {
  const asks = pair.room.begins(pair.gate.storageIsFull, pair.clock.monotonic());
  await pair.beforeCycle();
  pair.checkRoot();
  if (asks) await askForRoom(pair, signal);
  if (memory === undefined) await giveBack(pair);
  const looked = await observe(pair, memory, request, signal);
  request.onStage?.('judging', () => looked.local);
  const swept = looked.sweptAt !== memory?.sweptAt;
  if (swept || request.checks === true) await pair.checkRemote(looked.remote.tree, false, signal);
  const recovered = await recover(pair, looked, swept, signal);
  const observed = recovered.seen;
  pair.observer.on({ kind: 'phase', phase: 'planning' });
  const judged = judge(pair, observed, request);
  const proven = believed(judged.plan, observed.remote.tree, request);
  const confirmed = pair.options.dryRun
    ? { plan: proven.plan, remote: observed.remote, doubted: [] }
    : await confirmRemovals(pair, observed, proven.plan, signal);
  const seen: Memory = { ...observed, remote: remoteAsBefore(memory?.remote, confirmed.remote) };
  const fitted = pair.room.fit(confirmed.plan, pair.clock.monotonic());
  pair.observer.on({ kind: 'planned', plan: fitted, held: judged.held });
  const ledger = createLedger(pair, pair.state.nextCycle(), (path) =>
    versionOf(nodeAt(seen.local.tree, path), nodeAt(seen.remote.tree, path)),
  );
  for (const path of [...confirmed.doubted, ...recovered.waiting]) ledger.totals.replan.add(path);
  const urgent = request.fresh && urgentPart(fitted, request.fresh);
  if (urgent === undefined && fitted.operations.length > LONG) pair.gate.urgent = false;
  const baseChanges = provenChanges(fitted, pair.state.base(), request);
  const plan = { ...fitted, baseChanges };
  const part = urgent === undefined ? plan : { ...plan, operations: urgent.operations };
  if (!pair.options.dryRun) await carryOut(pair, seen, { plan: part, ledger, request }, signal);
  endWithRoom(pair, ledger.totals);
  return {
    swept,
    memory: remember(seen, ledger.totals),
    plan: fitted,
    held: judged.held,
    totals: ledger.totals,
    partial: urgent !== undefined,
    wanted: proven.wanted,
    problems: [
      ...seen.local.problems,
      ...seen.remote.problems,
      ...fitted.problems,
      ...ledger.totals.problems,
    ],
  };
}

/** What should be done, and what of it a person must allow first. */
function judge(pair: Pair, seen: Memory, request: CycleRequest): ReturnType<typeof guard> {
  const decided = decideFor(pair, trees(seen));
  const approved = pair.approvals.approved(pair.clock.now());
  const recent = pair.removals?.within(pair.clock.monotonic());
  const before = pair.approvals.readHeld();
  const base = pair.state.base();
  const limits = { maxDelete: pair.options.maxDelete, approved, before, ...(recent && { recent }) };
  const judged = guard(decided, { base, ...trees(seen) }, limits);
  // What this run does not deal with stays held: that it was not planned says nothing.
  const others = before.filter(({ side }) => !serves(pair.options.direction, side));
  const picture = request.unproven !== true || request.isListed !== undefined;
  if (!pair.options.dryRun && picture) pair.approvals.saveHeld([...judged.held, ...others]);
  return { ...judged, held: tellVoided(judged.held, approved, base) };
}

function serves(direction: Direction, side: Held['side']): boolean {
  return direction === 'both' || (direction === 'push') === (side === 'remote');
}

interface Deeds {
  readonly plan: Plan;
  readonly ledger: ReturnType<typeof createLedger>;
  readonly request: CycleRequest;
}

async function carryOut(
  pair: Pair,
  seen: Memory,
  { plan, ledger, request }: Deeds,
  signal: AbortSignal,
): Promise<void> {
  const base = pair.state.base();
  if (plan.baseChanges.length > 0) pair.state.settle({ changes: plan.baseChanges, journal: [] });
  if (plan.operations.length === 0) return;
  pair.observer.on({ kind: 'phase', phase: 'working' });
  pair.checkRoot();
  request.onStage?.('working', () => remember(seen, ledger.totals).local);
  try {
    await execute({ pair, base, ...trees(seen), ledger, signal }, plan);
  } finally {
    ledger.settle();
    const done = plan.operations.filter(({ id }) => ledger.succeeded(id));
    const approved = pair.approvals.approved(pair.clock.now());
    if (done.some(isRemoval)) pair.removals?.add(done, approved, base, pair.clock.monotonic());
  }
}

async function observe(
  pair: Pair,
  memory: Memory | undefined,
  request: CycleRequest,
  signal: AbortSignal,
): Promise<Memory> {
  pair.observer.on({ kind: 'phase', phase: 'scanning' });
  const local = await scanLocal(pair, memory, request, signal);
  pair.observer.on({ kind: 'phase', phase: 'listing' });
  if (request.remote.length > 0) request.onStage?.('looking', () => local);
  const startedAt = pair.clock.monotonic();
  const sweeping =
    memory === undefined || request.remote === 'sweep' || rulesChanged(memory.local.rules, local.rules);
  const looked = sweeping
    ? await pair.remote.sweep(local.rules, signal)
    : await lookAgain(pair, memory.remote, request.remote as readonly RemoteDir[], local.rules, signal);
  const remote = remoteAsBefore(memory?.remote, looked);
  const asked = await withDigests(pair, local, signal);
  return { local: asked, remote, sweptAt: sweeping ? startedAt : memory.sweptAt };
}

async function scanLocal(
  pair: Pair,
  memory: Memory | undefined,
  request: CycleRequest,
  signal: AbortSignal,
): Promise<LocalScan> {
  const { rules } = pair.options;
  if (memory !== undefined && request.local !== 'all' && request.local.length === 0) return memory.local;
  const seen =
    memory === undefined || request.local === 'all'
      ? await pair.local.scan(rules, signal)
      : await pair.local.rescan(memory.local, request.local, rules, signal);
  const scan = memory === undefined ? seen : localAsBefore(memory.local, seen);
  // A disk that went away meanwhile looks like a folder that was emptied.
  pair.checkRoot();
  return scan;
}

function lookAgain(
  pair: Pair,
  before: RemoteScan,
  dirs: readonly RemoteDir[],
  rules: IgnoreRules,
  signal: AbortSignal,
): Promise<RemoteScan> {
  return dirs.length === 0 ? Promise.resolve(before) : pair.remote.look(before, dirs, rules, signal);
}

function rulesChanged(before: IgnoreRules, now: IgnoreRules): boolean {
  return before.fingerprint !== now.fingerprint;
}

/** The trees as they are after our own deeds, so that the next cycle need not look to know them. */
function remember(seen: Memory, totals: Totals): Memory {
  return {
    local: { ...seen.local, tree: compactLocal(afterDeeds(seen.local.tree, totals.localChanges)) },
    remote: { ...seen.remote, tree: compactRemote(afterDeeds(seen.remote.tree, totals.remoteChanges)) },
    sweptAt: seen.sweptAt,
  };
}

function trees(seen: Memory): { local: LocalScan['tree']; remote: RemoteScan['tree'] } {
  return { local: seen.local.tree, remote: seen.remote.tree };
}
