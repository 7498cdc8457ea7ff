/**
 * Ids of the storage API: absolute paths inside a workspace. An `EntryId` is never "/" or "", because those two name
 * the whole workspace to DELETE: whoever deletes, moves or overwrites takes an `EntryId`, and the top is not one.
 */
import { nameFault, type RemoteDir, type RemotePath } from '../../core/path.ts';
import { RtsyncError } from '../../lib/errors.ts';

declare const brand: unique symbol;

export type EntryId = string & { readonly [brand]: 'EntryId' };
export type TopId = '/' & { readonly [brand]: 'TopId' };
/** A folder: the top of the workspace or an entry below it. */
export type DirId = EntryId | TopId;

export const TOP = '/' as TopId;
export function isTop(id: DirId): id is TopId {
  return id === TOP;
}

/** Our own folder at the top of every workspace: trash, staging, probes. */
export const OWN_NAME = '.rtsync';

/** Reads an id; undefined when it is not the id of an entry below the top. */
export function parseEntryId(text: string): EntryId | undefined {
  if (!text.startsWith('/')) return undefined;
  return text
    .slice(1)
    .split('/')
    .every((name) => addressFault(name) === undefined)
    ? (text as EntryId)
    : undefined;
}

/** Why an entry of this name cannot be asked for, or undefined when it can. */
export function addressFault(name: string): string | undefined {
  return name.isWellFormed() ? nameFault(name) : 'the name is not valid Unicode';
}

export function childId(dir: DirId, name: string): EntryId {
  const fault = addressFault(name);
  if (fault !== undefined)
    throw new RtsyncError('unsupported-name', { message: `${JSON.stringify(name)}: ${fault}`, path: name });
  return `${dir === TOP ? '' : dir}/${name}` as EntryId;
}

/** The id of a path below a folder; every segment is checked. */
export function idBelow(dir: DirId, path: RemotePath): EntryId;
export function idBelow(dir: DirId, path: RemoteDir): DirId;
export function idBelow(dir: DirId, path: RemoteDir): DirId {
  let id = dir;
  if (path !== '') for (const name of path.split('/')) id = childId(id, name);
  return id;
}

export function parentId(id: EntryId): DirId {
  const slash = id.lastIndexOf('/');
  return slash === 0 ? TOP : (id.slice(0, slash) as EntryId);
}

export function idName(id: EntryId): string {
  return id.slice(id.lastIndexOf('/') + 1);
}

/** True for `dir` itself and everything below it. */
export function isIdWithin(id: DirId, dir: DirId): boolean {
  return dir === TOP || id === dir || id.startsWith(`${dir}/`);
}

export type PathEncoding = 'segments' | 'whole';

/** The path of an endpoint that takes an id in its URL. */
export function endpoint(base: string, id: DirId, encoding: PathEncoding): string {
  if (id === TOP) return base;
  return encoding === 'whole'
    ? `${base}/${encodeURIComponent(id)}`
    : `${base}${id.split('/').map(encodeURIComponent).join('/')}`;
}
