/**
 * Paths as the three trees know them. A `RelPath` is the NFC key of an entry below the pair's root: segments joined by
 * "/", never empty, never absolute, no ".", "..", or NUL. The root itself is not a `RelPath`, so that nothing which
 * deletes, moves or overwrites can be handed the root. How a side really spells a path (it may use NFD) is a
 * `LocalPath` or a `RemotePath`; both are relative to the pair's root on that side. Nothing here knows a disk or a URL.
 */

declare const brand: unique symbol;

/** NFC key of an entry below the root, such as `src/café.ts`. */
export type RelPath = string & { readonly [brand]: 'RelPath' };
/** The pair's root: the empty path. */
export type Root = '' & { readonly [brand]: 'Root' };
/** The key of a folder: the root or an entry below it. */
export type DirPath = RelPath | Root;
/** A path below the local root exactly as the local disk spells it. */
export type LocalPath = string & { readonly [brand]: 'LocalPath' };
/** A path below the pair's remote root exactly as the server spells it, without a leading slash. Never the root. */
export type RemotePath = string & { readonly [brand]: 'RemotePath' };
export type LocalDir = LocalPath | Root;
export type RemoteDir = RemotePath | Root;

export const ROOT = '' as Root;

/** One entry and its spelling on each side. */
export interface Place {
  readonly path: RelPath;
  readonly local: LocalPath;
  readonly remote: RemotePath;
}

/** Why a single name cannot be an entry's name anywhere, or undefined when it can. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'the name is empty';
  if (name === '.' || name === '..') return `"${name}" is not a name`;
  if (name.includes('/')) return 'the name holds a slash';
  if (name.includes('\0')) return 'the name holds a NUL character';
  return undefined;
}

/** The key under which trees file a name. */
export function keyOf(name: string): string {
  return isAscii(name) ? name : name.normalize('NFC');
}

/** Reads a relative path; undefined when any segment is not a name. Accepts no leading or trailing slash. */
export function parseRelPath(text: string): RelPath | undefined {
  return text.split('/').every((name) => nameFault(name) === undefined)
    ? (keyOf(text) as RelPath)
    : undefined;
}

/** Reads a path and throws a RangeError when it is not one; for constants and rows that were checked before. */
export function relPath(text: string): RelPath {
  const path = parseRelPath(text);
  if (path === undefined) throw new RangeError(`not a relative path: ${JSON.stringify(text)}`);
  return path;
}

export function join(dir: DirPath, name: string): RelPath {
  return (dir === '' ? name : `${dir}/${name}`) as RelPath;
}

export function joinLocal(dir: LocalDir, name: string): LocalPath {
  return (dir === '' ? name : `${dir}/${name}`) as LocalPath;
}

export function joinRemote(dir: RemoteDir, name: string): RemotePath {
  return (dir === '' ? name : `${dir}/${name}`) as RemotePath;
}

/** The last segment. */
export function nameOf(path: RelPath | LocalPath | RemotePath): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The folder that holds an entry; the root's parent is the root. */
export function parentOf(path: DirPath): DirPath;
export function parentOf(path: LocalPath): LocalDir;
export function parentOf(path: RemotePath): RemoteDir;
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** True for `dir` itself and everything below it. */
export function isWithin(path: DirPath, dir: DirPath): boolean {
  return dir === '' || path === dir || path.startsWith(`${dir}/`);
}

export function depthOf(path: DirPath): number {
  if (path === '') return 0;
  let depth = 1;
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) depth += 1;
  return depth;
}

/** The same path after its folder `from` became `to`. */
export function rebase(path: RelPath, from: RelPath, to: RelPath): RelPath {
  return (path === from ? to : to + path.slice(from.length)) as RelPath;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 127) return false;
  return true;
}
