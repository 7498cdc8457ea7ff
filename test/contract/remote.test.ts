/**
 * One story, told to servers of every kind: whatever a server does with a taken name, however it writes its answers,
 * the same deeds have the same ends, and nothing that was there is lost or left lying about.
 */
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sameRemote } from '../../src/core/base.ts';
import { type RelPath, relPath } from '../../src/core/path.ts';
import { type FolderNode, nodeAt, type RemoteStamp, type RemoteTree, walk } from '../../src/core/tree.ts';
import type { Remote } from '../../src/remote/remote.ts';
import { probeServer } from '../../src/remote/runtools/probe.ts';
import type { Behaviour } from '../../src/serve/behaviour.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import {
  at,
  type Bench,
  bench,
  codeOf,
  codes,
  dirAt,
  type HandClock,
  handClock,
  noRules,
  readAll,
  removeAll,
  writeAll,
} from '../unit/remote/support.ts';

let server: TestServer;
let clock: HandClock;
let far: Bench;

async function start(
  behaviour: Partial<Behaviour>,
  more: Parameters<typeof startTestServer>[0] = {},
): Promise<void> {
  clock = handClock();
  server = await startTestServer({ clock, behaviour, ...more });
  far = bench(server, clock);
}

afterEach(async () => {
  expect(server.server.requests.counts().rootDelete ?? 0).toBe(0);
  await far.close();
  await server.close();
});

/** An agent in a sandbox writes a file, dated by the server's clock. */
async function agentWrites(path: string, text: string): Promise<void> {
  clock.pass(3000);
  const full = join(server.folder, path);
  await mkdir(join(full, '..'), { recursive: true });
  await writeFile(full, text);
  const date = new Date(clock.now());
  await utimes(full, date, date);
  clock.pass(3000);
}

const disk = (path: string): Promise<string> => readFile(join(server.folder, path), 'utf8');

/** Files on the server's disk, but for our own folder. */
async function filesOnDisk(): Promise<string[]> {
  const all = await readdir(server.folder, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(server.folder.length + 1))
    .filter((path) => !path.startsWith('.rtsync/'))
    .sort();
}

async function textsInTrash(): Promise<string[]> {
  const trash = join(server.folder, '.rtsync', 'trash');
  const all = await readdir(trash, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = all.filter((entry) => entry.isFile());
  return (
    await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')))
  ).sort();
}

function stampAt(tree: RemoteTree, path: string): RemoteStamp {
  const node = nodeAt(tree, relPath(path) as RelPath);
  if (node?.kind !== 'file') throw new Error(`${path} is ${node?.kind}`);
  return node.stamp;
}

function folderAt(tree: RemoteTree, path: string): FolderNode<RemoteStamp> {
  const node = nodeAt(tree, relPath(path) as RelPath);
  if (node?.kind !== 'folder') throw new Error(`${path} is ${node?.kind}`);
  return node;
}

async function treeOf(remote: Remote): Promise<RemoteTree> {
  const { tree, problems } = await remote.sweep(noRules);
  expect(problems).toEqual([]);
  return tree;
}

const matrix = (['overwrite', 'rename', 'refuse'] as const).flatMap((takenName) =>
  (['documented', 'alternative'] as const).flatMap((dialect) =>
    (['honoured', 'ignored'] as const).flatMap((showHidden) =>
      ([404, 500, 'empty'] as const).flatMap((missingFolder) =>
        (['iso', 'seconds'] as const).map((dateFormat) => ({
          takenName,
          dialect,
          showHidden,
          missingFolder,
          dateFormat,
        })),
      ),
    ),
  ),
);

describe.each(matrix)(
  'a server: $takenName, $dialect, dot files $showHidden, missing $missingFolder, dates $dateFormat',
  (kind) => {
    test('makes, writes, replaces, reads, moves and removes without losing or leaving anything', async () => {
      // What differs less often rides along.
      const other = kind.dateFormat === 'iso';
      await start({
        ...kind,
        takenFolder: other ? 'fine' : 'stray',
        putAnswer: other ? 'result' : 'empty',
        statusForMissing: kind.missingFolder === 500 ? 500 : 404,
        errorShape: other ? 'envelope' : 'text',
        pathEncoding: kind.showHidden === 'honoured' ? 'segments' : 'whole',
        badBatch: other ? 'stops' : 'skips',
        moveDate: other ? 'kept' : 'new',
      });
      const traits = await probeServer(far.client, { depth: 'full' });
      expect(traits).toMatchObject({
        takenUpload: kind.takenName,
        takenMove: kind.takenName,
        dotFiles: kind.showHidden === 'honoured' ? 'listed' : 'hidden',
        dateGrain: kind.dateFormat === 'iso' && !traits.datesFollowClock ? 1 : traits.dateGrain,
        missingFolder: { 404: 'not-found', 500: 'error', empty: 'empty' }[kind.missingFolder],
        pathEncoding: kind.showHidden === 'honoured' ? 'segments' : 'whole',
        moveKeepsDate: other,
      });
      expect(far.gate.counts.total).toBeLessThanOrEqual(18);
      expect(await readdir(server.folder)).toEqual(['.rtsync']);
      expect(await readdir(join(server.folder, '.rtsync'))).toEqual([]);

      const remote = far.remote(traits, { root: dirAt('docs') });
      expect(await remote.root()).toBe('missing');
      expect(await codeOf(remote.sweep(noRules))).toBe('halted');
      await remote.makeRoot();
      expect(await remote.root()).toBe('folder');
      await remote.makeFolder(at('a'));
      await remote.makeFolder(at('a/b c'));
      await remote.makeFolder(at('a'));

      const written = await writeAll(remote, 'a', {
        'x.txt': { text: 'one' },
        'ü %41.txt': { text: 'two!' },
      });
      expect(codes(written)).toEqual({ 'x.txt': 'ok', 'ü %41.txt': 'ok' });
      let tree = await treeOf(remote);
      const first = written['x.txt'];
      expect(first?.ok === true && sameRemote(first.value, stampAt(tree, 'a/x.txt'))).toBe(true);
      expect([...walk(tree)].map(([path]) => path).sort()).toEqual(['a', 'a/b c', 'a/x.txt', 'a/ü %41.txt']);

      clock.pass(5000);
      const replaced = await writeAll(remote, 'a', {
        'x.txt': { text: 'one more', expect: stampAt(tree, 'a/x.txt') },
      });
      expect(codes(replaced)).toEqual({ 'x.txt': 'ok' });
      expect(await disk('docs/a/x.txt')).toBe('one more');
      expect(await textsInTrash()).toEqual(['one']);

      await agentWrites('docs/a/x.txt', 'agent');
      const stale = await writeAll(remote, 'a', {
        'x.txt': { text: 'mine', expect: stampAt(tree, 'a/x.txt') },
        'new.txt': { text: 'new' },
      });
      expect(codes(stale)).toEqual({ 'x.txt': 'changed', 'new.txt': 'ok' });
      expect(await disk('docs/a/x.txt')).toBe('agent');

      tree = await treeOf(remote);
      const got = await readAll(remote, 'a', {
        'x.txt': stampAt(tree, 'a/x.txt'),
        'new.txt': { size: 3, date: 1 },
      });
      expect(got.texts['x.txt']).toBe('agent');
      expect(codes(got.outcomes)).toEqual({ 'x.txt': 'ok', 'new.txt': 'changed' });

      clock.pass(1000);
      await remote.move({ from: at('a/x.txt'), to: at('a/y.txt'), expect: stampAt(tree, 'a/x.txt') });
      await remote.move({
        from: at('a/new.txt'),
        to: at('a/b c/new.txt'),
        expect: stampAt(tree, 'a/new.txt'),
      });
      await remote.move({ from: at('a/ü %41.txt'), to: at('z.txt'), expect: stampAt(tree, 'a/ü %41.txt') });
      await remote.move({ from: at('a/b c'), to: at('d'), expect: 'folder' });
      expect(await filesOnDisk()).toEqual(['docs/a/y.txt', 'docs/d/new.txt', 'docs/z.txt']);
      clock.pass(1000);
      tree = await treeOf(remote);
      expect(
        await codeOf(remote.move({ from: at('z.txt'), to: at('d'), expect: stampAt(tree, 'z.txt') })),
      ).toBe('taken');

      await agentWrites('docs/a/late.txt', 'late');
      const gone = await removeAll(remote, {
        a: folderAt(tree, 'a'),
        d: folderAt(tree, 'd'),
        'z.txt': stampAt(tree, 'z.txt'),
      });
      expect(codes(gone)).toEqual({ a: 'changed', d: 'ok', 'z.txt': 'ok' });
      expect(await filesOnDisk()).toEqual(['docs/a/late.txt', 'docs/a/y.txt']);
      expect(await textsInTrash()).toEqual(['new', 'one', 'two!']);
      expect(far.contradictions).toEqual([]);
      expect(await readdir(join(server.folder, '.rtsync', 'staging')).catch(() => [])).toEqual([]);
      expect(await readdir(server.folder)).toEqual(['.rtsync', 'docs']);
    });
  },
);

describe('the price in requests', () => {
  beforeEach(() => start({}));

  test('a first push costs one request per file and one per new folder', async () => {
    const remote = far.remote({}, { root: dirAt('docs') });
    await remote.makeRoot();
    const mark = far.gate.counts.total;
    await remote.makeFolder(at('a'));
    await remote.makeFolder(at('a/b'));
    await writeAll(remote, '', { '1': { text: '1' }, '2': { text: '2' } });
    await writeAll(remote, 'a/b', { '3': { text: '3' }, '4': { text: '4' } });
    // And one list, once, to know the server's clock.
    expect(far.gate.counts.total - mark).toBe(7);
    expect(far.gate.counts.byLabel).toEqual({ list: 2, makeFolder: 3, upload: 4 });
  });

  test('a sweep costs one list per folder, and ignored folders none', async () => {
    for (const path of ['a/1', 'a/b/2', 'c/3', 'skip/4']) await agentWrites(path, path);
    const remote = far.remote({});
    const { tree } = await remote.sweep({ ...noRules, ignores: (path) => path === 'skip' });
    expect(far.gate.counts.total).toBe(4);
    expect(nodeAt(tree, relPath('skip'))?.kind).toBe('untracked');
  });

  test('removing forty files of one folder into the trash costs two lists, a folder and a move', async () => {
    for (let i = 0; i < 40; i += 1) await writeFile(join(server.folder, `f${i}`), 'x');
    const remote = far.remote({});
    const before = await treeOf(remote);
    const stamps = Object.fromEntries([...before.children.keys()].map((key) => [key, stampAt(before, key)]));
    const { f39: last, ...most } = stamps;
    await removeAll(remote, { f39: last as RemoteStamp });
    clock.pass(1000);
    const mark = server.server.requests.mark();
    expect(new Set(Object.values(codes(await removeAll(remote, most))))).toEqual(new Set(['ok']));
    expect(server.server.requests.counts(mark)).toEqual({ list: 2, makeFolder: 1, move: 1, total: 4 });
    expect(await filesOnDisk()).toEqual([]);
  });

  test('files of equal names go to different trash folders', async () => {
    await agentWrites('a/same', 'first');
    await agentWrites('b/same', 'second');
    const remote = far.remote({});
    const tree = await treeOf(remote);
    await removeAll(remote, { 'a/same': stampAt(tree, 'a/same'), 'b/same': stampAt(tree, 'b/same') });
    expect(await textsInTrash()).toEqual(['first', 'second']);
  });

  test('a look lists only the folders it is asked for, and all below a new one', async () => {
    await agentWrites('a/1', 'x');
    await agentWrites('b/2', 'x');
    const remote = far.remote({});
    const before = await remote.sweep(noRules);
    await agentWrites('a/deep/er/3', 'x');
    await agentWrites('b/4', 'x');
    const mark = far.gate.counts.total;
    const { tree } = await remote.look(before, [dirAt('a')], noRules);
    expect(far.gate.counts.total - mark).toBe(3);
    expect(nodeAt(tree, relPath('a/deep/er/3'))?.kind).toBe('file');
    expect(nodeAt(tree, relPath('b'))).toBe(nodeAt(before.tree, relPath('b')));
  });

  test('a folder that vanished since is gone after a look at it', async () => {
    await agentWrites('a/b/1', 'x');
    await agentWrites('a/2', 'x');
    const remote = far.remote({});
    const before = await remote.sweep(noRules);
    await far.client.remove(['/a/b' as never]);
    const { tree, problems } = await remote.look(before, [dirAt('a/b')], noRules);
    expect(problems).toEqual([]);
    expect([...walk(tree)].map(([path]) => path)).toEqual(['a', 'a/2']);
  });
});
