/** The orchestrator: the endpoints of the workspaces themselves. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ApiError, badRequest, pageOf } from './answers.ts';
import { decode } from './files.ts';
import type { Workspace } from './registry.ts';
import { type Handler, query, type Service, workspaceOf } from './service.ts';

const newWorkspace = z.object({ name: z.string().trim().min(1), slug: z.string().optional() });
const newName = z.object({ name: z.string().trim().min(1) });

export function addWorkspaceRoutes(app: FastifyInstance, service: Service): void {
  const any = (label: 'workspaces' | 'workspace' | 'usage') => ({ config: { label, need: 'any' } }) as const;
  const write = (label: 'createWorkspace' | 'renameWorkspace' | 'deleteWorkspace') =>
    ({ config: { label, need: 'files:write' } }) as const;
  app.get('/workspaces', any('workspaces'), list(service));
  app.post('/workspaces', write('createWorkspace'), create(service));
  app.get('/workspaces/:workspace', any('workspace'), get(service));
  app.get('/workspaces/:workspace/usage', any('usage'), usage(service));
  app.patch('/workspaces/:workspace', write('renameWorkspace'), rename(service));
  app.delete('/workspaces/:workspace', write('deleteWorkspace'), remove(service));
}

function list(service: Service): Handler {
  return async (request) => {
    const all = await service.registry.list();
    const { page, meta } = pageOf(all, pageSize(service, request), query(request, 'cursor'));
    const usedBytes = await service.used();
    const unlimited = service.quotaBytes === undefined;
    const data = {
      workspaces: await Promise.all(page.map((workspace) => present(service, workspace))),
      storage: { usedBytes, quotaBytes: service.quotaBytes ?? -1, unlimited },
    };
    // One set of pages has the paging fields in `meta`, another at top level.
    if (service.behaviour.dialect === 'alternative')
      return { data, ...meta, meta: { requestId: request.id } };
    return { data, meta: { requestId: request.id, ...meta } };
  };
}

function pageSize(service: Service, request: FastifyRequest): number {
  const most = service.behaviour.pageSize ?? Number.MAX_SAFE_INTEGER;
  const asked = query(request, 'limit');
  if (asked === undefined) return most;
  const limit = Number(asked);
  if (!Number.isInteger(limit) || limit < 1) throw badRequest('the limit must be a positive number');
  return Math.min(limit, most);
}

function create(service: Service): Handler {
  return async (request, reply) => {
    const workspace = await service.registry.create(decode(newWorkspace, request.body));
    reply.code(201);
    return answer(request, await present(service, workspace));
  };
}

function get(service: Service): Handler {
  return async (request) => answer(request, await present(service, workspaceOf(service, request)));
}

function rename(service: Service): Handler {
  return async (request) => {
    const workspace = workspaceOf(service, request);
    await service.registry.rename(workspace, decode(newName, request.body).name);
    return answer(request, await present(service, workspace));
  };
}

function usage(service: Service): Handler {
  return async (request) => {
    const workspace = workspaceOf(service, request);
    const mounted = workspace.mounts.length;
    return answer(request, {
      workspaceId: workspace.id,
      workspaceName: workspace.name,
      inUse: mounted > 0,
      counts: { mountedSandboxes: mounted, installableAgents: 0, customAgents: 0 },
      mountedSandboxes: workspace.mounts,
      installableAgents: [],
      customAgents: [],
    });
  };
}

function remove(service: Service): Handler {
  return async (request) => {
    const workspace = workspaceOf(service, request);
    if (workspace.isPersonal)
      throw new ApiError(400, 'PERSONAL_WORKSPACE', 'A personal workspace cannot be deleted.');
    if (workspace.mounts.length > 0 && query(request, 'force') !== 'true') {
      throw new ApiError(409, 'WORKSPACE_IN_USE', 'The workspace is mounted in a sandbox.');
    }
    await service.registry.remove(workspace);
    return answer(request, { id: workspace.id, deleted: true });
  };
}

async function present(service: Service, workspace: Workspace): Promise<unknown> {
  const { id, slug, name, createdAt, updatedAt, lastAccessedAt, isPersonal } = workspace;
  return {
    ...{ id, slug, name },
    sizeBytes: await service.shelf(workspace).used(),
    quotaBytes: service.quotaBytes ?? -1,
    ...{ createdAt, updatedAt, lastAccessedAt, isPersonal },
    ...{ ownerUserId: null, ownerDisplayName: null, ownerEmail: null },
  };
}

function answer(request: FastifyRequest, data: unknown): unknown {
  return { data, meta: { requestId: request.id } };
}
