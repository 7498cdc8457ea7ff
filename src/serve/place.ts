/** From ids and URLs to places below a workspace's folder, never outside of it. */
import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { badRequest } from './answers.ts';
import type { Behaviour } from './behaviour.ts';

/** Names from the root down; empty for the root. */
export type Segments = readonly string[];

const TEMPORARY = /^\.rtsync-serve-[0-9a-f-]{36}\.part$/;

/** The name under which an upload is received, in the folder where it will live. Never listed. */
export function temporaryName(uuid: string): string {
  return `.rtsync-serve-${uuid}.part`;
}

export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

export function checkName(name: string): string {
  if (name === '' || name === '.' || name === '..') throw badRequest(`"${name}" is not a name`);
  if (name.includes('/') || name.includes('\0')) throw badRequest('a name holds no slash and no NUL');
  if (!name.isWellFormed()) throw badRequest('a name must be valid Unicode');
  if (Buffer.byteLength(name) > 255) throw badRequest('a name is at most 255 bytes long');
  if (isTemporary(name)) throw badRequest('this name is reserved for uploads in progress');
  return name;
}

/** Reads an id, with or without its leading slash; one trailing slash is forgiven. */
export function parseId(id: string): Segments {
  const inner = id.replace(/^\//, '').replace(/\/$/, '');
  return inner === '' ? [] : inner.split('/').map(checkName);
}

export function idOf(segments: Segments): string {
  return `/${segments.join('/')}`;
}

const STORAGE_URL = /^(?:\/v1)?\/workspaces\/[^/]+\/(?:files|upload|info)(?:\/(.*))?$/s;

/** The entry that a storage URL names. Read from the raw URL, since routers decode slashes too early. */
export function placeFromUrl(url: string, encoding: Behaviour['pathEncoding']): Segments {
  const query = url.indexOf('?');
  const rest = STORAGE_URL.exec(query < 0 ? url : url.slice(0, query))?.[1] ?? '';
  if (rest === '') return [];
  if (encoding === 'whole') {
    if (rest.includes('/')) throw badRequest('the path must be one percent-encoded segment');
    return parseId(decode(rest));
  }
  return rest
    .replace(/\/$/, '')
    .split('/')
    .map((segment) => checkName(decode(segment)));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest('the path is not percent-encoded UTF-8');
  }
}

export function diskPath(root: string, segments: Segments): string {
  return segments.length === 0 ? root : `${root}/${segments.join('/')}`;
}

export type Seen =
  | { readonly kind: 'none' }
  | { readonly kind: 'file'; readonly stats: Stats }
  | { readonly kind: 'folder'; readonly stats: Stats }
  /** A symlink, a socket and the like: taken, but never served. */
  | { readonly kind: 'other' };

const NONE: Seen = { kind: 'none' };

/**
 * What is at a place. Every folder on the way is looked at, so that a symlink never leads out.
 * RACE: a local process may swap a folder for a symlink between this look and the deed.
 */
export async function look(root: string, segments: Segments): Promise<Seen> {
  let path = root;
  let seen = await lookAt(path);
  for (const name of segments) {
    if (seen.kind !== 'folder') return NONE;
    path = `${path}/${name}`;
    seen = await lookAt(path);
  }
  return seen;
}

export async function lookAt(path: string): Promise<Seen> {
  try {
    const stats = await lstat(path);
    if (stats.isFile()) return { kind: 'file', stats };
    return stats.isDirectory() ? { kind: 'folder', stats } : { kind: 'other' };
  } catch (error) {
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return NONE;
    throw isCode(error, 'ENAMETOOLONG') ? badRequest('the path is too long') : error;
  }
}

export function isCode(thrown: unknown, ...codes: readonly string[]): boolean {
  return thrown instanceof Error && 'code' in thrown && codes.includes(String(thrown.code));
}
