import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agreed, type BaseChange, type BaseStamp, sameFingerprint } from '../../../src/core/base.ts';
import { compactRemote } from '../../../src/core/compact.ts';
import { type RelPath, relPath } from '../../../src/core/path.ts';
import { type LocalStamp, nodeAt, type RemoteTree, walk, withChanges } from '../../../src/core/tree.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { holdLock } from '../../../src/state/lock.ts';
import { MIGRATIONS } from '../../../src/state/migrations.ts';
import { openPairState, type PairStateOptions } from '../../../src/state/pair-state.ts';
import type { PairIdentity, PairState } from '../../../src/state/state.ts';

const identity: PairIdentity = {
  folder: '/home/me/docs',
  storage: 'https://s.test',
  workspaceId: 'ws1',
  remotePath: 'a',
};
const clock: Clock = { now: () => Date.UTC(2026, 10, 22), monotonic: () => 0, sleep: async () => undefined };

let folder: string;
let file: string;
const opened: PairState[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rtsync-state-'));
  file = join(folder, 'deep', 'pair.db');
});
afterEach(() => {
  for (const state of opened.splice(0)) state.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(options: Partial<PairStateOptions> = {}) {
  const state = openPairState({ file, identity, clock, ...options });
  opened.push(state);
  return state;
}

function stamp(n: number, date: BaseStamp['date'] = 1_700_000_000_000 + n): BaseStamp {
  return {
    digest: n.toString(16).padStart(64, '0'),
    size: n,
    ino: n + 2 ** 40,
    mtimeMs: n + 0.1234,
    ctimeMs: n + 0.5,
    date,
  };
}

function put(path: string, n: number): BaseChange {
  return { kind: 'file', path: relPath(path), stamp: stamp(n) };
}

function rows(state: PairState): readonly (readonly [string, unknown])[] {
  const flat = [...walk(state.base())].map(([path, node]) => {
    if (node.kind === 'file') return [path, node.stamp] as const;
    return [path, node.kind === 'folder' ? (node.ino ?? 'folder') : node.kind] as const;
  });
  return flat.sort(([a], [b]) => (a < b ? -1 : 1));
}

function settle(state: PairState, ...changes: readonly BaseChange[]): void {
  state.settle({ changes, journal: [] });
}

/** What memory says must be what the disk says. */
function reopened(state: PairState): PairState {
  const before = rows(state);
  state.close();
  const again = open();
  expect(rows(again)).toEqual(before);
  return again;
}

describe('the base', () => {
  it('is empty at first, and keeps every field of what was settled', () => {
    const state = open();
    expect(rows(state)).toEqual([]);
    const path = relPath('d/caf\u00e9 \u{1F600}');
    settle(
      state,
      { kind: 'folder', path: relPath('d'), ino: 7 },
      { kind: 'file', path, stamp: stamp(3, [5, 9]) },
      { kind: 'file', path: relPath('young'), stamp: { ...stamp(4), ctimeMs: -1 } },
    );
    const again = reopened(state);
    expect(nodeAt(again.base(), path)).toEqual({ kind: 'file', stamp: stamp(3, [5, 9]) });
    expect(nodeAt(again.base(), relPath('d'))).toMatchObject({ ino: 7 });
  });

  it('recognises a version after it went through the disk', () => {
    const state = open();
    const local: LocalStamp = {
      size: 3,
      ino: 9_007_199_254_740_000,
      mtimeMs: 1790000000123.4568,
      ctimeMs: 1790000000123.9,
      mode: 0o644,
    };
    settle(state, { kind: 'file', path: relPath('f'), stamp: agreed(local, stamp(1).digest, 5) });
    const node = nodeAt(reopened(state).base(), relPath('f'));
    expect(node?.kind === 'file' && sameFingerprint(node.stamp, local)).toBe(true);
  });

  it('is the same object until the next settlement, and shares what that leaves alone', () => {
    const state = open();
    settle(state, put('a/f', 1), put('b/f', 2));
    const before = state.base();
    expect(state.base()).toBe(before);
    settle(state, put('a/g', 3));
    expect(nodeAt(state.base(), relPath('b'))).toBe(nodeAt(before, relPath('b')));
    expect(nodeAt(before, relPath('a/g'))).toBeUndefined();
  });

  it('forgets a path with all below it, and none that only begins alike', () => {
    const state = open();
    settle(
      state,
      put('a/x/f', 1),
      put('a%/f', 2),
      put('a_b/f', 3),
      put('a-b', 4),
      put('a0', 5),
      put('ab/f', 6),
    );
    settle(state, { kind: 'forget', path: relPath('a') }, { kind: 'forget', path: relPath('nothing/here') });
    expect(rows(reopened(state)).map(([path]) => path)).toEqual([
      'a%',
      'a%/f',
      'a-b',
      'a0',
      'a_b',
      'a_b/f',
      'ab',
      'ab/f',
    ]);
  });

  it('moves a folder with all below it over whatever stood there', () => {
    const state = open();
    settle(
      state,
      { kind: 'folder', path: relPath('%_\u{1F600}'), ino: 1 },
      put('%_\u{1F600}/x/f', 1),
      put('xx/f', 2),
      put('to/old', 3),
    );
    settle(state, { kind: 'move', from: relPath('%_\u{1F600}'), to: relPath('to') });
    settle(state, { kind: 'move', from: relPath('missing'), to: relPath('xx') });
    expect(rows(reopened(state)).map(([path]) => path)).toEqual(['to', 'to/x', 'to/x/f', 'xx', 'xx/f']);
  });

  it('moves a folder up into the place of its own parent, and never into itself', () => {
    const state = open();
    settle(state, put('a/b/f', 1), put('a/c', 2));
    settle(state, { kind: 'move', from: relPath('a/b'), to: relPath('a') });
    const again = reopened(state);
    expect(rows(again).map(([path]) => path)).toEqual(['a', 'a/f']);
    expect(() => settle(again, { kind: 'move', from: relPath('a'), to: relPath('a/z') })).toThrow(
      'into itself',
    );
    expect(rows(again).map(([path]) => path)).toEqual(['a', 'a/f']);
  });

  it('applies changes in order: swaps, replacements of kind, folders that are known already', () => {
    const state = open();
    settle(state, put('a', 1), put('b', 2), put('d/f', 3), put('e', 4));
    settle(
      state,
      { kind: 'move', from: relPath('a'), to: relPath('t') },
      { kind: 'move', from: relPath('b'), to: relPath('a') },
      { kind: 'move', from: relPath('t'), to: relPath('b') },
      put('d', 5),
      put('e/f', 6),
      { kind: 'folder', path: relPath('e'), ino: 8 },
    );
    expect(rows(reopened(state))).toEqual([
      ['a', stamp(2)],
      ['b', stamp(1)],
      ['d', stamp(5)],
      ['e', 8],
      ['e/f', stamp(6)],
    ]);
  });

  it('agrees with the disk after any sequence of changes', () => {
    let state = open();
    let seed = 20261122;
    const random = (limit: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * limit);
    };
    const path = (): RelPath =>
      relPath(Array.from({ length: 1 + random(3) }, () => ['a', 'a-', 'a0', 'b%'][random(4)]).join('/'));
    for (let round = 0; round < 40; round += 1) {
      const changes = Array.from({ length: 10 }, (_, n): BaseChange => {
        const [from, to] = [path(), path()];
        switch (random(4)) {
          case 0:
            return { kind: 'folder', path: from, ino: n };
          case 1:
            return { kind: 'forget', path: from };
          case 2:
            return `${to}/`.startsWith(`${from}/`) ? put(from, n) : { kind: 'move', from, to };
          default:
            return put(from, n);
        }
      });
      settle(state, ...changes);
      // Folders without a row of their own exist only while something is below them.
      const files = (of: PairState) => rows(of).filter(([, value]) => value !== 'folder');
      const before = files(state);
      state.close();
      state = open();
      expect(files(state)).toEqual(before);
    }
  });
});

describe('a settlement', () => {
  it('moves base, journal and conflicts together, or not at all', () => {
    const state = open();
    const entry = { at: 1, cycle: 1, kind: 'upload', path: 'f', digest: stamp(1).digest, size: 1 };
    const full = { ...entry, path: 'g', other: 'h', trash: '/t' };
    const conflict = { at: 1, path: relPath('f'), copy: undefined, resolution: 'keep-both' };
    state.settle({
      changes: [put('f', 1)],
      journal: [entry, full],
      conflicts: [conflict, { ...conflict, copy: 'c' }],
    });
    const bad: BaseChange = { kind: 'move', from: relPath('f'), to: relPath('f/x') };
    expect(() =>
      state.settle({ changes: [put('g', 1), bad], journal: [entry], conflicts: [conflict] }),
    ).toThrow();
    const again = reopened(state);
    expect(rows(again).map(([path]) => path)).toEqual(['f']);
    expect(again.journal(10)).toEqual([full, entry]);
    expect(again.journal(1)).toEqual([full]);
    expect(again.conflicts()).toEqual([{ ...conflict, copy: 'c' }, conflict]);
  });

  it('shows another connection all of it or nothing', () => {
    const state = open();
    const other = new Sqlite(file, { readonly: true });
    const count = other.prepare(
      'SELECT (SELECT count(*) FROM base) AS base, (SELECT count(*) FROM journal) AS journal',
    );
    expect(count.get()).toEqual({ base: 0, journal: 0 });
    const journal = [{ at: 1, cycle: 1, kind: 'upload', path: 'x' }];
    state.settle({ changes: Array.from({ length: 250 }, (_, n) => put(`d/f${n}`, n)), journal });
    expect(count.get()).toEqual({ base: 250, journal: 1 });
    other.close();
  });

  it('survives the death of its process, and frees the lock', () => {
    const script = `
      import { openPairState } from ${JSON.stringify(join(import.meta.dirname, '../../../src/state/pair-state.ts'))};
      const clock = { now: () => 0, monotonic: () => 0, sleep: async () => undefined };
      const state = openPairState({ file: ${JSON.stringify(file)}, identity: ${JSON.stringify(identity)}, clock });
      state.settle({ changes: [${JSON.stringify(put('f', 1))}], journal: [] });
      process.kill(process.pid, 'SIGKILL');
    `;
    const run = () =>
      execFileSync(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: 'pipe' });
    expect(run).toThrow(expect.objectContaining({ signal: 'SIGKILL' }));
    expect(rows(open())).toEqual([['f', stamp(1)]]);
  });

  it('copies a large folder once, not once for each change', () => {
    const state = open({ file: ':memory:' });
    const many = Array.from({ length: 20_000 }, (_, n) => put(`f${n}`, n));
    settle(state, ...many);
    let copied = 0;
    const native = Map.prototype.set;
    Map.prototype.set = function (this: Map<unknown, unknown>, key: unknown, value: unknown) {
      copied += 1;
      return native.call(this, key, value);
    };
    try {
      settle(state, ...many.slice(0, 250));
    } finally {
      Map.prototype.set = native;
    }
    expect(copied).toBeLessThan(3 * 20_000);
    expect(copied).toBeGreaterThan(250);
  });
});

describe('the remote snapshot', () => {
  const tree: RemoteTree = {
    kind: 'folder',
    children: new Map([
      ['f', { kind: 'file', stamp: { size: 1, date: 2 } }],
      ['span', { kind: 'file', stamp: { size: 1, date: [2, 3] }, name: 'SPAN' }],
      ['u', { kind: 'unknown', why: 'no answer' }],
      ['i', { kind: 'untracked', why: 'ignored', name: 'I' }],
      [
        'd',
        { kind: 'folder', name: 'D', children: new Map([['e', { kind: 'folder', children: new Map() }]]) },
      ],
      ['g', { kind: 'folder', children: new Map([['f', { kind: 'file', stamp: { size: 1, date: 2 } }]]) }],
    ]),
  };

  it('is what was saved, and nothing before', () => {
    const state = open();
    expect(state.remoteSnapshot()).toBeUndefined();
    state.saveRemoteSnapshot(5, tree);
    state.close();
    expect(open().remoteSnapshot()).toEqual({ at: 5, tree });
  });

  it('follows changes, removals and folders that became files', () => {
    let state = open();
    state.saveRemoteSnapshot(1, tree);
    const next = withChanges(tree, [
      { path: relPath('d'), node: { kind: 'file', stamp: { size: 3, date: 4 } } },
      { path: relPath('g/new/deep'), node: { kind: 'file', stamp: { size: 3, date: 4 } } },
      { path: relPath('u'), node: undefined },
    ]);
    state.saveRemoteSnapshot(2, next);
    state.close();
    state = open();
    expect(state.remoteSnapshot()).toEqual({ at: 2, tree: next });
    state.saveRemoteSnapshot(3, tree);
    state.close();
    expect(open().remoteSnapshot()).toEqual({ at: 3, tree });
  });

  it('writes only the folders that are not the ones written last', () => {
    const state = open();
    state.saveRemoteSnapshot(1, tree);
    const other = new Sqlite(file);
    other.exec(`CREATE TABLE seen (path TEXT);
      CREATE TRIGGER spy AFTER INSERT ON remote_folder BEGIN INSERT INTO seen VALUES (new.path); END;`);
    const change = { path: relPath('g/f'), node: undefined };
    state.saveRemoteSnapshot(2, withChanges(tree, [change]));
    const written = other.prepare('SELECT path FROM seen').pluck().all();
    other.close();
    expect(written).toEqual(['g']);
  });

  it('at rest writes no folder above the one that changed', () => {
    const state = open();
    const files = ['a', 'b', 'c', 'd', 'e'].flatMap((name) =>
      ['', 'one/', 'one/two/'].map((dir) => ({
        path: relPath(`${dir}${name}`),
        node: { kind: 'file' as const, stamp: { size: 1, date: 2 } },
      })),
    );
    const full = compactRemote(withChanges(tree, files));
    state.saveRemoteSnapshot(1, full);
    const other = new Sqlite(file);
    other.exec(`CREATE TABLE seen (path TEXT);
      CREATE TRIGGER spy AFTER INSERT ON remote_folder BEGIN INSERT INTO seen VALUES (new.path); END;`);
    const node = { kind: 'file' as const, stamp: { size: 2, date: 3 } };
    state.saveRemoteSnapshot(2, compactRemote(withChanges(full, [{ path: relPath('one/two/a'), node }])));
    const written = other.prepare('SELECT path FROM seen').pluck().all();
    other.close();
    expect(written).toEqual(['one/two']);
  });
});

describe('small things', () => {
  it('remembers digests for exactly the version they belong to', () => {
    const state = open();
    const local: LocalStamp = { size: 1, ino: 2, mtimeMs: 3.5, ctimeMs: 4.5, mode: 0o644 };
    const path = relPath('f');
    state.cacheDigest(path, local, stamp(7).digest);
    expect(state.cachedDigest(path, local)).toBe(stamp(7).digest);
    state.close();
    const again = open();
    expect(again.cachedDigest(path, local)).toBe(stamp(7).digest);
    for (const other of [{ size: 2 }, { ino: 3 }, { mtimeMs: 4 }, { ctimeMs: 5 }]) {
      expect(again.cachedDigest(path, { ...local, ...other })).toBeUndefined();
    }
    again.cacheDigest(relPath('young'), { ...local, ctimeMs: -1 }, stamp(7).digest);
    expect(again.cachedDigest(relPath('young'), { ...local, ctimeMs: -1 })).toBeUndefined();
    settle(again, put('f', 1));
    expect(again.cachedDigest(path, local)).toBeUndefined();
  });

  it('keeps many digests without asking for a write each', () => {
    const state = open();
    const local: LocalStamp = { size: 1, ino: 2, mtimeMs: 3, ctimeMs: 4, mode: 0o644 };
    for (let n = 0; n < 600; n += 1) state.cacheDigest(relPath(`f${n}`), local, stamp(n).digest);
    for (const n of [0, 255, 256, 599])
      expect(state.cachedDigest(relPath(`f${n}`), local)).toBe(stamp(n).digest);
  });

  it('counts cycles on, and knows the last one', () => {
    const state = open();
    expect(state.lastCycle()).toBeUndefined();
    expect([state.nextCycle(), state.nextCycle()]).toEqual([1, 2]);
    const record = {
      startedAt: 1,
      endedAt: 2,
      trigger: 'edit',
      requests: 3,
      operations: 4,
      problems: [{ path: 'x', code: 'failed', message: 'no' } as const],
    };
    state.recordCycle({ ...record, trigger: 'timer' });
    state.recordCycle(record);
    state.close();
    const again = open();
    expect(again.nextCycle()).toBe(3);
    expect(again.lastCycle()).toEqual(record);
  });

  it('keeps notes and its id', () => {
    const state = open({ pairId: 'from-the-marker' });
    expect(state.pairId).toBe('from-the-marker');
    expect(state.note('traits')).toBeUndefined();
    state.saveNote('traits', '{}');
    state.saveNote('traits', '{"a":1}');
    state.close();
    const again = open({ pairId: 'another' });
    expect(again.pairId).toBe('from-the-marker');
    expect(again.note('traits')).toBe('{"a":1}');
  });

  it('lives in memory when asked to', () => {
    const [one, two] = [open({ file: ':memory:' }), open({ file: ':memory:' })];
    settle(one, put('f', 1));
    expect(rows(one)).toHaveLength(1);
    expect(rows(two)).toHaveLength(0);
    expect(one.pairId).not.toBe(two.pairId);
    expect(existsSync(join(folder, 'deep'))).toBe(false);
  });
});

describe('opening', () => {
  it('lets one process at a time in, and names the folder', () => {
    const state = open();
    expect(() => open()).toThrow(
      expect.objectContaining({ code: 'locked', message: expect.stringContaining('/home/me/docs') }),
    );
    state.close();
    state.close();
    expect(open().rebuilt).toBe(false);
  });

  it('gives files that only the user may read', () => {
    open();
    expect(statSync(file).mode & 0o077).toBe(0);
  });

  it('refuses the state of another pair, names both, and frees the lock', () => {
    const state = open();
    state.settle({ changes: [{ kind: 'folder', path: relPath('docs'), ino: 1 }], journal: [] });
    state.close();
    const other = { ...identity, workspaceId: 'ws2' };
    expect(() => open({ identity: other })).toThrow(
      expect.objectContaining({ code: 'state-mismatch', message: expect.stringMatching(/ws1:\/a.*ws2:\/a/) }),
    );
    expect(open().rebuilt).toBe(false);
  });

  it('gives a state in which nothing was agreed yet to another pair, without what it learnt', () => {
    const state = open();
    const { pairId } = state;
    state.saveNote('traits', 'of the first server');
    state.close();
    const other = open({ identity: { ...identity, workspaceId: 'ws2' } });
    expect(other.pairId).toBe(pairId);
    expect(other.note('traits')).toBeUndefined();
    other.settle({ changes: [{ kind: 'folder', path: relPath('docs'), ino: 1 }], journal: [] });
    other.close();
    expect(() => open()).toThrow(expect.objectContaining({ code: 'state-mismatch' }));
  });

  it('refuses the state of a newer version and leaves it alone', () => {
    open().close();
    const db = new Sqlite(file);
    db.pragma(`user_version = ${MIGRATIONS.length + 1}`);
    db.close();
    const before = readFileSync(file);
    expect(() => open()).toThrow(expect.objectContaining({ code: 'state-newer' }));
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it('takes a state of the version before along, one step in a transaction', () => {
    const state = open();
    settle(state, put('f', 1));
    state.close();
    const failing = () =>
      open({ migrations: [...MIGRATIONS, (db) => db.exec('CREATE TABLE extra (x); SELECT no_such_thing;')] });
    expect(failing).toThrow();
    const migrated = open({
      migrations: [
        ...MIGRATIONS,
        (db) => db.exec("CREATE TABLE extra (x); INSERT OR REPLACE INTO note VALUES ('new', 'yes')"),
      ],
    });
    expect(migrated.rebuilt).toBe(false);
    expect(migrated.note('new')).toBe('yes');
    expect(rows(migrated)).toEqual([['f', stamp(1)]]);
    migrated.close();
    expect(() => open()).toThrow(expect.objectContaining({ code: 'state-newer' }));
  });

  it.each([
    [
      'no database at all',
      () => writeFileSync(file, 'this is not a database, but long enough to look at twice'.repeat(50)),
    ],
    [
      'pages full of rubbish',
      () => {
        const bytes = readFileSync(file);
        bytes.fill(0x5a, 4096, bytes.length);
        writeFileSync(file, bytes);
      },
    ],
    [
      'half a row',
      () => {
        const db = new Sqlite(file);
        db.exec("INSERT INTO base (path, kind) VALUES ('x', 0)");
        db.close();
      },
    ],
  ])('sets a damaged file aside and begins afresh: %s', (_, damage) => {
    const state = open();
    settle(state, put('f', 1));
    state.close();
    damage();
    const fresh = open();
    expect(fresh.rebuilt).toBe(true);
    expect(rows(fresh)).toEqual([]);
    expect(readdirSync(join(folder, 'deep')).filter((name) => name.includes('broken'))).toEqual([
      'pair.db.broken-2026-11-22T00.00.00.000Z',
    ]);
    settle(fresh, put('g', 1));
    fresh.close();
    expect(open().rebuilt).toBe(false);
  });

  it('says in one sentence where it cannot write', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => open({ file: join(folder, 'file', 'pair.db') })).toThrow(
      expect.objectContaining({ code: 'config' }),
    );
  });
});

describe('what was settled lately', () => {
  function timed() {
    const time = { now: 1_000_000 };
    const state = open({ clock: { ...clock, now: () => time.now } });
    const at = (now: number, ...changes: readonly BaseChange[]): void => {
      time.now = now;
      settle(state, ...changes);
    };
    const within = (ms: number): readonly string[] => state.settledLately(ms);
    return { state, at, within };
  }

  it('is told by the time of the last settlement, whatever was settled', () => {
    const { at, within } = timed();
    expect(within(1_000)).toEqual([]);
    at(1_000_000, put('old', 1), put('d/again', 2));
    at(2_000_000, put('d/again', 3));
    at(2_000_500, { kind: 'forget', path: relPath('gone') });
    expect(within(1_000)).toEqual(['d/again']);
    expect(within(100)).toEqual([]);
    expect(within(1_500_000)).toEqual(['d/again', 'old']);
  });

  it('holds what moved, with all below it, and a folder only when it is new', () => {
    const { state, at, within } = timed();
    const folder = (path: string, ino: number): BaseChange => ({ kind: 'folder', path: relPath(path), ino });
    at(1_000_000, folder('a', 1), put('a/f', 1), folder('b', 2), put('was a file', 3));
    at(2_000_000, { kind: 'move', from: relPath('a'), to: relPath('c') }, folder('b', 9), folder('new', 5));
    at(2_000_000, folder('was a file', 6));
    expect(within(1_000)).toEqual(['c', 'c/f', 'new', 'was a file']);
    expect(rows(reopened(state))).toContainEqual(['b', 9]);
  });
});

describe('a lock', () => {
  it('is held until it is released', () => {
    const path = join(folder, 'lock');
    const lock = holdLock(path, '/home/me/docs');
    expect(() => holdLock(path, '/home/me/docs')).toThrow(
      'another rtsync is at work on /home/me/docs: stop it first, or wait until it is done',
    );
    lock.release();
    holdLock(path, '/home/me/docs').release();
  });
});
