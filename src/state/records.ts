/** What happened: journal, conflicts, cycles; and the digests of versions that the base does not hold. */
import type { Database } from 'better-sqlite3';
import type { RelPath } from '../core/path.ts';
import type { Digest, LocalStamp } from '../core/tree.ts';
import type { ConflictRecord, CycleRecord, JournalEntry } from './state.ts';
import { statement } from './statement.ts';

const KEPT_JOURNAL = 100_000;
const KEPT_CYCLES = 1_000;
const KEPT_CONFLICTS = 10_000;

interface JournalRow {
  readonly at: number;
  readonly cycle: number;
  readonly kind: string;
  readonly path: string;
  readonly other: string | null;
  readonly digest: Buffer | null;
  readonly size: number | null;
  readonly trash: string | null;
}

export interface Records {
  addJournal(entry: JournalEntry): void;
  addConflict(record: ConflictRecord): void;
  /** Also drops what is older than anybody asks for. */
  addCycle(record: CycleRecord): void;
  lastCycle(): CycleRecord | undefined;
  journal(limit: number): readonly JournalEntry[];
  conflicts(): readonly ConflictRecord[];
}

export function recordRows(db: Database): Records {
  const journal = statement(
    db,
    `INSERT INTO journal (at, cycle, kind, path, other, digest, size, trash)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const conflict = statement(db, 'INSERT INTO conflict (at, path, copy, resolution) VALUES (?, ?, ?, ?)');
  const cycle = statement(db, 'INSERT INTO cycle (record) VALUES (?)');
  const latest = statement(db, 'SELECT record FROM cycle ORDER BY id DESC LIMIT 1', 'first');
  const entries = statement(db, 'SELECT * FROM journal ORDER BY id DESC LIMIT ?');
  const conflicts = statement(db, 'SELECT at, path, copy, resolution FROM conflict ORDER BY id DESC');
  const pruned = [
    ['journal', KEPT_JOURNAL] as const,
    ['cycle', KEPT_CYCLES] as const,
    ['conflict', KEPT_CONFLICTS] as const,
  ].map(([table, kept]) =>
    statement(db, `DELETE FROM ${table} WHERE id <= (SELECT max(id) FROM ${table}) - ${kept}`),
  );
  return {
    addJournal: ({ at, cycle: number, kind, path, other, digest, size, trash }) => {
      const sum = digest === undefined ? null : Buffer.from(digest, 'hex');
      journal.run(at, number, kind, path, other ?? null, sum, size ?? null, trash ?? null);
    },
    addConflict: ({ at, path, copy, resolution }) => {
      conflict.run(at, path, copy ?? null, resolution);
    },
    addCycle: (record) => {
      cycle.run(JSON.stringify(record));
      for (const statement of pruned) statement.run();
    },
    lastCycle: () => {
      const text = latest.get();
      return typeof text === 'string' ? (JSON.parse(text) as CycleRecord) : undefined;
    },
    journal: (limit) => (entries.all(limit) as JournalRow[]).map(journalEntry),
    conflicts: () =>
      (conflicts.all() as (Omit<ConflictRecord, 'copy'> & { readonly copy: string | null })[]).map((row) => ({
        ...row,
        copy: row.copy ?? undefined,
      })),
  };
}

function journalEntry(row: JournalRow): JournalEntry {
  const { at, cycle, kind, path, other, digest, size, trash } = row;
  return {
    at,
    cycle,
    kind,
    path,
    ...(other === null ? {} : { other }),
    ...(digest === null ? {} : { digest: digest.toString('hex') }),
    ...(size === null ? {} : { size }),
    ...(trash === null ? {} : { trash }),
  };
}

const FLUSH_AT = 256;
const KEPT_DIGESTS = 300_000;

export interface DigestCache {
  get(path: RelPath, stamp: LocalStamp): Digest | undefined;
  /** Held in memory until the next `flush`; a lost one costs only another read of the file. */
  put(path: RelPath, stamp: LocalStamp, digest: Digest): void;
  forget(path: RelPath): void;
  flush(): void;
}

/** `relaxed` runs a transaction that need not survive a power cut. */
export function digestCache(db: Database, relaxed: (deed: () => void) => void): DigestCache {
  const read = statement(
    db,
    'SELECT digest FROM digest_cache WHERE path = ? AND size = ? AND ino = ? AND mtime = ? AND ctime = ?',
    'first',
  );
  const write = statement(
    db,
    `INSERT OR REPLACE INTO digest_cache (path, size, ino, mtime, ctime, digest)
    VALUES (?, ?, ?, ?, ?, ?)`,
  );
  const drop = statement(db, 'DELETE FROM digest_cache WHERE path = ?');
  const count = statement(db, 'SELECT count(*) FROM digest_cache', 'first');
  const pending = new Map<RelPath, { readonly stamp: LocalStamp; readonly digest: Digest }>();
  if (Number(count.get()) > KEPT_DIGESTS) db.exec('DELETE FROM digest_cache');

  const flush = (): void => {
    if (pending.size === 0) return;
    relaxed(() => {
      for (const [path, { stamp, digest }] of pending) {
        write.run(path, stamp.size, stamp.ino, stamp.mtimeMs, stamp.ctimeMs, Buffer.from(digest, 'hex'));
      }
    });
    pending.clear();
  };
  return {
    get: (path, stamp) => {
      const fresh = pending.get(path);
      if (fresh !== undefined) return sameStamp(fresh.stamp, stamp) ? fresh.digest : undefined;
      const found = read.get(path, stamp.size, stamp.ino, stamp.mtimeMs, stamp.ctimeMs);
      return Buffer.isBuffer(found) ? found.toString('hex') : undefined;
    },
    put: (path, stamp, digest) => {
      // A stamp too young to trust would vouch for any later content of the same size.
      if (stamp.ctimeMs === -1) return;
      pending.set(path, { stamp, digest });
      if (pending.size >= FLUSH_AT) flush();
    },
    forget: (path) => {
      pending.delete(path);
      drop.run(path);
    },
    flush,
  };
}

function sameStamp(one: LocalStamp, other: LocalStamp): boolean {
  return (
    one.size === other.size &&
    one.ino === other.ino &&
    one.mtimeMs === other.mtimeMs &&
    one.ctimeMs === other.ctimeMs
  );
}
