/** What waits is called back while a deed is on its way: what came of it is found out all the same. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import { RtsyncError } from '../../../../src/lib/errors.ts';
import { createPairGate, type PairGate } from '../../../../src/pace/pair-gate.ts';
import type { Remote } from '../../../../src/remote/remote.ts';
import { createStorageClient } from '../../../../src/remote/runtools/client.ts';
import type { RunToolsRemoteOptions } from '../../../../src/remote/runtools/remote.ts';
import type { Traits } from '../../../../src/remote/traits.ts';
import { at, codeOf, codes, writeAll } from '../support.ts';
import { testSite } from './site.ts';

const site = testSite();
const never = new AbortController().signal;

let gate: PairGate;
beforeEach(() => {
  gate = createPairGate(site.far.gate);
});

function remoteOf(traits: Partial<Traits> = {}): Remote {
  const client = createStorageClient({
    ...{ http: site.far.http, gate, clock: site.clock },
    ...{ origin: site.server.origin, key: site.server.key, workspaceId: site.server.workspaceId },
  });
  const options: Partial<RunToolsRemoteOptions> = { client };
  return site.far.remote(traits, options);
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

function moveOf(remote: Remote, expected: RemoteStamp) {
  return remote.move({ from: at('a'), to: at('b'), expect: expected }, never);
}
