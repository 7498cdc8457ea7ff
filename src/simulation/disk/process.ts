/** The disk as one process has it: every call is a deed whose moment its hands decide. */
import type { Disk, DiskFile } from '../../local/disk.ts';
import type { Hands } from '../hands.ts';
import { statsOf } from './answers.ts';
import * as files from './descriptors.ts';
import * as looks from './looks.ts';
import * as names from './names.ts';
import { relativeTo } from './observer.ts';
import { flush } from './power.ts';
import { codeOf, systemError } from './system-error.ts';
import type { Volume } from './volume.ts';

/** How a process makes its deeds, and what it holds. */
interface Worker {
  readonly volume: Volume;
  now<T>(what: string, deed: () => T): T;
  later<T>(what: string, deed: () => T): Promise<T>;
  /** Files by number. */
  readonly open: Map<number, files.Descriptor>;
  /** A number for a file that was just opened. */
  hold(file: files.Descriptor): number;
  /** Throws EBADF for a number that is not open. */
  held(fd: number, syscall: string): files.Descriptor;
  /** A path for the trace. */
  short(path: string): string;
}

export function diskOf(volume: Volume, hands: Hands): Disk {
  const worker = workerOf(volume, hands);
  return { ...lookingCalls(worker), ...openCalls(worker), ...nameCalls(worker), ...laterCalls(worker) };
}

function workerOf(volume: Volume, hands: Hands): Worker {
  const open = new Map<number, files.Descriptor>();
  let lastNumber = 2;
  const done = <T>(what: string, deed: () => T): T => {
    try {
      return deed();
    } finally {
      volume.observer.flush(what);
    }
  };
  return {
    volume,
    open,
    now: (what, deed) => {
      hands.point('disk', what);
      return done(what, deed);
    },
    later: (what, deed) => hands.later('disk', what, () => done(what, deed)),
    hold: (file) => {
      lastNumber += 1;
      open.set(lastNumber, file);
      return lastNumber;
    },
    held: (fd, syscall) => {
      const file = open.get(fd);
      if (file === undefined) throw systemError('EBADF', syscall);
      return file;
    },
    short: (path) => relativeTo(volume.options.root, path) || path,
  };
}

type LookingCalls = Pick<Disk, 'lstatSync' | 'readdirSync' | 'readdirBytesSync' | 'realpathSync'>;

function lookingCalls({ volume, now, short }: Worker): LookingCalls {
  return {
    lstatSync: (path) => now(`lstat ${short(path)}`, () => looks.look(volume, path)),
    readdirSync: (folder) => now(`readdir ${short(folder)}`, () => looks.list(volume, folder)),
    readdirBytesSync: (folder) => now(`readdir ${short(folder)}`, () => looks.listBytes(volume, folder)),
    realpathSync: (path) => now(`realpath ${short(path)}`, () => looks.realPath(volume, path)),
  };
}

type OpenCalls = Pick<Disk, 'openSync' | 'fstatSync' | 'readSync' | 'writeSync' | 'fsyncSync' | 'closeSync'>;

function openCalls({ volume, now, short, open, hold, held }: Worker): OpenCalls {
  return {
    openSync: (path, flags, mode) =>
      now(`open ${short(path)}`, () => hold(files.open(volume, path, { flags, mode }))),
    fstatSync: (fd) => now('fstat', () => statsOf(files.inodeOf(volume, held(fd, 'fstat'), 'fstat'))),
    readSync: (fd, buffer, offset, length, position) =>
      now('read', () =>
        length === 0
          ? 0
          : files.read(volume, held(fd, 'read'), { into: buffer, span: { offset, length, position } }),
      ),
    writeSync: (fd, bytes) =>
      now('write', () => {
        if (bytes.length > 0) files.append(volume, held(fd, 'write'), bytes);
      }),
    fsyncSync: (fd) => now('fsync', () => files.sync(volume, held(fd, 'fsync'))),
    closeSync: (fd) =>
      now('close', () => {
        files.close(volume, held(fd, 'close'));
        open.delete(fd);
      }),
  };
}

type NameCalls = Pick<
  Disk,
  'mkdirSync' | 'rmdirSync' | 'renameSync' | 'unlinkSync' | 'removeTreeSync' | 'flushSync'
>;

function nameCalls({ volume, now, short }: Worker): NameCalls {
  const removeTreeSync = (path: string): void => {
    const inside = now(`remove ${short(path)}`, () => peelAnyway(volume, path));
    if (inside.length === 0) return;
    for (const name of inside) removeTreeSync(`${path}/${name}`);
    now(`rmdir ${short(path)}`, () => unlessMissing(() => names.removeFolder(volume, path)));
  };
  return {
    removeTreeSync,
    mkdirSync: (folder, { recursive = false, mode } = {}) =>
      now(`mkdir ${short(folder)}`, () =>
        recursive ? names.makeFolders(volume, folder, mode) : names.makeFolder(volume, folder, mode),
      ),
    rmdirSync: (folder) => now(`rmdir ${short(folder)}`, () => names.removeFolder(volume, folder)),
    renameSync: (from, to) =>
      now(`rename ${short(from)} -> ${short(to)}`, () => names.rename(volume, from, to)),
    unlinkSync: (file) => now(`unlink ${short(file)}`, () => names.unlink(volume, file)),
    flushSync: () =>
      now('sync', () => {
        flush(volume);
        return true;
      }),
  };
}

type LaterCalls = Pick<Disk, 'open' | 'link' | 'rename' | 'unlink' | 'copyFile' | 'removeTree' | 'statfs'>;

function laterCalls(worker: Worker): LaterCalls {
  const { volume, later, short } = worker;
  const removeTree = async (path: string): Promise<void> => {
    const inside = await later(`remove ${short(path)}`, () => names.peel(volume, path));
    if (inside.length === 0) return;
    for (const name of inside) await removeTree(`${path}/${name}`);
    await later(`rmdir ${short(path)}`, () => unlessMissing(() => names.removeFolder(volume, path)));
  };
  return {
    removeTree,
    open: async (path, flags, mode) => {
      const fd = await later(`open ${short(path)}`, () =>
        worker.hold(files.open(volume, path, { flags, mode })),
      );
      return fileOf(worker, fd, short(path));
    },
    link: (existing, fresh) =>
      later(`link ${short(existing)} -> ${short(fresh)}`, () => names.link(volume, existing, fresh)),
    rename: (from, to) =>
      later(`rename ${short(from)} -> ${short(to)}`, () => names.rename(volume, from, to)),
    unlink: (file) => later(`unlink ${short(file)}`, () => names.unlink(volume, file)),
    copyFile: async (from, to) => {
      const what = `copy ${short(from)} -> ${short(to)}`;
      const copy = await later(`${what}: the name`, () => files.claimCopy(volume, from, to));
      await later(`${what}: the content`, () => files.fillCopy(volume, copy));
    },
    statfs: (path) => later(`statfs ${short(path)}`, () => looks.room(volume, path)),
  };
}

/** Node's synchronous `rm` alone takes a file in the place of a folder above as "missing". */
function peelAnyway(volume: Volume, path: string): readonly string[] {
  try {
    return names.peel(volume, path);
  } catch (error) {
    if (codeOf(error) !== 'ENOTDIR') throw error;
    return [];
  }
}

/** What is gone already needs no removing. */
function unlessMissing(deed: () => void): void {
  try {
    deed();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function fileOf({ volume, later, open, held }: Worker, opened: number, name: string): DiskFile {
  let fd = opened;
  const call = async <T>(syscall: string, deed: (file: files.Descriptor) => T): Promise<T> => {
    const file = held(fd, syscall);
    return later(`${syscall} ${name}`, () => deed(file));
  };
  return {
    get fd() {
      return fd;
    },
    stat: () => call('fstat', (file) => statsOf(files.inodeOf(volume, file, 'fstat'))),
    // Node asks the system for nothing when nothing is wanted, whatever the file is.
    read: async (buffer, offset, length, position) => {
      if (length === 0 && fd >= 0) return { bytesRead: 0, buffer };
      return call('read', (file) => ({
        bytesRead: files.read(volume, file, { into: buffer, span: { offset, length, position } }),
        buffer,
      }));
    },
    write: async (bytes, offset, length, position) => {
      if (bytes.length === 0 && fd >= 0) return { bytesWritten: 0 };
      return call('write', (file) => ({
        bytesWritten: files.write(volume, file, { bytes, span: { offset, length, position } }),
      }));
    },
    truncate: (size) => call('ftruncate', (file) => files.truncate(volume, file, size)),
    chmod: (mode) => call('fchmod', (file) => files.changeMode(volume, file, mode)),
    utimes: (atime, mtime) => call('futime', (file) => files.setTimes(volume, file, { atime, mtime })),
    sync: () => call('fsync', (file) => files.sync(volume, file)),
    close: async () => {
      const file = open.get(fd);
      open.delete(fd);
      fd = -1;
      if (file !== undefined) await later(`close ${name}`, () => files.close(volume, file));
    },
  };
}
