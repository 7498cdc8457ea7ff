import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { relPath } from '../../../../src/core/path.ts';
import { nodeAt, type RemoteTree } from '../../../../src/core/tree.ts';
import { digestOf } from '../../../../src/local/digest.ts';
import type { Remote, Removal } from '../../../../src/remote/remote.ts';
import { createFolderMaker } from '../../../../src/remote/runtools/folders.ts';
import { TOP } from '../../../../src/remote/runtools/ids.ts';
import { createLooks } from '../../../../src/remote/runtools/looks.ts';
import { at, codeOf, codes, noRules, removeAll } from '../support.ts';
import { testSite } from './site.ts';

const site = testSite();
const { place, files, theirs } = site;

async function sweepTree(remote: Remote): Promise<RemoteTree> {
  return (await remote.sweep(noRules)).tree;
}

function seen(tree: RemoteTree, path: string): Removal['expect'] {
  const node = nodeAt(tree, relPath(path));
  if (node?.kind === 'file') return node.stamp;
  if (node?.kind === 'folder') return node;
  throw new Error(`${path} is ${node?.kind}`);
}

describe.each([true, false])('a removal with the trash %s', (trash) => {
  test('of a batch that stops half-way is finished for what still stands', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await place(name, name);
    const remote = site.far.remote({}, { trash });
    const tree = await sweepTree(remote);
    const label = trash ? 'move' : 'remove';
    site.behaviour.deleteMissing = 404;
    site.faults.next(label, { kind: 'before', run: () => rm(join(site.server.folder, 'b')) });
    const wanted = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, seen(tree, name)]));
    expect(codes(await removeAll(remote, wanted))).toEqual({ a: 'ok', b: 'ok', c: 'ok', d: 'ok' });
    expect(await theirs()).toEqual([]);
    if (trash) expect(await files('.rtsync/trash')).toHaveLength(3);
  });

  test('whose answer was lost is told as what really happened', async () => {
    await place('a', 'a');
    const remote = site.far.remote({}, { trash });
    const tree = await sweepTree(remote);
    site.faults.next(trash ? 'move' : 'remove', { kind: 'lost-answer' });
    expect(codes(await removeAll(remote, { a: seen(tree, 'a') }))).toEqual({ a: 'ok' });
  });

  test('that the server refuses is told as failed, and the file stays', async () => {
    await place('a', 'a');
    const remote = site.far.remote({}, { trash });
    const tree = await sweepTree(remote);
    site.faults.next(trash ? 'move' : 'remove', { kind: 'status', status: 400 }, 9);
    expect(codes(await removeAll(remote, { a: seen(tree, 'a') }))).toEqual({ a: 'bad-request' });
    expect(await theirs()).toEqual(['a']);
  });

  test('spares a folder in which something changed, and takes what did not', async () => {
    for (const path of ['x/1', 'x/y/2', 'z/3', 'm']) await place(path, path);
    const remote = site.far.remote({}, { trash });
    const tree = await sweepTree(remote);
    site.clock.pass(1000);
    await place('x/y/new', 'agent');
    const outcomes = await removeAll(remote, { x: seen(tree, 'x'), z: seen(tree, 'z'), m: seen(tree, 'm') });
    expect(codes(outcomes)).toEqual({ x: 'changed', z: 'ok', m: 'ok' });
    expect(await theirs()).toEqual(['x/1', 'x/y/2', 'x/y/new']);
  });

  test('spares a folder from which something went away', async () => {
    await place('x/1', 'one');
    await place('x/2', 'two');
    const remote = site.far.remote({}, { trash });
    const tree = await sweepTree(remote);
    site.clock.pass(1000);
    await rm(join(site.server.folder, 'x/2'));
    expect(codes(await removeAll(remote, { x: seen(tree, 'x') }))).toEqual({ x: 'changed' });
    expect(await theirs()).toEqual(['x/1']);
  });

  test('of what is missing already is done', async () => {
    const remote = site.far.remote({}, { trash });
    expect(codes(await removeAll(remote, { a: { size: 1, date: 1 } }))).toEqual({ a: 'ok' });
  });
});

describe('removals of equal names in many folders', () => {
  const paths = ['x', 'y', 'z'].flatMap((folder) => ['1', '2', '3'].map((file) => `${folder}/${file}`));

  const removed = async (trash: boolean, afterMs: number) => {
    for (const path of paths) await place(path, path);
    const remote = site.far.remote({}, { trash });
    const tree = await sweepTree(remote);
    const before = site.far.gate.counts.byLabel;
    site.clock.pass(afterMs);
    const wanted = Object.fromEntries(paths.map((path) => [path, seen(tree, path)]));
    expect(new Set(Object.values(codes(await removeAll(remote, wanted))))).toEqual(new Set(['ok']));
    expect(await theirs()).toEqual([]);
    const after = Object.entries(site.far.gate.counts.byLabel);
    return Object.fromEntries(after.map(([label, count]) => [label, count - (before[label] ?? 0)]));
  };

  test('cost one look a folder and one request for all when the trash is off', async () => {
    expect(await removed(false, 1000)).toEqual({ list: 3, remove: 1 });
  });

  test('never meet in the trash, and cost three requests a folder, and the look when the last is not young', async () => {
    const parents = 3;
    expect(await removed(true, 1000)).toEqual({ list: 3 + 3, makeFolder: parents + 3, move: 3 });
    expect(await site.trashed()).toEqual(paths);
  });

  test('rely on a look of this moment when the trash is on', async () => {
    expect((await removed(true, 100)).list).toBe(3);
  });
});

test.each([
  ['is not deleted for good', { trash: false }, {}],
  ['is not taken where moves date anew', { trash: true }, { moveKeepsDate: false }],
])('an edit of the same size while a removal waits for its turn %s', async (_, options, traits) => {
  if (options.trash) site.behaviour.moveDate = 'new';
  await place('a', 'ours');
  await place('x/b', 'ours');
  await place('c', 'ours');
  const remote = site.far.remote(traits, options);
  const tree = await sweepTree(remote);
  const edit = async () => {
    await place('a', 'edit');
    await place('x/b', 'edit');
  };
  site.whileWaiting(options.trash ? 'move' : 'remove', edit, 60_000);
  const wanted = { a: seen(tree, 'a'), x: seen(tree, 'x'), c: seen(tree, 'c') };
  expect(codes(await removeAll(remote, wanted))).toEqual({ a: 'changed', x: 'changed', c: 'ok' });
  expect(await theirs()).toEqual(['a', 'x/b']);
  expect(await site.disk('a')).toBe('edit');
});

test('a removal whose turn never comes in time removes nothing', async () => {
  await place('a', 'ours');
  const remote = site.far.remote({}, { trash: false });
  const tree = await sweepTree(remote);
  const { run } = site.far.gate;
  site.far.gate.run = async (ticket, send, signal) => {
    if (ticket.label === 'remove') site.clock.pass(3000);
    return run(ticket, send, signal);
  };
  expect(codes(await removeAll(remote, { a: seen(tree, 'a') }))).toEqual({ a: 'too-late' });
  expect(await theirs()).toEqual(['a']);
});

test('what is deleted for good in many folders goes a few folders at a time, so that an edit meanwhile stays', async () => {
  const paths = Array.from({ length: 50 }, (_, i) => `d${i}/f`);
  for (const path of paths) await place(path, 'ours');
  const remote = site.far.remote({}, { trash: false });
  const tree = await sweepTree(remote);
  site.clock.pass(10_000);
  const { run } = site.far.gate;
  let [turn, lists]: [Promise<unknown>, number] = [Promise.resolve(), 0];
  site.far.gate.run = (ticket, send, signal) => {
    const mine = turn.then(async () => {
      site.clock.pass(1_000);
      if (ticket.label === 'list') lists += 1;
      if (ticket.label === 'list' && lists === 30) await place('d0/f', 'edit');
      return run(ticket, send, signal);
    });
    turn = mine.catch(() => undefined);
    return mine;
  };
  const wanted = Object.fromEntries(paths.map((path) => [path, seen(tree, path)]));
  expect(new Set(Object.values(codes(await removeAll(remote, wanted))))).toEqual(new Set(['ok']));
  expect(await theirs()).toEqual(['d0/f']);
});

test('a folder on a server that hides dot files goes to the trash even when it is off', async () => {
  site.behaviour.showHidden = 'ignored';
  await place('x/1', 'one');
  await place('x/.secret', 'never seen');
  const remote = site.far.remote({ dotFiles: 'hidden' }, { trash: false });
  const tree = await sweepTree(remote);
  expect(codes(await removeAll(remote, { x: seen(tree, 'x') }))).toEqual({ x: 'ok' });
  const kept = await files('.rtsync/trash');
  expect(kept.map((path) => path.split('/').slice(2).join('/'))).toEqual(['x/.secret', 'x/1']);
});

describe('a move', () => {
  test('whose answer was lost is done when it was done', async () => {
    const stamp = await place('a', 'a');
    site.faults.next('rename', { kind: 'lost-answer' });
    expect(await codeOf(site.far.remote({}).move({ from: at('a'), to: at('b'), expect: stamp }))).toBe('ok');
    expect(await theirs()).toEqual(['b']);
  });

  test('that did not arrive fails, and the file stays', async () => {
    const stamp = await place('a', 'a');
    site.faults.next('rename', { kind: 'drop' });
    expect(await codeOf(site.far.remote({}).move({ from: at('a'), to: at('b'), expect: stamp }))).toBe(
      'network',
    );
    expect(await theirs()).toEqual(['a']);
  });

  test.each([
    ['', 'result', false, 'kept'],
    [', also when no answer tells where that is', 'empty', false, 'kept'],
    [', also when the answer is lost', 'result', true, 'kept'],
    [', also when no answer tells, and it is dated anew', 'empty', false, 'new'],
    [', also when the answer is lost, and it is dated anew', 'result', true, 'new'],
  ] as const)(
    'onto a name that appeared comes back from where the server put it%s',
    async (_, putAnswer, isLost, moveDate) => {
      Object.assign(site.behaviour, { takenName: 'rename', putAnswer, moveDate });
      const stamp = await place('a', 'a');
      const agent = () => writeFile(join(site.server.folder, 'b'), '@');
      if (isLost)
        site.whileWaiting(
          'move',
          async () => {
            await agent();
            site.faults.next('rename', { kind: 'lost-answer' });
          },
          100,
        );
      else site.faults.next('rename', { kind: 'before', run: agent });
      const remote = site.far.remote({ takenMove: 'rename', moveKeepsDate: moveDate === 'kept' });
      const digest = digestOf(Buffer.from('a'));
      expect(await codeOf(remote.move({ from: at('a'), to: at('b'), expect: stamp, digest }))).toBe('taken');
      expect(await theirs()).toEqual(['a', 'b']);
      expect(await site.disk('a')).toBe('a');
      expect(await site.disk('b')).toBe('@');
    },
  );

  test('of another version than expected, or onto a taken name, sends nothing', async () => {
    const stamp = await place('a', 'a');
    await place('b', 'b');
    const remote = site.far.remote({});
    expect(await codeOf(remote.move({ from: at('a'), to: at('c'), expect: { ...stamp, size: 9 } }))).toBe(
      'changed',
    );
    expect(await codeOf(remote.move({ from: at('a'), to: at('b'), expect: stamp }))).toBe('taken');
    expect(await codeOf(remote.move({ from: at('a'), to: at('a/b'), expect: stamp }))).toBe('bug');
    expect(site.far.gate.counts.byLabel).toEqual({ list: 1 });
  });

  test('finds a way when the new name is taken in the old folder and the old name in the new one', async () => {
    const stamp = await place('x/a', 'mine');
    await place('x/b', 'xb');
    await place('y/a', 'ya');
    await site.far.remote({}).move({ from: at('x/a'), to: at('y/b'), expect: stamp });
    expect(await theirs()).toEqual(['x/b', 'y/a', 'y/b']);
    expect(await readFile(join(site.server.folder, 'y/b'), 'utf8')).toBe('mine');
  });

  test('that dates anew tells the new date, but of an edit that fell into a long answer', async () => {
    site.behaviour.moveDate = 'new';
    const remote = site.far.remote({ moveKeepsDate: false });
    const a = await place('a', 'ours');
    site.whileWaiting('move', async () => {}, 60_000);
    const b = await remote.move({ from: at('a'), to: at('b'), expect: a });
    expect(b).toMatchObject({ size: 4 });
    site.faults.next('rename', {
      kind: 'after',
      run: async () => {
        site.clock.pass(3000);
        await place('c', 'edit');
        site.clock.pass(3000);
      },
    });
    expect(await remote.move({ from: at('b'), to: at('c'), expect: b ?? a })).toBeUndefined();
  });

  test.each([
    ['within a folder', 'b', 'overwrite'],
    ['within a folder of a server that keeps both', 'b', 'rename'],
    ['to another folder', 'x/a', 'overwrite'],
    ['to another folder of a server that refuses', 'x/a', 'refuse'],
    ['to another folder and name', 'x/b', 'overwrite'],
  ] as const)(
    'that dates anew does not take along an edit of the same size that was made while it waited %s',
    async (_, to, taken) => {
      Object.assign(site.behaviour, { moveDate: 'new', takenName: taken });
      const stamp = await place('a', 'ours');
      await place('x/other', '');
      const remote = site.far.remote({ moveKeepsDate: false, takenUpload: taken, takenMove: taken });
      site.whileWaiting('move', () => place('a', 'edit'), 60_000);
      expect(await codeOf(remote.move({ from: at('a'), to: at(to), expect: stamp }))).toBe('changed');
      expect(await site.disk('a')).toBe('edit');
    },
  );

  test('is looked up when the answer does not tell the new id', async () => {
    site.behaviour.putAnswer = 'empty';
    const stamp = await place('a', 'a');
    await site.far.remote({}).move({ from: at('a'), to: at('b'), expect: stamp });
    expect(await theirs()).toEqual(['b']);
  });
});

describe('a new folder', () => {
  test('is made once when it is asked for twice at once', async () => {
    site.behaviour.takenFolder = 'stray';
    const remote = site.far.remote({});
    await Promise.all([remote.makeFolder(at('a')), remote.makeFolder(at('a'))]);
    expect(await readdir(site.server.folder)).toEqual(['a']);
    expect(site.far.gate.counts.byLabel).toEqual({ list: 1, makeFolder: 1 });
  });

  test('that somebody else made first leaves no twin', async () => {
    site.behaviour.takenFolder = 'stray';
    site.faults.next('makeFolder', {
      kind: 'before',
      run: async () => void (await mkdir(join(site.server.folder, 'a'))),
    });
    await site.far.remote({}).makeFolder(at('a'));
    expect(await readdir(site.server.folder)).toEqual(['a']);
  });

  test('that somebody else made first leaves no twin when a stop comes', async () => {
    site.behaviour.takenFolder = 'stray';
    const stop = new AbortController();
    const run = async () => void (await mkdir(join(site.server.folder, 'a')));
    site.faults.next('makeFolder', { kind: 'before', run });
    site.faults.next({ label: 'list', path: '/a.new' }, { kind: 'before', run: () => stop.abort() });
    await codeOf(site.far.remote({}).makeFolder(at('a'), stop.signal));
    expect(await readdir(site.server.folder)).toEqual(['a']);
  });

  test('that is never listed is not made twice, though it is empty, where a missing one has no list', async () => {
    Object.assign(site.behaviour, { takenFolder: 'stray', showHidden: 'ignored' });
    await mkdir(join(site.server.folder, '.rtsync'));
    const looks = createLooks(site.far.client, site.clock, 500);
    const signs = { dotFiles: 'hidden', missingFolder: 'not-found' } as const;
    await createFolderMaker(site.far.client, looks, () => signs).ensure(TOP, '.rtsync', { growth: false });
    expect(site.requests.counts().makeFolder).toBeUndefined();
    await rm(join(site.server.folder, '.rtsync'), { recursive: true });
    await createFolderMaker(site.far.client, looks, () => signs).ensure(TOP, '.rtsync', { growth: false });
    expect(await readdir(site.server.folder)).toEqual(['.rtsync']);
  });

  test('where a file stands is refused', async () => {
    await place('a', 'file');
    expect(await codeOf(site.far.remote({}).makeFolder(at('a')))).toBe('taken');
  });

  test('whose answer was lost is there', async () => {
    site.faults.next('makeFolder', { kind: 'lost-answer' });
    expect(await codeOf(site.far.remote({}).makeFolder(at('a')))).toBe('ok');
  });
});
