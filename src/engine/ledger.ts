/**
 * What a cycle really achieved. Each deed reports here once; the ledger settles base and journal in groups, gathers
 * the changes of both observed trees, and counts. A deed that is not settled when the process dies is recognised by its
 * intention (`intents.ts`, `recover.ts`), or else found again by comparing.
 */
import type { BaseChange } from '../core/base.ts';
import type { RelPath } from '../core/path.ts';
import type { Operation, Problem, ProblemCode } from '../core/plan.ts';
import type { LocalStamp, Node, RemoteStamp } from '../core/tree.ts';
import { asRtsyncError, type Disposition, type ErrorCode, type RtsyncError } from '../lib/errors.ts';
import type { ConflictRecord, JournalEntry } from '../state/state.ts';
import type { OperationResult } from './events.ts';
import { createIntents, type Intents } from './intents.ts';
import type { Pair } from './pair.ts';
import type { TreeChange } from './remembered.ts';
import { type Growth, grows, problemAt } from './room.ts';

/** Deeds of one settle group: a commit costs an fsync, so they share it. */
const GROUP = 256;
const GROUP_MS = 200;

export interface Deed {
  readonly operation: Operation;
  readonly result: 'done' | 'adopted';
  readonly base: readonly BaseChange[];
  readonly local?: readonly TreeChange<LocalStamp>[];
  readonly remote?: readonly TreeChange<RemoteStamp>[];
  readonly journal?: Omit<JournalEntry, 'at' | 'cycle'>;
  readonly conflict?: {
    readonly path: RelPath;
    readonly copy: string | undefined;
    readonly resolution: string;
  };
  readonly bytes?: { readonly up?: number; readonly down?: number };
  /** More to do that only the next cycle can plan. */
  readonly followUp?: boolean;
}

export interface Ledger extends Pick<Intents, 'intend' | 'learn'> {
  deed(deed: Deed): void;
  failed(operation: Operation, error: unknown): void;
  skipped(operation: Operation): void;
  /** Makes durable what is gathered. */
  settle(): void;
  succeeded(id: number): boolean;
  /** Whether the end of an operation was told already. */
  told(id: number): boolean;
  readonly totals: Totals;
}

export interface Totals {
  readonly done: Map<Operation['kind'], number>;
  conflicts: { path: string; copy: string | undefined }[];
  problems: Problem[];
  up: number;
  down: number;
  /** Paths whose picture was wrong. */
  replan: Set<string>;
  /** Paths of which more is to be done that only the next cycle can plan. */
  readonly followUp: Set<string>;
  /** Why the rest must wait: the first error that says "later". */
  later: RtsyncError | undefined;
  /** What ends the whole run: a refused key, a halt. */
  fatal: RtsyncError | undefined;
  bug: RtsyncError | undefined;
  /** What waited was called back: the rest is planned again. */
  superseded: boolean;
  /** Network failures in a row, without a success between. */
  networkStrikes: number;
  readonly localChanges: TreeChange<LocalStamp>[];
  readonly remoteChanges: TreeChange<RemoteStamp>[];
}

export function createLedger(pair: Pair, cycle: number, versionAt: (path: RelPath) => string): Ledger {
  const totals = emptyTotals();
  const succeeded = new Set<number>();
  const ended = new Set<number>();
  let changes: BaseChange[] = [];
  let journal: JournalEntry[] = [];
  let conflicts: ConflictRecord[] = [];
  let done: Operation[] = [];
  let since = 0;
  const intents = createIntents(pair, cycle);

  const tell = (operation: Operation, result: OperationResult): void => {
    ended.add(operation.id);
    pair.observer.on({ kind: 'operation', operation, result });
  };

  const wait = (operation: Operation, problem: Problem, disposition: Disposition): void => {
    const path = pathOf(operation);
    pair.backoff.failed(path, versionAt(path), problem, disposition, pair.clock.monotonic());
  };

  /** It has not failed: it waits, see `Room`. */
  const refused = (operation: Growth, error: RtsyncError): void => {
    const path = pathOf(operation);
    tell(operation, 'skipped');
    intents.failed(operation, error);
    pair.room.refused(operation, error.status !== undefined, pair.clock.monotonic());
    totals.later ??= error;
    totals.problems.push(problemAt(path));
  };

  const settle = (): void => {
    // Settling takes the disk's time, and the process may die in it.
    intents.flush();
    if (changes.length + journal.length + conflicts.length > 0) {
      pair.state.settle({ changes, journal, conflicts, ended: done.flatMap(intents.idsOf) });
      for (const operation of done) intents.close(operation);
      changes = [];
      journal = [];
      conflicts = [];
      done = [];
    }
  };

  return {
    totals,
    settle,
    intend: intents.intend,
    learn: intents.learn,
    succeeded: (id) => succeeded.has(id),
    told: (id) => ended.has(id),
    deed: (deed) => {
      const at = pair.clock.now();
      if (changes.length === 0) since = pair.clock.monotonic();
      succeeded.add(deed.operation.id);
      totals.networkStrikes = 0;
      pair.backoff.succeeded(pathOf(deed.operation));
      if (grows(deed.operation)) pair.room.stored(deed.operation, true);
      changes.push(...deed.base);
      done.push(deed.operation);
      totals.localChanges.push(...(deed.local ?? []));
      totals.remoteChanges.push(...(deed.remote ?? []));
      if (deed.journal !== undefined) journal.push({ at, cycle, ...deed.journal });
      if (deed.conflict !== undefined) {
        conflicts.push({ at, ...deed.conflict });
        totals.conflicts.push({ path: deed.conflict.path, copy: deed.conflict.copy });
        pair.observer.on({ kind: 'conflict', path: deed.conflict.path, copy: deed.conflict.copy });
      }
      if (deed.followUp === true) totals.followUp.add(pathOf(deed.operation));
      totals.up += deed.bytes?.up ?? 0;
      totals.down += deed.bytes?.down ?? 0;
      totals.done.set(
        deed.operation.kind,
        (totals.done.get(deed.operation.kind) ?? 0) + weightOf(deed.operation),
      );
      tell(deed.operation, deed.result);
      const full = changes.length >= GROUP || pair.clock.monotonic() - since > GROUP_MS;
      // Of moves in a row only the last can be recognised by where its ends stand.
      if (full || isMove(deed.operation)) settle();
    },
    failed: (operation, thrown) => {
      const error = asRtsyncError(thrown);
      if (error.code === 'storage-full' && grows(operation)) {
        refused(operation, error);
        return;
      }
      if (error.ambiguous && grows(operation)) pair.room.stored(operation, false);
      tell(operation, error.disposition === 'replan' ? 'replan' : 'failed');
      intents.failed(operation, error);
      if (error.code === 'network') totals.networkStrikes += 1;
      note(totals, operation, error);
      const problem = totals.problems.at(-1);
      if (error.disposition !== 'replan' && problem !== undefined)
        wait(operation, problem, error.code === 'storage-full' ? 'blocked' : error.disposition);
    },
    skipped: (operation) => {
      tell(operation, 'skipped');
      intents.skipped(operation);
    },
  };
}

function emptyTotals(): Totals {
  return {
    done: new Map(),
    conflicts: [],
    problems: [],
    up: 0,
    down: 0,
    replan: new Set(),
    followUp: new Set(),
    later: undefined,
    fatal: undefined,
    bug: undefined,
    superseded: false,
    networkStrikes: 0,
    localChanges: [],
    remoteChanges: [],
  };
}

function isMove({ kind }: Operation): boolean {
  return kind === 'moveLocal' || kind === 'moveRemote';
}

/** Removed folders count as the files they held. */
export function weightOf(operation: Operation): number {
  if (operation.kind === 'removeLocal') return filesIn(operation.local);
  if (operation.kind === 'removeRemote') return filesIn(operation.remote);
  return 1;
}

function filesIn(seen: LocalStamp | RemoteStamp | Node<unknown>): number {
  if (!('kind' in seen)) return 1;
  if (seen.kind !== 'folder') return seen.kind === 'file' ? 1 : 0;
  let files = 0;
  for (const child of seen.children.values()) files += filesIn(child);
  return Math.max(files, 1);
}

function note(totals: Totals, operation: Operation, error: RtsyncError): void {
  const path = pathOf(operation);
  if (error.code === 'superseded') {
    totals.superseded = true;
    return;
  }
  switch (error.disposition) {
    case 'replan':
      totals.replan.add(path);
      return;
    case 'halt':
    case 'fix':
      totals.fatal ??= error;
      break;
    case 'bug':
      totals.bug ??= error;
      break;
    case 'later':
      beLater(totals, error);
      break;
    case 'retry':
      if (error.code !== 'changing') beLater(totals, error);
      break;
    case 'hold':
    case 'blocked':
      break;
  }
  const wayOut = error.code === 'unsupported-name' ? `; rename it ${sourceOf(operation)}` : '';
  totals.problems.push({
    path,
    code: PROBLEM_OF[error.code] ?? 'failed',
    message: `${error.message}${wayOut}`,
  });
}

/** A full storage holds up nothing else: any other reason says more. */
function beLater(totals: Totals, error: RtsyncError): void {
  if (totals.later === undefined || totals.later.code === 'storage-full') totals.later = error;
}

/** Where the name stands that the other side cannot hold. */
function sourceOf({ kind }: Operation): string {
  const comesHere = ['download', 'compare', 'makeFolderLocal', 'moveLocal'].includes(kind);
  return comesHere ? 'in the workspace' : 'here';
}

/** The path under which an operation is reported. */
export function pathOf(operation: Operation): RelPath {
  return 'place' in operation ? operation.place.path : operation.to.path;
}

const PROBLEM_OF: Partial<Record<ErrorCode, ProblemCode>> = {
  'too-large': 'too-large',
  'unsupported-name': 'name',
  'in-the-way': 'in-the-way',
  unreadable: 'unreadable',
  changing: 'changing',
  'storage-full': 'waiting',
  'disk-full': 'waiting',
  'rate-limited': 'waiting',
  'too-late': 'waiting',
  network: 'waiting',
  stopped: 'waiting',
};
