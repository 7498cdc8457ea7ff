/**
 * SQL that is compiled when it is first used, and once for a connection: most runs of a process need few of all the
 * statements there are.
 */
import type { Database, RunResult, Statement } from 'better-sqlite3';

export interface LazyStatement {
  run(...values: readonly unknown[]): RunResult;
  get(...values: readonly unknown[]): unknown;
  all(...values: readonly unknown[]): unknown[];
  iterate(...values: readonly unknown[]): IterableIterator<unknown>;
}

/** How rows come: as objects, as the first column alone, or as arrays. */
export type RowShape = 'object' | 'first' | 'array';

const compiled = new WeakMap<Database, Map<string, LazyStatement>>();

/** A wrong statement is told when it is first used. Throws what better-sqlite3 throws. */
export function statement(db: Database, sql: string, shape: RowShape = 'object'): LazyStatement {
  let known = compiled.get(db);
  if (known === undefined) {
    known = new Map();
    compiled.set(db, known);
  }
  const key = `${shape} ${sql}`;
  const found = known.get(key) ?? lazy(db, sql, shape);
  known.set(key, found);
  return found;
}

function lazy(db: Database, sql: string, shape: RowShape): LazyStatement {
  let made: Statement<unknown[]> | undefined;
  const get = (): Statement<unknown[]> => {
    made ??= shaped(db.prepare<unknown[]>(sql), shape);
    return made;
  };
  return {
    run: (...values) => get().run(...values),
    get: (...values) => get().get(...values),
    all: (...values) => get().all(...values),
    iterate: (...values) => get().iterate(...values),
  };
}

function shaped(made: Statement<unknown[]>, shape: RowShape): Statement<unknown[]> {
  if (shape === 'first') return made.pluck();
  return shape === 'array' ? made.raw() : made;
}

type Transact = (deed: () => void) => void;
const transactions = new WeakMap<Database, Transact>();

/** All of it or nothing; nobody else writes meanwhile. */
export function inTransaction(db: Database, deed: () => void): void {
  let transact = transactions.get(db);
  if (transact === undefined) {
    transact = db.transaction((work: () => void) => work()).immediate as Transact;
    transactions.set(db, transact);
  }
  transact(deed);
}
