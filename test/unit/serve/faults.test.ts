import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RequestEntry } from '../../../src/serve/log.ts';
import { withServer } from '../../support/server.ts';
import { clientOf, manualClock } from './client.ts';

describe('a scripted fault', () => {
  it('hits the next matching request and no other', () =>
    withServer({}, async (server) => {
      const { faults } = server.server;
      const client = clientOf(server);
      faults.next('info', { kind: 'status', status: 503 });
      faults.next({ method: 'GET', path: '/a' }, { kind: 'status', status: 502 }, 2);
      faults.next((entry) => entry.ids.length === 2, { kind: 'status', status: 500 });
      expect(faults.pending()).toBe(4);
      expect((await client.get('/files')).status).toBe(200);
      expect([(await client.get('/info')).status, (await client.get('/info')).status]).toEqual([503, 200]);
      const three = [
        await client.get('/files/a'),
        await client.get('/direct?id=/a'),
        await client.get('/files/a'),
      ];
      expect(three.map(({ status }) => status)).toEqual([502, 502, 404]);
      expect([(await client.remove('/1')).status, (await client.remove('/1', '/2')).status]).toEqual([
        200, 500,
      ]);
      expect(faults.pending()).toBe(0);
    }));

  it('before the deed leaves everything as it was', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      const upload = () => client.upload('/upload', [{ name: 'x' }, { file: Buffer.alloc(300_000) }]);
      server.server.faults.next('upload', { kind: 'status', status: 500 });
      server.server.faults.next('upload', { kind: 'rate-limit', retryAfter: 7 });
      server.server.faults.next('upload', { kind: 'html' });
      server.server.faults.next('upload', { kind: 'drop' });
      expect((await upload()).status).toBe(500);
      expect(await upload()).toMatchObject({ status: 429, headers: { 'retry-after': '7' } });
      expect(await upload()).toMatchObject({ status: 200, body: expect.stringContaining('<!doctype html>') });
      await expect(upload()).rejects.toThrow();
      expect(await client.names()).toEqual([]);
      expect((await upload()).status).toBe(200);
    }));

  it('may lose the answer after the deed', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      server.server.faults.next('upload', { kind: 'lost-answer' });
      server.server.faults.next('makeFolder', { kind: 'lost-answer' });
      await expect(client.upload('/upload', [{ name: 'x' }, { file: 'x' }])).rejects.toThrow();
      await expect(client.post('/files', { name: 'y', type: 'folder' })).rejects.toThrow();
      expect(await client.names()).toEqual(['x', 'y']);
      expect(server.server.requests.entries()).toMatchObject([{ fault: 'lost-answer', path: '/x' }, {}, {}]);
    }));

  it('may cut a download at any byte', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      await writeFile(join(server.folder, 'x'), Buffer.alloc(200_000, 'x'));
      for (const bytes of [undefined, 0, 1, 199_999]) {
        server.server.faults.next('download', { kind: 'cut', ...(bytes === undefined ? {} : { bytes }) });
        await expect(client.get('/direct?id=/x')).rejects.toThrow();
      }
      expect((await client.get('/direct?id=/x')).bytes.length).toBe(200_000);
    }));

  it('may break off a list half-way, and only a list', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      await writeFile(join(server.folder, 'x'), 'x');
      server.server.faults.next('list', { kind: 'half-list' });
      await expect(client.names()).rejects.toThrow();
      expect(await client.names()).toEqual(['x']);
    }));

  it('may name a wrong id for an upload', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      server.server.faults.next('upload', { kind: 'wrong-id', id: '/other' });
      expect((await client.upload('/upload', [{ name: 'x' }, { file: 'x' }])).body).toMatchObject({
        id: '/other',
      });
      expect(await client.names()).toEqual(['x']);
    }));

  it('may be something that happens just before the deed, or just after it', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      const path = join(server.folder, 'x');
      server.server.faults.next('list', { kind: 'before', run: () => writeFile(path, 'agent') });
      expect(await client.names()).toEqual(['x']);
      server.server.faults.next('upload', { kind: 'after', run: () => writeFile(path, 'agent again') });
      expect((await client.upload('/upload', [{ name: 'x' }, { file: 'ours' }])).status).toBe(200);
      expect(await readFile(path, 'utf8')).toBe('agent again');
    }));
});

describe('faults by chance', () => {
  const play = (seed: number): Promise<number[]> =>
    withServer({ faults: { seed, serverError: 0.3, rateLimit: 0.2 } }, async (server) => {
      const statuses = [];
      for (let n = 0; n < 40; n += 1) statuses.push((await clientOf(server).get('/files')).status);
      return statuses;
    });

  it('are the same for the same seed', async () => {
    const first = await play(7);
    expect(await play(7)).toEqual(first);
    expect(await play(8)).not.toEqual(first);
    expect(new Set(first)).toContain(200);
    expect(new Set(first)).toContain(429);
  });

  it('end when they are cleared', () =>
    withServer({ faults: { drop: 1 } }, async (server) => {
      await expect(clientOf(server).get('/files')).rejects.toThrow();
      server.server.faults.clear();
      expect((await clientOf(server).get('/files')).status).toBe(200);
    }));
});

it('a slow answer is waited for by the clock of the server, and is right', () => {
  const clock = manualClock();
  return withServer({ clock, faults: { slow: 1 } }, async (server) => {
    expect((await clientOf(server).get('/files')).status).toBe(200);
    expect(clock.slept).toHaveLength(1);
    expect(clock.slept[0]).toBeGreaterThan(0);
    expect(clock.slept[0]).toBeLessThanOrEqual(1000);
  });
});

it('each request is told once it is over, those that break off too, with what was found out on the way', async () => {
  const told: RequestEntry[] = [];
  await withServer({ onRequest: (entry) => told.push({ ...entry }) }, async (server) => {
    const client = clientOf(server);
    await client.upload('/upload', [{ name: 'x' }, { file: 'x' }]);
    server.server.faults.next('upload', { kind: 'lost-answer' });
    await expect(client.upload('/upload', [{ name: 'y' }, { file: 'y' }])).rejects.toThrow();
    server.server.faults.next('list', { kind: 'drop' });
    await expect(client.get('/files')).rejects.toThrow();
  });
  expect(told.sort((a, b) => a.seq - b.seq)).toMatchObject([
    { label: 'upload', path: '/x', status: 200 },
    { label: 'upload', path: '/y', fault: 'lost-answer' },
    { label: 'list', fault: 'drop' },
  ]);
});

it('latency is waited for by the clock of the server', () => {
  const clock = manualClock();
  return withServer({ clock, faults: { latencyMs: 250 } }, async (server) => {
    await clientOf(server).get('/files');
    expect(clock.slept).toEqual([250]);
  });
});
