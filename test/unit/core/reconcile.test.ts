import { describe, expect, test } from 'vitest';
import { relPath } from '../../../src/core/path.ts';
import { decide } from '../../../src/core/reconcile.ts';
import type { LocalStamp, Node, RemoteStamp, Tree } from '../../../src/core/tree.ts';
import { applyPlan } from '../../support/model.ts';
import { hide, makeFolder, remove, write } from '../../support/people.ts';
import { planFor, problemsOf, sync, syncedWorld, told } from '../../support/planning.ts';
import { emptyWorld, listing, localStamp, put } from '../../support/world.ts';

describe('a conflict', () => {
  const conflict = (): ReturnType<typeof syncedWorld> => {
    const world = syncedWorld({ 'n.md': 'old1' });
    write(world, 'local', 'n.md', 'here-0');
    write(world, 'remote', 'n.md', 'there-2');
    return world;
  };

  test('keeps both: ours steps aside, theirs has the name, the copy goes up next', () => {
    const world = conflict();
    const first = planFor(world);
    expect(told(first)).toEqual(['setAside n.md', 'download n.md']);
    expect(first.operations[1]).toMatchObject({ local: undefined, after: [0] });
    applyPlan(world, first);
    expect(told(planFor(world))).toEqual(['upload n (conflict 2026-01-02 00.00.00 desk).md']);
  });

  test.each([
    ['local', 'upload'],
    ['remote', 'download'],
  ] as const)('settled by policy "%s" is one %s over what was seen', (policy, kind) => {
    const { operations } = planFor(conflict(), { policyFor: () => policy });
    expect(operations).toMatchObject([
      { kind, conflict: true, local: { content: 'here-0' }, remote: { content: 'there-2' } },
    ]);
  });

  test('"newer" believes the later one by the server\'s clock, and keeps both on a tie', () => {
    const policyFor = (): 'newer' => 'newer';
    expect(told(planFor(conflict(), { policyFor, clockOffsetMs: 5000 }))).toEqual(['upload n.md']);
    expect(told(planFor(conflict(), { policyFor, clockOffsetMs: -5000 }))).toEqual(['download n.md']);
    expect(told(planFor(conflict(), { policyFor, clockOffsetMs: 0, remoteGrain: 1000 }))).toEqual([
      'setAside n.md',
      'download n.md',
    ]);
  });

  test('"hold" does nothing and says so', () => {
    const plan = planFor(conflict(), { policyFor: () => 'hold' });
    expect([told(plan), problemsOf(plan)]).toEqual([[], ['conflict-held n.md']]);
  });

  test('is left to a person by a push, unless the source may win', () => {
    const plan = planFor(conflict(), { direction: 'push' });
    expect([told(plan), problemsOf(plan)]).toEqual([[], ['undone n.md']]);
    expect(told(planFor(conflict(), { direction: 'push', mode: 'force' }))).toEqual(['upload n.md']);
    expect(told(planFor(conflict(), { direction: 'pull', mode: 'force' }))).toEqual(['download n.md']);
  });

  test('never gives two copies one name', () => {
    const world = emptyWorld();
    write(world, 'local', 'a', 'l-0');
    write(world, 'remote', 'a', 'r-2');
    write(world, 'remote', 'a (conflict 2026-01-02 00.00.00 desk)', 'taken');
    expect(planFor(world).operations[0]).toMatchObject({
      copy: { path: 'a (conflict 2026-01-02 00.00.00 desk) 2' },
    });
  });
});

describe('a file against a folder', () => {
  test('sets the local folder aside and downloads the file', () => {
    const world = emptyWorld();
    write(world, 'local', 'p/in', 'inside');
    write(world, 'remote', 'p', 'file');
    expect(told(planFor(world))).toEqual(['setAside p', 'download p']);
  });

  test('waits while nobody can tell whether the file was edited', () => {
    const world = syncedWorld({ p: 'file' });
    remove(world, 'remote', 'p');
    write(world, 'remote', 'p/in', 'inside');
    const node = world.local.children.get('p');
    if (node?.kind !== 'file') throw new Error('no file');
    const unread: Node<LocalStamp> = { kind: 'file', stamp: { ...node.stamp, ctimeMs: -1 } };
    const plan = decide({
      base: world.base,
      local: { kind: 'folder', children: new Map([['p', unread]]) },
      remote: world.remote,
      direction: 'both',
      mode: 'normal',
      policyFor: () => 'keep-both',
      copyName: (name) => name,
      localCaseInsensitive: false,
      remoteGrain: 1,
    });
    expect([told(plan), plan.baseChanges, problemsOf(plan)]).toEqual([[], [], ['changing p']]);
    expect(told(planFor(world))).toEqual(['removeLocal p', 'makeFolderLocal p', 'download p/in']);
  });

  test('waits for a person when the folder holds what is not synced', () => {
    const world = emptyWorld();
    write(world, 'local', 'p/in', 'inside');
    hide(world, 'local', 'p/secret', 'untracked');
    write(world, 'remote', 'p', 'file');
    const plan = planFor(world);
    expect([told(plan), problemsOf(plan)]).toEqual([[], ['conflict-held p']]);
  });

  test('never removes a folder that is not empty to make room, even by force', () => {
    const world = emptyWorld();
    write(world, 'local', 'p', 'file');
    write(world, 'remote', 'p/in', 'inside');
    const plan = planFor(world, { direction: 'push', mode: 'force' });
    expect([told(plan), problemsOf(plan)]).toEqual([[], ['undone p']]);
  });

  test('removes the folder that only one side still has, late enough, and then sends the file', () => {
    const world = syncedWorld({ 'p/in': 'old1' });
    remove(world, 'local', 'p');
    write(world, 'local', 'p', 'file');
    const { operations } = planFor(world);
    expect(operations).toMatchObject([
      { kind: 'removeRemote', stage: 'clear' },
      { kind: 'upload', stage: 'late', after: [0], remote: undefined },
    ]);
  });

  test('makes room first for a folder in the place of a file', () => {
    const world = syncedWorld({ p: 'old1' });
    remove(world, 'local', 'p');
    write(world, 'local', 'p/in', 'inside');
    expect(planFor(world).operations.map(({ kind, stage }) => [kind, stage])).toEqual([
      ['removeRemote', 'room'],
      ['makeFolderRemote', 'fill'],
      ['upload', 'fill'],
    ]);
  });
});

describe('what a side cannot hold', () => {
  test('is reported at its name, and its siblings go on', () => {
    const world = emptyWorld();
    write(world, 'local', 'bad?/in', 'x');
    write(world, 'local', 'good', 'y');
    const plan = planFor(world, { remoteNameFault: (name) => (name.includes('?') ? 'no "?"' : undefined) });
    expect([told(plan), problemsOf(plan)]).toEqual([['upload good'], ['name bad?']]);
    expect(plan.problems[0]?.message).toBe('the server cannot hold this name: no "?"; rename it here');
    const other = emptyWorld();
    write(other, 'remote', 'bad?', 'x');
    const [problem] = planFor(other, { localNameFault: () => 'too long' }).problems;
    expect(problem?.message).toBe(
      'the local disk cannot hold this name: too long; rename it in the workspace',
    );
  });

  test('is a second name that a disk without case cannot tell from the first', () => {
    const world = emptyWorld();
    write(world, 'remote', 'Read', 'x');
    write(world, 'remote', 'READ', 'y');
    write(world, 'remote', 'other', 'z');
    const plan = planFor(world, { localCaseInsensitive: true });
    expect([told(plan), problemsOf(plan)]).toEqual([
      ['download other', 'download Read'],
      ['case-clash READ'],
    ]);
    expect(told(planFor(world))).toHaveLength(3);
  });

  test('is a file over the upload limit, and its folder is still made', () => {
    const world = emptyWorld();
    write(world, 'local', 'd/big', 'v2');
    const plan = planFor(world, { uploadLimit: 1 });
    expect([told(plan), problemsOf(plan)]).toEqual([['makeFolderRemote d'], ['too-large d/big']]);
  });

  test('costs the other side nothing: a folder is not removed for a file that is too large', () => {
    const world = syncedWorld({ 'p/in': 'old1' });
    remove(world, 'local', 'p');
    write(world, 'local', 'p', 'v2');
    const plan = planFor(world, { uploadLimit: 1 });
    expect([told(plan), problemsOf(plan)]).toEqual([[], ['too-large p']]);
  });
});

describe('a blocked path', () => {
  test('is left alone, reported, and keeps the folder above it from being removed', () => {
    const world = syncedWorld({ 'd/a': 'a1', 'd/b': 'b1' });
    remove(world, 'local', 'd');
    const plan = planFor(world, {
      blocked: (path) => (path === 'd/a' ? { path, code: 'failed', message: 'not now' } : undefined),
    });
    expect([told(plan), problemsOf(plan)]).toEqual([['removeRemote d/b'], ['failed d/a']]);
  });
});

describe('a run in one direction', () => {
  test('reports what it leaves undone, a whole folder once', () => {
    const world = syncedWorld({ 'd/a': 'a1', e: 'e1' });
    remove(world, 'remote', 'd');
    write(world, 'remote', 'new/x', 'x');
    write(world, 'remote', 'e', 'edited');
    const plan = planFor(world, { direction: 'push' });
    expect([told(plan), problemsOf(plan)]).toEqual([[], ['undone d', 'undone e', 'undone new']]);
  });

  test.each([
    ['push', 'local', 'remote', 'in the workspace', 'here'],
    ['pull', 'remote', 'local', 'here', 'in the workspace'],
  ] as const)(
    'says of each path that a %s leaves undone what is the case',
    (direction, source, target, there, here) => {
      const world = syncedWorld({
        'gone/a': 'a1',
        'part/b': 'b1',
        'part/c': 'c1',
        d: 'd1',
        e: 'e1',
        t: 't1',
        f: 'f1',
      });
      remove(world, target, 'gone');
      remove(world, target, 'part/b');
      remove(world, target, 'd');
      write(world, target, 'e', 'edited');
      remove(world, source, 'f');
      write(world, target, 'f', 'edited');
      remove(world, target, 't');
      write(world, target, 't/in', 'a folder now');
      write(world, target, 'new/x', 'x');
      write(world, target, 'y', 'y');
      const said = Object.fromEntries(
        planFor(world, { direction }).problems.map(({ path, message }) => [path, message]),
      );
      const deleted = `it was deleted ${there} and stays ${here}, since a ${direction} deletes nothing`;
      const brings =
        direction === 'push' ? 'a push brings nothing here' : 'a pull sends nothing to the workspace';
      const [changed, fresh] = [
        `it was changed ${there}, and ${brings}`,
        `it is only ${there}, and ${brings}`,
      ];
      const starts = (text: string) => expect.stringMatching(new RegExp(`^${text}`));
      expect(said).toEqual({
        ...{ gone: starts(deleted), 'part/b': starts(deleted), d: starts(deleted) },
        ...{ e: changed, f: changed, t: changed, new: fresh, y: fresh },
      });
    },
  );

  test('that may not win a conflict says how it may', () => {
    const file = emptyWorld();
    write(file, 'local', 'n', 'mine');
    write(file, 'remote', 'n', 'theirs');
    const said = (world: typeof file, mode?: 'force') =>
      planFor(world, { direction: 'push', ...(mode === undefined ? {} : { mode }) }).problems.map(
        ({ message }) => message,
      );
    expect(said(file)).toEqual([
      'both sides changed it, and a push changes nothing here; --force lets the version from here win',
    ]);
    const folder = emptyWorld();
    write(folder, 'local', 'p', 'file');
    write(folder, 'remote', 'p/in', 'inside');
    expect(said(folder, 'force')).toEqual([
      'a folder in the workspace that is not empty stands in its way; --mirror lets the file from here win',
    ]);
  });

  test('mirrors: what only the target has goes, what the target lost comes back', () => {
    const world = syncedWorld({ 'd/a': 'a1', e: 'e1' });
    remove(world, 'remote', 'd');
    write(world, 'remote', 'new/x', 'x');
    write(world, 'remote', 'e', 'edited');
    const plan = planFor(world, { direction: 'push', mode: 'mirror' });
    expect(told(plan).sort()).toEqual(['makeFolderRemote d', 'removeRemote new', 'upload d/a', 'upload e']);
  });

  test('mirrors around what is not ours to remove', () => {
    const world = emptyWorld();
    write(world, 'remote', 'new/x', 'x');
    hide(world, 'remote', 'new/secret', 'untracked');
    const plan = planFor(world, { direction: 'push', mode: 'mirror' });
    expect([told(plan), problemsOf(plan)]).toEqual([['removeRemote new/x'], ['kept new']]);
  });
});

describe('spelling', () => {
  test("is each side's own, and a new entry takes the source's below the folders that stand", () => {
    const world = emptyWorld();
    const nfd = 'cafe\u0301';
    world.local = put(world.local, relPath('caf\u00e9'), {
      kind: 'folder',
      children: new Map(),
      ino: 9,
      name: nfd,
    });
    makeFolder(world, 'remote', 'caf\u00e9');
    const file: Node<ReturnType<typeof localStamp>> = {
      kind: 'file',
      stamp: localStamp(world, 'x'),
      name: 'e\u0301',
    };
    world.local = put(world.local, relPath('caf\u00e9/\u00e9'), file);
    const [upload] = planFor(world).operations;
    expect(upload).toMatchObject({
      place: { path: 'caf\u00e9/\u00e9', local: `${nfd}/e\u0301`, remote: 'caf\u00e9/e\u0301' },
    });
    sync(world);
    expect(listing(world.remote)).toEqual(listing(world.local));
  });
});

test('a hundred thousand unchanged files are judged without looking at each by name', () => {
  const world = emptyWorld();
  const folder = <S>(make: (index: number) => S): Tree<S> => ({
    kind: 'folder',
    children: new Map(
      Array.from({ length: 100 }, (_, dir) => [
        `d${dir}`,
        {
          kind: 'folder' as const,
          ino: dir + 1,
          children: new Map(
            Array.from({ length: 1000 }, (__, file) => [
              `f${file}`,
              { kind: 'file' as const, stamp: make(dir * 1000 + file) },
            ]),
          ),
        },
      ]),
    ),
  });
  const local = folder<LocalStamp>((index) => ({
    size: 1,
    ino: 1000 + index,
    mtimeMs: 5,
    ctimeMs: 5,
    mode: 0o644,
  }));
  const remote = folder<RemoteStamp>(() => ({ size: 1, date: 5 }));
  world.base = folder((index) => ({
    size: 1,
    ino: 1000 + index,
    mtimeMs: 5,
    ctimeMs: 5,
    digest: 'd',
    date: 5,
  }));
  let asked = 0;
  const plan = decide({
    base: world.base,
    local,
    remote,
    direction: 'both',
    mode: 'normal',
    policyFor: () => 'keep-both',
    copyName: (name) => name,
    localCaseInsensitive: true,
    remoteGrain: 1,
    blocked: () => {
      asked += 1;
      return undefined;
    },
  });
  expect(plan).toEqual({ operations: [], baseChanges: [], problems: [] });
  expect(asked).toBe(0);
});

test('a plan carries its operations in the order of stages, each numbered by its position', () => {
  const world = syncedWorld({ a: 'a1', b: 'b1', c: 'c1' });
  remove(world, 'local', 'a');
  write(world, 'local', 'b', 'l-0');
  write(world, 'remote', 'b', 'r-2');
  const { operations } = planFor(world);
  expect(operations.map(({ id, stage }) => [id, stage])).toEqual([
    [0, 'room'],
    [1, 'fill'],
    [2, 'clear'],
  ]);
});
