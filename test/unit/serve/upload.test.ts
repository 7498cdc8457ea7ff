import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type TestServer, withServer } from '../../support/server.ts';
import { clientOf, manualClock } from './client.ts';

describe('an upload', () => {
  it('takes the name before or after the file, or from the file itself', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      expect(
        (await client.upload('/upload', [{ name: 'first' }, { file: '1', as: 'x' }])).body,
      ).toMatchObject({ id: '/first' });
      expect(
        (await client.upload('/upload', [{ file: '2', as: 'x' }, { name: 'second' }])).body,
      ).toMatchObject({ id: '/second' });
      expect((await client.upload('/upload', [{ file: '3', as: 'third' }])).body).toMatchObject({
        id: '/third',
      });
      expect(await client.names()).toEqual(['first', 'second', 'third']);
      expect(await readFile(join(server.folder, 'second'), 'utf8')).toBe('2');
    }));

  it('goes to the folder of the path or of the query', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      await client.post('/files', { name: 'a', type: 'folder' });
      await client.post('/files/a', { name: 'b', type: 'folder' });
      expect((await client.upload('/upload/a/b', [{ file: '', as: 'x' }])).body).toMatchObject({
        id: '/a/b/x',
      });
      expect((await client.upload('/upload?id=/a/b', [{ file: '', as: 'y' }])).body).toMatchObject({
        id: '/a/b/y',
      });
      expect((await client.upload('/upload?id=/', [{ file: '', as: 'z' }])).body).toMatchObject({ id: '/z' });
    }));

  it('keeps every byte of a large file', () =>
    withServer({}, async (server) => {
      const content = Buffer.alloc(5_000_001, '\r\n--frame-of-the-tes\r\n-');
      await clientOf(server).upload('/upload', [{ name: 'big' }, { file: content }]);
      expect((await readFile(join(server.folder, 'big'))).equals(content)).toBe(true);
    }));

  it('without a file, without any name, or that is no form is refused', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      expect((await client.upload('/upload', [{ name: 'x' }])).status).toBe(400);
      expect((await client.upload('/upload', [{ file: 'x', as: '' }])).status).toBe(400);
      expect((await client.post('/upload', { name: 'x' })).status).toBe(400);
      expect(await readdir(server.folder)).toEqual([]);
    }));

  it('over the limit is refused with 413, and nothing of it stays', () =>
    withServer({ uploadLimitBytes: 1000 }, async (server) => {
      const client = clientOf(server);
      expect((await client.upload('/upload', [{ name: 'fits' }, { file: Buffer.alloc(1000) }])).status).toBe(
        200,
      );
      expect((await client.upload('/upload', [{ name: 'more' }, { file: Buffer.alloc(1001) }])).status).toBe(
        413,
      );
      expect(
        (await client.upload('/upload', [{ name: 'much' }, { file: Buffer.alloc(3_000_000) }])).status,
      ).toBe(413);
      expect(await readdir(server.folder)).toEqual(['fits']);
    }));

  it('that is refused leaves the connection usable for the next request', () =>
    withServer({ uploadLimitBytes: 10 }, async (server) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const client = clientOf(server, agent);
      const much = Buffer.alloc(20_000_000);
      expect((await client.upload('/upload', [{ name: 'x' }, { file: much }])).status).toBe(413);
      expect((await client.get('/files')).body).toEqual([]);
      server.server.faults.next('upload', { kind: 'rate-limit' });
      expect((await client.upload('/upload', [{ name: 'x' }, { file: much }])).status).toBe(429);
      expect((await client.get('/files')).body).toEqual([]);
      agent.destroy();
    }));

  it('is dated by the disk, or by the clock that the server was given', () =>
    withServer({ clock: manualClock(Date.UTC(2030, 0, 2, 3, 4, 5, 678)) }, async (server) => {
      const client = clientOf(server);
      await client.upload('/upload', [{ name: 'x' }, { file: 'x' }]);
      const { body, headers } = await client.get('/files');
      expect(body).toMatchObject([{ date: '2030-01-02T03:04:05.678Z' }]);
      expect(headers.date).toBe('Wed, 02 Jan 2030 03:04:05 GMT');
    }));
});

describe('an upload that is under way', () => {
  it('is seen by nobody until it is whole', () =>
    withServer({}, async (server) => {
      const upload = begin(server, 'half');
      await vi.waitFor(async () => expect(await partial(server)).toHaveLength(1), WAIT);
      expect(await clientOf(server).names()).toEqual([]);
      expect((await clientOf(server).get('/info')).body).toMatchObject([{ used: 0 }]);
      upload.finish();
      expect(await upload.status).toBe(200);
      expect(await clientOf(server).names()).toEqual(['half']);
    }));

  it('leaves nothing when it breaks off', () =>
    withServer({}, async (server) => {
      await writeFile(join(server.folder, 'half'), 'old');
      const upload = begin(server, 'half');
      await vi.waitFor(async () => expect(await partial(server)).toHaveLength(1), WAIT);
      upload.breakOff();
      await vi.waitFor(async () => expect(await partial(server)).toHaveLength(0), WAIT);
      expect(await readFile(join(server.folder, 'half'), 'utf8')).toBe('old');
    }));

  it('leaves nothing behind a server that is closed', () =>
    withServer({}, async (server) => {
      const upload = begin(server, 'half');
      await vi.waitFor(async () => expect(await partial(server)).toHaveLength(1), WAIT);
      await server.server.close();
      expect(await upload.status).toBe('broken');
      expect(await readdir(server.folder)).toEqual([]);
    }));

  it('is visible and growing, and torn when it breaks off, where servers write in place', () =>
    withServer({ behaviour: { growingUploads: true } }, async (server) => {
      await writeFile(join(server.folder, 'half'), 'an old and longer content');
      const upload = begin(server, 'half');
      await vi.waitFor(async () => expect(await sizeOf(server, 'half')).toBe(5), WAIT);
      upload.breakOff();
      await vi
        .waitFor(() => expect(server.server.requests.entries().at(0)?.status).not.toBe(0), WAIT)
        .catch(() => {});
      expect(await readFile(join(server.folder, 'half'), 'utf8')).toBe('begun');
    }));

  it('gets its last name at the end where servers write in place', () =>
    withServer({ behaviour: { growingUploads: true } }, async (server) => {
      const answer = await clientOf(server).upload('/upload', [{ file: 'x', as: 'early' }, { name: 'late' }]);
      expect(answer.body).toEqual({ id: '/late', name: 'late' });
      expect(await readdir(server.folder)).toEqual(['late']);
    }));
});

it('removes what a killed server left of an upload a day ago, and nothing younger', () =>
  withServer({}, async (server) => {
    const [old, young] = ['11111111', '22222222'].map(
      (id) => `.rtsync-serve-${id}-1111-4111-8111-111111111111.part`,
    );
    for (const name of [old, young]) await writeFile(join(server.folder, String(name)), 'x');
    await utimes(join(server.folder, String(old)), new Date(2020, 1), new Date(2020, 1));
    expect(await clientOf(server).names()).toEqual([]);
    expect(await readdir(server.folder)).toEqual([young]);
  }));

/** Waiting for the server's side of a connection; the time is only how long to try. */
const WAIT = { timeout: 20_000, interval: 5 };

async function partial(server: TestServer): Promise<string[]> {
  return (await readdir(server.folder)).filter((name) => name.endsWith('.part'));
}

async function sizeOf(server: TestServer, name: string): Promise<number> {
  return (await stat(join(server.folder, name))).size;
}

/** Sends the beginning of an upload and holds the rest. */
function begin(server: TestServer, name: string) {
  const boundary = 'held';
  const outgoing = request(`${server.origin}/v1/workspaces/${server.workspaceId}/upload`, {
    method: 'POST',
    agent: false,
    headers: { 'x-api-key': server.key, 'content-type': `multipart/form-data; boundary=${boundary}` },
  });
  const status = new Promise<number | 'broken'>((resolve) => {
    outgoing.on('response', (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode ?? 0);
    });
    outgoing.on('error', () => resolve('broken'));
  });
  const part = (head: string, body: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${body}`;
  outgoing.write(part('name="name"', `${name}\r\n`) + part('name="file"; filename="x"', 'begun'));
  return {
    status,
    finish: () => outgoing.end(`\r\n--${boundary}--\r\n`),
    breakOff: () => outgoing.destroy(),
  };
}
