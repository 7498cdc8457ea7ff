import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { relPath } from '../../../../src/core/path.ts';
import { nodeAt, type RemoteStamp, type RemoteTree } from '../../../../src/core/tree.ts';
import type { Remote, Removal } from '../../../../src/remote/remote.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import {
  at,
  type Bench,
  bench,
  codeOf,
  codes,
  type HandClock,
  handClock,
  noRules,
  removeAll,
} from '../support.ts';

let server: TestServer;
let clock: HandClock;
let far: Bench;

beforeEach(async () => {
  clock = handClock();
  server = await startTestServer({ clock });
  far = bench(server, clock);
});
afterEach(async () => {
  expect(server.server.requests.counts().rootDelete).toBeUndefined();
  await far.close();
  await server.close();
});

async function place(path: string, text: string): Promise<RemoteStamp> {
  const full = join(server.folder, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, text);
  await utimes(full, new Date(clock.now()), new Date(clock.now()));
  return { size: text.length, date: clock.now() };
}

async function files(below = ''): Promise<string[]> {
  const root = join(server.folder, below);
  const all = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = all
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length));
  return paths
    .map((path) => path.replace(/^\//, ''))
    .filter((path) => below !== '' || !path.startsWith('.rtsync/'))
    .sort();
}

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
    const remote = far.remote({}, { trash });
    const tree = await sweepTree(remote);
    const label = trash ? 'move' : 'remove';
    server.server.behaviour.deleteMissing = 404;
    server.server.faults.next(label, { kind: 'before', run: () => rm(join(server.folder, 'b')) });
    const wanted = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, seen(tree, name)]));
    expect(codes(await removeAll(remote, wanted))).toEqual({ a: 'ok', b: 'ok', c: 'ok', d: 'ok' });
    expect(await files()).toEqual([]);
    if (trash) expect(await files('.rtsync/trash')).toHaveLength(3);
  });

  test('whose answer was lost is told as what really happened', async () => {
    await place('a', 'a');
    const remote = far.remote({}, { trash });
    const tree = await sweepTree(remote);
    server.server.faults.next(trash ? 'move' : 'remove', { kind: 'lost-answer' });
    expect(codes(await removeAll(remote, { a: seen(tree, 'a') }))).toEqual({ a: 'ok' });
  });

  test('that the server refuses is told as failed, and the file stays', async () => {
    await place('a', 'a');
    const remote = far.remote({}, { trash });
    const tree = await sweepTree(remote);
    server.server.faults.next(trash ? 'move' : 'remove', { kind: 'status', status: 400 }, 9);
    expect(codes(await removeAll(remote, { a: seen(tree, 'a') }))).toEqual({ a: 'bad-request' });
    expect(await files()).toEqual(['a']);
  });

  test('spares a folder in which something changed, and takes what did not', async () => {
    for (const path of ['x/1', 'x/y/2', 'z/3', 'm']) await place(path, path);
    const remote = far.remote({}, { trash });
    const tree = await sweepTree(remote);
    clock.pass(1000);
    await place('x/y/new', 'agent');
    const outcomes = await removeAll(remote, { x: seen(tree, 'x'), z: seen(tree, 'z'), m: seen(tree, 'm') });
    expect(codes(outcomes)).toEqual({ x: 'changed', z: 'ok', m: 'ok' });
    expect(await files()).toEqual(['x/1', 'x/y/2', 'x/y/new']);
  });

  test('spares a folder from which something went away', async () => {
    await place('x/1', 'one');
    await place('x/2', 'two');
    const remote = far.remote({}, { trash });
    const tree = await sweepTree(remote);
    clock.pass(1000);
    await rm(join(server.folder, 'x/2'));
    expect(codes(await removeAll(remote, { x: seen(tree, 'x') }))).toEqual({ x: 'changed' });
    expect(await files()).toEqual(['x/1']);
  });

  test('of what is missing already is done', async () => {
    const remote = far.remote({}, { trash });
    expect(codes(await removeAll(remote, { a: { size: 1, date: 1 } }))).toEqual({ a: 'ok' });
  });
});

test('a folder on a server that hides dot files goes to the trash even when it is off', async () => {
  server.server.behaviour.showHidden = 'ignored';
  await place('x/1', 'one');
  await place('x/.secret', 'never seen');
  const remote = far.remote({ dotFiles: 'hidden' }, { trash: false });
  const tree = await sweepTree(remote);
  expect(codes(await removeAll(remote, { x: seen(tree, 'x') }))).toEqual({ x: 'ok' });
  const kept = await files('.rtsync/trash');
  expect(kept.map((path) => path.split('/').slice(2).join('/'))).toEqual(['x/.secret', 'x/1']);
});

describe('a move', () => {
  test('whose answer was lost is done when it was done', async () => {
    const stamp = await place('a', 'a');
    server.server.faults.next('rename', { kind: 'lost-answer' });
    expect(await codeOf(far.remote({}).move({ from: at('a'), to: at('b'), expect: stamp }))).toBe('ok');
    expect(await files()).toEqual(['b']);
  });

  test('that did not arrive fails, and the file stays', async () => {
    const stamp = await place('a', 'a');
    server.server.faults.next('rename', { kind: 'drop' });
    expect(await codeOf(far.remote({}).move({ from: at('a'), to: at('b'), expect: stamp }))).toBe('network');
    expect(await files()).toEqual(['a']);
  });

  test('onto a name that appeared comes back from where the server put it', async () => {
    server.server.behaviour.takenName = 'rename';
    const stamp = await place('a', 'a');
    server.server.faults.next('rename', {
      kind: 'before',
      run: () => writeFile(join(server.folder, 'b'), 'agent'),
    });
    const remote = far.remote({ takenMove: 'rename' });
    expect(await codeOf(remote.move({ from: at('a'), to: at('b'), expect: stamp }))).toBe('taken');
    expect(await files()).toEqual(['a', 'b']);
    expect(await readFile(join(server.folder, 'b'), 'utf8')).toBe('agent');
  });

  test('of another version than expected, or onto a taken name, sends nothing', async () => {
    const stamp = await place('a', 'a');
    await place('b', 'b');
    const remote = far.remote({});
    expect(await codeOf(remote.move({ from: at('a'), to: at('c'), expect: { ...stamp, size: 9 } }))).toBe(
      'changed',
    );
    expect(await codeOf(remote.move({ from: at('a'), to: at('b'), expect: stamp }))).toBe('taken');
    expect(await codeOf(remote.move({ from: at('a'), to: at('a/b'), expect: stamp }))).toBe('bug');
    expect(far.gate.counts.byLabel).toEqual({ list: 1 });
  });

  test('finds a way when the new name is taken in the old folder and the old name in the new one', async () => {
    const stamp = await place('x/a', 'mine');
    await place('x/b', 'xb');
    await place('y/a', 'ya');
    await far.remote({}).move({ from: at('x/a'), to: at('y/b'), expect: stamp });
    expect(await files()).toEqual(['x/b', 'y/a', 'y/b']);
    expect(await readFile(join(server.folder, 'y/b'), 'utf8')).toBe('mine');
  });

  test('is looked up when the answer does not tell the new id', async () => {
    server.server.behaviour.putAnswer = 'empty';
    const stamp = await place('a', 'a');
    await far.remote({}).move({ from: at('a'), to: at('b'), expect: stamp });
    expect(await files()).toEqual(['b']);
  });
});

describe('a new folder', () => {
  test('is made once when it is asked for twice at once', async () => {
    server.server.behaviour.takenFolder = 'stray';
    const remote = far.remote({});
    await Promise.all([remote.makeFolder(at('a')), remote.makeFolder(at('a'))]);
    expect(await readdir(server.folder)).toEqual(['a']);
    expect(far.gate.counts.byLabel).toEqual({ list: 1, makeFolder: 1 });
  });

  test('that somebody else made first leaves no twin', async () => {
    server.server.behaviour.takenFolder = 'stray';
    server.server.faults.next('makeFolder', {
      kind: 'before',
      run: async () => void (await mkdir(join(server.folder, 'a'))),
    });
    await far.remote({}).makeFolder(at('a'));
    expect(await readdir(server.folder)).toEqual(['a']);
  });

  test('where a file stands is refused', async () => {
    await place('a', 'file');
    expect(await codeOf(far.remote({}).makeFolder(at('a')))).toBe('taken');
  });

  test('whose answer was lost is there', async () => {
    server.server.faults.next('makeFolder', { kind: 'lost-answer' });
    expect(await codeOf(far.remote({}).makeFolder(at('a')))).toBe('ok');
  });
});
