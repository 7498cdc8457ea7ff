import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startServer } from '../../../src/serve/server.ts';
import { TEST_KEY, type TestServer, withServer } from '../../support/server.ts';
import { type Answer, clientOf } from './client.ts';

function orchestrator(server: TestServer) {
  const ask = (method: string) => (path: string, json?: unknown) =>
    clientOf(server).ask(method, { at: '/v1/workspaces', path, ...(json === undefined ? {} : { json }) });
  return { get: ask('GET'), post: ask('POST'), patch: ask('PATCH'), remove: ask('DELETE') };
}

const slugsOf = ({ body }: Answer): string[] =>
  (body as { data: { workspaces: { slug: string }[] } }).data.workspaces.map(({ slug }) => slug);

describe('workspaces', () => {
  it('are listed with the storage they share', () =>
    withServer({ quotaBytes: 100 }, async (server) => {
      await writeFile(join(server.folder, 'x'), 'xyz');
      const { body } = await orchestrator(server).get('');
      expect(body).toEqual({
        data: {
          workspaces: [
            {
              ...{ id: server.workspaceId, slug: 'project', name: 'project', sizeBytes: 3, quotaBytes: 100 },
              ...{ createdAt: expect.any(String), updatedAt: expect.any(String), lastAccessedAt: null },
              ...{ isPersonal: false, ownerUserId: null, ownerDisplayName: null, ownerEmail: null },
            },
          ],
          storage: { usedBytes: 3, quotaBytes: 100, unlimited: false },
        },
        meta: { requestId: expect.any(String), hasMore: false, nextCursor: null },
      });
    }));

  it('come in pages when asked for, or when the server insists', () =>
    withServer({ workspaces: ['a', 'b', 'c'].map((slug) => ({ slug })) }, async (server) => {
      const api = orchestrator(server);
      expect(slugsOf(await api.get('?all=true'))).toEqual(['a', 'b', 'c']);
      const first = await api.get('?limit=2');
      expect(slugsOf(first)).toEqual(['a', 'b']);
      expect(first.body).toMatchObject({ meta: { hasMore: true, nextCursor: '2' } });
      expect(slugsOf(await api.get('?limit=2&cursor=2'))).toEqual(['c']);
      server.server.behaviour.pageSize = 1;
      expect(slugsOf(await api.get('?limit=2'))).toEqual(['a']);
      expect((await api.get('?cursor=x')).status).toBe(400);
      expect((await api.get('?limit=0')).status).toBe(400);
    }));

  it('are created under a free slug', () =>
    withServer({}, async (server) => {
      const api = orchestrator(server);
      const first = await api.post('', { name: 'Übung  1' });
      expect([first.status, first.body]).toMatchObject([
        201,
        { data: { name: 'Übung  1', slug: 'ubung-1' } },
      ]);
      expect((await api.post('', { name: 'Ubung 1' })).body).toMatchObject({ data: { slug: 'ubung-1-2' } });
      expect((await api.post('', { name: 'x', slug: 'project' })).status).toBe(409);
      for (const slug of ['..', 'a/b', '.hidden', 'A'])
        expect((await api.post('', { name: 'x', slug })).status).toBe(400);
      expect((await api.post('', {})).status).toBe(400);
      expect((await readdir(server.data)).sort()).toEqual([
        '.rtsync-serve.json',
        'project',
        'ubung-1',
        'ubung-1-2',
      ]);
    }));

  it('each get a slug of their own when many are created at once', () =>
    withServer({}, async (server) => {
      const api = orchestrator(server);
      await Promise.all(Array.from({ length: 5 }, () => api.post('', { name: 'same' })));
      expect(slugsOf(await api.get(''))).toEqual(['project', 'same', 'same-2', 'same-3', 'same-4', 'same-5']);
      await server.server.close();
      const again = await startServer({ data: server.data, open: true });
      expect(await again.workspaces.list()).toMatchObject(await server.server.workspaces.list());
      await again.close();
    }));

  it('are found by id, and by slug where that is understood', () =>
    withServer({}, async (server) => {
      const api = orchestrator(server);
      expect((await api.get(`/${server.workspaceId}`)).body).toMatchObject({ data: { slug: 'project' } });
      expect((await api.get('/project')).status).toBe(200);
      server.server.behaviour.slugAsId = false;
      expect((await api.get('/project')).status).toBe(404);
    }));

  it('are renamed without changing their slug', () =>
    withServer({}, async (server) => {
      const api = orchestrator(server);
      expect((await api.patch('/project', { name: 'New' })).body).toMatchObject({
        data: { name: 'New', slug: 'project' },
      });
    }));

  it('are not deleted while mounted, unless forced', () =>
    withServer({}, async (server) => {
      const api = orchestrator(server);
      server.server.workspaces.mount('project', [{ sandboxId: 's1', readOnly: true }]);
      expect((await api.get('/project/usage')).body).toMatchObject({
        data: {
          inUse: true,
          counts: { mountedSandboxes: 1 },
          mountedSandboxes: [{ sandboxId: 's1', readOnly: true }],
        },
      });
      const refused = await api.remove('/project');
      expect([refused.status, refused.body]).toMatchObject([409, { error: { code: 'WORKSPACE_IN_USE' } }]);
      expect((await api.remove('/project?force=true')).status).toBe(200);
      expect(await readdir(server.data)).toEqual(['.rtsync-serve.json']);
      expect((await api.get('/project')).status).toBe(404);
    }));

  it('that are personal are never deleted', () =>
    withServer({ workspaces: [{ slug: 'mine', personal: true }] }, async (server) => {
      expect((await orchestrator(server).remove('/mine?force=true')).status).toBe(400);
      expect(await readdir(server.data)).toContain('mine');
    }));

  it('appear for plain folders, also for those made later', () =>
    withServer({}, async (server) => {
      await mkdir(join(server.data, 'later on'));
      await mkdir(join(server.data, '.hidden'));
      await writeFile(join(server.data, 'file'), '');
      const api = orchestrator(server);
      expect(slugsOf(await api.get(''))).toEqual(['later on', 'project']);
      expect((await api.get('/later%20on')).status).toBe(200);
    }));
});

describe('a server that starts again', () => {
  it('knows its workspaces by the same ids and names', () =>
    withServer({}, async (server) => {
      await orchestrator(server).patch('/project', { name: 'New' });
      await server.server.close();
      const again = await startServer({ data: server.data, open: true });
      expect(await again.workspaces.list()).toMatchObject([
        { id: server.workspaceId, slug: 'project', name: 'New' },
      ]);
      await again.close();
    }));

  it('gives an explicit folder the same id without writing anything down', () =>
    withServer({}, async ({ folder }) => {
      const ids = [];
      for (let n = 0; n < 2; n += 1) {
        const server = await startServer({
          workspaces: [{ slug: 'here', folder }],
          keys: [{ key: TEST_KEY }],
        });
        ids.push(server.workspaces.get('here').id);
        await server.close();
      }
      expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(ids[1]).toBe(ids[0]);
      expect(await readdir(folder)).toEqual([]);
    }));

  it('says in one sentence what is wrong', () =>
    withServer({}, async (server) => {
      const options = { open: true, data: server.data };
      await expect(startServer({ open: true })).rejects.toMatchObject({ code: 'usage' });
      await expect(startServer({ ...options, port: server.server.port })).rejects.toMatchObject({
        code: 'config',
      });
      const folder = join(server.data, 'none');
      await expect(startServer({ ...options, workspaces: [{ slug: 'x', folder }] })).rejects.toMatchObject({
        code: 'no-folder',
      });
      await writeFile(join(server.data, '.rtsync-serve.json'), '{');
      await expect(startServer(options)).rejects.toMatchObject({ code: 'config' });
    }));

  it('never deletes a folder that it was only pointed at', () =>
    withServer({}, async (server) => {
      const folder = join(server.data, '.kept');
      await mkdir(folder);
      const other = await startServer({ open: true, workspaces: [{ slug: 'kept', folder }] });
      const answer = await fetch(`${other.origin}/workspaces/kept?force=true`, { method: 'DELETE' });
      expect(answer.status).toBe(403);
      await other.close();
      expect(await readdir(server.data)).toContain('.kept');
    }));
});
