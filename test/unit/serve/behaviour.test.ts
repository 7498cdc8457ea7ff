import { mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Behaviour, TakenName } from '../../../src/serve/behaviour.ts';
import { type TestServer, withServer } from '../../support/server.ts';
import { type Answer, clientOf, type TestClient } from './client.ts';

type Deed = (client: TestClient) => Promise<Answer>;

/** Each puts "new" (or nothing, for create) at /dir/a.tar.gz, where "old" is. */
const DEEDS: Readonly<Record<string, Deed>> = {
  upload: (client) => client.upload('/upload/dir', [{ name: 'a.tar.gz' }, { file: 'new' }]),
  create: (client) => client.post('/files/dir', { name: 'a.tar.gz', type: 'file' }),
  rename: (client) => client.put('/files/dir/b', { operation: 'rename', name: 'a.tar.gz' }),
  move: (client) => client.put('/files', { operation: 'move', target: '/dir', ids: ['/a.tar.gz'] }),
  copy: (client) => client.put('/files', { operation: 'copy', target: '/dir', ids: ['/a.tar.gz'] }),
};

async function arrange({ folder }: TestServer): Promise<void> {
  await mkdir(join(folder, 'dir'));
  await writeFile(join(folder, 'dir/a.tar.gz'), 'old');
  await writeFile(join(folder, 'dir/b'), 'new');
  await writeFile(join(folder, 'a.tar.gz'), 'new');
}

const read = (server: TestServer, path: string): Promise<string> =>
  readFile(join(server.folder, path), 'utf8');

describe('a taken name', () => {
  for (const growingUploads of [false, true]) {
    for (const [what, deed] of Object.entries(DEEDS)) {
      const content = what === 'create' ? '' : 'new';
      const how = growingUploads ? `${what} (in place)` : what;
      const played = (takenName: TakenName, test: (server: TestServer) => Promise<void>) =>
        withServer({ behaviour: { takenName, growingUploads } }, async (server) => {
          await arrange(server);
          await test(server);
        });

      it(`is overwritten by ${how}`, () =>
        played('overwrite', async (server) => {
          const { status, body } = await deed(clientOf(server));
          expect(status).toBe(200);
          expect(JSON.stringify(body)).toContain('"/dir/a.tar.gz"');
          expect(await read(server, 'dir/a.tar.gz')).toBe(content);
        }));

      it(`is kept by ${how}, which tells the other name`, () =>
        played('rename', async (server) => {
          const client = clientOf(server);
          expect(JSON.stringify((await deed(client)).body)).toContain('"/dir/a.tar.new.gz"');
          expect(await read(server, 'dir/a.tar.gz')).toBe('old');
          expect(await read(server, 'dir/a.tar.new.gz')).toBe(content);
          await writeFile(join(server.folder, 'dir/b'), 'new');
          await writeFile(join(server.folder, 'a.tar.gz'), 'new');
          expect(JSON.stringify((await deed(client)).body)).toContain('"/dir/a.tar.new.new.gz"');
        }));

      it(`is refused to ${how}`, () =>
        played('refuse', async (server) => {
          const { status, body } = await deed(clientOf(server));
          expect([status, body]).toMatchObject([409, { error: { code: 'already_exists' } }]);
          expect(await read(server, 'dir/a.tar.gz')).toBe('old');
        }));
    }
  }

  it('may be treated otherwise by moves than by uploads', () =>
    withServer({ behaviour: { takenName: 'overwrite', takenMove: 'refuse' } }, async (server) => {
      await arrange(server);
      const client = clientOf(server);
      const statuses = [];
      for (const deed of Object.values(DEEDS)) statuses.push((await deed(client)).status);
      expect(statuses).toEqual([200, 200, 409, 409, 409]);
    }));

  it('goes to one of two uploads at once where names are refused', () =>
    withServer({ behaviour: { takenName: 'refuse' } }, async (server) => {
      const client = clientOf(server);
      const both = ['one', 'two'].map((file) => client.upload('/upload', [{ name: 'x' }, { file }]));
      expect((await Promise.all(both)).map(({ status }) => status).sort()).toEqual([200, 409]);
    }));

  it('of a folder is never overwritten by a file, nor a full folder by a folder', () =>
    withServer({}, async (server) => {
      await mkdir(join(server.folder, 'a/b'), { recursive: true });
      await mkdir(join(server.folder, 'b'));
      await writeFile(join(server.folder, 'a/b/x'), 'x');
      await writeFile(join(server.folder, 'f'), 'f');
      const client = clientOf(server);
      expect((await client.upload('/upload', [{ name: 'a' }, { file: 'x' }])).status).toBe(409);
      expect((await client.put('/files/f', { operation: 'rename', name: 'a' })).status).toBe(409);
      expect((await client.put('/files/a', { operation: 'rename', name: 'f' })).status).toBe(409);
      expect((await client.put('/files/b', { operation: 'move', target: '/a' })).status).toBe(409);
      expect(await client.names()).toEqual(['a', 'b', 'f']);
    }));

  it('of a folder is fine when made again, or gets a stray twin', () =>
    withServer({}, async (server) => {
      const client = clientOf(server);
      const make = () => client.post('/files', { name: 'd', type: 'folder' });
      expect([(await make()).body, (await make()).body]).toEqual(
        Array(2).fill({ result: { id: '/d', name: 'd' } }),
      );
      server.server.behaviour.takenFolder = 'stray';
      expect((await make()).body).toEqual({ result: { id: '/d.new', name: 'd.new' } });
      server.server.behaviour.takenFolder = 'fine';
      await writeFile(join(server.folder, 'f'), '');
      expect((await client.post('/files', { name: 'f', type: 'folder' })).status).toBe(409);
    }));
});

/** Runs with one behaviour and a small tree: /dir/sub/x ("xx"), /dir/y ("y"). */
function playing(
  behaviour: Partial<Behaviour>,
  test: (client: TestClient, server: TestServer) => Promise<void>,
) {
  return withServer({ behaviour }, async (server) => {
    await mkdir(join(server.folder, 'dir/sub'), { recursive: true });
    await writeFile(join(server.folder, 'dir/sub/x'), 'xx');
    await writeFile(join(server.folder, 'dir/y'), 'y');
    await test(clientOf(server), server);
  });
}

describe('what is missing', () => {
  it('as a parent of an upload is an error, or is made', async () => {
    await playing({}, async (client) => {
      expect((await client.upload('/upload/p/q', [{ name: 'x' }, { file: 'x' }])).status).toBe(404);
      expect(await client.names()).toEqual(['dir']);
    });
    await playing({ missingParent: 'created' }, async (client) => {
      const both = ['x', 'y'].map((name) => client.upload('/upload/p/q', [{ name }, { file: 'x' }]));
      expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
      expect(await client.names('/p/q')).toEqual(['x', 'y']);
    });
  });

  it('as a folder lists as 404, as 500 or as empty', async () => {
    await playing({ missingFolder: 404 }, async (client) =>
      expect((await client.get('/files/no')).status).toBe(404),
    );
    await playing({ missingFolder: 500 }, async (client) =>
      expect((await client.get('/files/no')).status).toBe(500),
    );
    await playing({ missingFolder: 'empty' }, async (client) => {
      expect((await client.get('/files/no')).body).toEqual([]);
    });
  });

  it('has the status of this server everywhere else', () =>
    playing({ statusForMissing: 500 }, async (client) => {
      expect((await client.get('/direct?id=/no')).status).toBe(500);
      expect((await client.get('/info/no')).status).toBe(500);
      expect((await client.put('/files/no', { operation: 'rename', name: 'x' })).status).toBe(500);
    }));

  it('can be deleted, or not', async () => {
    await playing({ deleteMissing: 200 }, async (client) =>
      expect((await client.remove('/no')).status).toBe(200),
    );
    await playing({ deleteMissing: 404, statusForMissing: 500 }, async (client) => {
      expect((await client.remove('/no')).status).toBe(404);
    });
  });

  it('stops a batch half-way, or is passed over', async () => {
    const order = { operation: 'move', target: '/', ids: ['/dir/y', '/no', '/dir/sub'] };
    await playing({ badBatch: 'stops' }, async (client) => {
      expect((await client.put('/files', order)).status).toBe(404);
      expect(await client.names()).toEqual(['dir', 'y']);
    });
    await playing({ badBatch: 'skips' }, async (client) => {
      expect((await client.put('/files', order)).body).toMatchObject({
        result: [{ id: '/y' }, { id: '/sub' }],
      });
      expect(await client.names('/dir')).toEqual([]);
    });
    await playing({ deleteMissing: 404, badBatch: 'stops' }, async (client) => {
      expect((await client.remove('/dir/y', '/no', '/dir/sub')).status).toBe(404);
      expect(await client.names('/dir')).toEqual(['sub']);
    });
  });
});

describe('the shape of answers', () => {
  it('may be the other dialect', () =>
    playing({ dialect: 'alternative' }, async (client) => {
      const { body } = await client.get('/files/dir');
      const date = expect.any(String);
      expect(body).toEqual({
        data: [
          { id: '/dir/sub', name: 'sub', type: 'directory', mtime: date, lazy: true, count: 1 },
          { id: '/dir/y', name: 'y', type: 'file', mtime: date, size: 1 },
        ],
      });
      expect((await client.upload('/upload', [{ name: 'x' }, { file: '' }])).body).toEqual({
        data: { id: '/x', name: 'x' },
      });
      expect((await client.post('/files', { name: 'z', type: 'folder' })).body).toMatchObject({
        data: { id: '/z' },
      });
      expect((await client.get('/info/dir')).body).toEqual({ data: { Size: 3, Count: 2 } });
      const list = await client.ask('GET', { at: '/v1', path: '/workspaces' });
      expect(list.body).toMatchObject({ hasMore: false, nextCursor: null, data: { workspaces: [{}] } });
    }));

  it('may say nothing about moves', () =>
    playing({ putAnswer: 'empty' }, async (client) => {
      expect((await client.put('/files/dir/y', { operation: 'rename', name: 'z' })).body).toEqual({});
    }));

  it('has three kinds of errors', async () => {
    await playing({ errorShape: 'envelope' }, async (client) => {
      const error = { code: 'not_found', message: '/no does not exist', requestId: expect.any(String) };
      expect((await client.get('/files/no')).body).toEqual({ error });
    });
    await playing({ errorShape: 'plain-string' }, async (client) => {
      expect((await client.get('/files/no')).body).toEqual({ error: '/no does not exist' });
      expect((await client.get('/files/%zz')).body).toEqual({ error: expect.any(String) });
    });
    await playing({ errorShape: 'text' }, async (client) => {
      const answer = await client.get('/files/no');
      expect(answer.body).toBe('/no does not exist');
      expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    });
  });

  it('may split file lists into pages', () =>
    playing({ filePageSize: 1 }, async (client) => {
      const first = (await client.get('/files/dir')).body;
      expect(first).toMatchObject({ data: [{ id: '/dir/sub' }], meta: { hasMore: true, nextCursor: '1' } });
      const second = (await client.get('/files/dir?cursor=1')).body;
      expect(second).toMatchObject({ data: [{ id: '/dir/y' }], meta: { hasMore: false, nextCursor: null } });
    }));
});

describe('dates and hints', () => {
  const when = new Date('2021-02-03T04:05:06.789Z');
  const dateOf = async (client: TestClient, path = '/files/dir'): Promise<unknown> =>
    ((await client.get(path)).body as { type: string; date: string }[]).find((row) => row.type === 'file')
      ?.date;

  it('may be written in whole seconds without a zone, and by another clock', () =>
    playing({ dateFormat: 'seconds', dateSkewMs: 3_600_000 }, async (client, { folder }) => {
      await utimes(join(folder, 'dir/y'), when, when);
      expect(await dateOf(client)).toBe('2021-02-03 05:05:06');
    }));

  it('may be lost by a move', () =>
    playing({ moveDate: 'new' }, async (client, { folder }) => {
      await utimes(join(folder, 'dir/y'), when, when);
      await client.put('/files/dir/y', { operation: 'rename', name: 'z' });
      expect((await stat(join(folder, 'dir/z'))).mtimeMs).toBeGreaterThan(when.getTime());
    }));

  it('of folders may mean nothing', () =>
    playing({ folderHints: 'meaningless' }, async (client) => {
      expect((await client.get('/files')).body).toMatchObject([
        { date: '1970-01-01T00:00:00.000Z', count: 0 },
      ]);
    }));

  it('of a path may be recursive, shallow, wrong, null or an error', async () => {
    const answers: Record<Behaviour['pathInfo'], unknown> = {
      recursive: { Size: 3, Count: 2 },
      shallow: { Size: 1, Count: 1 },
      wrong: expect.not.objectContaining({ Size: 3 }),
      null: null,
      error: { error: expect.anything() },
    };
    await playing({}, async (client, { server }) => {
      for (const [mode, answer] of Object.entries(answers)) {
        server.behaviour.pathInfo = mode as Behaviour['pathInfo'];
        expect([mode, (await client.get('/info/dir')).body]).toEqual([mode, answer]);
      }
    });
  });

  it('of dot files never come where showHidden is ignored', () =>
    playing({ showHidden: 'ignored' }, async (client, { folder }) => {
      await writeFile(join(folder, '.env'), 'x');
      expect(await client.names()).toEqual(['dir']);
      expect((await client.get('/direct?id=/.env')).bytes.toString()).toBe('x');
    }));
});

describe('paths in URLs', () => {
  it('may have to be one segment', () =>
    playing({ pathEncoding: 'whole' }, async (client) => {
      expect((await client.get('/files/%2Fdir%2Fsub')).body).toMatchObject([{ id: '/dir/sub/x' }]);
      expect((await client.get('/files')).body).toMatchObject([{ id: '/dir' }]);
      expect((await client.get('/files/dir/sub')).status).toBe(400);
      expect((await client.upload('/upload/%2Fdir', [{ name: 'z' }, { file: '' }])).body).toMatchObject({
        id: '/dir/z',
      });
    }));

  it('may have to be many segments', () =>
    playing({ pathEncoding: 'segments' }, async (client) => {
      expect((await client.get('/files/dir/sub')).body).toMatchObject([{ id: '/dir/sub/x' }]);
      expect((await client.get('/files/%2Fdir%2Fsub')).status).toBe(400);
    }));
});

it('a folder may claim to be the largest file there is, and breaks off', () =>
  playing({ folderDownload: 'huge' }, async (client) => {
    await expect(client.get('/direct?id=/dir')).rejects.toThrow();
  }));
