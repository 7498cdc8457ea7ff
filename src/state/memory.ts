/** Databases that live in memory alone, for the simulation: made once, used by one life after the other. */
import Sqlite, { type Database } from 'better-sqlite3';

export type MemoryDatabase = Database;

/** An empty one, or one as it once was. */
export function memoryDatabase(image?: Buffer): MemoryDatabase {
  return new Sqlite(image ?? ':memory:');
}

/** All of it as it is now. */
export function imageOf(db: MemoryDatabase): Buffer {
  return db.serialize();
}

/** Empty as on its first day, with its schema. */
export function wipe(db: MemoryDatabase): void {
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as string[];
  db.transaction(() => {
    for (const table of tables) db.prepare(`DELETE FROM ${table}`).run();
  })();
}
