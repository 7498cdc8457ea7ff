/**
 * The state of one pair in one SQLite file, held by one process. It keeps what was agreed, seen and done, and makes it
 * durable; it decides nothing, and knows neither the disk of the pair nor the server. better-sqlite3 stays in this room.
 */
import { randomUUID } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { compactBase } from '../core/compact.ts';
import type { RelPath } from '../core/path.ts';
import type { Clock } from '../lib/clock.ts';
import { RtsyncError } from '../lib/errors.ts';
import { baseRows, changedBase, loadBase } from './base.ts';
import { databaseError, openDatabase } from './database.ts';
import { intentRows } from './intents.ts';
import { holdLock, type Lock } from './lock.ts';
import type { MemoryDatabase } from './memory.ts';
import type { Migration } from './migrations.ts';
import { digestCache, recordRows } from './records.ts';
import { snapshotRows } from './snapshot.ts';
import type { PairIdentity, PairState, Settlement } from './state.ts';
import { inTransaction, statement } from './statement.ts';

export interface PairStateOptions {
  /** A path, `:memory:`, or a database that lives in memory and stays open. */
  readonly file: string | MemoryDatabase;
  readonly identity: PairIdentity;
  readonly clock: Clock;
  /** The id for a state that is new: the one in the root's marker, where there is one. */
  readonly pairId?: string;
  readonly migrations?: readonly Migration[];
}

export interface OpenPairState extends PairState {
  /** The state that stood there was damaged and is set aside: this one is empty. */
  readonly rebuilt: boolean;
}

const PAIR_ID = 'pair.id';
const IDENTITY = 'pair.identity';
const CYCLE = 'cycle';
/** Note with the time of the last base change. */
const SETTLED = 'settled';

/** Throws `locked`, `state-newer`, `state-mismatch`, `config`. */
export function openPairState(options: PairStateOptions): OpenPairState {
  const { identity, clock } = options;
  const file = typeof options.file === 'string' ? options.file : ':memory:';
  const lock = file === ':memory:' ? undefined : holdLock(`${file}.lock`, identity.folder);
  try {
    const opened = openDatabase({
      file: options.file,
      now: () => clock.now(),
      ...(options.migrations === undefined ? {} : { migrations: options.migrations }),
      load: (db) => {
        checkIdentity(db, identity);
        return { base: loadBase(db), snapshot: snapshotRows(db).load() };
      },
    });
    const pairId = claim(opened.db, identity, options.pairId);
    return {
      ...stateOn(opened.db, { file, lock, pairId, clock, ...opened.loaded }),
      rebuilt: opened.rebuilt,
    };
  } catch (error) {
    lock?.release();
    throw error;
  }
}

function noteAt(db: Database, key: string): string | undefined {
  const value = statement(db, 'SELECT value FROM note WHERE key = ?', 'first').get(key);
  return typeof value === 'string' ? value : undefined;
}

/** A state without a base has nothing to say about another pair: it may become that pair's. */
function checkIdentity(db: Database, identity: PairIdentity): void {
  const text = noteAt(db, IDENTITY);
  if (text === undefined || text === identityText(identity)) return;
  if (db.prepare('SELECT 1 FROM base LIMIT 1').get() === undefined) return;
  const theirs = JSON.parse(text) as PairIdentity;
  throw new RtsyncError(
    'state-mismatch',
    `this state belongs to ${describe(theirs)}, not to ${describe(identity)}: a folder is synced with one place only; sync another folder, or, to go on with the new place alone, remove .rtsync/pair.json in it and use another --state-dir`,
  );
}

function identityText({ folder, storage, workspaceId, remotePath }: PairIdentity): string {
  return JSON.stringify({ folder, storage, workspaceId, remotePath });
}

function describe({ folder, storage, workspaceId, remotePath }: PairIdentity): string {
  return `${folder} and ${workspaceId}:/${remotePath} at ${storage}`;
}

function claim(db: Database, identity: PairIdentity, wanted: string | undefined): string {
  const known = noteAt(db, PAIR_ID);
  if (known !== undefined && noteAt(db, IDENTITY) === identityText(identity)) return known;
  const pairId = known ?? wanted ?? randomUUID();
  const put = statement(db, 'INSERT OR REPLACE INTO note (key, value) VALUES (?, ?)');
  db.transaction(() => {
    // What was learnt of another server is worth nothing for this one.
    db.exec('DELETE FROM note; DELETE FROM remote_folder; DELETE FROM intent;');
    put.run(PAIR_ID, pairId);
    put.run(IDENTITY, identityText(identity));
  })();
  return pairId;
}

interface Loaded {
  readonly file: string;
  readonly lock: Lock | undefined;
  readonly pairId: string;
  readonly clock: Clock;
  readonly base: ReturnType<typeof loadBase>;
  readonly snapshot: ReturnType<ReturnType<typeof snapshotRows>['load']>;
}

interface Transactions {
  /** Survives a power cut once it returns. */
  durable(deed: () => void): void;
  /** For what only saves work: a power cut may take it back. */
  relaxed(deed: () => void): void;
}

function transactionsOn(db: Database, file: string): Transactions {
  const relaxed = (deed: () => void): void => {
    try {
      inTransaction(db, deed);
    } catch (error) {
      throw databaseError(error, file);
    }
  };
  if (file === ':memory:') return { durable: relaxed, relaxed };
  // Relaxed ones are the many and the small: they are spared the switching.
  db.pragma('synchronous = NORMAL');
  const durable = (deed: () => void): void => {
    db.pragma('synchronous = FULL');
    try {
      relaxed(deed);
    } finally {
      db.pragma('synchronous = NORMAL');
    }
  };
  return { durable, relaxed };
}

function lately(db: Database, since: number): readonly RelPath[] {
  return statement(db, 'SELECT path FROM base WHERE at >= ? ORDER BY path', 'first').all(since) as RelPath[];
}

function stateOn(db: Database, { file, lock, pairId, clock, ...loaded }: Loaded): PairState {
  const { durable, relaxed } = transactionsOn(db, file);
  const rows = baseRows(db);
  const snapshots = snapshotRows(db);
  const records = recordRows(db);
  const digests = digestCache(db, relaxed);
  const intents = intentRows(db);
  const getNote = statement(db, 'SELECT value FROM note WHERE key = ?', 'first');
  const putNote = statement(db, 'INSERT OR REPLACE INTO note (key, value) VALUES (?, ?)');
  const write = ({ changes, journal, conflicts, ended }: Settlement): void => {
    const now = clock.now();
    rows.begin(now);
    if (changes.length > 0) putNote.run(SETTLED, String(now));
    for (const change of changes) {
      rows.apply(change);
      if (change.kind === 'file') digests.forget(change.path);
    }
    for (const entry of journal) records.addJournal(entry);
    for (const record of conflicts ?? []) records.addConflict(record);
    for (const id of ended ?? []) intents.drop(id);
  };
  let { base, snapshot } = loaded;
  let cycle = Number(noteAt(db, CYCLE) ?? 0);

  return {
    pairId,
    base: () => base,
    settle: (settlement) => {
      const next = changedBase(base, settlement.changes);
      durable(() => write(settlement));
      base = next;
    },
    settledLately: (withinMs) =>
      lately(db, Number(noteAt(db, SETTLED) ?? Number.POSITIVE_INFINITY) - withinMs),
    nextCycle: () => {
      cycle += 1;
      base = compactBase(base);
      relaxed(() => putNote.run(CYCLE, String(cycle)));
      return cycle;
    },
    intend: (intentions) => {
      let ids: readonly number[] = [];
      if (intentions.length > 0)
        relaxed(() => {
          ids = intentions.map((one) => intents.add(one));
        });
      return ids;
    },
    begin: (facts) => {
      if (facts.length > 0) relaxed(() => facts.forEach(intents.learn));
    },
    dropIntents: (ids) => {
      if (ids.length > 0) relaxed(() => ids.forEach(intents.drop));
    },
    intents: () => intents.all(),
    remoteSnapshot: () => snapshot,
    saveRemoteSnapshot: (at, tree) => {
      relaxed(() => snapshots.save(at, tree, snapshot?.tree));
      snapshot = { at, tree };
    },
    cachedDigest: (path, stamp) => digests.get(path, stamp),
    cacheDigest: (path, stamp, digest) => digests.put(path, stamp, digest),
    recordCycle: (record) => {
      digests.flush();
      relaxed(() => records.addCycle(record));
    },
    lastCycle: () => records.lastCycle(),
    journal: (limit) => records.journal(limit),
    conflicts: () => records.conflicts(),
    note: (key) => {
      const value = getNote.get(key);
      return typeof value === 'string' ? value : undefined;
    },
    saveNote: (key, value) => durable(() => putNote.run(key, value)),
    close: () => {
      if (!db.open) return;
      try {
        digests.flush();
      } finally {
        db.close();
        lock?.release();
      }
    },
  };
}
