import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { walk } from '../../../../src/core/tree.ts';
import type { RemoteScan } from '../../../../src/remote/remote.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { type Bench, bench, codeOf, dirAt, type HandClock, handClock, noRules } from '../support.ts';

let server: TestServer;
let clock: HandClock;
let far: Bench;

beforeEach(async () => {
  clock = handClock();
  server = await startTestServer({ clock });
  far = bench(server, clock);
});
afterEach(async () => {
  await far.close();
  await server.close();
});

async function place(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(server.folder, path)), { recursive: true });
    await writeFile(join(server.folder, path), path);
  }
}

const kinds = ({ tree }: RemoteScan) =>
  Object.fromEntries([...walk(tree)].map(([path, node]) => [path, node.kind]));

describe('a sweep', () => {
  test('makes a folder that cannot be listed unknown, and goes on', async () => {
    await place('a/1', 'b/2');
    server.server.faults.next({ label: 'list', path: '/a' }, { kind: 'status', status: 500 }, 3);
    const scan = await far.remote({}).sweep(noRules);
    expect(kinds(scan)).toEqual({ a: 'unknown', b: 'folder', 'b/2': 'file' });
    expect(scan.problems).toMatchObject([{ path: 'a', code: 'unreadable' }]);
  });

  test('makes a folder whose list is a web page unknown', async () => {
    await place('a/1');
    server.server.faults.next({ label: 'list', path: '/a' }, { kind: 'html' }, 3);
    expect(kinds(await far.remote({}).sweep(noRules))).toEqual({ a: 'unknown' });
  });

  test('fails as a whole when the root cannot be listed', async () => {
    server.server.faults.next('list', { kind: 'status', status: 503 }, 3);
    expect(await codeOf(far.remote({}).sweep(noRules))).toBe('server-error');
  });

  test('fails as a whole when the key is refused half-way', async () => {
    await place('a/1');
    server.server.faults.next({ label: 'list', path: '/a' }, { kind: 'status', status: 401 }, 2);
    expect(await codeOf(far.remote({}).sweep(noRules))).toBe('key-refused');
  });

  test('halts when the workspace is gone, and names both ends of the pair', async () => {
    const lost = bench(server, clock, { workspaceId: 'nobody' });
    const swept = lost.remote({}, { workspaceName: 'docs', folder: '/my docs' }).sweep(noRules);
    await expect(swept).rejects.toMatchObject({
      code: 'halted',
      message: expect.stringContaining('the workspace "docs", with which /my docs is synced, is gone'),
    });
    await lost.close();
  });

  test('halts when its folder in the workspace is gone, and names both ends of the pair', async () => {
    const how = { root: dirAt('p'), workspaceName: 'docs', folder: '/my docs' };
    const message = /^docs:\/p is gone from the workspace; .* rtsync approve --afresh '\/my docs'$/;
    await expect(far.remote({}, how).sweep(noRules)).rejects.toMatchObject({
      code: 'halted',
      message: expect.stringMatching(message),
    });
  });

  test.each([404, 500, 'empty'] as const)(
    'takes a folder under its new name when it was renamed meanwhile, and a missing one answers %s',
    async (missingFolder) => {
      server.server.behaviour.missingFolder = missingFolder;
      const trait = { 404: 'not-found', 500: 'error', empty: 'empty' } as const;
      await place('a/1', 'b/2');
      server.server.faults.next(
        { label: 'list', path: '/a' },
        { kind: 'before', run: () => rename(join(server.folder, 'a'), join(server.folder, 'c')) },
      );
      const scan = await far.remote({ missingFolder: trait[missingFolder] }).sweep(noRules);
      expect(kinds(scan)).toEqual({ b: 'folder', 'b/2': 'file', c: 'folder', 'c/1': 'file' });
      expect(scan.problems).toEqual([]);
    },
  );

  test('believes an empty folder without asking twice', async () => {
    await mkdir(join(server.folder, 'a'));
    server.server.behaviour.missingFolder = 'empty';
    expect(kinds(await far.remote({ missingFolder: 'empty' }).sweep(noRules))).toEqual({ a: 'folder' });
    expect(far.gate.counts.total).toBe(2);
  });

  test('leaves our own folder out, at the top and at the root of the pair', async () => {
    await place('.rtsync/trash/1', 'docs/.rtsync/x', 'docs/sub/.rtsync/y', 'docs/1');
    expect(Object.keys(kinds(await far.remote({}).sweep(noRules)))).not.toContain('.rtsync');
    expect(kinds(await far.remote({}, { root: dirAt('docs') }).sweep(noRules))).toEqual({
      '1': 'file',
      sub: 'folder',
      'sub/.rtsync': 'folder',
      'sub/.rtsync/y': 'file',
    });
  });

  test('halts when the root of the pair became a file', async () => {
    await place('docs');
    expect(await codeOf(far.remote({}, { root: dirAt('docs') }).sweep(noRules))).toBe('halted');
    expect(await far.remote({}, { root: dirAt('docs') }).root()).toBe('file');
  });

  test('files names by their composed form and keeps their spelling', async () => {
    await place('u\u0308/1');
    const { tree } = await far.remote({}).sweep(noRules);
    expect(tree.children.get('\u00fc')).toMatchObject({ kind: 'folder', name: 'u\u0308' });
  });

  test('lets the composed one of two spellings win, and says so', async () => {
    await place('u\u0308', '\u00fc');
    const { tree, problems } = await far.remote({}).sweep(noRules);
    const node = tree.children.get('\u00fc');
    expect(node?.kind).toBe('file');
    expect(node?.name).toBeUndefined();
    expect(problems).toMatchObject([{ path: '\u00fc', code: 'name' }]);
    expect(problems[0]?.message).toMatch(/of 1 characters is synced: rename one of them in the workspace$/);
  });

  test('knows nothing of a key that two spellings claim without the composed one', async () => {
    await place('o\u0302\u0323', '\u00f4\u0323');
    const { tree, problems } = await far.remote({}).sweep(noRules);
    expect([...tree.children.values()].map((node) => node.kind)).toEqual(['unknown']);
    expect(problems).toHaveLength(1);
  });
});

describe('a look', () => {
  test('keeps the problems of folders that it does not list, and drops those that it settled', async () => {
    await place('a/1', 'b/2');
    const remote = far.remote({});
    for (const path of ['/a', '/b'])
      server.server.faults.next({ label: 'list', path }, { kind: 'status', status: 500 }, 3);
    const before = await remote.sweep(noRules);
    expect(before.problems).toHaveLength(2);
    server.server.faults.next({ label: 'list', path: '/b' }, { kind: 'status', status: 500 }, 3);
    const after = await remote.look(before, [dirAt('a')], noRules);
    expect(kinds(after)).toEqual({ a: 'folder', 'a/1': 'file', b: 'unknown' });
    expect(after.problems.map(({ path }) => path)).toEqual(['b']);
  });

  test('at a folder and one below it gives what a sweep would give', async () => {
    await place('a/1', 'a/b/2', 'a/c/3');
    const remote = far.remote({});
    const before = await remote.sweep(noRules);
    await place('a/new', 'a/b/new', 'a/d/new');
    const after = await remote.look(before, [dirAt('a/b'), dirAt('a')], noRules);
    expect(kinds(after)).toEqual(kinds(await remote.sweep(noRules)));
  });

  test.each([404, 500, 'empty'] as const)(
    'below a folder that went as a whole takes all of it for gone, and a missing one answers %s',
    async (missingFolder) => {
      server.server.behaviour.missingFolder = missingFolder;
      const trait = { 404: 'not-found', 500: 'error', empty: 'empty' } as const;
      await place('a/b/c/1', 'a/b/2', 'd/3');
      const remote = far.remote({ missingFolder: trait[missingFolder] });
      const before = await remote.sweep(noRules);
      await rename(join(server.folder, 'a'), join(server.folder, '..', 'elsewhere'));
      const after = await remote.look(before, [dirAt('a/b/c')], noRules);
      expect(kinds(after)).toEqual({ d: 'folder', 'd/3': 'file' });
      expect(after.problems).toEqual([]);
    },
  );

  test('that finds nothing new gives the very tree from before', async () => {
    await place('a/1', 'a/2', 'a/3', 'a/4', 'a/deep/5', 'b/6');
    const remote = far.remote({});
    const before = await remote.sweep(noRules);
    const looked = await remote.look(before, [dirAt('a'), dirAt('a/deep'), dirAt('b')], noRules);
    expect(looked.tree).toBe(before.tree);
    await place('b/7');
    const again = await remote.look(before, [dirAt('a'), dirAt('b')], noRules);
    expect(again.tree.children.get('a')).toBe(before.tree.children.get('a'));
    expect(kinds(again)['b/7']).toBe('file');
  });

  test('at many folders below one that went as a whole lists each folder above once more', async () => {
    const dirs = ['1', '2', '3', '4'].map((name) => `a/b/c/${name}`);
    await place(...dirs.map((dir) => `${dir}/f`), 'd/3');
    const remote = far.remote({});
    const before = await remote.sweep(noRules);
    await rename(join(server.folder, 'a'), join(server.folder, '..', 'elsewhere'));
    const counted = server.server.requests.counts().list ?? 0;
    const after = await remote.look(before, dirs.map(dirAt), noRules);
    expect(kinds(after)).toEqual({ d: 'folder', 'd/3': 'file' });
    // Four that were asked for, each with the retries of a list if it has any, then c, b, a and the root.
    expect((server.server.requests.counts().list ?? 0) - counted).toBe(8);
  });

  test('at the root halts when it is gone', async () => {
    await place('docs/1');
    const remote = far.remote({}, { root: dirAt('docs') });
    const before = await remote.sweep(noRules);
    await rename(join(server.folder, 'docs'), join(server.folder, 'other'));
    expect(await codeOf(remote.look(before, [dirAt('')], noRules))).toBe('halted');
  });
});
