/** Calls that change names, with the errors and the order of checks that Linux has. */
import type { Entry, FolderInode, Inode } from './inodes.ts';
import { type Call, locate, type Place, refuse } from './locate.ts';
import { codeOf } from './system-error.ts';
import { exchange, makeFolderInode, makeSymlinkInode, needRoom, timeOf, type Volume } from './volume.ts';

const UMASK = 0o022;

export function withoutUmask(mode: number): number {
  return mode & 0o7777 & ~UMASK;
}

export function enter(volume: Volume, { folder, name, key }: Place, inode: Inode): void {
  exchange(volume, folder, [{ key, after: { folder, name, inode } }]);
}

export function makeFolder(volume: Volume, path: string, mode = 0o777): void {
  const call = { name: 'mkdir', path };
  const place = locate(volume, call, { path, follow: false });
  if (place.entry !== undefined) throw refuse('EEXIST', call);
  needRoom(volume, call.name, path);
  enter(volume, place, makeFolderInode(volume, withoutUmask(mode)));
}

/** With the folders above it; one that is there is fine. */
export function makeFolders(volume: Volume, path: string, mode = 0o777): void {
  const call = { name: 'mkdir', path };
  for (let end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
    const part = end < 0 ? path : path.slice(0, end);
    const place = locate(volume, call, { path: part, follow: true });
    if (place.entry === undefined) {
      if (locate(volume, call, { path: part, follow: false }).entry !== undefined)
        throw refuse('ENOENT', call);
      needRoom(volume, call.name, path);
      enter(volume, place, makeFolderInode(volume, withoutUmask(mode)));
    } else if (place.entry.inode.kind !== 'folder') {
      throw refuse(end < 0 ? 'EEXIST' : 'ENOTDIR', call);
    }
    if (end < 0) return;
  }
}

export function makeSymlink(volume: Volume, path: string, target: string): void {
  const call = { name: 'symlink', path: target, dest: path };
  if (target === '') throw refuse('ENOENT', call);
  const place = locate(volume, call, { path, follow: false });
  if (place.entry !== undefined) throw refuse('EEXIST', call);
  enter(volume, place, makeSymlinkInode(volume, target));
}

export function removeFolder(volume: Volume, path: string): void {
  const call = { name: 'rmdir', path };
  const { folder, key, entry } = locate(volume, call, { path, follow: false });
  if (entry === undefined) throw refuse('ENOENT', call);
  if (entry.inode.kind !== 'folder') throw refuse('ENOTDIR', call);
  if (entry.inode === volume.top) throw refuse('EBUSY', call);
  if (entry.inode.entries.size > 0) throw refuse('ENOTEMPTY', call);
  exchange(volume, folder, [{ key, after: undefined }]);
}

export function unlink(volume: Volume, path: string): void {
  const call = { name: 'unlink', path };
  const { folder, key, entry } = locate(volume, call, { path, follow: false });
  if (entry === undefined) throw refuse('ENOENT', call);
  if (entry.inode.kind === 'folder') throw refuse('EISDIR', call);
  exchange(volume, folder, [{ key, after: undefined }]);
}

/** One step of removing a tree: the entry itself, or the names in the way. A missing entry is fine. */
export function peel(volume: Volume, path: string): readonly string[] {
  const place = placeIfThere(volume, path);
  const entry = place?.entry;
  if (place === undefined || entry === undefined) return [];
  if (entry.inode.kind === 'folder' && entry.inode.entries.size > 0) {
    return Array.from(entry.inode.entries.values(), ({ name }) => name);
  }
  exchange(volume, place.folder, [{ key: place.key, after: undefined }]);
  return [];
}

function placeIfThere(volume: Volume, path: string): Place | undefined {
  try {
    return locate(volume, { name: 'rm', path }, { path, follow: false });
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return undefined;
  }
}

export function link(volume: Volume, existing: string, fresh: string): void {
  const call = { name: 'link', path: existing, dest: fresh };
  const { entry } = locate(volume, call, { path: existing, follow: false });
  if (entry === undefined) throw refuse('ENOENT', call);
  const place = locate(volume, call, { path: fresh, follow: false });
  if (place.entry !== undefined) throw refuse('EEXIST', call);
  if (!volume.options.hardLinks || entry.inode.kind === 'folder') throw refuse('EPERM', call);
  needRoom(volume, call.name, existing);
  enter(volume, place, entry.inode);
  entry.inode.ctimeMs = timeOf(volume);
}

export function rename(volume: Volume, from: string, to: string): void {
  const call = { name: 'rename', path: from, dest: to };
  const source = locate(volume, call, { path: from, follow: false });
  const target = locate(volume, call, { path: to, follow: false });
  const { entry } = source;
  if (source.name === '' || target.name === '') throw refuse('EBUSY', call);
  if (entry === undefined) throw refuse('ENOENT', call);
  checkRename(call, entry, target);
  if (target.entry === entry) {
    if (entry.name !== target.name) respell(volume, target, entry.inode);
    return;
  }
  if (target.entry?.inode === entry.inode) return;
  const after = { folder: target.folder, name: target.entry?.name ?? target.name, inode: entry.inode };
  const gives = { key: source.key, after: undefined };
  const takes = { key: target.key, after };
  // The new name first, so that the inode is never without one. Within one folder both are one change.
  if (source.folder === target.folder) {
    exchange(volume, target.folder, [takes, gives]);
  } else {
    exchange(volume, target.folder, [takes]);
    exchange(volume, source.folder, [gives]);
  }
  entry.inode.ctimeMs = timeOf(volume);
}

/** A disk that does not tell case apart still keeps how a name is spelled, and a rename may change that. */
function respell(volume: Volume, { folder, name, key }: Place, inode: Inode): void {
  exchange(volume, folder, [{ key, after: { folder, name, inode } }]);
}

function checkRename(call: Call, entry: Entry, target: Place): void {
  const { inode } = entry;
  const there = target.entry?.inode;
  if (inode.kind === 'folder' && isWithin(target.folder, inode)) throw refuse('EINVAL', call);
  if (there?.kind === 'folder' && isWithin(entry.folder, there)) throw refuse('ENOTEMPTY', call);
  if (there === undefined || there === inode) return;
  if (inode.kind !== 'folder') {
    if (there.kind === 'folder') throw refuse('EISDIR', call);
    return;
  }
  if (there.kind !== 'folder') throw refuse('ENOTDIR', call);
  if (there.entries.size > 0) throw refuse('ENOTEMPTY', call);
}

function isWithin(folder: FolderInode, above: FolderInode): boolean {
  for (let at: FolderInode | undefined = folder; at !== undefined; at = at.names[0]?.folder) {
    if (at === above) return true;
  }
  return false;
}
