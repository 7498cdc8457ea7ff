import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { relPath } from '../../../../src/core/path.ts';
import { nodeAt, type RemoteTree } from '../../../../src/core/tree.ts';
import type { Remote, Removal } from '../../../../src/remote/remote.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { type Bench, bench, codes, type HandClock, handClock, noRules, removeAll } from '../support.ts';

let server: TestServer;
let clock: HandClock;
let far: Bench;
let remote: Remote;

beforeEach(async () => {
  clock = handClock();
  server = await startTestServer({ clock });
  far = bench(server, clock);
  remote = far.remote({ moveKeepsDate: true });
});
afterEach(async () => {
  await far.close();
  await server.close();
});

async function write(path: string, text: string): Promise<void> {
  const file = join(server.folder, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

const read = (path: string): Promise<string> => readFile(join(server.folder, path), 'utf8');

function seen(tree: RemoteTree, path: string): Removal['expect'] {
  const node = nodeAt(tree, relPath(path));
  if (node?.kind === 'file') return node.stamp;
  if (node?.kind === 'folder') return node;
  throw new Error(`nothing was seen at ${path}`);
}

type Sending = ReturnType<Bench['http']['send']>;

/** Somebody at work around each move: told which one it is, counted from 1, and given the sending of it. */
function atMoves(deed: (move: number, pass: () => Sending) => Sending): void {
  const { send } = far.http;
  let moves = 0;
  far.http.send = async (request) => {
    if (request.method !== 'PUT') return send(request);
    moves += 1;
    return deed(moves, () => send(request));
  };
}

/** Somebody's deed on the server in the moment between our last list and the move into the trash. */
function justBeforeTheMove(deed: () => Promise<void>): void {
  atMoves(async (move, pass) => {
    if (move === 1) await deed();
    return pass();
  });
}

describe('what somebody writes in the moment of a removal', () => {
  test('into that very file is moved back, and the removal is planned anew', async () => {
    await write('d/a.txt', 'as agreed');
    await write('d/b.txt', 'b');
    const { tree } = await remote.sweep(noRules);
    justBeforeTheMove(() => write('d/a.txt', 'an edit that nobody saw'));
    const outcomes = await removeAll(remote, {
      'd/a.txt': seen(tree, 'd/a.txt'),
      'd/b.txt': seen(tree, 'd/b.txt'),
    });
    expect(codes(outcomes)).toEqual({ 'd/a.txt': 'changed', 'd/b.txt': 'ok' });
    expect(await read('d/a.txt')).toBe('an edit that nobody saw');
    expect(await readdir(join(server.folder, 'd'))).toEqual(['a.txt']);
  });

  test('into a folder below it brings the whole folder back', async () => {
    await write('d/deep/a.txt', 'a');
    const { tree } = await remote.sweep(noRules);
    justBeforeTheMove(() => write('d/deep/new.txt', 'made just now'));
    const outcomes = await removeAll(remote, { d: seen(tree, 'd') });
    expect(codes(outcomes)).toEqual({ d: 'changed' });
    expect(await read('d/deep/new.txt')).toBe('made just now');
    expect(await read('d/deep/a.txt')).toBe('a');
  });

  test('is moved back also when the run is stopped before the answer is here', async () => {
    await write('a.txt', 'as agreed');
    const { tree } = await remote.sweep(noRules);
    const stop = new AbortController();
    atMoves(async (move, pass) => {
      if (move > 1) return pass();
      await write('a.txt', 'an edit that nobody saw');
      await pass();
      stop.abort(new Error('told to stop'));
      throw stop.signal.reason;
    });
    const outcomes = await removeAll(remote, { 'a.txt': seen(tree, 'a.txt') }, stop.signal);
    expect(codes(outcomes)).toEqual({ 'a.txt': 'changed' });
    expect(await read('a.txt')).toBe('an edit that nobody saw');
  });

  test('stays in the trash when yet another file has taken the name', async () => {
    await write('a.txt', 'as agreed');
    const { tree } = await remote.sweep(noRules);
    atMoves(async (move, pass) => {
      if (move === 1) await write('a.txt', 'an edit that nobody saw');
      const answer = await pass();
      if (move === 1) await write('a.txt', 'and one more');
      return answer;
    });
    const outcomes = await removeAll(remote, { 'a.txt': seen(tree, 'a.txt') });
    expect(codes(outcomes)).toEqual({ 'a.txt': 'changed' });
    expect(await read('a.txt')).toBe('and one more');
    const trash = await readdir(join(server.folder, '.rtsync', 'trash'), { recursive: true });
    expect(trash.some((path) => path.endsWith('a.txt'))).toBe(true);
  });

  test.each([
    ['', 'result', false],
    [', also when no answer tells where that is', 'empty', false],
    [', also when the answer is lost', 'result', true],
  ] as const)(
    'stays in the trash, and not beside a name that is taken in the last moment, where a server keeps both%s',
    async (_, putAnswer, isLost) => {
      Object.assign(server.server.behaviour, { takenName: 'rename', putAnswer });
      remote = far.remote({ takenUpload: 'rename', takenMove: 'rename' });
      for (const name of ['a.txt', 'b.txt']) await write(`d/${name}`, 'as agreed');
      const { tree } = await remote.sweep(noRules);
      atMoves(async (move, pass) => {
        if (move === 1)
          for (const name of ['a.txt', 'b.txt'])
            await write(`d/${name}`, `an edit of ${name} that nobody saw`);
        if (move === 2) await write('d/a.txt', 'and one more');
        const answer = await pass();
        if (move !== 2 || !isLost) return answer;
        throw Object.assign(new Error('lost'), { code: 'ECONNRESET' });
      });
      const outcomes = await removeAll(remote, {
        'd/a.txt': seen(tree, 'd/a.txt'),
        'd/b.txt': seen(tree, 'd/b.txt'),
      });
      expect(codes(outcomes)).toEqual({ 'd/a.txt': 'changed', 'd/b.txt': 'changed' });
      expect(await readdir(join(server.folder, 'd'))).toEqual(['a.txt', 'b.txt']);
      expect(await read('d/a.txt')).toBe('and one more');
      expect(await read('d/b.txt')).toBe('an edit of b.txt that nobody saw');
      const trash = (await readdir(join(server.folder, '.rtsync/trash'), { recursive: true })).filter(
        (path) => path.endsWith('.txt'),
      );
      expect(trash).toHaveLength(1);
      expect(await read(`.rtsync/trash/${trash[0]}`)).toBe('an edit of a.txt that nobody saw');
    },
  );

  test('into what the server stored beside a taken name stays theirs', async () => {
    server.server.behaviour.takenName = 'rename';
    remote = far.remote({ takenUpload: 'rename', takenMove: 'rename' });
    await write('a.txt', 'as agreed');
    const { tree } = await remote.sweep(noRules);
    atMoves(async (move, pass) => {
      if (move < 3) await write('a.txt', `edit ${move}`);
      const answer = await pass();
      if (move === 2) await write('a.new.txt', 'theirs since');
      return answer;
    });
    await removeAll(remote, { 'a.txt': seen(tree, 'a.txt') });
    expect(await read('a.txt')).toBe('edit 2');
    expect(await read('a.new.txt')).toBe('theirs since');
  });
});
