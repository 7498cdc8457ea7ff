import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TOP } from '../../../../src/remote/runtools/ids.ts';
import { finishMoves } from '../../../../src/remote/runtools/moving.ts';
import { at, type Bench, codeOf } from '../support.ts';
import { testSite } from './site.ts';

const site = testSite();
const { place, files, disk } = site;

const homing = () => ({ client: site.far.client, clock: site.clock, host: 'desk' });

async function leftMoves(): Promise<string[]> {
  return readdir(join(site.server.folder, '.rtsync', 'moving')).catch(() => []);
}

/** Leaves the entry in our own folder: nothing answers any more after so many requests that change something. */
async function stopAfter(changes: number, job: Parameters<ReturnType<Bench['remote']>['move']>[0]) {
  let met = 0;
  site.faults.next(
    ({ label }) => {
      if (label === 'move' || label === 'rename') met += 1;
      return met > changes;
    },
    { kind: 'drop' },
    1000,
  );
  expect(await codeOf(site.far.remote({}).move(job))).toBe('network');
  site.faults.clear();
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
    expect(await finishMoves(homing(), TOP)).toEqual({
      finished: [`/${to}/b`],
      left: [],
      whole: true,
    });
    expect(await files()).toEqual([`${from}/b`, `${to}/a`, `${to}/b`].sort());
    expect(await readFile(join(site.server.folder, to, 'b'), 'utf8')).toBe('mine');
    expect(await finishMoves(homing(), TOP)).toEqual({ finished: [], left: [], whole: true });
    await site.far.remote({}).move({ from: at(`${to}/b`), to: at(`${from}/a`), expect: stamp });
  }
});

test.each([
  ['another file', 'an agent', ['y/b', 'y/b (conflict MOMENT desk)']],
  ['the same bytes', 'mine', ['y/b']],
])(
  'one whose name was taken meanwhile by %s ends with nothing lost and nothing twice',
  async (_, text, stand) => {
    const stamp = await place('x/a', 'mine');
    await place('x/b', 'xb');
    await place('y/a', 'ya');
    await stopAfter(2, { from: at('x/a'), to: at('y/b'), expect: stamp });
    await place('y/b', text);
    expect((await finishMoves(homing(), TOP)).left).toEqual([]);
    const found = (await files('y')).map((path) => `y/${path.replace(/\d{4}-\S+ [\d.]+/, 'MOMENT')}`);
    expect(found).toEqual(['y/a', ...stand]);
    expect(await disk('y/b')).toBe(text);
    expect((await files()).filter((path) => path.startsWith('.rtsync/moving/'))).toEqual([]);
  },
);

test('one whose folder was deleted meanwhile brings it back', async () => {
  const stamp = await place('x/a', 'mine');
  await place('x/b', 'xb');
  await place('y/z/a', 'ya');
  await stopAfter(2, { from: at('x/a'), to: at('y/z/b'), expect: stamp });
  await rm(join(site.server.folder, 'y'), { recursive: true });
  expect(await finishMoves(homing(), TOP)).toEqual({ finished: ['/y/z/b'], left: [], whole: true });
  expect(await site.theirs()).toEqual(['x/b', 'y/z/b']);
});

test('one that goes to another pair is left to it', async () => {
  const stamp = await place('x/a', 'mine');
  await place('x/b', 'xb');
  await place('y/a', 'ya');
  await stopAfter(2, { from: at('x/a'), to: at('y/b'), expect: stamp });
  const other = await site.far.client.list(TOP).then(({ entries }) => entries.get('x'));
  if (other?.kind !== 'folder') expect.unreachable('x is a folder');
  else expect(await finishMoves(homing(), other.id)).toEqual({ finished: [], left: [], whole: true });
});

test('the folder in between is taken away again, also when the last step is refused', async () => {
  const stamp = await place('x/a', 'mine');
  await place('x/b', 'xb');
  await place('y/a', 'ya');
  let met = 0;
  site.faults.next(({ label }) => (label === 'move' || label === 'rename') && ++met === 3, {
    kind: 'status',
    status: 400,
  });
  expect(await codeOf(site.far.remote({}).move({ from: at('x/a'), to: at('y/b'), expect: stamp }))).toBe(
    'bad-request',
  );
  expect(await files()).toEqual(['x/a', 'x/b', 'y/a']);
  await site.far.remote({}).move({ from: at('x/a'), to: at('y/b'), expect: stamp });
  expect(await files()).toEqual(['x/b', 'y/a', 'y/b']);
  expect(await leftMoves()).toEqual([]);
});

test('a step that fails half-way is taken back', async () => {
  const stamp = await place('x/a', 'mine');
  await place('y/stay', 'y');
  site.faults.next(({ label }) => label === 'move', { kind: 'status', status: 400 });
  expect(await codeOf(site.far.remote({}).move({ from: at('x/a'), to: at('y/b'), expect: stamp }))).toBe(
    'bad-request',
  );
  expect(await files()).toEqual(['x/a', 'y/stay']);
});

test('in a workspace that never saw one, looking costs one request', async () => {
  expect(await finishMoves(homing(), TOP)).toEqual({ finished: [], left: [], whole: true });
  expect(site.far.gate.counts.byLabel).toEqual({ list: 1 });
});

describe('a move on a server that overwrites what is moved onto', () => {
  test('overwrites nothing that appeared since the folder was listed', async () => {
    const [first, second] = [await place('x', 'first'), await place('a', 'mine')];
    const remote = site.far.remote({});
    await remote.move({ from: at('x'), to: at('d1'), expect: first });
    site.clock.pass(100);
    await place('sub/a', 'an agent');
    await remote.move({ from: at('d1'), to: at('sub/x'), expect: first });
    site.clock.pass(100);
    await place('sub/b', 'an agent');
    expect(await codeOf(remote.move({ from: at('a'), to: at('sub/b'), expect: second }))).toBe('taken');
    expect(await disk('sub/b')).toBe('an agent');
    expect(await disk('a')).toBe('mine');
  });

  test('overwrites nothing in a folder that we made a while ago', async () => {
    const stamp = await place('a', 'mine');
    const remote = site.far.remote({});
    await remote.makeFolder(at('d'));
    site.clock.pass(20_000);
    await place('d/a', 'an agent');
    expect(await codeOf(remote.move({ from: at('a'), to: at('d/a'), expect: stamp }))).toBe('taken');
    expect(await disk('d/a')).toBe('an agent');
  });

  test('looks again when its list grew old while it waited for its turn', async () => {
    const stamp = await place('a', 'mine');
    site.whileWaiting('move', () => place('b', 'an agent'));
    expect(await codeOf(site.far.remote({}).move({ from: at('a'), to: at('b'), expect: stamp }))).toBe(
      'taken',
    );
    expect([await disk('a'), await disk('b')]).toEqual(['mine', 'an agent']);
  });

  test('looks before its last step as well, and on its way back', async () => {
    const stamp = await place('x/a', 'mine');
    await place('y/stay', 'y');
    let met = 0;
    // Between the two steps, and then before the way back.
    site.faults.next(({ label }) => (label === 'move' || label === 'rename') && ++met === 1, {
      kind: 'after',
      run: async () => {
        await place('y/b', 'an agent');
        await place('x/a', 'another agent');
      },
    });
    const job = { from: at('x/a'), to: at('y/b'), expect: stamp };
    await expect(site.far.remote({}).move(job)).rejects.toMatchObject({ code: 'taken', ambiguous: true });
    expect([await disk('x/a'), await disk('x/b'), await disk('y/b')]).toEqual([
      ...['another agent', 'mine', 'an agent'],
    ]);
  });

  test('costs no more lists than one for each end', async () => {
    const stamp = await place('x/a', 'mine');
    await place('y/stay', 'y');
    const remote = site.far.remote({});
    await remote.move({ from: at('x/a'), to: at('y/a'), expect: stamp });
    expect(site.far.gate.counts.byLabel).toEqual({ list: 2, move: 1 });
    site.clock.pass(5000);
    await remote.move({ from: at('y/a'), to: at('y/b'), expect: stamp });
    expect(site.far.gate.counts.byLabel).toEqual({ list: 3, move: 2 });
  });
});

describe('an entry that is left on its way', () => {
  const leave = async (): Promise<string[]> => {
    const stamp = await place('x/a', 'mine');
    await place('x/b', 'xb');
    await place('y/a', 'ya');
    const told: string[] = [];
    let met = 0;
    const step = ({ label }: { readonly label: string }) => label === 'move' || label === 'rename';
    site.faults.next((entry) => step(entry) && ++met === 2, {
      kind: 'after',
      run: () => void place('y/b', 'an agent'),
    });
    site.faults.next((entry) => step(entry) && met === 2, { kind: 'status', status: 400 }, 9);
    const remote = site.far.remote({}, { onHalfway: () => told.push('halfway') });
    const job = { from: at('x/a'), to: at('y/b'), expect: stamp };
    await expect(remote.move(job)).rejects.toMatchObject({ code: 'taken', ambiguous: true });
    site.faults.clear();
    return told;
  };

  test('since its name was taken and the way back failed is told, and brought on when the server lets it', async () => {
    expect(await leave()).toEqual(['halfway']);
    await rm(join(site.server.folder, 'y/b'));
    site.faults.next('move', { kind: 'status', status: 400 });
    expect(await finishMoves(homing(), TOP)).toEqual({ finished: [], left: ['/y/b'], whole: true });
    expect(await finishMoves(homing(), TOP)).toEqual({ finished: ['/y/b'], left: [], whole: true });
    expect(await disk('y/b')).toBe('mine');
  });

  test('where its folder cannot be listed is not taken for gone', async () => {
    await leave();
    site.faults.next('list', { kind: 'status', status: 500 });
    expect(await finishMoves(homing(), TOP)).toEqual({ finished: [], left: [], whole: false });
  });

  test('is told when nobody knows whether its last step arrived', async () => {
    const stamp = await place('x/a', 'mine');
    await place('x/b', 'xb');
    await place('y/a', 'ya');
    const told: string[] = [];
    let met = 0;
    site.faults.next(
      ({ label }) => (label === 'move' || label === 'rename') && ++met > 2,
      { kind: 'drop' },
      1000,
    );
    const remote = site.far.remote({}, { onHalfway: () => told.push('halfway') });
    expect(await codeOf(remote.move({ from: at('x/a'), to: at('y/b'), expect: stamp }))).toBe('network');
    expect(told).toEqual(['halfway']);
  });

  test('is told again when another try finds it there and fails as well', async () => {
    const stamp = await place('x/a', 'mine');
    await place('x/b', 'xb');
    await place('y/a', 'ya');
    const job = { from: at('x/a'), to: at('y/b'), expect: stamp };
    await stopAfter(2, job);
    site.faults.next('move', { kind: 'status', status: 400 }, 9);
    const told: string[] = [];
    const remote = site.far.remote({}, { onHalfway: () => told.push('halfway') });
    expect(await codeOf(remote.move(job))).toBe('bad-request');
    expect(told).toEqual(['halfway']);
  });

  test('keeps its folder when a stop breaks off the step that brings it there, which arrives late', async () => {
    const stamp = await place('x/a', 'mine');
    await place('x/b', 'xb');
    await place('y/a', 'ya');
    const [stop, told] = [new AbortController(), [] as string[]];
    const { send } = site.far.http;
    let late = async (): Promise<unknown> => undefined;
    site.far.http.send = async (request) => {
      if (request.method !== 'PUT') return send(request);
      site.far.http.send = send;
      late = async () => (await send({ ...request, signal: new AbortController().signal })).text();
      stop.abort();
      throw stop.signal.reason;
    };
    const remote = site.far.remote({}, { onHalfway: () => told.push('halfway') });
    const job = { from: at('x/a'), to: at('y/b'), expect: stamp };
    expect(await codeOf(remote.move(job, stop.signal))).toBe('stopped');
    expect(told).toEqual(['halfway']);
    await late();
    expect(await finishMoves(homing(), TOP)).toEqual({ finished: ['/y/b'], left: [], whole: true });
    expect(await disk('y/b')).toBe('mine');
  });

  test('is not told of a move that came to its end', async () => {
    const stamp = await place('x/a', 'mine');
    await place('x/b', 'xb');
    await place('y/a', 'ya');
    const told: string[] = [];
    const remote = site.far.remote({}, { onHalfway: () => told.push('halfway') });
    await remote.move({ from: at('x/a'), to: at('y/b'), expect: stamp });
    expect(told).toEqual([]);
  });
});
