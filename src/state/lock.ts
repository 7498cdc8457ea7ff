/** One process at a time: a SQLite file held in an exclusive transaction, which the kernel frees when its holder dies. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { RtsyncError } from '../lib/errors.ts';
import { databaseError } from './database.ts';

export interface Lock {
  release(): void;
}

/** Throws `locked` when another process holds it. `what` names in the sentence what is taken, such as the folder. */
export function holdLock(file: string, what: string): Lock {
  let db: Sqlite.Database | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    db = new Sqlite(file, { timeout: 0 });
    db.pragma('journal_mode = MEMORY');
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db?.close();
    if (error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      throw new RtsyncError('locked', {
        message: `another rtsync is at work on ${what}: stop it first, or wait until it is done`,
        path: file,
        cause: error,
      });
    }
    throw databaseError(error, file);
  }
  const held = db;
  return { release: () => held.close() };
}
