/** What a run did, as data: the object that `--json` prints, and the exit code that follows from it. */
import type { Held, Operation, OperationKind, Problem } from '../core/plan.ts';
import type { Direction } from '../core/rules.ts';
import type { Estimate, Forecast, Limits } from '../core/summary.ts';
import { EXIT, type ExitCode, type RtsyncError } from '../lib/errors.ts';

export interface OperationCounts {
  upload: number;
  download: number;
  compare: number;
  makeFolder: number;
  moveRemote: number;
  moveLocal: number;
  removeRemote: number;
  removeLocal: number;
  conflict: number;
}

type TwoPaths = 'moveLocal' | 'moveRemote' | 'setAside';
/** An operation without its expectations. `other` is the target of a move, or the copy of what steps aside. */
export type PlannedStep =
  | { readonly kind: Exclude<OperationKind, TwoPaths>; readonly path: string }
  | { readonly kind: TwoPaths; readonly path: string; readonly other: string };

/** What a real run will cost. `seconds`, and `by` what: at the limits in force, where there are any. */
export interface RunForecast extends Forecast, Partial<Estimate> {
  /** Those of the requests that only look. */
  readonly looks: number;
  readonly limits: Limits;
}

/** One run of `sync`, `push` or `pull`, however many cycles it took. Bytes, milliseconds. */
export interface RunReport {
  readonly version: 1;
  readonly pair: string;
  readonly direction: Direction;
  readonly dryRun: boolean;
  readonly inSync: boolean;
  readonly durationMs: number;
  readonly requests: { readonly total: number; readonly byKind: Readonly<Record<string, number>> };
  readonly bytes: { readonly up: number; readonly down: number };
  readonly operations: Readonly<OperationCounts>;
  readonly conflicts: readonly { readonly path: string; readonly copy?: string }[];
  readonly problems: readonly Problem[];
  readonly held: readonly Held[];
  /** In dry runs: what would be done, in order, without what is held. */
  readonly plan?: readonly PlannedStep[];
  /** In dry runs. */
  readonly forecast?: RunForecast;
}

export function noOperations(): OperationCounts {
  return {
    upload: 0,
    download: 0,
    compare: 0,
    makeFolder: 0,
    moveRemote: 0,
    moveLocal: 0,
    removeRemote: 0,
    removeLocal: 0,
    conflict: 0,
  };
}

export function stepOf(operation: Operation): PlannedStep {
  switch (operation.kind) {
    case 'moveLocal':
    case 'moveRemote':
      return { kind: operation.kind, path: operation.from.path, other: operation.to.path };
    case 'setAside':
      return { kind: operation.kind, path: operation.place.path, other: operation.copy.path };
    default:
      return { kind: operation.kind, path: operation.place.path };
  }
}

/** `later`: why the run gave up for now, when it did. */
export function exitCodeOf(report: RunReport, later: RtsyncError | undefined): ExitCode {
  if (report.held.length > 0) return EXIT.halted;
  if (later !== undefined) return EXIT.later;
  if (report.problems.some((problem) => problem.code === 'waiting')) return EXIT.later;
  if (report.problems.some((problem) => problem.code !== 'kept') || report.conflicts.length > 0)
    return EXIT.remaining;
  return EXIT.done;
}
