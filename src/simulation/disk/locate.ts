/** From a path to the entry it names, through folders and symlinks, as the operating system walks. */
import type { Entry, FolderInode } from './inodes.ts';
import { type SystemCode, systemError } from './system-error.ts';
import { keyOf, type Volume } from './volume.ts';

/** The call that asks, for its errors. */
export interface Call {
  readonly name: string;
  readonly path: string;
  /** The second path of calls that have two. */
  readonly dest?: string;
}

/** Where an entry is or could be. */
export interface Place {
  readonly folder: FolderInode;
  /** As the path spells it; empty for the top of the disk. */
  readonly name: string;
  readonly key: string;
  readonly entry: Entry | undefined;
}

const MAX_LINKS = 40;
const MAX_NAME_BYTES = 255;
const SLASH = 47;

export function refuse(code: SystemCode, call: Call): Error {
  return systemError(code, call.name, call.path, call.dest);
}

/**
 * Throws ENOENT, ENOTDIR, ELOOP or ENAMETOOLONG on the way; that there is nothing at its end is no error. A symlink at
 * the end is the answer itself unless `follow` is set; one that dangles then leads to the free place it points to.
 */
export function locate(
  volume: Volume,
  call: Call,
  { path, follow }: { readonly path: string; readonly follow: boolean },
): Place {
  let folder = volume.top;
  let rest = path;
  let at = 0;
  for (let links = 0; ; ) {
    while (rest.charCodeAt(at) === SLASH) at += 1;
    if (at >= rest.length) return placeOf(volume, folder);
    const slash = rest.indexOf('/', at);
    const end = slash < 0 ? rest.length : slash;
    const name = rest.slice(at, end);
    at = end;
    if (name === '.') continue;
    if (name === '..') {
      folder = folder.names[0]?.folder ?? volume.top;
      continue;
    }
    if (name.length * 3 > MAX_NAME_BYTES && Buffer.byteLength(name) > MAX_NAME_BYTES) {
      throw refuse('ENAMETOOLONG', call);
    }
    const key = keyOf(volume, name);
    const entry = folder.entries.get(key);
    const inode = entry?.inode;
    const last = slash < 0;
    if (inode?.kind === 'symlink' && (follow || !last)) {
      links += 1;
      if (links > MAX_LINKS) throw refuse('ELOOP', call);
      if (inode.target.startsWith('/')) folder = volume.top;
      rest = `${inode.target}${rest.slice(end)}`;
      at = 0;
      continue;
    }
    if (last) return { folder, name, key, entry };
    if (inode === undefined) throw refuse('ENOENT', call);
    if (inode.kind !== 'folder') throw refuse('ENOTDIR', call);
    folder = inode;
  }
}

function placeOf(volume: Volume, folder: FolderInode): Place {
  const [entry] = folder.names;
  if (entry !== undefined)
    return { folder: entry.folder, name: entry.name, key: keyOf(volume, entry.name), entry };
  return { folder, name: '', key: '', entry: { folder, name: '', inode: folder } };
}
