import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { relPath } from '../../../src/core/path.ts';
import { nodeAt } from '../../../src/core/tree.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { MIGRATIONS } from '../../../src/state/migrations.ts';
import { type OpenPairState, openPairState } from '../../../src/state/pair-state.ts';
import type { Intention, PairIdentity } from '../../../src/state/state.ts';

const identity: PairIdentity = {
  folder: '/f',
  storage: 'https://s.test',
  workspaceId: 'ws1',
  remotePath: '',
};
const clock: Clock = { now: () => Date.UTC(2026, 10, 22), monotonic: () => 0, sleep: async () => undefined };
const digest = 'ab'.repeat(32);
const local = { size: 3, ino: 2 ** 40, mtimeMs: 1.25, ctimeMs: 2.5, mode: 0o644 };

let folder: string;
let file: string;
const opened: OpenPairState[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rtsync-intents-'));
  file = join(folder, 'pair.db');
});
afterEach(() => {
  for (const state of opened.splice(0)) state.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(options: Partial<Parameters<typeof openPairState>[0]> = {}): OpenPairState {
  const state = openPairState({ file, identity, clock, ...options });
  opened.push(state);
  return state;
}

function sending(path: string, more: Partial<Intention> = {}): Intention {
  const detail = { local, remote: { size: 2, date: [5, 9] as const } };
  return {
    ...{ at: 1, cycle: 2, state: 'intended', kind: 'upload', path: relPath(path), size: 3, detail },
    ...more,
  };
}

const put = (path: string) =>
  ({
    kind: 'file',
    path: relPath(path),
    stamp: { digest, size: 3, ino: 4, mtimeMs: 5, ctimeMs: 6, date: 7 },
  }) as const;

describe('intents', () => {
  it('are kept as they were given, in order, with what became known since', () => {
    const state = open();
    const move = { kind: 'moveRemote', other: relPath('b'), detail: {} } as const;
    const ids = state.intend([sending('caf\u00e9'), sending('a', move)]);
    expect(ids).toHaveLength(2);
    const landed = { ...local, ino: 9, digest };
    state.begin([{ id: ids[0] ?? 0, digest, detail: { landed } }]);
    state.close();
    const first = sending('caf\u00e9');
    expect(open().intents()).toEqual([
      { ...first, id: ids[0], state: 'begun', digest, detail: { ...first.detail, landed } },
      { ...sending('a', move), id: ids[1] },
    ]);
  });

  it('end in the transaction that settles their deed, or not at all', () => {
    const state = open();
    const [one = 0, two = 0] = state.intend([sending('a'), sending('b')]);
    const bad = { kind: 'move', from: relPath('a'), to: relPath('a/x') } as const;
    expect(() => state.settle({ changes: [put('a'), bad], journal: [], ended: [one] })).toThrow();
    expect(state.intents().map(({ id }) => id)).toEqual([one, two]);
    state.settle({ changes: [put('a')], journal: [], ended: [one] });
    expect(state.intents().map(({ id }) => id)).toEqual([two]);
    state.dropIntents([two]);
    state.close();
    expect(open().intents()).toEqual([]);
  });

  it('that make no sense are nobody’s', () => {
    const state = open();
    state.intend([sending('a'), sending('b'), sending('c'), sending('d')]);
    state.close();
    const db = new Sqlite(file);
    db.exec(`UPDATE intent SET detail = '{' WHERE path = 'a'; UPDATE intent SET kind = 'dance' WHERE path = 'b';
      UPDATE intent SET path = '../up' WHERE path = 'c'`);
    db.close();
    const again = open();
    expect(again.rebuilt).toBe(false);
    expect(again.intents().map(({ path }) => path)).toEqual(['d']);
  });

  it('of another pair are not taken over', () => {
    const state = open();
    state.intend([sending('a')]);
    state.close();
    expect(open({ identity: { ...identity, workspaceId: 'ws2' } }).intents()).toEqual([]);
  });
});

describe('a database of the first schema', () => {
  const first = MIGRATIONS.slice(0, 1);

  /** The rows are written by hand, as that version wrote them. */
  function older(): void {
    const db = new Sqlite(file);
    first[0]?.(db);
    db.pragma('user_version = 1');
    db.exec(`INSERT INTO note VALUES ('pair.id', 'pair-1'), ('cycle', '41'),
        ('pair.identity', '${JSON.stringify(identity)}');
      INSERT INTO base VALUES ('d', 1, NULL, NULL, 8, NULL, NULL, NULL, NULL);
      INSERT INTO base VALUES ('d/f', 0, x'${digest}', 3, 4, 5, 6, 7, NULL);
      INSERT INTO journal (at, cycle, kind, path) VALUES (1, 41, 'upload', 'd/f');
      INSERT INTO conflict (at, path, resolution) VALUES (1, 'd/f', 'local')`);
    db.close();
  }

  it('is taken along with all it holds, and knows no intents', () => {
    older();
    const state = open();
    expect(state.rebuilt).toBe(false);
    expect(state.pairId).toBe('pair-1');
    expect(nodeAt(state.base(), relPath('d/f'))).toEqual({ kind: 'file', stamp: put('d/f').stamp });
    expect(state.journal(9)).toEqual([{ at: 1, cycle: 41, kind: 'upload', path: 'd/f' }]);
    expect(state.conflicts()).toHaveLength(1);
    expect(state.nextCycle()).toBe(42);
    expect(state.intents()).toEqual([]);
    expect(state.intend([sending('a')])).toHaveLength(1);
  });

  it('knows from its journal what was settled lately', () => {
    older();
    const db = new Sqlite(file);
    db.exec(`INSERT INTO base VALUES ('old', 0, x'${digest}', 3, 4, 5, 6, 7, NULL);
      INSERT INTO base VALUES ('moved', 0, x'${digest}', 3, 4, 5, 6, 7, NULL);
      INSERT INTO journal (at, cycle, kind, path, other) VALUES (1e6, 41, 'upload', 'old', NULL),
        (2e6, 41, 'upload', 'd/f', NULL), (2e6 + 500, 42, 'moveLocal', 'from', 'moved')`);
    db.close();
    expect(open().settledLately(120_000)).toEqual(['d/f', 'moved']);
  });

  it('stays what it was when the step fails, and is taken along the next time', () => {
    older();
    const failing = () =>
      open({ migrations: [...first, (db) => db.exec('CREATE TABLE intent (x); SELECT no;')] });
    expect(failing).toThrow();
    expect(nodeAt(open().base(), relPath('d/f'))).toBeDefined();
  });

  it('is set aside when it is damaged', () => {
    older();
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0x5a, 4096));
    const fresh = open();
    expect(fresh.rebuilt).toBe(true);
    expect(fresh.intents()).toEqual([]);
    expect(readdirSync(folder).some((name) => name.includes('broken'))).toBe(true);
  });

  it('may be another’s: one of a newer version is refused and left alone', () => {
    older();
    const db = new Sqlite(file);
    db.pragma(`user_version = ${MIGRATIONS.length + 1}`);
    db.close();
    const before = readFileSync(file);
    expect(() => open()).toThrow(expect.objectContaining({ code: 'state-newer' }));
    expect(readFileSync(file).equals(before)).toBe(true);
  });
});
