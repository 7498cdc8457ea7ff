/** From URLs and ids to places in the workspace. */
import { badRequest } from './answer.ts';
import type { SimBehaviour } from './behaviour.ts';
import type { Segments } from './store.ts';

/** What a URL of the storage service names. `rest`: still percent-encoded. */
export interface Address {
  readonly workspace: string;
  readonly resource: string;
  readonly rest: string;
  readonly query: ReadonlyMap<string, string>;
}

/** Undefined for a URL that is no endpoint of the storage service. */
export function readUrl(url: string): Address | undefined {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const start = path.startsWith('/v1/') ? 3 : 0;
  if (!path.startsWith('/workspaces/', start)) return undefined;
  const workspaceAt = start + '/workspaces/'.length;
  const resourceAt = path.indexOf('/', workspaceAt);
  if (resourceAt < 0) return undefined;
  const slash = path.indexOf('/', resourceAt + 1);
  const resource = slash < 0 ? path.slice(resourceAt + 1) : path.slice(resourceAt + 1, slash);
  return {
    workspace: decode(path.slice(workspaceAt, resourceAt)),
    resource,
    rest: slash < 0 ? '' : path.slice(slash + 1),
    query: readQuery(mark < 0 ? '' : url.slice(mark + 1)),
  };
}

function readQuery(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (text === '') return found;
  for (const pair of text.split('&')) {
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1).replaceAll('+', ' '));
    if (!found.has(name)) found.set(name, value);
  }
  return found;
}

/** The entry that the rest of a URL names, written in the one way that this server understands. */
export function placeOf(rest: string, encoding: SimBehaviour['pathEncoding']): Segments {
  if (rest === '') return [];
  if (encoding === 'whole') {
    if (rest.includes('/')) throw badRequest('the path must be one percent-encoded segment');
    return readId(decode(rest));
  }
  const path = rest.endsWith('/') ? rest.slice(0, -1) : rest;
  return path.split('/').map((segment) => checkedName(decode(segment)));
}

/** The folder that a list asks for, relative to the top. */
export function folderOf({ rest }: Address, encoding: SimBehaviour['pathEncoding']): string {
  return placeOf(rest, encoding).join('/');
}

/** Reads an id, with or without its leading slash; one trailing slash is forgiven. */
export function readId(id: string): Segments {
  const start = id.startsWith('/') ? 1 : 0;
  const end = id.length > start && id.endsWith('/') ? id.length - 1 : id.length;
  const inner = id.slice(start, end);
  return inner === '' ? [] : inner.split('/').map(checkedName);
}

export function idOf(segments: Segments): string {
  return `/${segments.join('/')}`;
}

export function checkedName(name: string): string {
  if (name === '' || name === '.' || name === '..') throw badRequest(`"${name}" is not a name`);
  if (name.includes('/') || name.includes('\0')) throw badRequest('a name holds no slash and no NUL');
  if (!name.isWellFormed()) throw badRequest('a name must be valid Unicode');
  if (name.length > 85 && Buffer.byteLength(name) > 255) throw badRequest('a name is at most 255 bytes long');
  return name;
}

function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest('the path is not percent-encoded UTF-8');
  }
}
