import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import { TOP } from '../../../../src/remote/runtools/ids.ts';
import { finishMoves } from '../../../../src/remote/runtools/moving.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { at, type Bench, bench, codeOf, type HandClock, handClock } from '../support.ts';

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

async function place(path: string, text: string): Promise<RemoteStamp> {
  const full = join(server.folder, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, text);
  await utimes(full, new Date(clock.now()), new Date(clock.now()));
  return { size: text.length, date: clock.now() };
}

async function files(): Promise<string[]> {
  const all = await readdir(server.folder, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(server.folder.length + 1))
    .sort();
}

async function leftMoves(): Promise<string[]> {
  return readdir(join(server.folder, '.rtsync', 'moving')).catch(() => []);
}

/** Leaves the entry in our own folder: nothing answers any more after so many requests that change something. */
async function stopAfter(changes: number, job: Parameters<ReturnType<Bench['remote']>['move']>[0]) {
  let met = 0;
  server.server.faults.next(
    ({ label }) => {
      if (label === 'move' || label === 'rename') met += 1;
      return met > changes;
    },
    { kind: 'drop' },
    1000,
  );
  expect(await codeOf(far.remote({}).move(job))).toBe('network');
  server.server.faults.clear();
}

const long = Array.from({ length: 5 }, (_, i) => `${i} ${'long name '.repeat(8)}`).join('/');

test.each([
  ['x', 'y'],
  ['x', long],
])('a move from %s past taken names is finished without any database: to %s', async (from, to) => {
  const stamp = await place(`${from}/a`, 'mine');
  await place(`${from}/b`, 'xb');
  await place(`${to}/a`, 'ya');
  for (const changes of [1, 2]) {
    await stopAfter(changes, { from: at(`${from}/a`), to: at(`${to}/b`), expect: stamp });
    expect(await files()).not.toContain(`${from}/a`);
    expect(await finishMoves(far.client, TOP)).toEqual({ finished: [`/${to}/b`], left: [] });
    expect(await files()).toEqual([`${from}/b`, `${to}/a`, `${to}/b`].sort());
    expect(await readFile(join(server.folder, to, 'b'), 'utf8')).toBe('mine');
    expect(await finishMoves(far.client, TOP)).toEqual({ finished: [], left: [] });
    await far.remote({}).move({ from: at(`${to}/b`), to: at(`${from}/a`), expect: stamp });
  }
});

test('one whose name was taken meanwhile waits for a person, and others go on', async () => {
  const stamp = await place('x/a', 'mine');
  await place('x/b', 'xb');
  await place('y/a', 'ya');
  await stopAfter(2, { from: at('x/a'), to: at('y/b'), expect: stamp });
  await place('y/b', 'an agent');
  expect(await finishMoves(far.client, TOP)).toEqual({ finished: [], left: ['/y/b'] });
  expect(await readFile(join(server.folder, 'y/b'), 'utf8')).toBe('an agent');
  expect((await files()).filter((path) => path.startsWith('.rtsync/moving/'))).toHaveLength(1);
});

test('one that goes to another pair is left to it', async () => {
  const stamp = await place('x/a', 'mine');
  await place('x/b', 'xb');
  await place('y/a', 'ya');
  await stopAfter(2, { from: at('x/a'), to: at('y/b'), expect: stamp });
  const other = await far.client.list(TOP).then(({ entries }) => entries.get('x'));
  if (other?.kind !== 'folder') expect.unreachable('x is a folder');
  else expect(await finishMoves(far.client, other.id)).toEqual({ finished: [], left: [] });
});

test('the folder in between is taken away again, also when the last step is refused', async () => {
  const stamp = await place('x/a', 'mine');
  await place('x/b', 'xb');
  await place('y/a', 'ya');
  let met = 0;
  server.server.faults.next(({ label }) => (label === 'move' || label === 'rename') && ++met === 3, {
    kind: 'status',
    status: 400,
  });
  expect(await codeOf(far.remote({}).move({ from: at('x/a'), to: at('y/b'), expect: stamp }))).toBe(
    'bad-request',
  );
  expect(await files()).toEqual(['x/a', 'x/b', 'y/a']);
  await far.remote({}).move({ from: at('x/a'), to: at('y/b'), expect: stamp });
  expect(await files()).toEqual(['x/b', 'y/a', 'y/b']);
  expect(await leftMoves()).toEqual([]);
});

test('a step that fails half-way is taken back', async () => {
  const stamp = await place('x/a', 'mine');
  await place('y/stay', 'y');
  server.server.faults.next(({ label }) => label === 'move', { kind: 'status', status: 400 });
  expect(await codeOf(far.remote({}).move({ from: at('x/a'), to: at('y/b'), expect: stamp }))).toBe(
    'bad-request',
  );
  expect(await files()).toEqual(['x/a', 'y/stay']);
});

test('in a workspace that never saw one, looking costs one request', async () => {
  expect(await finishMoves(far.client, TOP)).toEqual({ finished: [], left: [] });
  expect(far.gate.counts.byLabel).toEqual({ list: 1 });
});
