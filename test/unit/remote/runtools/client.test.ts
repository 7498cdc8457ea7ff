import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EntryId } from '../../../../src/remote/runtools/ids.ts';
import { endpoint, TOP } from '../../../../src/remote/runtools/ids.ts';
import { frameUpload } from '../../../../src/remote/runtools/multipart.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { type Bench, bench, codeOf, handClock } from '../support.ts';

describe('the frame of an upload', () => {
  const bytes = async (body: Buffer | Readable) =>
    Buffer.isBuffer(body) ? body : Buffer.concat(await body.toArray());

  test('has exactly the length it claims, from a buffer and from a stream', async () => {
    for (const body of [
      () => Buffer.from('abc'),
      () => Readable.from([Buffer.from('a'), Buffer.from('bc')]),
    ]) {
      const frame = frameUpload('ü\n".txt', { size: 3, body }, 'B');
      const all = await bytes(frame.body);
      expect(frame.headers['content-length']).toBe(String(all.length));
      expect(all.toString()).toContain('name="name"\r\n\r\nü\n".txt\r\n--B');
      expect(all.toString()).toContain('filename="ü%0A%22.txt"');
      expect(all.toString()).toMatch(/\r\n\r\nabc\r\n--B--\r\n$/);
    }
  });
});

test('ids go into URLs by segment, or whole', () => {
  expect(endpoint('/files', '/a b/ü%' as EntryId, 'segments')).toBe('/files/a%20b/%C3%BC%25');
  expect(endpoint('/files', '/a b/c' as EntryId, 'whole')).toBe('/files/%2Fa%20b%2Fc');
  expect(endpoint('/files', TOP, 'whole')).toBe('/files');
});

describe('the client', () => {
  let server: TestServer;
  let far: Bench;
  const clock = handClock();

  beforeEach(async () => {
    server = await startTestServer({ clock });
    far = bench(server, clock);
  });
  afterEach(async () => {
    await far.close();
    await server.close();
  });

  test.each(['/', '', '//', '///'])('never sends a delete, move or copy of %o', async (id) => {
    for (const ids of [[id], ['/a', id], ['/.'], ['/a/..']] as unknown as EntryId[][]) {
      expect(await codeOf(far.client.remove(ids))).toBe('bug');
      expect(await codeOf(far.client.batch('move', ids, '/b' as EntryId))).toBe('bug');
    }
    expect(await codeOf(far.client.remove([]))).toBe('bug');
    expect(server.server.requests.counts().total).toBe(0);
  });

  test('never copies a folder into itself, nor two entries of one name into one folder', async () => {
    expect(await codeOf(far.client.batch('copy', ['/a' as EntryId], '/a/b' as EntryId))).toBe('bug');
    expect(await codeOf(far.client.batch('move', ['/a/x', '/b/x'] as EntryId[], '/c' as EntryId))).toBe(
      'bug',
    );
    expect(server.server.requests.counts().total).toBe(0);
  });

  test('tries a look three times and a deed once', async () => {
    const { faults, requests } = server.server;
    faults.next('list', { kind: 'status', status: 503 });
    faults.next('list', { kind: 'html' });
    expect((await far.client.list(TOP)).entries.size).toBe(0);
    expect(requests.counts()).toEqual({ list: 3, total: 3 });
    faults.next('makeFolder', { kind: 'drop' });
    expect(await codeOf(far.client.makeFolder(TOP, 'a'))).toBe('network');
    expect(requests.counts().makeFolder).toBe(1);
  });

  test('asks at most three times', async () => {
    server.server.faults.next('list', { kind: 'drop' }, 9);
    expect(await codeOf(far.client.list(TOP))).toBe('network');
    expect(server.server.requests.counts().list).toBe(3);
  });

  test('falls back to the other way of sending the key, once, and remembers it', async () => {
    server.server.behaviour.auth = 'bearer';
    await far.client.list(TOP);
    await far.client.list(TOP);
    expect(far.client.auth).toBe('bearer');
    expect(server.server.requests.counts().list).toBe(3);
  });

  test('keeps to the way of sending the key that is fixed', async () => {
    server.server.behaviour.auth = 'bearer';
    const fixed = bench(server, clock, { authFixed: true });
    expect(await codeOf(fixed.client.list(TOP))).toBe('key-refused');
    expect(server.server.requests.counts().list).toBe(1);
    await fixed.close();
  });

  test('never shows the key, even when the server quotes it', async () => {
    server.server.faults.next('list', { kind: 'status', status: 400, message: `bad key ${server.key}` });
    const error = await far.client.list(TOP).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain('bad key ***');
    expect(JSON.stringify(error)).not.toContain(server.key);
  });

  test('refuses a key that no header can hold', () => {
    expect(() => bench(server, clock, { key: 'a\nb' })).toThrow(
      expect.objectContaining({ code: 'key-missing' }),
    );
  });

  test('tells the gate when the storage is full, and when there is room again', async () => {
    server.server.faults.next('upload', { kind: 'status', status: 507 });
    const body = Buffer.from('x');
    expect(await codeOf(far.client.upload(TOP, 'a', { size: 1, body: () => body }))).toBe('storage-full');
    await far.client.room();
    expect(far.gate.full).toEqual([true, false]);
  });

  test('follows the pages of a list', async () => {
    server.server.behaviour.filePageSize = 2;
    for (const name of ['a', 'b', 'c', 'd', 'e']) await far.client.makeFolder(TOP, name);
    const mark = far.gate.counts.total;
    expect([...(await far.client.list(TOP)).entries.keys()].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(far.gate.counts.total - mark).toBe(3);
  });

  test('names what is written byte for byte', async () => {
    const names = ['new\nline', '"quoted"', 'ü', 'u\u0308', '%2F', 'a\\b', '+ &?#'];
    for (const name of names) {
      const { id } = await far.client.upload(TOP, name, { size: 1, body: () => Buffer.from('x') });
      expect(id).toBe(`/${name}`);
    }
    expect([...(await far.client.list(TOP)).entries.keys()].sort()).toEqual([...names].sort());
  });

  test('stops at once when told to', async () => {
    const control = new AbortController();
    control.abort();
    expect(await codeOf(far.client.list(TOP, { signal: control.signal }))).toBe('stopped');
  });
});
