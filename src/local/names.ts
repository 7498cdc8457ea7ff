/** Where things lie below the root, and the checks that keep every path inside it. */
import { type LocalDir, type LocalPath, nameFault } from '../core/path.ts';
import { RtsyncError } from '../lib/errors.ts';
import type { Disk } from './disk.ts';
import { changed } from './fault.ts';

/** Our own folder at the root: temporaries, trash, marker, lock. Never synced. */
export const OWN_FOLDER = '.rtsync';
export const IGNORE_FILE = '.rtsyncignore';

export function absolute(root: string, path: LocalDir): string {
  if (path === '') return root;
  return root === '/' ? `/${path}` : `${root}/${path}`;
}

/** True for the name of our own folder as this disk compares names. */
export function isOwnName(name: string, caseInsensitive: boolean): boolean {
  return name === OWN_FOLDER || (caseInsensitive && name.toLowerCase() === OWN_FOLDER);
}

/** Refuses what is not an entry below the root: ".." and its like, NUL, our own folder. */
export function checkPath(path: LocalPath, caseInsensitive: boolean): void {
  const names = path.split('/');
  for (const name of names) {
    const fault = nameFault(name);
    if (fault !== undefined) {
      throw new RtsyncError('unsupported-name', {
        message: `"${path}" cannot be a local path: ${fault}`,
        path,
      });
    }
  }
  if (isOwnName(names[0] ?? '', caseInsensitive)) {
    throw new RtsyncError('unsupported-name', { message: `"${path}" lies in rtsync's own folder`, path });
  }
}

/**
 * Throws `changed` unless every folder above `path` is a real folder.
 *
 * RACE: a folder that becomes a symlink between this look and the deed is followed. Node has no `openat`.
 */
export function checkParents(where: { readonly root: string; readonly disk: Disk }, path: LocalPath): void {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    const parent = path.slice(0, slash);
    const stats = where.disk.lstatSync(absolute(where.root, parent as LocalPath));
    if (stats === undefined) throw changed(path, `has no folder to be in: "${parent}" is missing`);
    if (!stats.isDirectory()) throw changed(path, `has no folder to be in: "${parent}" is not a real folder`);
  }
}
