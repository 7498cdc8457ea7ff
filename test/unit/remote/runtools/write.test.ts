import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import { RtsyncError } from '../../../../src/lib/errors.ts';
import type { Traits } from '../../../../src/remote/traits.ts';
import type { Behaviour } from '../../../../src/serve/behaviour.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { at, type Bench, bench, codes, dirAt, type HandClock, handClock, writeAll } from '../support.ts';

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

/** Puts a file on the server's disk, dated by its clock; gives the stamp that a list would show. */
async function place(name: string, text: string): Promise<RemoteStamp> {
  const date = clock.now();
  await writeFile(join(server.folder, name), text);
  await utimes(join(server.folder, name), new Date(date), new Date(date));
  return { size: text.length, date };
}

const disk = (name: string) => readFile(join(server.folder, name), 'utf8');

async function trashed(): Promise<string[]> {
  const trash = join(server.folder, '.rtsync/trash');
  const all = await readdir(trash, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((path) => readFile(path, 'utf8')))).sort();
}

const names = async () => (await readdir(server.folder)).filter((name) => name !== '.rtsync').sort();

describe('an upload', () => {
  test('whose answer was lost is not sent again when it landed', async () => {
    server.server.faults.next('upload', { kind: 'lost-answer' });
    const outcomes = await writeAll(far.remote({}), '', { a: { text: 'abc' } });
    expect(outcomes.a).toEqual({ ok: true, value: { size: 3, date: clock.now() } });
    expect(server.server.requests.counts()).toEqual({ list: 2, upload: 1, total: 3 });
  });

  test('that did not arrive is sent once more after a look', async () => {
    server.server.faults.next('upload', { kind: 'drop' });
    expect(codes(await writeAll(far.remote({}), '', { a: { text: 'abc' } }))).toEqual({ a: 'ok' });
    // The third list is the one that tells the server's clock, once.
    expect(server.server.requests.counts()).toEqual({ list: 3, upload: 2, total: 5 });
  });

  test('is not sent a third time', async () => {
    server.server.faults.next('upload', { kind: 'drop' }, 9);
    expect(codes(await writeAll(far.remote({}), '', { a: { text: 'abc' } }))).toEqual({ a: 'network' });
    expect(server.server.requests.counts().upload).toBe(2);
  });

  test('is sent once more after a web page came back instead of an answer', async () => {
    server.server.faults.next('upload', { kind: 'html' });
    expect(codes(await writeAll(far.remote({}), '', { a: { text: 'abc' } }))).toEqual({ a: 'ok' });
    expect(await names()).toEqual(['a']);
  });

  test('whose name was taken while its answer was lost is told as changed, and the other file stays', async () => {
    server.server.faults.next('upload', { kind: 'drop' });
    server.server.faults.next('list', { kind: 'before', run: () => {} });
    server.server.faults.next('list', {
      kind: 'before',
      run: () => writeFile(join(server.folder, 'a'), 'agent'),
    });
    expect(codes(await writeAll(far.remote({}), '', { a: { text: 'abc' } }))).toEqual({ a: 'changed' });
    expect(await disk('a')).toBe('agent');
  });

  test('that the server stored under another name is taken away again, and the traits are in doubt', async () => {
    server.server.behaviour.takenName = 'rename';
    const agent = { kind: 'before', run: () => writeFile(join(server.folder, 'a.txt'), 'agent') } as const;
    server.server.faults.next('upload', agent);
    expect(codes(await writeAll(far.remote({}), '', { 'a.txt': { text: 'abc' } }))).toEqual({
      'a.txt': 'changed',
    });
    expect(await names()).toEqual(['a.txt']);
    expect(await disk('a.txt')).toBe('agent');
    expect(far.contradictions).toHaveLength(1);
  });

  test('whose answer names a file that was there before removes nothing', async () => {
    await place('other', 'precious');
    server.server.faults.next('upload', { kind: 'wrong-id', id: '/other' });
    expect(codes(await writeAll(far.remote({}), '', { a: { text: 'abc' } }))).toEqual({ a: 'changed' });
    expect(await disk('other')).toBe('precious');
    expect(server.server.requests.counts().remove).toBeUndefined();
  });

  test('onto a name that appeared is refused by a refusing server without any doubt of its traits', async () => {
    server.server.behaviour.takenName = 'refuse';
    server.server.faults.next('upload', {
      kind: 'before',
      run: () => writeFile(join(server.folder, 'a'), 'agent'),
    });
    const outcomes = await writeAll(far.remote({ takenUpload: 'refuse' }), '', { a: { text: 'abc' } });
    expect(codes(outcomes)).toEqual({ a: 'changed' });
    expect(far.contradictions).toEqual([]);
  });

  test('that alone is refused does not condemn the key', async () => {
    const write = async (name: string) =>
      codes(await writeAll(far.remote({}), '', { [name]: { text: 'x' } }));
    server.server.faults.next('upload', { kind: 'status', status: 403 });
    expect(await write('a')).toEqual({ a: 'forbidden' });
    expect(await write('b')).toEqual({ b: 'ok' });
    server.server.faults.next('upload', { kind: 'status', status: 403 });
    expect(await write('c')).toEqual({ c: 'bad-request' });
  });

  test('that finds the storage full says so', async () => {
    server.server.faults.next('upload', { kind: 'status', status: 507 });
    expect(codes(await writeAll(far.remote({}), '', { a: { text: 'abc' } }))).toEqual({ a: 'storage-full' });
    expect(far.gate.full).toEqual([true]);
  });

  test('whose content cannot be opened fails alone', async () => {
    const outcomes: Record<string, string> = {};
    const body = Buffer.from('x');
    const done = (name: string) => async (outcome: { readonly ok: boolean }) => {
      outcomes[name] = String(outcome.ok);
    };
    await far.remote({}).write(dirAt(''), [
      {
        path: at('a'),
        expect: undefined,
        open: () => Promise.reject(new RtsyncError('unreadable', 'no')),
        done: done('a'),
      },
      {
        path: at('b'),
        expect: undefined,
        open: async () => ({ size: 1, body: () => body }),
        done: done('b'),
      },
    ]);
    expect(outcomes).toEqual({ a: 'false', b: 'true' });
  });

  test('is told as stopped when the run was stopped before', async () => {
    const control = new AbortController();
    control.abort();
    expect(codes(await writeAll(far.remote({}), '', { a: { text: 'x' } }, control.signal))).toEqual({
      a: 'stopped',
    });
    expect(server.server.requests.counts().upload).toBeUndefined();
  });
});

describe('the look before an upload', () => {
  test('is made again when the last list is too old', async () => {
    const remote = far.remote({}, { lookWithinMs: 500 });
    await writeAll(remote, '', { a: { text: 'a' } });
    clock.pass(400);
    await writeAll(remote, '', { b: { text: 'b' } });
    // One look, and one list to know the server's clock.
    expect(far.gate.counts.byLabel.list).toBe(2);
    clock.pass(200);
    await place('c', 'agent');
    expect(codes(await writeAll(remote, '', { c: { text: 'c' } }))).toEqual({ c: 'changed' });
    expect(far.gate.counts.byLabel.list).toBe(3);
  });

  test('is not needed for half a minute in a folder that we made, and is after it', async () => {
    const remote = far.remote({});
    await remote.makeFolder(at('d'));
    clock.pass(29_000);
    await writeAll(remote, 'd', { a: { text: 'a' } });
    // One to make the folder, and one to know the server's clock.
    expect(far.gate.counts.byLabel.list).toBe(2);
    expect(codes(await writeAll(remote, 'd', { a: { text: 'again' } }))).toEqual({ a: 'changed' });
    clock.pass(2000);
    await writeAll(remote, 'd', { b: { text: 'b' } });
    expect(far.gate.counts.byLabel.list).toBe(3);
  });
});

describe('dates of what was written', () => {
  test('are listed when they do not follow the clock, not before a coarse clock has moved on', async () => {
    const before = clock.monotonic();
    const remote = far.remote({ datesFollowClock: false, dateGrain: 1000 });
    server.server.behaviour.dateFormat = 'seconds';
    const outcomes = await writeAll(remote, '', { a: { text: 'a' }, b: { text: 'b' } });
    expect(codes(outcomes)).toEqual({ a: 'ok', b: 'ok' });
    expect(clock.monotonic() - before).toBe(1000);
    expect(far.gate.counts.byLabel).toEqual({ list: 2, upload: 2 });
  });

  test('show an edit by somebody else as a change', async () => {
    server.server.faults.next('upload', {
      kind: 'after',
      run: () => writeFile(join(server.folder, 'a'), 'longer'),
    });
    expect(codes(await writeAll(far.remote({ datesFollowClock: false }), '', { a: { text: 'a' } }))).toEqual({
      a: 'changed',
    });
  });
});

const replacing: [Behaviour['takenName'], Partial<Traits>][] = [
  ['overwrite', { takenUpload: 'overwrite', takenMove: 'overwrite' }],
  ['rename', { takenUpload: 'rename', takenMove: 'rename' }],
  ['refuse', { takenUpload: 'refuse', takenMove: 'refuse' }],
];

describe.each(replacing)('replacing on a server that answers a taken name with %s', (takenName, traits) => {
  let old: RemoteStamp;
  beforeEach(async () => {
    server.server.behaviour.takenName = takenName;
    old = await place('a.txt', 'old');
    clock.pass(5000);
  });

  const replace = (options: { trash?: boolean } = {}) =>
    writeAll(far.remote(traits, options), '', { 'a.txt': { text: 'newer', expect: old } });

  test('keeps the old version in the trash', async () => {
    expect(codes(await replace())).toEqual({ 'a.txt': 'ok' });
    expect(await disk('a.txt')).toBe('newer');
    expect(await trashed()).toEqual(['old']);
    expect(await names()).toEqual(['a.txt']);
  });

  test('keeps nothing when the trash is off', async () => {
    expect(codes(await replace({ trash: false }))).toEqual({ 'a.txt': 'ok' });
    expect(await disk('a.txt')).toBe('newer');
    expect(await trashed()).toEqual([]);
  });

  test('leaves everything as it was when the old version cannot be kept', async () => {
    const label = takenName === 'overwrite' ? 'copy' : 'move';
    server.server.faults.next(label, { kind: 'status', status: 503 }, 9);
    expect(codes(await replace())).toEqual({ 'a.txt': 'server-error' });
    expect(await disk('a.txt')).toBe('old');
  });

  test('goes on when the answer to keeping it was lost', async () => {
    server.server.faults.next(takenName === 'overwrite' ? 'copy' : 'move', { kind: 'lost-answer' });
    expect(codes(await replace())).toEqual({ 'a.txt': 'ok' });
    expect(await disk('a.txt')).toBe('newer');
    expect(await trashed()).toEqual(['old']);
  });

  test('many at once keeps each', async () => {
    const files: Record<string, { text: string; expect: RemoteStamp }> = {};
    for (let i = 0; i < 50; i += 1)
      files[`f${i}`] = { text: `new ${i}`, expect: await place(`f${i}`, `old ${i}`) };
    clock.pass(5000);
    expect(new Set(Object.values(codes(await writeAll(far.remote(traits), '', files))))).toEqual(
      new Set(['ok']),
    );
    expect(await trashed()).toHaveLength(50);
    expect(await disk('f49')).toBe('new 49');
    expect(await names()).toHaveLength(51);
  });
});
