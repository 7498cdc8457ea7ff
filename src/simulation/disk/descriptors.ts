/** Open files: they lead to the inode, whatever its name is or whether it has one. */
import { constants } from 'node:fs';
import { type FileInode, type Inode, NOTHING } from './inodes.ts';
import { locate, refuse } from './locate.ts';
import { enter, unlink, withoutUmask } from './names.ts';
import { systemError } from './system-error.ts';
import {
  floored,
  freeIfUnused,
  makeFileInode,
  needRoom,
  roomOf,
  setContent,
  syncContent,
  syncEntries,
  timeOf,
  type Volume,
} from './volume.ts';

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NOFOLLOW, O_DIRECTORY } = constants;
const ACCESS = O_WRONLY | O_RDWR;

export interface Descriptor {
  readonly inode: Inode;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly append: boolean;
  /** Age of the volume; a power cut ends them all. */
  readonly age: number;
  /** Where the next call without a position of its own goes on. */
  position: number;
}

const FLAGS: Readonly<Record<string, number>> = {
  r: O_RDONLY,
  'r+': O_RDWR,
  w: O_WRONLY | O_CREAT | O_TRUNC,
  wx: O_WRONLY | O_CREAT | O_TRUNC | O_EXCL,
  'w+': O_RDWR | O_CREAT | O_TRUNC,
  'wx+': O_RDWR | O_CREAT | O_TRUNC | O_EXCL,
  a: O_WRONLY | O_CREAT | O_APPEND,
  ax: O_WRONLY | O_CREAT | O_APPEND | O_EXCL,
  'a+': O_RDWR | O_CREAT | O_APPEND,
};

export interface OpenOptions {
  readonly flags: number | string;
  readonly mode?: number | undefined;
}

export function open(volume: Volume, path: string, { flags: given, mode }: OpenOptions): Descriptor {
  const flags = typeof given === 'number' ? given : FLAGS[given];
  const call = { name: 'open', path };
  if (flags === undefined) throw refuse('EINVAL', call);
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const fresh = has(O_CREAT) && has(O_EXCL);
  const place = locate(volume, call, { path, follow: !has(O_NOFOLLOW) && !fresh });
  let inode = place.entry?.inode;
  if (inode === undefined) {
    if (!has(O_CREAT)) throw refuse('ENOENT', call);
    needRoom(volume, 'open', path);
    inode = makeFileInode(volume, withoutUmask(mode ?? 0o666));
    enter(volume, place, inode);
  } else {
    if (fresh) throw refuse('EEXIST', call);
    if (inode.kind === 'symlink') throw refuse('ELOOP', call);
    if (inode.kind === 'folder' && has(ACCESS | O_CREAT | O_TRUNC)) throw refuse('EISDIR', call);
    if (inode.kind === 'file' && has(O_DIRECTORY)) throw refuse('ENOTDIR', call);
    if (inode.kind === 'file' && has(O_TRUNC)) setContent(volume, inode, NOTHING);
  }
  return describe(volume, inode, { flags });
}

function describe(volume: Volume, inode: Inode, { flags }: { readonly flags: number }): Descriptor {
  inode.open += 1;
  return {
    inode,
    readable: (flags & O_WRONLY) === 0,
    writable: (flags & ACCESS) !== 0,
    append: (flags & O_APPEND) !== 0,
    age: volume.age,
    position: 0,
  };
}

export function close(volume: Volume, file: Descriptor): void {
  if (file.age !== volume.age) return;
  file.inode.open -= 1;
  freeIfUnused(volume, file.inode);
}

/** The inode behind a descriptor that is still alive. */
export function inodeOf(volume: Volume, file: Descriptor, syscall: string): Inode {
  if (file.age !== volume.age) throw systemError('EBADF', syscall);
  return file.inode;
}

/** A part of a buffer, and where it lies in the file: a negative position means where the last call ended. */
export interface Span {
  readonly offset: number;
  readonly length: number;
  readonly position: number;
}

/** The number of bytes; 0 at the end. */
export function read(volume: Volume, file: Descriptor, { into, span }: { into: Buffer; span: Span }): number {
  const inode = inodeOf(volume, file, 'read');
  if (!file.readable) throw systemError('EBADF', 'read');
  if (inode.kind !== 'file') throw systemError('EISDIR', 'read');
  const from = span.position < 0 ? file.position : span.position;
  const left = inode.content.subarray(from, from + span.length);
  const count = left.copy(into, span.offset);
  if (span.position < 0) file.position += count;
  return count;
}

/** The number of bytes that were written: fewer than asked where the disk fills up, then ENOSPC. */
export function write(
  volume: Volume,
  file: Descriptor,
  { bytes, span }: { bytes: Uint8Array; span: Span },
): number {
  const inode = writableFile(volume, file, 'write');
  if (span.length === 0) return 0;
  const old = inode.content;
  const at = file.append ? old.length : span.position < 0 ? file.position : span.position;
  const room = old.length + roomOf(volume) - at;
  const count = Math.min(span.length, Math.max(room, old.length - at));
  if (count <= 0) throw systemError('ENOSPC', 'write');
  const content = Buffer.alloc(Math.max(old.length, at + count));
  content.set(old);
  content.set(bytes.subarray(span.offset, span.offset + count), at);
  setContent(volume, inode, content);
  if (span.position < 0) file.position = at + count;
  return count;
}

/** All of it, from where the last call ended. */
export function append(volume: Volume, file: Descriptor, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length; ) {
    offset += write(volume, file, { bytes, span: { offset, length: bytes.length - offset, position: -1 } });
  }
}

export function truncate(volume: Volume, file: Descriptor, size: number): void {
  if (!file.writable) throw systemError('EINVAL', 'ftruncate');
  const inode = writableFile(volume, file, 'ftruncate');
  const old = inode.content;
  if (size - old.length > roomOf(volume)) throw systemError('ENOSPC', 'ftruncate');
  setContent(volume, inode, size <= old.length ? old.subarray(0, size) : Buffer.concat([old], size));
}

function writableFile(volume: Volume, file: Descriptor, syscall: string): FileInode {
  const inode = inodeOf(volume, file, syscall);
  if (!file.writable || inode.kind !== 'file') throw systemError('EBADF', syscall);
  return inode;
}

export function changeMode(volume: Volume, file: Descriptor, mode: number): void {
  const inode = inodeOf(volume, file, 'fchmod');
  inode.mode = mode & 0o7777;
  inode.ctimeMs = timeOf(volume);
}

/** Seconds. */
export function setTimes(volume: Volume, file: Descriptor, times: { atime: number; mtime: number }): void {
  const inode = inodeOf(volume, file, 'futime');
  const inMs = (seconds: number): number => floored(volume.options, Math.round(seconds * 1e6) / 1e3);
  inode.atimeMs = inMs(times.atime);
  inode.mtimeMs = inMs(times.mtime);
  inode.ctimeMs = timeOf(volume);
}

/** What was synced survives a power cut: of a file its content, of a folder the names in it. */
export function sync(volume: Volume, file: Descriptor): void {
  const inode = inodeOf(volume, file, 'fsync');
  if (inode.kind === 'file') syncContent(inode);
  else if (inode.kind === 'folder') syncEntries(volume, inode);
}

export interface Copy {
  readonly source: Descriptor;
  readonly target: Descriptor;
  readonly to: string;
}

/** The first half of a copy: an empty file has the name. Throws EEXIST when it is taken. */
export function claimCopy(volume: Volume, from: string, to: string): Copy {
  const source = open(volume, from, { flags: 'r' });
  try {
    const target = open(volume, to, { flags: 'wx', mode: source.inode.mode });
    target.inode.mode = source.inode.mode;
    return { source, target, to };
  } catch (error) {
    close(volume, source);
    throw error;
  }
}

/** The second half: the content as it is now. When the disk is full the name is given up again. */
export function fillCopy(volume: Volume, { source, target, to }: Copy): void {
  try {
    const inode = inodeOf(volume, source, 'copyfile');
    if (inode.kind !== 'file') throw systemError('EISDIR', 'copyfile');
    append(volume, target, inode.content);
  } catch (error) {
    unlink(volume, to);
    throw error;
  } finally {
    close(volume, source);
    close(volume, target);
  }
}
