import { describe, expect, it } from 'vitest';
import type { BaseStamp } from '../../../../src/core/base.ts';
import { relPath } from '../../../../src/core/path.ts';
import type { Direction } from '../../../../src/core/rules.ts';
import { emptyTree, type LocalStamp, type Node, type Tree, withChanges } from '../../../../src/core/tree.ts';
import type { Memory } from '../../../../src/engine/cycle.ts';
import type { Pair } from '../../../../src/engine/pair.ts';
import { createDesk, seenAt } from '../../../../src/engine/recover/desk.ts';
import { localMove, remoteMove, setAside } from '../../../../src/engine/recover/moves.ts';
import { RtsyncError } from '../../../../src/lib/errors.ts';
import type { Intent } from '../../../../src/state/state.ts';

type Nodes<S> = Readonly<Record<string, Node<S>>>;

function treeOf<S>(nodes: Nodes<S>): Tree<S> {
  return withChanges(
    emptyTree<S>(),
    Object.entries(nodes).map(([path, node]) => ({ path: relPath(path), node })),
  );
}

function file<S>(stamp: S): Node<S> {
  return { kind: 'file', stamp };
}

const folder = { kind: 'folder', children: new Map() } as const;

const local = (ino: number, mtimeMs = ino): LocalStamp => ({
  ...{ size: 5, ino, mtimeMs },
  ctimeMs: 1,
  mode: 6,
});
const remote = (date: number) => ({ size: 5, date });
const agreedOn = (ino: number, date: number): BaseStamp => ({
  ...{ digest: `${ino}`, size: 5, ino, mtimeMs: ino, ctimeMs: 1, date },
});

interface Scene {
  readonly base: Nodes<BaseStamp>;
  readonly here?: Nodes<LocalStamp>;
  readonly there?: Nodes<{ readonly size: number; readonly date: number }>;
  readonly direction?: Direction;
  readonly move?: () => Promise<undefined>;
  readonly remove?: () => Promise<void>;
  readonly open?: () => Promise<{ readonly close: () => Promise<void> }>;
}

/** Only what a recovery of moves asks for. */
function deskOf({ base, here = {}, there = {}, direction = 'both', ...deeds }: Scene) {
  const { move = async () => undefined, remove = async () => {} } = deeds;
  const { open = async () => ({ close: async () => {} }) } = deeds;
  const asked: string[] = [];
  const removed: string[] = [];
  const tree = treeOf(base);
  const pair = {
    options: { direction },
    state: { base: () => tree },
    clock: { now: () => 0 },
    remote: {
      traits: { moveKeepsDate: true },
      move: async (job: { readonly from: string; readonly to: string }) => {
        asked.push(`${job.from} -> ${job.to}`);
        return move();
      },
    },
    local: {
      open,
      removeFile: async (path: string, expected: LocalStamp) => {
        await remove();
        removed.push(`${path} ${expected.ino}`);
      },
    },
    observer: { on: () => undefined },
  } as unknown as Pair;
  const seen = { local: { tree: treeOf(here) }, remote: { tree: treeOf(there) } } as unknown as Memory;
  return { desk: createDesk(pair, seen, new AbortController().signal), asked, removed };
}

function intent(kind: Intent['kind'], path: string, other: string): Intent {
  const detail = { local: local(1), remote: remote(1) };
  return { id: 1, at: 0, cycle: 1, state: 'begun', kind, path: relPath(path), other: relPath(other), detail };
}

describe('a remote move that stopped half-way', () => {
  const job = intent('moveRemote', 'x/a', 'y/b');
  const halfway = {
    base: { x: folder, y: folder, 'x/a': file(agreedOn(1, 1)) },
    there: { x: folder, 'y/a': file(remote(1)) },
  };

  it('is brought on', async () => {
    const { desk, asked } = deskOf(halfway);
    expect(await remoteMove(desk, job)).toBeUndefined();
    expect(asked).toEqual(['y/a -> y/b']);
    expect(desk.changes[0]).toEqual({ kind: 'move', from: 'x/a', to: 'y/b' });
  });

  it.each([
    ['is kept when nobody can tell where it stands now', true, 'unseen'],
    ['is left to the comparison when it surely did not go on', false, undefined],
  ] as const)('%s', async (_, ambiguous, end) => {
    const move = async () => {
      throw new RtsyncError('taken', { message: 'taken', ambiguous });
    };
    expect(await remoteMove(deskOf({ ...halfway, move }).desk, job)).toBe(end);
  });

  it('is kept, and nothing is asked of the server, by a pull', async () => {
    const { desk, asked } = deskOf({ ...halfway, direction: 'pull' });
    expect(await remoteMove(desk, job)).toBe('unseen');
    expect({ asked, changes: desk.changes }).toEqual({ asked: [], changes: [] });
  });
});

describe('a move that was done, and a newer file was agreed on at its old name since', () => {
  const newer = { base: { a: file(agreedOn(9, 9)) } };

  it('there leaves the base of the newer file alone', async () => {
    const { desk } = deskOf({ ...newer, there: { a: file(remote(9)), b: file(remote(1)) } });
    expect(await remoteMove(desk, intent('moveRemote', 'a', 'b'))).toBeUndefined();
    expect(desk.changes).toEqual([]);
  });

  it('here leaves it alone as well', async () => {
    const { desk } = deskOf({ ...newer, here: { a: file(local(9)), b: file(local(1)) } });
    expect(await localMove(desk, intent('moveLocal', 'a', 'b'))).toBeUndefined();
    expect(desk.changes).toEqual([]);
  });

  it.each([
    ['the same on this side', agreedOn(1, 7)],
    ['the same on the server', agreedOn(7, 1)],
  ])('but a base that is %s goes along', async (_, base) => {
    const both = { base: { a: file(base) }, here: { b: file(local(1)) }, there: { b: file(remote(1)) } };
    const [one, other] = [deskOf(both).desk, deskOf(both).desk];
    await remoteMove(one, intent('moveRemote', 'a', 'b'));
    await localMove(other, intent('moveLocal', 'a', 'b'));
    for (const { changes } of [one, other]) expect(changes[0]).toEqual({ kind: 'move', from: 'a', to: 'b' });
  });
});

describe('a move here of a file that another took the place of before it was settled', () => {
  const base = { a: file(agreedOn(1, 1)) };
  const job = intent('moveLocal', 'a', 'b');
  const saved = { b: file(local(8)) };

  it('takes the base along when the workspace shows the same move', async () => {
    const { desk } = deskOf({ base, here: saved, there: { b: file(remote(1)) } });
    expect(await localMove(desk, job)).toBeUndefined();
    expect(desk.changes[0]).toEqual({ kind: 'move', from: 'a', to: 'b' });
  });

  it.each([
    ['another version stands there', { here: saved, there: { b: file(remote(5)) } }],
    ['nothing stands there', { here: saved, there: {} }],
    ['the old name is taken here', { here: { ...saved, a: file(local(3)) }, there: { b: file(remote(1)) } }],
    [
      'both agreed on the new name since',
      { base: { ...base, b: file(agreedOn(8, 1)) }, here: saved, there: { b: file(remote(1)) } },
    ],
  ])('leaves it where it was when %s', async (_, scene) => {
    const { desk } = deskOf({ base, ...scene });
    await localMove(desk, job);
    expect(desk.changes).toEqual([]);
  });
});

describe('one file under both names of a move here', () => {
  const both = { base: { a: file(agreedOn(1, 1)) }, here: { a: file(local(1)), b: file(local(1)) } };
  const job = intent('moveLocal', 'a', 'b');

  it.each([
    ['a move', localMove, job],
    ['a move of what nobody agreed on', localMove, job, {}],
    ['what steps aside', setAside, intent('setAside', 'a', 'b')],
  ] as const)('gives up the new name: %s', async (_, recover, which, base = both.base) => {
    const { desk, removed } = deskOf({ ...both, base });
    expect(await recover(desk, which)).toBeUndefined();
    expect({ removed, changes: desk.changes }).toEqual({ removed: ['b 1'], changes: [] });
    expect([...desk.seen().local.tree.children.keys()]).toEqual(['a']);
  });

  it('keeps both when both sides have agreed on the new one since', async () => {
    const base = { ...both.base, b: file(agreedOn(1, 2)) };
    const { desk, removed } = deskOf({ ...both, base });
    expect(await localMove(desk, job)).toBeUndefined();
    expect({ removed, changes: desk.changes }).toEqual({ removed: [], changes: [] });
  });

  it.each([
    ['a move', localMove, job],
    ['what steps aside', setAside, intent('setAside', 'a', 'b')],
  ] as const)('keeps the new name when the old one is only remembered: %s', async (_, recover, which) => {
    const open = () => Promise.reject(new RtsyncError('changed', 'is gone'));
    const { desk, removed } = deskOf({ ...both, open });
    expect(await recover(desk, which)).toBe('unseen');
    expect(removed).toEqual([]);
  });

  it('is looked at once more when somebody writes to it meanwhile', async () => {
    const remove = () => Promise.reject(new RtsyncError('changed', 'changed'));
    const { desk } = deskOf({ ...both, remove });
    expect(await localMove(desk, job)).toBe('unseen');
    expect([...desk.seen().local.tree.children.keys()]).toEqual(['a', 'b']);
  });
});

describe('what stands at a path', () => {
  const there = treeOf<never>({
    ignored: { kind: 'untracked', why: 'ignored' },
    closed: { kind: 'unknown', why: 'unreadable' },
  });

  it('is not waited for below what is left out on purpose', () => {
    for (const path of ['ignored', 'ignored/deep/f'])
      expect(seenAt(there, relPath(path))).toMatchObject({ kind: 'untracked' });
  });

  it('is waited for where nobody could look', () => {
    for (const path of ['closed', 'closed/deep/f']) expect(seenAt(there, relPath(path))).toBe('unseen');
    expect(seenAt(there, relPath('gone/f'))).toBeUndefined();
  });

  it.each(['a', 'b'])('ends the intention of a move when %s has become ignored', async (path) => {
    const ignored = { [path]: { kind: 'untracked', why: 'ignored' } } as const;
    const { desk } = deskOf({ base: { a: file(agreedOn(1, 1)) }, here: ignored, there: ignored });
    expect(await remoteMove(desk, intent('moveRemote', 'a', 'b'))).toBeUndefined();
    expect(await localMove(desk, intent('moveLocal', 'a', 'b'))).toBeUndefined();
    expect(desk.changes).toEqual([]);
  });
});
