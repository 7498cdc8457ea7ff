/**
 * Carries out a plan: stage after stage, inside a stage as parallel as the operations allow. It decides nothing; an
 * operation whose expectation fails comes back as "replan", one that cannot be done becomes a problem of its path, and
 * only what concerns the whole pair (a refused key, a halt, a network that is gone) ends the run.
 */
import { isTransfer, transferGroup } from '../core/bulk-order.ts';
import { parentOf, type RemoteDir } from '../core/path.ts';
import {
  type Compare,
  type Download,
  type Operation,
  type Plan,
  type RemoveRemote,
  STAGES,
  type Upload,
} from '../core/plan.ts';
import { type Deferred, deferred, forEachLimited } from '../lib/concurrency.ts';
import { RtsyncError } from '../lib/errors.ts';
import { downloadAll } from './deeds/download.ts';
import { removeLocal, removeRemote } from './deeds/remove.ts';
import { makeFolder, move, setAside } from './deeds/structure.ts';
import { uploadAll } from './deeds/upload.ts';
import type { Work } from './work.ts';

/** Files of one batch: bounds what is open or waiting in a temporary at a time. */
const BATCH = 250;
/** Network failures in a row after which the rest waits for the next cycle. */
const STRIKES = 8;

export async function execute(work: Work, plan: Plan): Promise<void> {
  const ends = new Map(plan.operations.map((operation) => [operation.id, deferred<void>()]));
  for (const stage of STAGES) {
    const operations = plan.operations.filter((operation) => operation.stage === stage);
    if (operations.length === 0) continue;
    if (stage === 'move') await inOrder(work, operations, ends);
    else await inParallel(work, operations, ends);
    work.ledger.settle();
    if (work.ledger.totals.fatal !== undefined) throw work.ledger.totals.fatal;
  }
}

type Ends = ReadonlyMap<number, Deferred<void>>;

async function inOrder(work: Work, operations: readonly Operation[], ends: Ends): Promise<void> {
  for (const operation of operations) await perform(work, [operation], ends);
}

async function inParallel(work: Work, operations: readonly Operation[], ends: Ends): Promise<void> {
  await forEachLimited(inTasks(operations), work.pair.options.parallelFolders, (task) =>
    perform(work, task, ends),
  );
}

/**
 * Groups what goes better together: the uploads of a folder, its downloads, all remote removals. A task stands where
 * its first member stood, so that nothing waits for a task that comes later in the list.
 */
function inTasks(operations: readonly Operation[]): Operation[][] {
  const tasks: Operation[][] = [];
  const open = new Map<string, Operation[]>();
  for (const operation of operations) {
    const key = groupOf(operation);
    const group = key === undefined ? undefined : open.get(key);
    if (group !== undefined && (group.length < BATCH || operation.kind === 'removeRemote')) {
      group.push(operation);
      continue;
    }
    const task = [operation];
    tasks.push(task);
    if (key !== undefined) open.set(key, task);
  }
  return tasks;
}

function groupOf(operation: Operation): string | undefined {
  if (isTransfer(operation)) return transferGroup(operation);
  return operation.kind === 'removeRemote' ? 'remove' : undefined;
}

async function perform(work: Work, task: readonly Operation[], ends: Ends): Promise<void> {
  try {
    const ready = await whatIsReady(work, task, ends);
    if (ready.length > 0) await performReady(work, ready);
  } catch (error) {
    for (const operation of task) if (!work.ledger.told(operation.id)) work.ledger.failed(operation, error);
  } finally {
    for (const operation of task) ends.get(operation.id)?.resolve();
  }
}

/** Those whose predecessors succeeded; the others are skipped, and planned again in the next cycle. */
async function whatIsReady(work: Work, task: readonly Operation[], ends: Ends): Promise<Operation[]> {
  const ready: Operation[] = [];
  for (const operation of task) {
    for (const id of operation.after) await ends.get(id)?.promise;
    if (mustStop(work)) {
      work.ledger.skipped(operation);
      if (!work.ledger.totals.superseded)
        work.ledger.totals.later ??= new RtsyncError('stopped', 'stopped before everything was done');
    } else if (operation.after.every((id) => work.ledger.succeeded(id))) ready.push(operation);
    else work.ledger.skipped(operation);
  }
  return ready;
}

/** No new deed after a stop, when something more urgent came up, after what ends the run, or when the network is gone. */
function mustStop(work: Work): boolean {
  const { fatal, later, networkStrikes, superseded } = work.ledger.totals;
  if (superseded || work.signal.aborted || fatal !== undefined || later?.code === 'rate-limited') return true;
  return networkStrikes >= STRIKES;
}

async function performReady(work: Work, task: readonly Operation[]): Promise<void> {
  const [first] = task;
  if (first === undefined) return;
  switch (first.kind) {
    case 'makeFolderLocal':
    case 'makeFolderRemote':
      return makeFolder(work, first);
    case 'moveLocal':
    case 'moveRemote':
      return move(work, first);
    case 'setAside':
      return setAside(work, first);
    case 'removeLocal':
      return removeLocal(work, first);
    case 'removeRemote':
      return removeRemote(work, task as RemoveRemote[]);
    case 'upload':
      return uploadAll(work, dirOf(first), task as Upload[]);
    case 'download':
    case 'compare':
      return downloadAll(work, dirOf(first), task as (Download | Compare)[]);
  }
}

function dirOf(operation: Upload | Download | Compare): RemoteDir {
  return parentOf(operation.place.remote);
}
