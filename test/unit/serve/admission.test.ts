import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startTestServer, TEST_KEY, withServer } from '../../support/server.ts';
import { clientOf, manualClock } from './client.ts';

describe('keys', () => {
  const without = { 'x-api-key': '' };

  it('are asked for, in either header', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      const status = async (headers: Record<string, string>) =>
        (await client.ask('GET', { path: '/files', headers: { ...without, ...headers } })).status;
      expect(await status({})).toBe(401);
      expect(await status({ 'x-api-key': 'rt_test_wrong' })).toBe(401);
      expect(await status({ 'x-api-key': TEST_KEY })).toBe(200);
      server.server.behaviour.auth = 'bearer';
      expect(await status({ 'x-api-key': TEST_KEY })).toBe(401);
      expect(await status({ authorization: `Bearer ${TEST_KEY}` })).toBe(200);
      server.server.behaviour.auth = 'x-api-key';
      expect(await status({ authorization: `Bearer ${TEST_KEY}` })).toBe(401);
    }));

  it('may be sent as a bearer while an unknown one stands in the other header only if that is not read', () =>
    withServer({ behaviour: { auth: 'bearer' } }, async (server) => {
      const headers = { 'x-api-key': 'rt_test_wrong', authorization: `Bearer ${TEST_KEY}` };
      expect((await clientOf(server).ask('GET', { path: '/files', headers })).status).toBe(200);
    }));

  it('allow what their scopes say', async () => {
    const scopes = {
      'files:read': [200, 403],
      'files:write': [403, 200],
      'files:*': [200, 200],
      '*': [200, 200],
    } as const;
    for (const [scope, expected] of Object.entries(scopes)) {
      const keys = [{ key: TEST_KEY, scopes: [scope as keyof typeof scopes] }];
      await withServer({ keys }, async (server) => {
        const client = clientOf(server);
        const read = (await client.get('/files')).status;
        const write = (await client.post('/files', { name: 'd', type: 'folder' })).status;
        expect([scope, read, write]).toEqual([scope, ...expected]);
      });
    }
  });

  it('are not needed when the server is open, and a server that is neither is refused', async () => {
    await withServer({ keys: [], open: true }, async (server) => {
      expect((await clientOf(server).ask('GET', { path: '/files', headers: without })).status).toBe(200);
    });
    await expect(startTestServer({ keys: [] })).rejects.toMatchObject({ code: 'usage' });
  });

  it('are logged by name, never by value', () =>
    withServer({ keys: [{ key: TEST_KEY, name: 'laptop' }] }, async (server) => {
      await clientOf(server).get('/files');
      expect(server.server.requests.entries()).toMatchObject([{ key: 'laptop' }]);
      expect(JSON.stringify(server.server.requests.entries())).not.toContain(TEST_KEY);
    }));
});

describe('the rate', () => {
  const start = Date.UTC(2030, 0, 1);

  it('is limited in every window, not only in those that begin on the minute', () => {
    const clock = manualClock(start);
    return withServer({ clock, rateLimit: 3 }, async (server) => {
      const status = async () => (await clientOf(server).get('/files')).status;
      expect(await status()).toBe(200);
      clock.advance(50_000);
      expect([await status(), await status(), await status()]).toEqual([200, 200, 429]);
      clock.advance(9_999);
      expect(await status()).toBe(429);
      clock.advance(1);
      expect([await status(), await status()]).toEqual([200, 429]);
    });
  });

  it('is told in headers, with the second in which there is room again', () => {
    const clock = manualClock(start);
    return withServer({ clock, rateLimit: 'free' }, async (server) => {
      const { headers } = await clientOf(server).get('/files');
      expect(headers['x-ratelimit-limit']).toBe('60');
      expect(headers['x-ratelimit-remaining']).toBe('59');
      expect(headers['x-ratelimit-reset']).toBe(String(start / 1000 + 60));
    });
  });

  it('may be kept to itself, or told wrong, with or without Retry-After', () => {
    const clock = manualClock(start);
    return withServer({ clock, rateLimit: 1, windowMs: 5000 }, async (server) => {
      const client = clientOf(server);
      await client.get('/files');
      clock.advance(1500);
      const plain = await client.get('/files');
      expect([plain.status, plain.headers['retry-after'], plain.headers['x-ratelimit-remaining']]).toEqual([
        429,
        undefined,
        '0',
      ]);
      Object.assign(server.server.behaviour, { rateHeaders: 'lie', retryAfter: true });
      const lie = await client.get('/files');
      expect([lie.headers['retry-after'], lie.headers['x-ratelimit-remaining']]).toEqual(['4', '1']);
      server.server.behaviour.rateHeaders = 'none';
      expect((await client.get('/files')).headers).not.toHaveProperty('x-ratelimit-limit');
    });
  });

  it('is counted for each key, and not for requests without one', () =>
    withServer({ clock: manualClock(), rateLimit: 1, keys: [{ key: 'a' }, { key: 'b' }] }, async (server) => {
      const client = clientOf(server);
      const status = async (key: string) =>
        (await client.ask('GET', { path: '/files', headers: { 'x-api-key': key } })).status;
      expect([await status('c'), await status('a'), await status('a'), await status('b')]).toEqual([
        401, 200, 429, 200,
      ]);
    }));
});

describe('a full storage', () => {
  it('refuses what grows, and still reads, moves and deletes', () =>
    withServer({ quotaBytes: 10 }, async (server) => {
      await writeFile(join(server.folder, 'ten'), '0123456789');
      const client = clientOf(server);
      expect((await client.get('/info')).body).toEqual([{ free: 0, total: 10, used: 10 }]);
      const upload = await client.upload('/upload', [{ name: 'x' }, { file: '' }]);
      expect([upload.status, upload.body]).toMatchObject([
        507,
        { error: { code: 'storage_quota_exceeded' } },
      ]);
      expect((await client.post('/files', { name: 'f', type: 'file' })).status).toBe(507);
      await client.post('/files', { name: 'd', type: 'folder' });
      expect((await client.put('/files', { operation: 'copy', target: '/d', ids: ['/ten'] })).status).toBe(
        507,
      );
      expect((await client.put('/files', { operation: 'move', target: '/d', ids: ['/ten'] })).status).toBe(
        200,
      );
      expect((await client.get('/direct?id=/d/ten')).status).toBe(200);
      expect((await client.remove('/d/ten')).status).toBe(200);
      expect((await client.upload('/upload', [{ name: 'x' }, { file: '0123456789' }])).status).toBe(200);
    }));

  it('is noticed in the middle of an upload, of which nothing stays', () =>
    withServer(
      { quotaBytes: 1000, behaviour: { quotaError: { status: 402, code: 'pay' } } },
      async (server) => {
        const client = clientOf(server);
        expect((await client.upload('/upload', [{ name: 'x' }, { file: Buffer.alloc(1001) }])).status).toBe(
          402,
        );
        expect(await client.names()).toEqual([]);
      },
    ));

  it('is a pool of all workspaces', () =>
    withServer({ quotaBytes: 10 }, async (server) => {
      const other = await server.server.workspaces.create({ name: 'Other' });
      await writeFile(join(other.folder, 'ten'), '0123456789');
      expect((await clientOf(server).upload('/upload', [{ name: 'x' }, { file: 'x' }])).status).toBe(507);
    }));

  it('is counted as exactly without looking at the disk again', () =>
    withServer({ quotaBytes: 10, usageMaxAgeMs: 1_000_000, clock: manualClock() }, async (server) => {
      const client = clientOf(server);
      const used = async () => ((await client.get('/info')).body as { used: number }[])[0]?.used;
      expect(await used()).toBe(0);
      await client.upload('/upload', [{ name: 'x' }, { file: '12345' }]);
      expect(await used()).toBe(5);
      await client.upload('/upload', [{ name: 'x' }, { file: '123' }]);
      expect(await used()).toBe(3);
      await client.post('/files', { name: 'x', type: 'file' });
      expect(await used()).toBe(0);
      await client.upload('/upload', [{ name: 'y' }, { file: '12345' }]);
      await client.put('/files/y', { operation: 'rename', name: 'x' });
      expect(await used()).toBe(5);
      await client.remove('/x');
      expect(await used()).toBe(0);
    }));
});
