/** Collects a plan: numbers operations, adds what they must wait for because of moves, puts the stages in order. */
import type { BaseChange, BaseStamp } from './base.ts';
import { inBulkOrder } from './bulk-order.ts';
import { type RelPath, rebase } from './path.ts';
import { type Operation, type Plan, type Problem, type ProblemCode, STAGES } from './plan.ts';

type Unnumbered<O> = O extends Operation ? Omit<O, 'id'> : never;
export type NewOperation = Unnumbered<Operation>;

export interface PlanBuilder {
  /** Gives the operation's number, for `after` of others. */
  add(operation: NewOperation): number;
  /** Says that operation `id` changes what stands at and below a path, so that others there wait for it. */
  touches(path: RelPath, id: number): void;
  /** A move that will be carried out: base rows of `to` still stand at `from` when base changes are applied. */
  moved(from: RelPath, to: RelPath): void;
  /** A new agreement. Skipped where a move has yet to bring the rows; the next cycle finds it again. */
  agree(change: BaseChange): void;
  /** Drops what the base (as rewritten by moves) holds at and below a path. */
  forget(path: RelPath): void;
  /** Replaces a file's row where the base has it before any move. */
  rewrite(path: RelPath, stamp: BaseStamp): void;
  problem(path: string, code: ProblemCode, message: string): void;
  report(problem: Problem): void;
  finish(): Plan;
}

export function planBuilder(): PlanBuilder {
  const operations: Operation[] = [];
  const changes: BaseChange[] = [];
  const problems = new Map<string, Problem>();
  const touched = new Map<string, number[]>();
  const arrivals = new Map<string, Arrival[]>();
  let moves = 0;

  const report = (problem: Problem): void => {
    problems.set(`${problem.code}\0${problem.path}`, problem);
  };
  return {
    add(operation) {
      const id = operations.length;
      const after = new Set(operation.after);
      for (const path of pathsOf(operation)) {
        for (const wait of waits(touched, path, isRemoval(operation))) after.add(wait);
      }
      operations.push({ ...operation, id, after: [...after].sort((a, b) => a - b) } as Operation);
      return id;
    },
    touches(path, id) {
      touched.set(path, [...(touched.get(path) ?? []), id]);
    },
    moved(from, to) {
      arrivals.set(to, [...(arrivals.get(to) ?? []), { from, to, turn: moves }]);
      moves += 1;
    },
    agree(change) {
      if (change.kind === 'file' || change.kind === 'folder') {
        if (moves > 0 && someParent(change.path, (path) => arrivals.has(path))) return;
      }
      changes.push(change);
    },
    forget: (path) => changes.push({ kind: 'forget', path: origin(arrivals, path) }),
    rewrite: (path, stamp) => changes.push({ kind: 'file', path: origin(arrivals, path), stamp }),
    problem: (path, code, message) => report({ path, code, message }),
    report,
    finish: () => ({
      operations: inStageOrder(inBulkOrder(operations)),
      baseChanges: changes,
      problems: [...problems.values()],
    }),
  };
}

/** A move, filed under where it leads; `turn` counts moves. */
interface Arrival {
  readonly from: RelPath;
  readonly to: RelPath;
  readonly turn: number;
}

/** Where the base has a path before any move: the moves that brought it there, backwards. */
function origin(arrivals: ReadonlyMap<string, readonly Arrival[]>, path: RelPath): RelPath {
  let at = path;
  for (let before = Number.POSITIVE_INFINITY; ; ) {
    let last: Arrival | undefined;
    someParent(at, (parent) => {
      for (const arrival of arrivals.get(parent) ?? []) {
        if (arrival.turn < before && (last === undefined || arrival.turn > last.turn)) last = arrival;
      }
      return false;
    });
    const arrival = last as Arrival | undefined;
    if (arrival === undefined) return at;
    at = rebase(at, arrival.to, arrival.from);
    before = arrival.turn;
  }
}

/** Sorted by stage (inside a stage as planned) and numbered by position. */
export function inStageOrder(operations: readonly Operation[]): readonly Operation[] {
  const sorted = STAGES.flatMap((stage) => operations.filter((operation) => operation.stage === stage));
  const numbers = new Map(sorted.map((operation, position) => [operation.id, position]));
  return sorted.map((operation, id) => {
    const after = operation.after.flatMap((old) => numbers.get(old) ?? []);
    return { ...operation, id, after: after.sort((a, b) => a - b) };
  });
}

/** The keys of everything that an operation changes. */
export function pathsOf(operation: Operation | NewOperation): readonly RelPath[] {
  switch (operation.kind) {
    case 'moveLocal':
    case 'moveRemote':
      return [operation.from.path, operation.to.path];
    case 'setAside':
    case 'compare':
      return [operation.place.path, operation.copy.path];
    default:
      return [operation.place.path];
  }
}

function isRemoval({ kind }: { readonly kind: Operation['kind'] }): boolean {
  return kind === 'removeLocal' || kind === 'removeRemote';
}

function waits(touched: ReadonlyMap<string, readonly number[]>, path: RelPath, below: boolean): number[] {
  if (touched.size === 0) return [];
  const found: number[] = [];
  someParent(path, (at) => {
    found.push(...(touched.get(at) ?? []));
    return false;
  });
  if (below) {
    for (const [at, ids] of touched) if (at.startsWith(`${path}/`)) found.push(...ids);
  }
  return found;
}

/** Asks about the path itself and every folder above it, but not the root. */
function someParent(path: string, test: (path: string) => boolean): boolean {
  if (test(path)) return true;
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    if (test(path.slice(0, at))) return true;
  }
  return false;
}
