/** The workspaces of a server: which there are, where their folders lie, and what is remembered of them. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, realpath, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { RtsyncError } from '../lib/errors.ts';
import { ApiError } from './answers.ts';
import { type MetaRow, readMeta, subfolders, writeMeta } from './meta.ts';
import type { WorkspaceOption } from './options.ts';
import { checkSlug, freeSlug, isSlug, slugify } from './slugs.ts';
import { createTurns } from './turns.ts';

export interface Mount {
  readonly sandboxId: string;
  readonly sandboxName: string;
  readonly sandboxStatus: string;
  readonly mountPath: string;
  readonly readOnly: boolean;
}

export interface Workspace {
  readonly id: string;
  readonly slug: string;
  name: string;
  readonly createdAt: string;
  updatedAt: string;
  lastAccessedAt: string | null;
  readonly isPersonal: boolean;
  /** Real path. */
  readonly folder: string;
  /** A folder that was named at the start: served, but never deleted. */
  readonly pinned: boolean;
  mounts: readonly Mount[];
}

export interface NewWorkspace {
  readonly name: string;
  readonly slug?: string | undefined;
}

export interface Registry {
  /** In order of their slugs; looks for new subfolders first. */
  list(): Promise<readonly Workspace[]>;
  /** What is known now, without looking at the disk. */
  known(): readonly Workspace[];
  find(idOrSlug: string, slugs: boolean): Workspace | undefined;
  create(wanted: NewWorkspace): Promise<Workspace>;
  rename(workspace: Workspace, name: string): Promise<void>;
  /** Removes the workspace with its folder. */
  remove(workspace: Workspace): Promise<void>;
}

export interface RegistryParts {
  readonly data: string | undefined;
  readonly workspaces: readonly WorkspaceOption[];
  readonly clock: Clock;
}

export async function openRegistry(parts: RegistryParts): Promise<Registry> {
  if (parts.data === undefined && parts.workspaces.length === 0) {
    throw new RtsyncError('usage', 'The server needs a data folder or at least one workspace folder.');
  }
  const data = parts.data === undefined ? undefined : await dataFolder(parts.data);
  const remembered = new Map((await readMeta(data)).map((row) => [row.slug, row]));
  const book: Book = { data, clock: parts.clock, remembered, bySlug: new Map() };
  for (const option of parts.workspaces) add(book, option, await folderOf(option, data));
  await refresh(book);
  await save(book);
  const { bySlug } = book;
  // Two changes at once would write each other's list away.
  const inTurn = createTurns();
  return {
    known: () => [...bySlug.values()],
    async list() {
      await inTurn(() => refresh(book));
      return [...bySlug.values()].sort((a, b) => (a.slug < b.slug ? -1 : 1));
    },
    find(idOrSlug, slugs) {
      const named = slugs ? bySlug.get(idOrSlug) : undefined;
      return named ?? [...bySlug.values()].find((workspace) => workspace.id === idOrSlug);
    },
    create: (wanted) => inTurn(() => create(book, wanted)),
    rename: (workspace, name) =>
      inTurn(() => {
        workspace.name = name;
        workspace.updatedAt = dateNow(book);
        return save(book);
      }),
    remove: (workspace) => inTurn(() => remove(book, workspace)),
  };
}

/** The registry's own state. */
interface Book {
  readonly data: string | undefined;
  readonly clock: Clock;
  /** What is written down, also of workspaces whose folder is away at the moment. */
  readonly remembered: Map<string, MetaRow>;
  readonly bySlug: Map<string, Workspace>;
}

function dateNow(book: Book): string {
  return new Date(book.clock.now()).toISOString();
}

function add(book: Book, option: WorkspaceOption, folder: string): Workspace {
  const row = book.remembered.get(option.slug);
  const date = row?.createdAt ?? dateNow(book);
  const workspace: Workspace = {
    id: row?.id ?? (option.folder === undefined ? randomUUID() : derivedId(folder, option.slug)),
    slug: option.slug,
    name: row?.name ?? option.name ?? option.slug,
    createdAt: date,
    updatedAt: row?.updatedAt ?? date,
    lastAccessedAt: null,
    isPersonal: option.personal ?? row?.isPersonal ?? false,
    folder,
    pinned: option.folder !== undefined,
    mounts: [],
  };
  book.bySlug.set(workspace.slug, workspace);
  return workspace;
}

async function save({ data, remembered, bySlug }: Book): Promise<void> {
  for (const { id, slug, name, createdAt, updatedAt, isPersonal } of bySlug.values()) {
    remembered.set(slug, { id, slug, name, createdAt, updatedAt, isPersonal });
  }
  if (data !== undefined) await writeMeta(data, [...remembered.values()]);
}

async function refresh(book: Book): Promise<void> {
  const { data, bySlug } = book;
  if (data === undefined) return;
  const found = await subfolders(data);
  const fresh = found.filter((slug) => !bySlug.has(slug));
  for (const slug of fresh) add(book, { slug }, join(data, slug));
  for (const workspace of bySlug.values()) {
    if (!workspace.pinned && !found.includes(workspace.slug)) bySlug.delete(workspace.slug);
  }
  if (fresh.length > 0) await save(book);
}

async function create(book: Book, { name, slug }: NewWorkspace): Promise<Workspace> {
  const { data, bySlug } = book;
  if (data === undefined) throw new ApiError(403, 'forbidden', 'This server makes no workspaces.');
  await refresh(book);
  const free = slug === undefined ? freeSlug(slugify(name), bySlug) : checkSlug(slug);
  if (bySlug.has(free)) throw new ApiError(409, 'SLUG_TAKEN', `The slug ${free} is taken.`);
  // A new workspace under an old slug is not the old one.
  book.remembered.delete(free);
  await mkdir(join(data, free), { recursive: true });
  const workspace = add(book, { slug: free, name }, join(data, free));
  await save(book);
  return workspace;
}

async function remove(book: Book, workspace: Workspace): Promise<void> {
  if (workspace.pinned) {
    throw new ApiError(403, 'forbidden', 'This workspace is a folder that is only served here.');
  }
  await rm(workspace.folder, { recursive: true, force: true });
  book.bySlug.delete(workspace.slug);
  book.remembered.delete(workspace.slug);
  await save(book);
}

async function dataFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true });
    return await realpath(path);
  } catch (cause) {
    throw new RtsyncError('no-folder', {
      message: `The data folder ${path} cannot be made or opened.`,
      path,
      cause,
    });
  }
}

async function folderOf(option: WorkspaceOption, data: string | undefined): Promise<string> {
  const { slug, folder } = option;
  if (!isSlug(slug)) throw new RtsyncError('usage', `"${slug}" cannot be the slug of a workspace.`);
  if (folder === undefined) {
    if (data === undefined) throw new RtsyncError('usage', `The workspace ${slug} has no folder.`);
    await mkdir(join(data, slug), { recursive: true });
    return join(data, slug);
  }
  const found = await realpath(folder).catch(() => undefined);
  if (found === undefined || !(await stat(found)).isDirectory()) {
    throw new RtsyncError('no-folder', {
      message: `${folder} is not a folder that can be served.`,
      path: folder,
    });
  }
  return found;
}

/** A stable id for a folder about which nothing is written down: the same folder and slug give the same. */
function derivedId(folder: string, slug: string): string {
  const hex = createHash('sha256').update(`${slug}\0${folder}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
