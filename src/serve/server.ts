/**
 * A server that speaks the RunTools protocol over plain folders: for syncing one's own machines without the cloud, for
 * the demo, and for the tests, which need one that can play every behaviour the protocol leaves open. It must not know
 * the client: nothing of `remote/` is used here, so that a wrong belief of one side is not shared by the other. Whoever
 * edits a served folder directly is what a sandbox mount is to the real service.
 */
import multipart from '@fastify/multipart';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { systemClock } from '../lib/clock.ts';
import { RtsyncError } from '../lib/errors.ts';
import { createKeyRing, createRateLimiter } from './admission.ts';
import { badRequest, errorAnswer } from './answers.ts';
import { type Behaviour, defaultBehaviour } from './behaviour.ts';
import { createFaults, type Faults } from './faults.ts';
import { addFileRoutes } from './files.ts';
import { addHooks } from './hooks.ts';
import { createLog, type RequestLog } from './log.ts';
import type { ServeOptions } from './options.ts';
import { type Mount, openRegistry, type Registry } from './registry.ts';
import { createShelves, type Service } from './service.ts';
import { addWorkspaceRoutes } from './workspaces.ts';

export interface WorkspaceInfo {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  /** Real path on this disk. */
  readonly folder: string;
}

export interface Workspaces {
  list(): Promise<readonly WorkspaceInfo[]>;
  /** Throws a RangeError for one that does not exist. */
  get(idOrSlug: string): WorkspaceInfo;
  create(wanted: { readonly name: string; readonly slug?: string }): Promise<WorkspaceInfo>;
  /** What the workspace's usage shall tell of sandboxes; none makes it unused again. */
  mount(idOrSlug: string, mounts: readonly Partial<Mount>[]): void;
}

export interface RunningServer {
  /** Such as `http://127.0.0.1:4711`. Both services answer there, with and without `/v1`. */
  readonly origin: string;
  readonly port: number;
  readonly requests: RequestLog;
  readonly faults: Faults;
  /** May be changed while the server runs. */
  readonly behaviour: Behaviour;
  readonly workspaces: Workspaces;
  /** Breaks all connections and waits until nothing is written any more. */
  close(): Promise<void>;
}

const JSON_LIMIT = 8 * 1024 * 1024;

export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const service = await createService(options);
  const app = Fastify({
    logger: false,
    bodyLimit: JSON_LIMIT,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    // Longer than clients keep idle connections, so that a server's close never meets a client's next request.
    keepAliveTimeout: 120_000,
    requestTimeout: 0,
    routerOptions: { maxParamLength: 65_536 },
    frameworkErrors: (error, request, reply) => {
      const answer = errorAnswer(service.behaviour.errorShape, badRequest(error.message), request.id);
      (reply as FastifyReply).code(400).type(answer.type).send(answer.body);
    },
  });
  const idle = addHooks(app, service);
  // The size of a file is limited by the upload itself, which knows the right answer.
  await app.register(multipart, {
    preservePath: true,
    limits: { fileSize: Number.POSITIVE_INFINITY, fields: 16 },
  });
  for (const prefix of ['', '/v1']) {
    await app.register(
      async (part) => {
        addWorkspaceRoutes(part, service);
        addFileRoutes(part, service);
      },
      { prefix },
    );
  }
  const { host = '127.0.0.1', port = 0 } = options;
  const bound = await listen(app, host, port);
  return {
    origin: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    requests: service.requests,
    faults: service.faults,
    behaviour: service.behaviour,
    workspaces: workspacesOf(service.registry),
    async close() {
      await app.close();
      await idle();
    },
  };
}

async function createService(options: ServeOptions): Promise<Service> {
  const clock = options.clock ?? systemClock();
  const behaviour: Behaviour = { ...defaultBehaviour(), ...options.behaviour };
  const keys = createKeyRing(options.keys ?? [], options.open ?? false);
  const { quotaBytes } = options;
  const registry = await openRegistry({ data: options.data, workspaces: options.workspaces ?? [], clock });
  const stampByClock = options.clock !== undefined;
  const usageMaxAgeMs = options.usageMaxAgeMs ?? 1000;
  return {
    ...{ clock, behaviour, registry, quotaBytes, keys },
    ...createShelves({ clock, stampByClock, behaviour, registry, quotaBytes, usageMaxAgeMs }),
    requests: createLog(options.logLimit ?? 100_000),
    onRequest: options.onRequest,
    faults: createFaults(options.faults ?? {}),
    limiter: createRateLimiter(options.rateLimit, options.windowMs ?? 60_000, () => clock.monotonic()),
    uploadLimitBytes: options.uploadLimitBytes ?? 100_000_000,
  };
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RtsyncError('config', { message: `Cannot listen on ${host} port ${port}: ${why}.`, cause });
  }
  const address = app.server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

function workspacesOf(registry: Registry): Workspaces {
  const find = (idOrSlug: string) => {
    const workspace = registry.find(idOrSlug, true);
    if (workspace === undefined) throw new RangeError(`no workspace ${idOrSlug}`);
    return workspace;
  };
  return {
    list: () => registry.list(),
    get: find,
    create: (wanted) => registry.create(wanted),
    mount(idOrSlug, mounts) {
      find(idOrSlug).mounts = mounts.map((mount, index) => ({
        sandboxId: `sandbox-${index + 1}`,
        sandboxName: `sandbox ${index + 1}`,
        sandboxStatus: 'running',
        mountPath: '/workspace',
        readOnly: false,
        ...mount,
      }));
    },
  };
}
