/** SQL that is compiled when it is first used: most runs of a process need few of all the statements there are. */
import type { Database, RunResult, Statement } from 'better-sqlite3';

export interface LazyStatement {
  run(...values: readonly unknown[]): RunResult;
  get(...values: readonly unknown[]): unknown;
  all(...values: readonly unknown[]): unknown[];
}

/** How rows come: as objects, as the first column alone, or as arrays. */
export type RowShape = 'object' | 'first' | 'array';

/** A wrong statement is told when it is first used. Throws what better-sqlite3 throws. */
export function statement(db: Database, sql: string, shape: RowShape = 'object'): LazyStatement {
  let compiled: Statement<unknown[]> | undefined;
  const made = (): Statement<unknown[]> => {
    compiled ??= shaped(db.prepare<unknown[]>(sql), shape);
    return compiled;
  };
  return {
    run: (...values) => made().run(...values),
    get: (...values) => made().get(...values),
    all: (...values) => made().all(...values),
  };
}

function shaped(compiled: Statement<unknown[]>, shape: RowShape): Statement<unknown[]> {
  if (shape === 'first') return compiled.pluck();
  return shape === 'array' ? compiled.raw() : compiled;
}
