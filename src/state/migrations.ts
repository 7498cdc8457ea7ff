/** The schema, as the ordered list of steps that make it. A step that was released never changes again. */
import type { Database } from 'better-sqlite3';

/** Takes a database from the version before (its position in the list) to the next. Runs in a transaction. */
export type Migration = (db: Database) => void;

export const MIGRATIONS: readonly Migration[] = [
  (db) => {
    db.exec(`
      CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      -- kind: 0 file, 1 folder. date_to is set when the date is a span.
      CREATE TABLE base (
        path TEXT PRIMARY KEY, kind INTEGER NOT NULL, digest BLOB, size INTEGER, ino INTEGER,
        mtime REAL, ctime REAL, date_from REAL, date_to REAL
      ) WITHOUT ROWID;
      CREATE TABLE remote_folder (path TEXT PRIMARY KEY, children TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE digest_cache (
        path TEXT PRIMARY KEY, size INTEGER NOT NULL, ino INTEGER NOT NULL,
        mtime REAL NOT NULL, ctime REAL NOT NULL, digest BLOB NOT NULL
      ) WITHOUT ROWID;
      CREATE TABLE journal (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, cycle INTEGER NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL,
        other TEXT, digest BLOB, size INTEGER, trash TEXT
      );
      CREATE TABLE conflict (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, path TEXT NOT NULL, copy TEXT, resolution TEXT NOT NULL
      );
      CREATE TABLE cycle (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
    `);
  },
  (db) => {
    db.exec(`
      -- What was about to be done, or begun, and is not settled. detail: JSON, see IntentDetail.
      CREATE TABLE intent (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, cycle INTEGER NOT NULL, state TEXT NOT NULL, kind TEXT NOT NULL,
        path TEXT NOT NULL, other TEXT, digest BLOB, size INTEGER, detail TEXT NOT NULL
      );
    `);
  },
  (db) => {
    db.exec(`
      -- When the row was settled. The journal alone knew until now, of the last two minutes well enough.
      ALTER TABLE base ADD COLUMN at REAL NOT NULL DEFAULT 0;
      INSERT OR REPLACE INTO note SELECT 'settled', CAST(at AS TEXT) FROM journal ORDER BY id DESC LIMIT 1;
      UPDATE base SET at = (SELECT at FROM journal ORDER BY id DESC LIMIT 1) WHERE path IN (
        SELECT path FROM journal WHERE at >= (SELECT at - 120000 FROM journal ORDER BY id DESC LIMIT 1)
        UNION SELECT other FROM journal
        WHERE other IS NOT NULL AND at >= (SELECT at - 120000 FROM journal ORDER BY id DESC LIMIT 1)
      );
    `);
  },
];
