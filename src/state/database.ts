/**
 * Opens a SQLite file so that it can be relied on: durable, of our schema, whole. A file that is damaged is set aside
 * and a fresh one begun; nothing is lost by that but knowledge, and both sides are compared again.
 */
import { closeSync, existsSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import { RtsyncError } from '../lib/errors.ts';
import { MIGRATIONS, type Migration } from './migrations.ts';

export interface OpenedDatabase {
  readonly db: Database;
  /** The file that stood there before was damaged; it is beside now. */
  readonly rebuilt: boolean;
}

/** `check` reads what the caller needs and throws `Damaged` when it makes no sense. */
export interface OpenDatabase<T> {
  /** A path, `:memory:`, or a database that lives in memory and stays open. */
  readonly file: string | Database;
  /** Epoch milliseconds, for the name of a damaged file. */
  readonly now: () => number;
  readonly load: (db: Database) => T;
  readonly migrations?: readonly Migration[];
}

/** Rows that no version of ours can have written. */
export class Damaged extends Error {}

export function openDatabase<T>(options: OpenDatabase<T>): OpenedDatabase & { readonly loaded: T } {
  const { now, load } = options;
  const file = nameOf(options.file);
  const migrations = options.migrations ?? MIGRATIONS;
  try {
    return { ...openOnce(options.file, migrations, load), rebuilt: false };
  } catch (error) {
    if (!isDamage(error)) throw databaseError(error, file);
  }
  setAside(file, now());
  try {
    return { ...openOnce(file, migrations, load), rebuilt: true };
  } catch (error) {
    throw databaseError(error, file);
  }
}

function nameOf(file: string | Database): string {
  return typeof file === 'string' ? file : ':memory:';
}

function openOnce<T>(
  file: string | Database,
  migrations: readonly Migration[],
  load: (db: Database) => T,
): { readonly db: Database; readonly loaded: T } {
  const onDisk = typeof file === 'string' && file !== ':memory:';
  if (onDisk) makeFile(file);
  const db = typeof file === 'string' ? new Sqlite(file, { timeout: 2000 }) : file;
  try {
    checkVersion(db, migrations.length, nameOf(file));
    if (onDisk) makeDurable(db);
    migrate(db, migrations);
    return { db, loaded: load(db) };
  } catch (error) {
    if (typeof file === 'string') db.close();
    throw error;
  }
}

/** What lives in memory alone can neither be torn nor lost by halves. */
function makeDurable(db: Database): void {
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  // Kilobytes: the rows are read once and written in order; the library's own default is kept in memory for ever.
  db.pragma('cache_size = -2000');
  if (db.pragma('quick_check(1)', { simple: true }) !== 'ok') throw new Damaged('the integrity check failed');
}

/** Readable by the user alone, whatever the umask. */
function makeFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
}

function checkVersion(db: Database, newest: number, file: string): void {
  const version = versionOf(db);
  if (version <= newest) return;
  throw new RtsyncError('state-newer', {
    message: `${file} was written by a newer rtsync (schema ${version}, this one knows ${newest}): update rtsync`,
    path: file,
  });
}

function versionOf(db: Database): number {
  return Number(db.pragma('user_version', { simple: true }));
}

function migrate(db: Database, migrations: readonly Migration[]): void {
  const version = versionOf(db);
  for (const [index, migration] of migrations.entries()) {
    if (index < version) continue;
    db.transaction(() => {
      migration(db);
      db.pragma(`user_version = ${index + 1}`);
    }).immediate();
  }
}

/** The log files go along: without their database they would be applied to the fresh one. */
function setAside(file: string, now: number): void {
  const stamp = new Date(now).toISOString().replaceAll(':', '.');
  let aside = `${file}.broken-${stamp}`;
  for (let n = 2; existsSync(aside); n += 1) aside = `${file}.broken-${stamp}-${n}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  }
}

function sqliteCode(error: unknown): string | undefined {
  return error instanceof Sqlite.SqliteError ? error.code : undefined;
}

function isDamage(error: unknown): boolean {
  if (error instanceof Damaged) return true;
  const code = sqliteCode(error);
  return code !== undefined && (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB');
}

/** What SQLite refused, as a failure that rtsync foresees. */
export function databaseError(error: unknown, file: string): unknown {
  if (error instanceof RtsyncError) return error;
  const code = sqliteCode(error);
  if (code === undefined) {
    if (!(error instanceof Error) || !('code' in error)) return error;
    return new RtsyncError('config', {
      message: `${file} cannot be opened: ${error.message}`,
      path: file,
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_BUSY')) {
    return new RtsyncError('locked', {
      message: `${file} is in use by another program`,
      path: file,
      cause: error,
    });
  }
  if (code === 'SQLITE_FULL') {
    return new RtsyncError('disk-full', { message: `the disk of ${file} is full`, path: file, cause: error });
  }
  if (code === 'SQLITE_CANTOPEN' || code.startsWith('SQLITE_READONLY') || code === 'SQLITE_PERM') {
    const message = `${file} cannot be opened for writing: check its folder and permissions, or use --state-dir`;
    return new RtsyncError('config', { message, path: file, cause: error });
  }
  return new RtsyncError('local-io', { message: `${file} failed (${code})`, path: file, cause: error });
}
