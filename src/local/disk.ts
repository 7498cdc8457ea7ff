/**
 * The calls of the operating system that this room makes, and no others, under their usual names. The real ones are
 * `systemDisk`; tests and the simulation play other disks. Everything this room does to a disk goes through here.
 */

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { constants } from 'node:fs';
import * as promises from 'node:fs/promises';

/** What an entry is. */
export interface DiskKind {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isSocket(): boolean;
  isFIFO(): boolean;
  isBlockDevice(): boolean;
  isCharacterDevice(): boolean;
}

/** What `lstat` tells. Times are epoch milliseconds. */
export interface DiskStats extends DiskKind {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly size: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** One entry of a folder, with the kind that the folder itself knows. */
export interface DiskEntry extends DiskKind {
  readonly name: string;
}

/** An open file. After `close` every call but `close` fails with EBADF. */
export interface DiskFile {
  /** Negative once closed. */
  readonly fd: number;
  stat(): Promise<DiskStats>;
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number; readonly buffer: Buffer }>;
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  truncate(size: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  utimes(atimeSeconds: number, mtimeSeconds: number): Promise<void>;
  /** fsync: when it resolves, the content survives a power cut. The name survives when its folder was synced. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Sizes in blocks of `bsize` bytes: free for us, and of the whole disk. `type`: the number of the kind of file system. */
export interface DiskRoom {
  readonly bavail: number;
  readonly bsize: number;
  readonly blocks?: number;
  readonly type?: number;
}

/** Paths are absolute. Errors are system errors with a `code`. */
export interface Disk {
  // One call per entry through the thread pool costs three times the CPU, so looks are synchronous.
  /** Of the entry itself, not of what a symlink points to. Undefined when there is none; ENOTDIR is thrown. */
  lstatSync(path: string): DiskStats | undefined;
  readdirSync(folder: string): readonly DiskEntry[];
  /** Names as the disk holds them, for those that are not valid UTF-8. */
  readdirBytesSync(folder: string): readonly Buffer[];
  realpathSync(path: string): string;

  openSync(path: string, flags: number | string, mode?: number): number;
  fstatSync(fd: number): DiskStats;
  readSync(fd: number, buffer: Buffer, offset: number, length: number, position: number): number;
  /** Appends all of it. */
  writeSync(fd: number, bytes: Uint8Array): void;
  fsyncSync(fd: number): void;
  closeSync(fd: number): void;

  mkdirSync(folder: string, options?: { readonly recursive?: boolean; readonly mode?: number }): void;
  rmdirSync(folder: string): void;
  renameSync(from: string, to: string): void;
  unlinkSync(file: string): void;
  /** Everything below as well; a missing one is fine. */
  removeTreeSync(path: string): void;
  /** Writes what the system still holds in memory to the disk that this folder is on; false where that cannot be told. */
  flushSync(folder: string): boolean;

  open(path: string, flags: number | string, mode?: number): Promise<DiskFile>;
  /** EEXIST when `fresh` is taken. */
  link(existing: string, fresh: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(file: string): Promise<void>;
  /** EEXIST when `to` is taken. */
  copyFile(from: string, to: string): Promise<void>;
  removeTree(path: string): Promise<void>;
  /** `type`: the system's number for the kind of file system, where it is known. */
  statfs(path: string): Promise<DiskRoom>;
}

export const systemDisk: Disk = {
  lstatSync: (path) => fs.lstatSync(path, { throwIfNoEntry: false }),
  readdirSync: (folder) => fs.readdirSync(folder, { withFileTypes: true }),
  readdirBytesSync: (folder) => fs.readdirSync(folder, { encoding: 'buffer' }),
  realpathSync: (path) => fs.realpathSync(path),
  openSync: (path, flags, mode) => fs.openSync(path, flags, mode),
  fstatSync: (fd) => fs.fstatSync(fd),
  readSync: (fd, buffer, offset, length, position) => fs.readSync(fd, buffer, offset, length, position),
  writeSync: (fd, bytes) => fs.writeFileSync(fd, bytes),
  fsyncSync: (fd) => fs.fsyncSync(fd),
  closeSync: (fd) => fs.closeSync(fd),
  mkdirSync: (folder, options) => {
    fs.mkdirSync(folder, options);
  },
  rmdirSync: (folder) => fs.rmdirSync(folder),
  renameSync: (from, to) => fs.renameSync(from, to),
  unlinkSync: (file) => fs.unlinkSync(file),
  removeTreeSync: (path) => fs.rmSync(path, { recursive: true, force: true }),
  flushSync: (folder) => {
    // Node has no call for it. All pairs of a service stand still meanwhile, so a disk that is too busy is not waited for.
    const args = process.platform === 'linux' ? ['-f', folder] : [];
    return spawnSync('sync', args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
  },
  open: (path, flags, mode) => promises.open(path, flags, mode),
  link: (existing, fresh) => promises.link(existing, fresh),
  rename: (from, to) => promises.rename(from, to),
  unlink: (file) => promises.unlink(file),
  copyFile: (from, to) => promises.copyFile(from, to, constants.COPYFILE_EXCL),
  removeTree: (path) => promises.rm(path, { recursive: true, force: true }),
  statfs: (path) => promises.statfs(path),
};
