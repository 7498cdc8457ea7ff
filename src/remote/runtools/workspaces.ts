/** The orchestrator's workspaces: what they are called, how full they are, who uses them. It knows no file. */
import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import { RtsyncError } from '../../lib/errors.ts';
import type { Gate } from '../../lib/gate.ts';
import { editDistance } from '../../lib/nearest.ts';
import { type Http, type Method, parseOrigin } from '../http.ts';
import { type AuthStyle, checkedKey, createCaller } from './call.ts';
import { unwrap, WireFault } from './wire.ts';

const workspaceSchema = z.looseObject({
  id: z.string().min(1),
  slug: z
    .string()
    .nullish()
    .transform((slug) => slug ?? undefined),
  name: z
    .string()
    .nullish()
    .transform((name) => name ?? ''),
  sizeBytes: z.number().nullish(),
  quotaBytes: z.number().nullish(),
  createdAt: z.string().nullish(),
  updatedAt: z.string().nullish(),
  lastAccessedAt: z.string().nullish(),
  isPersonal: z.boolean().nullish(),
  ownerDisplayName: z.string().nullish(),
});
export type Workspace = z.infer<typeof workspaceSchema>;

const storageSchema = z.looseObject({
  usedBytes: z.number(),
  quotaBytes: z.number().nullish(),
  unlimited: z.boolean().nullish(),
});
const listSchema = z.looseObject({ workspaces: z.array(workspaceSchema), storage: storageSchema.nullish() });
const pageSchema = z.looseObject({ hasMore: z.boolean().nullish(), nextCursor: z.string().nullish() });

const usageSchema = z.looseObject({
  workspaceId: z.string().nullish(),
  workspaceName: z.string().nullish(),
  inUse: z.boolean(),
  mountedSandboxes: z
    .array(
      z.looseObject({
        sandboxId: z.string(),
        sandboxName: z.string().nullish(),
        sandboxStatus: z.string().nullish(),
        mountPath: z.string().nullish(),
        readOnly: z.boolean().nullish(),
      }),
    )
    .default([]),
  installableAgents: z.array(z.unknown()).default([]),
  customAgents: z.array(z.unknown()).default([]),
});
export type WorkspaceUsage = z.infer<typeof usageSchema>;

export interface WorkspaceList {
  readonly workspaces: readonly Workspace[];
  readonly storage: z.infer<typeof storageSchema> | undefined;
}

export interface Workspaces {
  list(signal?: AbortSignal): Promise<WorkspaceList>;
  get(id: string, signal?: AbortSignal): Promise<Workspace>;
  usage(id: string, signal?: AbortSignal): Promise<WorkspaceUsage>;
  create(name: string, slug?: string, signal?: AbortSignal): Promise<Workspace>;
  rename(id: string, name: string, signal?: AbortSignal): Promise<void>;
  /** Throws `taken` while it is in use, unless forced. */
  delete(id: string, force: boolean, signal?: AbortSignal): Promise<void>;
  /** The workspace that an id, slug or name means. Throws `no-workspace`, naming what comes near. */
  resolve(text: string, signal?: AbortSignal): Promise<Workspace>;
}

export interface WorkspacesOptions {
  readonly http: Http;
  readonly gate: Gate;
  readonly clock: Clock;
  /** Orchestrator, with or without `/v1`. */
  readonly origin: string;
  readonly key: string;
  readonly auth?: AuthStyle;
  readonly authFixed?: boolean;
}

export function createWorkspaces(options: WorkspacesOptions): Workspaces {
  const caller = createCaller({
    ...options,
    origin: parseOrigin(options.origin),
    key: checkedKey(options.key),
  });
  const call = (
    method: Method,
    path: string,
    what: string,
    extra: { json?: unknown; signal?: AbortSignal | undefined } = {},
  ) => ({
    method,
    path: `/v1/workspaces${path}`,
    what,
    ticket: { lane: 'control', label: 'workspace', growth: false } as const,
    ...(method === 'GET' ? { retries: 2 } : {}),
    ...extra,
  });
  const at = (id: string): string => `/${encodeURIComponent(id)}`;

  const list = async (signal?: AbortSignal): Promise<WorkspaceList> => {
    const all: Workspace[] = [];
    let storage: WorkspaceList['storage'];
    const cursors = new Set<string>();
    for (let query = ''; ; ) {
      const page = await caller.ask(call('GET', query, 'list of workspaces', { signal }), decodePage);
      all.push(...page.workspaces);
      storage ??= page.storage ?? undefined;
      if (page.cursor === undefined || cursors.has(page.cursor)) return { workspaces: all, storage };
      cursors.add(page.cursor);
      query = `?cursor=${encodeURIComponent(page.cursor)}`;
    }
  };

  return {
    list,
    get: (id, signal) =>
      caller.ask(call('GET', at(id), 'workspace', { signal }), decoder(workspaceSchema, 'a workspace')),
    usage: (id, signal) =>
      caller.ask(
        call('GET', `${at(id)}/usage`, 'use of the workspace', { signal }),
        decoder(usageSchema, 'the use of a workspace'),
      ),
    create: (name, slug, signal) =>
      caller.ask(
        call('POST', '', `new workspace ${JSON.stringify(name)}`, {
          json: { name, ...(slug === undefined ? {} : { slug }) },
          signal,
        }),
        decoder(workspaceSchema, 'a workspace'),
      ),
    rename: async (id, name, signal) => {
      await caller.send(call('PATCH', at(id), 'rename of the workspace', { json: { name }, signal }));
    },
    delete: async (id, force, signal) => {
      await caller.send(
        call('DELETE', `${at(id)}${force ? '?force=true' : ''}`, 'delete of the workspace', { signal }),
      );
    },
    resolve: async (text, signal) => pick(text, (await list(signal)).workspaces),
  };
}

/** For people. */
export function workspaceName({ id, slug, name }: Workspace): string {
  return slug ?? (name === '' ? id : name);
}

/** An id beats a slug, a slug a name; a name that several have means none. */
export function pick(text: string, workspaces: readonly Workspace[]): Workspace {
  const exact = workspaces.find(({ id }) => id === text) ?? workspaces.find(({ slug }) => slug === text);
  if (exact !== undefined) return exact;
  const folded = text.toLowerCase();
  for (const same of [(name: string) => name === text, (name: string) => name.toLowerCase() === folded]) {
    const named = workspaces.filter(({ name }) => same(name));
    if (named.length === 1 && named[0] !== undefined) return named[0];
    if (named.length > 1) {
      const ids = named.map(({ id, slug }) => slug ?? id).join(', ');
      throw new RtsyncError(
        'no-workspace',
        `${named.length} workspaces are called ${JSON.stringify(text)}; name one by its slug or id: ${ids}`,
      );
    }
  }
  const near = nearest(folded, workspaces);
  const hint =
    near.length > 0
      ? `; did you mean ${near.join(' or ')}?`
      : workspaces.length === 0
        ? '; the key sees no workspace at all'
        : '';
  throw new RtsyncError('no-workspace', `there is no workspace ${JSON.stringify(text)}${hint}`);
}

function nearest(folded: string, workspaces: readonly Workspace[]): string[] {
  const most = Math.max(1, Math.floor(folded.length / 3));
  return workspaces
    .map((workspace) => {
      const { slug, name } = workspace;
      const label = workspaceName(workspace);
      const all = [slug, name]
        .filter((known) => known !== undefined && known !== '')
        .map((known) => String(known).toLowerCase());
      const inside = folded.length > 2 && all.some((known) => known.includes(folded));
      return {
        label,
        far: inside
          ? 0
          : Math.min(Number.POSITIVE_INFINITY, ...all.map((known) => editDistance(known, folded))),
      };
    })
    .filter(({ far }) => far <= most)
    .sort((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ label }) => JSON.stringify(label));
}

function decodePage(json: unknown): z.infer<typeof listSchema> & { cursor: string | undefined } {
  const told = unwrap(json);
  const found = listSchema.safeParse(Array.isArray(told) ? { workspaces: told } : told);
  if (!found.success) throw new WireFault('it is not a list of workspaces');
  const meta = z.looseObject({ meta: pageSchema.nullish() }).and(pageSchema).safeParse(json);
  const page = meta.success ? (meta.data.meta ?? meta.data) : undefined;
  return { ...found.data, cursor: page?.hasMore === false ? undefined : (page?.nextCursor ?? undefined) };
}

function decoder<T>(schema: z.ZodType<T>, what: string): (json: unknown) => T {
  return (json) => {
    const found = schema.safeParse(unwrap(json));
    if (!found.success) throw new WireFault(`it is not ${what}`);
    return found.data;
  };
}
