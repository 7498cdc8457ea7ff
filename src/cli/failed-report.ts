/** The object that `--json` prints for a run that ended before it could give its own report. */
import type { Held } from '../core/plan.ts';
import type { Direction } from '../core/rules.ts';
import type { EngineEvent, Observer } from '../engine/events.ts';
import { weightOf } from '../engine/ledger.ts';
import { noOperations, type OperationCounts, type RunReport } from '../engine/report.ts';
import type { ErrorCode, RtsyncError } from '../lib/errors.ts';
import { scrub } from '../lib/log.ts';

/** As a `RunReport`, but the problem is one of the whole run: its path is "", its code one of an error. */
export interface FailedReport extends Omit<RunReport, 'problems' | 'plan' | 'forecast'> {
  readonly problems: readonly { readonly path: ''; readonly code: ErrorCode; readonly message: string }[];
}

export interface FailedRun {
  readonly pair: string;
  readonly direction: Direction;
  readonly dryRun: boolean;
  readonly durationMs: number;
  readonly requests: RunReport['requests'];
  /** What was done before it failed. */
  readonly done?: Done;
}

export interface Done extends Observer {
  readonly operations: Readonly<OperationCounts>;
  readonly bytes: { up: number; down: number };
  readonly conflicts: RunReport['conflicts'];
  readonly held: readonly Held[];
}

export function failedReport({ done, ...run }: FailedRun, error: RtsyncError): FailedReport {
  const { operations, bytes, conflicts, held } = done ?? countDone();
  return {
    version: 1,
    ...{ pair: run.pair, direction: run.direction, dryRun: run.dryRun, inSync: false },
    ...{ durationMs: Math.round(run.durationMs), requests: run.requests, bytes, operations, conflicts },
    problems: [{ path: '', code: error.code, message: scrub(error.message) }],
    held,
  };
}

/** Counts what the engine tells, for the case that it comes to no report. */
export function countDone(): Done {
  const operations = noOperations();
  const bytes = { up: 0, down: 0 };
  const conflicts: { path: string; copy?: string }[] = [];
  let held: readonly Held[] = [];
  return {
    ...{ operations, bytes, conflicts },
    get held() {
      return held;
    },
    on: (event) => {
      if (event.kind === 'planned') held = event.held;
      if (event.kind === 'conflict') {
        operations.conflict += 1;
        conflicts.push(
          event.copy === undefined ? { path: event.path } : { path: event.path, copy: event.copy },
        );
      }
      if (event.kind === 'operation' && (event.result === 'done' || event.result === 'adopted'))
        count({ operations, bytes }, event);
    },
  };
}

function count(
  { operations, bytes }: { readonly operations: OperationCounts; readonly bytes: Done['bytes'] },
  { operation, result }: Extract<EngineEvent, { kind: 'operation' }>,
): void {
  switch (operation.kind) {
    case 'makeFolderLocal':
    case 'makeFolderRemote':
      operations.makeFolder += 1;
      return;
    case 'setAside':
      return;
    case 'upload':
      if (result === 'done') bytes.up += operation.local.size;
      break;
    case 'download':
      bytes.down += operation.remote.size;
      break;
  }
  operations[operation.kind] += weightOf(operation);
}
