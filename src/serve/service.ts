/** What the routes of a server share. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../lib/clock.ts';
import type { KeyRing, Need, RateLimiter } from './admission.ts';
import { ApiError } from './answers.ts';
import type { Behaviour } from './behaviour.ts';
import type { Fault, FaultPlayer } from './faults.ts';
import type { LogBook, OpenEntry, RequestEntry, RequestLabel } from './log.ts';
import type { Registry, Workspace } from './registry.ts';
import { createShelf, type Shelf } from './shelf.ts';

export interface Service {
  readonly clock: Clock;
  readonly behaviour: Behaviour;
  readonly registry: Registry;
  readonly requests: LogBook;
  readonly onRequest: ((entry: RequestEntry) => void) | undefined;
  readonly faults: FaultPlayer;
  readonly keys: KeyRing;
  readonly limiter: RateLimiter;
  readonly uploadLimitBytes: number;
  readonly quotaBytes: number | undefined;
  shelf(workspace: Workspace): Shelf;
  /** Bytes of all workspaces. */
  used(): Promise<number>;
}

/** What travels with a request from its arrival to its answer. */
export interface Trace {
  readonly entry: OpenEntry;
  fault: Fault | undefined;
  /** The handler's; undefined until it runs. */
  work: Promise<unknown> | undefined;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    label?: RequestLabel;
    need?: Need;
  }
  interface FastifyRequest {
    trace: Trace | undefined;
  }
}

/** The log's entry of a request. */
export function entryOf(request: FastifyRequest): OpenEntry {
  if (request.trace === undefined) throw new Error('a request without a trace');
  return request.trace.entry;
}

export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** The workspace that a URL names. */
export function workspaceOf(service: Service, request: FastifyRequest): Workspace {
  const name = (request.params as { readonly workspace?: string }).workspace ?? '';
  const workspace = service.registry.find(name, service.behaviour.slugAsId);
  if (workspace === undefined) throw new ApiError(404, 'not_found', 'The workspace does not exist.');
  workspace.lastAccessedAt = new Date(service.clock.now()).toISOString();
  return workspace;
}

/** A query value by name; the first of several. */
export function query(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Readonly<Record<string, string | string[] | undefined>>)[name];
  return Array.isArray(value) ? value[0] : value;
}

export interface ShelfSource {
  shelf(workspace: Workspace): Shelf;
  used(): Promise<number>;
}

/** Shelves are kept per workspace, since each holds the lock of its folder. */
export function createShelves(parts: {
  readonly clock: Clock;
  readonly stampByClock: boolean;
  readonly behaviour: Behaviour;
  readonly registry: Registry;
  readonly quotaBytes: number | undefined;
  readonly usageMaxAgeMs: number;
}): ShelfSource {
  const shelves = new WeakMap<Workspace, Shelf>();
  const shelf = (workspace: Workspace): Shelf => {
    const known = shelves.get(workspace);
    if (known !== undefined) return known;
    const made = createShelf({ ...parts, root: workspace.folder, room });
    shelves.set(workspace, made);
    return made;
  };
  const used = async (): Promise<number> => {
    const sums = await Promise.all(parts.registry.known().map((workspace) => shelf(workspace).used()));
    return sums.reduce((sum, bytes) => sum + bytes, 0);
  };
  const room = async (): Promise<number> =>
    parts.quotaBytes === undefined ? Number.POSITIVE_INFINITY : parts.quotaBytes - (await used());
  return { shelf, used };
}
