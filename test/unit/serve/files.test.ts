import { mkdir, readFile, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { withServer } from '../../support/server.ts';
import { clientOf } from './client.ts';

const OLD = new Date('2020-02-03T04:05:06.789Z');

describe('lists', () => {
  it('give one level, files with date and size, folders with date and count', () =>
    withServer({}, async (server) => {
      await mkdir(join(server.folder, 'docs/deep'), { recursive: true });
      await writeFile(join(server.folder, 'docs/a.txt'), 'four');
      await utimes(join(server.folder, 'docs/a.txt'), OLD, OLD);
      await utimes(join(server.folder, 'docs/deep'), OLD, OLD);
      const { status, body } = await clientOf(server).get('/files/docs');
      expect(status).toBe(200);
      expect(body).toEqual([
        { id: '/docs/a.txt', value: 'a.txt', type: 'file', date: OLD.toISOString(), size: 4 },
        { id: '/docs/deep', value: 'deep', type: 'folder', date: OLD.toISOString(), lazy: true, count: 0 },
      ]);
    }));

  it('work with and without /v1', () =>
    withServer({}, async (server) => {
      const at = `/workspaces/${server.workspaceId}`;
      const answer = await clientOf(server).ask('GET', { at, path: '/files' });
      expect([answer.status, answer.body]).toEqual([200, []]);
    }));

  it('hold names with a leading dot only when asked for', () =>
    withServer({}, async (server) => {
      await writeFile(join(server.folder, '.env'), '');
      const client = clientOf(server);
      expect((await client.get('/files')).body).toEqual([]);
      expect(await client.names()).toEqual(['.env']);
    }));

  it('hold no symlinks, and no path leads through one', () =>
    withServer({}, async (server) => {
      await writeFile(join(server.data, 'outside'), 'secret');
      await symlink(server.data, join(server.folder, 'link'));
      await symlink(join(server.data, 'outside'), join(server.folder, 'file'));
      const client = clientOf(server);
      expect(await client.names()).toEqual([]);
      expect((await client.get('/files/link')).status).toBe(404);
      expect((await client.get('/direct?id=/link/outside')).status).toBe(404);
      expect((await client.get('/direct?id=/file')).status).toBe(404);
      expect((await client.upload('/upload/link', [{ name: 'x' }, { file: 'x' }])).status).toBe(404);
      expect((await client.upload('/upload', [{ name: 'file' }, { file: 'x' }])).status).toBe(409);
      expect((await client.remove('/link/outside')).status).toBe(200);
      expect(await readFile(join(server.data, 'outside'), 'utf8')).toBe('secret');
    }));

  it('never leave the workspace by dots', () =>
    withServer({}, async (server) => {
      await writeFile(join(server.data, 'outside'), 'secret');
      const client = clientOf(server);
      const tries = [
        '/files/..',
        '/files/%2e%2e',
        '/files/a/../..',
        '/files/..%2f',
        '/direct?id=/../outside',
      ];
      for (const path of [...tries, '/direct?id=..%2Foutside', '/info/..', '/files/.']) {
        expect([path, (await client.get(path)).status]).toEqual([path, 400]);
      }
      expect((await client.put('/files', { operation: 'move', target: '/..', ids: [] })).status).toBe(400);
      expect((await client.remove('/../outside')).status).toBe(400);
      expect((await client.upload('/upload', [{ name: '../up' }, { file: 'x' }])).status).toBe(400);
    }));
});

describe('names', () => {
  const odd = [
    'a b',
    'ü',
    'u\u0308',
    '%41',
    '100%',
    'a+b',
    'a?b#c&d=e',
    'a\\b',
    '"q"',
    ';',
    '\u{1f600}',
    'tab\there',
    '~',
    '[x]',
  ];
  it('come back as they were sent, in paths and in queries', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      for (const name of odd) {
        const made = await client.post('/files', { name, type: 'folder' });
        expect(made.body).toEqual({ result: { id: `/${name}`, name } });
        const code = encodeURIComponent(name);
        const up = await client.upload(`/upload/${code}`, [{ name }, { file: name }]);
        expect(up.body).toEqual({ id: `/${name}/${name}`, name });
        expect(await client.names(`/${code}`)).toEqual([name]);
        expect(
          (await client.get(`/direct?id=${encodeURIComponent(`/${name}/${name}`)}`)).bytes.toString(),
        ).toBe(name);
      }
      expect((await client.names()).sort()).toEqual([...odd].sort());
    }));

  it('may be 255 bytes long and no longer', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      const longest = `${'ü'.repeat(127)}x`;
      expect((await client.post('/files', { name: longest, type: 'file' })).status).toBe(200);
      expect((await client.post('/files', { name: `${longest}x`, type: 'file' })).status).toBe(400);
      expect((await client.upload('/upload', [{ file: 'x', as: 'y'.repeat(256) }])).status).toBe(400);
    }));

  it('that hold a slash, a NUL or broken encoding are refused', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      for (const name of ['', '.', '..', 'a/b', 'a\0b', '\ud800']) {
        expect((await client.post('/files', { name, type: 'file' })).status).toBe(400);
      }
      expect((await client.get('/files/%FF')).status).toBe(400);
      expect((await client.get('/files/a%00b')).status).toBe(400);
      expect(await client.names()).toEqual([]);
    }));
});

describe('moves and copies', () => {
  it('rename in place and keep the date', () =>
    withServer({}, async (server) => {
      await writeFile(join(server.folder, 'a'), 'A');
      await utimes(join(server.folder, 'a'), OLD, OLD);
      const client = clientOf(server);
      const answer = await client.put('/files/a', { operation: 'rename', name: 'b' });
      expect(answer.body).toEqual({ result: [{ id: '/b', name: 'b' }] });
      expect((await client.get('/files')).body).toMatchObject([{ id: '/b', date: OLD.toISOString() }]);
    }));

  it('move a batch from many folders, whole folders as one', () =>
    withServer({}, async (server) => {
      await mkdir(join(server.folder, 'from/sub'), { recursive: true });
      await mkdir(join(server.folder, 'to'));
      await writeFile(join(server.folder, 'from/sub/x'), 'X');
      await writeFile(join(server.folder, 'y'), 'Y');
      const client = clientOf(server);
      const answer = await client.put('/files', {
        operation: 'move',
        target: '/to',
        ids: ['/from/sub', '/y'],
      });
      expect(answer.body).toEqual({
        result: [
          { id: '/to/sub', name: 'sub' },
          { id: '/to/y', name: 'y' },
        ],
      });
      expect(await client.names('/to')).toEqual(['sub', 'y']);
      expect(await readFile(join(server.folder, 'to/sub/x'), 'utf8')).toBe('X');
      expect(await client.names('/from')).toEqual([]);
    }));

  it('copy with a new date and leave the old', () =>
    withServer({}, async (server) => {
      await mkdir(join(server.folder, 'dir/deep'), { recursive: true });
      await writeFile(join(server.folder, 'dir/deep/x'), 'X');
      await utimes(join(server.folder, 'dir/deep/x'), OLD, OLD);
      await mkdir(join(server.folder, 'to'));
      const client = clientOf(server);
      expect((await client.put('/files/dir', { operation: 'copy', target: '/to' })).status).toBe(200);
      expect(await readFile(join(server.folder, 'to/dir/deep/x'), 'utf8')).toBe('X');
      expect((await stat(join(server.folder, 'to/dir/deep/x'))).mtimeMs).toBeGreaterThan(OLD.getTime());
      expect((await stat(join(server.folder, 'dir/deep/x'))).mtimeMs).toBe(OLD.getTime());
    }));

  it('refuse a folder into itself, a missing target, the root', () =>
    withServer({}, async (server) => {
      await mkdir(join(server.folder, 'dir/sub'), { recursive: true });
      const client = clientOf(server);
      for (const operation of ['move', 'copy']) {
        expect((await client.put('/files', { operation, target: '/dir/sub', ids: ['/dir'] })).status).toBe(
          400,
        );
        expect((await client.put('/files', { operation, target: '/none', ids: ['/dir'] })).status).toBe(404);
        expect((await client.put('/files', { operation, target: '/dir', ids: ['/'] })).status).toBe(400);
      }
      expect(await client.names('/dir/sub')).toEqual([]);
      expect(await client.names()).toEqual(['dir']);
    }));

  it('take at most 250 ids a request, and so do deletes', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      const ids = Array.from({ length: 251 }, (_, index) => `/${index}`);
      expect((await client.put('/files', { operation: 'move', target: '/', ids })).status).toBe(400);
      expect((await client.remove(...ids)).status).toBe(400);
      expect((await client.remove(...ids.slice(1))).status).toBe(200);
    }));
});

describe('deletes', () => {
  it('are recursive, hidden files included', () =>
    withServer({}, async (server) => {
      await mkdir(join(server.folder, 'dir/.git'), { recursive: true });
      await writeFile(join(server.folder, 'dir/.git/config'), '');
      const client = clientOf(server);
      expect((await client.remove('/dir')).status).toBe(200);
      expect(await client.names()).toEqual([]);
    }));

  it('of the root empty the workspace and are counted as such', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      for (const id of ['/', '']) {
        await writeFile(join(server.folder, 'a'), '');
        expect((await client.remove(id)).status).toBe(200);
        expect(await client.names()).toEqual([]);
      }
      expect(server.server.requests.counts()).toMatchObject({ rootDelete: 2 });
      expect(server.server.requests.counts()).not.toHaveProperty('remove');
    }));

  it('need a Content-Length', () =>
    withServer({}, async (server) => {
      await writeFile(join(server.folder, 'a'), '');
      const client = clientOf(server);
      const headers = { 'transfer-encoding': 'chunked' };
      expect((await client.ask('DELETE', { path: '/files', json: { ids: ['/a'] }, headers })).status).toBe(
        411,
      );
      expect(await client.names()).toEqual(['a']);
    }));
});

describe('info', () => {
  it('sums up a path and the whole storage', () =>
    withServer({}, async (server) => {
      await mkdir(join(server.folder, 'a/b'), { recursive: true });
      await writeFile(join(server.folder, 'a/one'), '1');
      await writeFile(join(server.folder, 'a/b/two'), '22');
      await server.server.workspaces.create({ name: 'Second' });
      await writeFile(join(server.data, 'second/three'), '333');
      const client = clientOf(server);
      expect((await client.get('/info/a')).body).toEqual({ Size: 3, Count: 2 });
      expect((await client.get('/info')).body).toEqual([{ free: -1, total: -1, used: 6 }]);
      expect((await client.get('/info/none')).status).toBe(404);
    }));
});

describe('downloads', () => {
  it('give the bytes of small, large and empty files with their length', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      for (const size of [0, 1, 65_536, 65_537, 3_000_000]) {
        const content = Buffer.alloc(size, 'rtsync');
        await writeFile(join(server.folder, 'f'), content);
        const answer = await client.get('/direct?id=/f&download=true');
        expect(answer.headers['content-length']).toBe(String(size));
        expect(answer.headers['content-disposition']).toBe("attachment; filename*=UTF-8''f");
        expect(answer.bytes.equals(content)).toBe(true);
      }
    }));

  it('give a part where one is asked for and that is not switched off', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      const content = Buffer.alloc(200_000, 'rtsync');
      await writeFile(join(server.folder, 'f'), content);
      const part = (range: string) => client.ask('GET', { path: '/direct?id=/f', headers: { range } });
      const given: readonly (readonly [string, number, number])[] = [
        ['bytes=7-', 7, 200_000],
        ['bytes=0-0', 0, 1],
        ['bytes=199990-999999', 199_990, 200_000],
        ['bytes=-10', 199_990, 200_000],
      ];
      for (const [range, start, end] of given) {
        const { status, headers, bytes } = await part(range);
        expect([status, headers['content-range']]).toEqual([206, `bytes ${start}-${end - 1}/200000`]);
        expect(bytes.equals(content.subarray(start, end))).toBe(true);
      }
      expect((await part('bytes=200000-')).status).toBe(416);
      for (const range of ['bytes=1-2,5-6', 'lines=1-2', 'bytes=-'])
        expect((await part(range)).status).toBe(200);
      server.server.behaviour.ranges = 'ignored';
      expect((await part('bytes=7-')).bytes.equals(content)).toBe(true);
    }));

  it('break off when the file shrinks meanwhile', () =>
    withServer({}, async (server) => {
      const path = join(server.folder, 'big');
      await writeFile(path, '');
      // Far more than the buffers of a connection hold, so that most of it is not read yet.
      await truncate(path, 500_000_000);
      const headers = { 'x-api-key': server.key };
      // On a connection that closes anyway, a short answer would break off by itself.
      const agent = new Agent({ keepAlive: true });
      const url = `${server.origin}/v1/workspaces/${server.workspaceId}/direct?id=/big`;
      const incoming = await new Promise<IncomingMessage>((resolve) => {
        request(url, { headers, agent }, resolve).end();
      });
      await truncate(path, 0);
      await expect(finished(incoming.resume())).rejects.toThrow();
      agent.destroy();
    }));

  it('of nothing, of a folder, and without an id are errors', () =>
    withServer({}, async (server) => {
      await mkdir(join(server.folder, 'dir'));
      const client = clientOf(server);
      expect((await client.get('/direct?id=/none')).status).toBe(404);
      expect((await client.get('/direct?id=/dir')).status).toBe(400);
      expect((await client.get('/direct')).status).toBe(400);
    }));
});
