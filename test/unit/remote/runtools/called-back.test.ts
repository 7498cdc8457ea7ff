/** What waits is called back while a deed is on its way: what came of it is found out all the same. */
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import type { Bandwidth } from '../../../../src/lib/bandwidth.ts';
import { RtsyncError } from '../../../../src/lib/errors.ts';
import { createPairGate, type PairGate } from '../../../../src/pace/pair-gate.ts';
import type { Outcome, Remote, Written } from '../../../../src/remote/remote.ts';
import { createStorageClient, type StorageClient } from '../../../../src/remote/runtools/client.ts';
import { createFolderMaker } from '../../../../src/remote/runtools/folders.ts';
import { createLooks } from '../../../../src/remote/runtools/looks.ts';
import type { RunToolsRemoteOptions } from '../../../../src/remote/runtools/remote.ts';
import { createTrash } from '../../../../src/remote/runtools/trash.ts';
import type { Traits } from '../../../../src/remote/traits.ts';
import { at, carefulTraits, codeOf, codes, dirAt, readAll, writeAll } from '../support.ts';
import { testSite } from './site.ts';

const site = testSite();
const never = new AbortController().signal;

let gate: PairGate;
beforeEach(() => {
  gate = createPairGate(site.far.gate);
});

function remoteOf(traits: Partial<Traits> = {}, more: Partial<RunToolsRemoteOptions> = {}): Remote {
  return site.far.remote(traits, { client: clientOn(gate), ...more });
}

function clientOn(through: PairGate): StorageClient {
  return createStorageClient({
    ...{ http: site.far.http, gate: through, clock: site.clock },
    ...{ origin: site.server.origin, key: site.server.key, workspaceId: site.server.workspaceId },
  });
}

/** As soon as the next request of this kind has its answer, or has lost it. */
function callBackAfter(label: string): void {
  const { gate: inner } = site.far;
  const { run } = inner;
  inner.run = async (ticket, send, signal) => {
    if (ticket.label !== label) return run(ticket, send, signal);
    inner.run = run;
    try {
      return await run(ticket, send, signal);
    } finally {
      gate.callBack(new RtsyncError('superseded', 'something more urgent came up'));
    }
  };
}

/** After so many uploads the turn of no other comes. */
function holdUploads(passes: number): void {
  const { gate: inner } = site.far;
  const { run } = inner;
  let passed = 0;
  inner.run = (ticket, send, signal) => {
    if (ticket.label !== 'upload') return run(ticket, send, signal);
    passed += 1;
    if (passed <= passes) return run(ticket, send, signal);
    return new Promise((_, reject) => {
      const end = (): void => reject(signal?.reason);
      if (signal?.aborted === true) end();
      else signal?.addEventListener('abort', end);
    });
  };
}

describe('what is called back while a deed is on its way', () => {
  test('is not the list that dates an upload, but what was not sent yet', async () => {
    const remote = remoteOf();
    callBackAfter('upload');
    expect(codes(await writeAll(remote, '', { a: { text: 'abc' } }, never))).toEqual({ a: 'ok' });
    expect(codes(await writeAll(remote, '', { b: { text: 'abc' } }, never))).toEqual({ b: 'superseded' });
  });

  test('is not the look after an upload whose answer was lost', async () => {
    const remote = remoteOf();
    site.faults.next('upload', { kind: 'lost-answer' });
    callBackAfter('upload');
    const [end] = Object.values(await writeAll(remote, '', { a: { text: 'abc' } }, never));
    // It stands there, and its content is to tell.
    expect(end).toMatchObject({ ok: false, error: { code: 'changed', ambiguous: true } });
  });

  test('is not the list that dates a moved file', async () => {
    site.behaviour.moveDate = 'new';
    const remote = remoteOf({ moveKeepsDate: false });
    const expected = await site.place('a', 'abc');
    callBackAfter('move');
    const moved = await remote.move({ from: at('a'), to: at('b'), expect: expected }, never);
    expect(moved).toMatchObject({ size: 3 });
  });

  test.each([
    ['move', 'rename', (remote: Remote) => site.place('a', 'abc').then((seen) => moveOf(remote, seen))],
    ['makeFolder', 'makeFolder', (remote: Remote) => remote.makeFolder(at('d'), never)],
  ] as const)('is not the look after a %s whose answer was lost', async (label, request, deed) => {
    const remote = remoteOf();
    site.faults.next(request, { kind: 'lost-answer' });
    callBackAfter(label);
    expect(await codeOf(deed(remote))).toBe('ok');
  });

  test('is not the list after a download', async () => {
    const stamp = await site.place('a', 'abc');
    callBackAfter('download');
    const { outcomes } = await readAll(remoteOf(), '', { a: stamp }, never);
    expect(codes(outcomes)).toEqual({ a: 'ok' });
    expect(codes((await readAll(remoteOf(), '', { a: stamp }, never)).outcomes)).toEqual({ a: 'superseded' });
  });

  test('is not the rest of a download that broke off, nor the look before it', async () => {
    const stamp = await site.place('a', 'twenty bytes of text');
    site.faults.next('download', { kind: 'cut', bytes: 7 });
    callBackAfter('download');
    const { outcomes, texts } = await readAll(remoteOf({}, { resumeFrom: 10 }), '', { a: stamp }, never);
    expect([codes(outcomes), texts]).toEqual([{ a: 'ok' }, { a: 'twenty bytes of text' }]);
  });

  test('is not what puts a file in its place that was sent aside', async () => {
    site.behaviour.takenName = 'rename';
    const remote = remoteOf({ takenUpload: 'rename', takenMove: 'rename' });
    const old = await site.place('a', 'old');
    site.clock.pass(5000);
    callBackAfter('upload');
    const ends = await writeAll(remote, '', { a: { text: 'newer', expect: old } }, never);
    expect([codes(ends), await site.disk('a'), await site.trashed()]).toEqual([
      { a: 'ok' },
      'newer',
      ['old'],
    ]);
  });

  test('is not what puts a large new file in its place', async () => {
    const remote = remoteOf();
    const text = 'x'.repeat(5 * 1024 * 1024);
    callBackAfter('upload');
    expect(codes(await writeAll(remote, '', { a: { text } }, never))).toEqual({ a: 'ok' });
    expect((await site.disk('a')).length).toBe(text.length);
  });

  test.each([
    ['a new file', undefined],
    ['a known version', 'before'],
  ] as const)('is not what settles an upload of %s that broke off', async (_, before) => {
    site.behaviour.growingUploads = true;
    const remote = remoteOf();
    const expected = before === undefined ? undefined : await site.place('a', before);
    site.clock.pass(5000);
    callBackAfter('upload');
    const open = async () => ({ size: WHOLE.length, body: bodies() });
    let end = '';
    const done = async (outcome: Outcome<Written>): Promise<void> => {
      end = outcome.ok ? 'ok' : outcome.error.code;
    };
    await remote.write(dirAt(''), [{ path: at('a'), expect: expected, open, done }], never);
    expect([end, await site.disk('a')]).toEqual(['ok', WHOLE]);
  });

  test('is a folder of the trash that another began to make, but not for who needs it for what was sent', async () => {
    const client = clientOn(gate);
    const looks = createLooks(client, site.clock, 500);
    const folders = createFolderMaker(client, looks, () => carefulTraits);
    const trash = createTrash({
      ...{ client, looks, folders, clock: site.clock },
      ...{ movesKeepDates: true, keepsBoth: false },
    });
    const { gate: inner } = site.far;
    const { run } = inner;
    const waits = new Promise<void>((resolve) => {
      inner.run = (_ticket, _send, signal) =>
        new Promise((_, reject) => {
          inner.run = run;
          signal?.addEventListener('abort', () => reject(signal.reason));
          resolve();
        });
    });
    const both = [
      codeOf(trash.folder('trash', { signal: never })),
      codeOf(trash.folder('trash', { signal: never, concludes: true })),
    ];
    await waits;
    gate.callBack(new RtsyncError('superseded', 'something more urgent came up'));
    expect(await Promise.all(both)).toEqual(['superseded', 'ok']);
  });

  test.each([
    ['where they belong', {}, undefined],
    ['aside', { takenUpload: 'rename', takenMove: 'rename' } as const, 'old'],
  ])('ends many uploads %s before the rest of their files are opened', async (_, traits, old) => {
    if (old !== undefined) site.behaviour.takenName = 'rename';
    const names = Array.from({ length: 200 }, (_, i) => `f${i}`);
    const expected = new Map<string, RemoteStamp>();
    if (old !== undefined) for (const name of names) expected.set(name, await site.place(name, old));
    site.clock.pass(5000);
    let opened = 0;
    const ends: string[] = [];
    const writes = names.map((name) => ({
      path: at(name),
      expect: expected.get(name),
      size: 3,
      open: async () => {
        opened += 1;
        return { size: 3, body: () => Buffer.from('new') };
      },
      done: async (outcome: Outcome<Written>) => void ends.push(outcome.ok ? 'ok' : outcome.error.code),
    }));
    callBackAfter('upload');
    await remoteOf(traits).write(dirAt(''), writes, never);
    expect(opened).toBeLessThan(80);
    expect([ends.length, new Set(ends)]).toEqual([200, new Set(['ok', 'superseded'])]);
  });

  test('ends many downloads before the rest of them wait for their bytes', async () => {
    const files = Object.fromEntries(
      await Promise.all(
        Array.from({ length: 200 }, async (_, i) => [`f${i}`, await site.place(`f${i}`, 'abc')] as const),
      ),
    );
    let begun = 0;
    const transfer: Bandwidth['transfer'] = (_, run) => {
      begun += 1;
      return run(undefined);
    };
    callBackAfter('download');
    const remote = remoteOf({}, { bandwidth: { rate: () => undefined, transfer } });
    const { outcomes } = await readAll(remote, '', files, never);
    expect(begun).toBeLessThan(80);
    const ends = Object.values(codes(outcomes));
    expect([ends.length, new Set(ends)]).toEqual([200, new Set(['ok', 'superseded'])]);
  });

  test.each([
    ['copied', 'copy', 0],
    ['written over in part', 'upload', 1],
  ])('leaves no copy in the trash of what was %s, where nothing was sent', async (_, label, passes) => {
    const names = Array.from({ length: 20 }, (_, i) => `f${i}`);
    const files: Record<string, { text: string; expect: RemoteStamp }> = {};
    for (const name of names) files[name] = { text: 'newer', expect: await site.place(name, `old ${name}`) };
    site.clock.pass(5000);
    holdUploads(passes);
    callBackAfter(label);
    const ends = codes(await writeAll(remoteOf(), '', files, never));
    const sent = names.filter((name) => ends[name] === 'ok');
    expect(sent).toHaveLength(passes);
    expect(names.filter((name) => ends[name] === 'superseded')).toHaveLength(20 - passes);
    expect(await site.trashed()).toEqual(sent.map((name) => `old ${name}`));
    for (const name of names)
      expect(await site.disk(name)).toBe(sent.includes(name) ? 'newer' : `old ${name}`);
  });

  test('keeps the copy of what may have been written over', async () => {
    const files = { a: { text: 'newer', expect: await site.place('a', 'old') } };
    site.clock.pass(5000);
    site.faults.next('upload', { kind: 'drop' });
    callBackAfter('upload');
    expect(codes(await writeAll(remoteOf(), '', files, never))).toEqual({ a: 'ok' });
    expect([await site.disk('a'), await site.trashed()]).toEqual(['newer', ['old']]);
  });

  test('copies nothing, and asks nothing more, when that was called back itself', async () => {
    const files = { a: { text: 'newer', expect: await site.place('a', 'old') } };
    const remote = remoteOf();
    gate.callBack(new RtsyncError('superseded', 'something more urgent came up'));
    expect(codes(await writeAll(remote, '', files, never))).toEqual({ a: 'superseded' });
    expect(site.far.gate.tickets).toEqual([]);
    gate.resume();
    // The folder of the trash stands when the call comes.
    callBackAfter('makeFolder');
    expect(codes(await writeAll(remote, '', files, never))).toEqual({ a: 'superseded' });
    expect(site.far.gate.tickets.filter(({ label }) => label === 'copy')).toEqual([]);
  });

  test('ends with a stop all the same', async () => {
    const stop = new AbortController();
    const remote = remoteOf();
    site.faults.next('upload', { kind: 'after', run: () => stop.abort() });
    const lists = (): number => site.requests.counts().list ?? 0;
    await remote.makeFolder(at('d'), never);
    const before = lists();
    const ends = await writeAll(remote, 'd', { a: { text: 'abc' } }, stop.signal);
    expect({ ends: codes(ends), asked: lists() - before }).toEqual({ ends: { a: 'stopped' }, asked: 0 });
  });
});

const WHOLE = 'the whole of our file';

/** The first one breaks when the server holds a part of it. */
function bodies(): () => Readable | Buffer {
  let first = true;
  const broken = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from(WHOLE.slice(0, 8));
    while ((await site.disk('a').catch(() => '')) !== WHOLE.slice(0, 8))
      await new Promise((resolve) => setImmediate(resolve));
    throw new Error('the line is cut');
  };
  return () => {
    const body = first ? Readable.from(broken(), { objectMode: false }) : Buffer.from(WHOLE);
    first = false;
    return body;
  };
}

function moveOf(remote: Remote, expected: RemoteStamp) {
  return remote.move({ from: at('a'), to: at('b'), expect: expected }, never);
}
