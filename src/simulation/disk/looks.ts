/** Calls that only look. */
import { posix } from 'node:path';
import type { DiskEntry, DiskStats } from '../../local/disk.ts';
import { entryOf, statsOf } from './answers.ts';
import type { FolderInode } from './inodes.ts';
import { locate, refuse } from './locate.ts';
import { pathOf } from './observer.ts';
import { codeOf } from './system-error.ts';
import type { Volume } from './volume.ts';

const BLOCK = 4096;

export function look(volume: Volume, path: string): DiskStats | undefined {
  try {
    const { entry } = locate(volume, { name: 'lstat', path }, { path, follow: false });
    return entry === undefined ? undefined : statsOf(entry.inode);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function list(volume: Volume, path: string): readonly DiskEntry[] {
  return Array.from(folderAt(volume, path).entries.values(), ({ name, inode }) => entryOf(name, inode));
}

export function listBytes(volume: Volume, path: string): readonly Buffer[] {
  return Array.from(folderAt(volume, path).entries.values(), ({ name }) => Buffer.from(name));
}

function folderAt(volume: Volume, path: string): FolderInode {
  const call = { name: 'scandir', path };
  const inode = locate(volume, call, { path, follow: true }).entry?.inode;
  if (inode === undefined) throw refuse('ENOENT', call);
  if (inode.kind !== 'folder') throw refuse('ENOTDIR', call);
  return inode;
}

export function realPath(volume: Volume, path: string): string {
  const call = { name: 'realpath', path };
  // Node takes ".." as a matter of text here.
  const { entry, name } = locate(volume, call, { path: posix.resolve(path), follow: true });
  if (entry === undefined) throw refuse('ENOENT', call);
  return name === '' ? '/' : (pathOf(entry) ?? path);
}

export function room(volume: Volume, path: string): { readonly bavail: number; readonly bsize: number } {
  const call = { name: 'statfs', path };
  if (locate(volume, call, { path, follow: true }).entry === undefined) throw refuse('ENOENT', call);
  const free = Math.max(0, volume.options.capacity - volume.used);
  return { bavail: Math.floor(free / BLOCK), bsize: BLOCK };
}
