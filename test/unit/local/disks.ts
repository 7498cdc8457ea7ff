/** Disks that refuse, and one that knows what a power cut would leave. */
import { lstatSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Disk, type DiskFile, systemDisk } from '../../../src/local/disk.ts';

export function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

/** A call that changes names: what it is, and the paths whose folders it changes. */
export interface NameChange {
  readonly call: 'create' | 'mkdir' | 'rmdir' | 'unlink' | 'link' | 'rename' | 'copy';
  readonly paths: readonly string[];
}

/** The system's disk, with a say before each call that changes names and a word after it. */
export function watchedDisk(watch: {
  before?(change: NameChange): void;
  after?(change: NameChange): void;
}): Disk {
  const did = <T>(change: NameChange, deed: () => T): T => {
    watch.before?.(change);
    const result = deed();
    if (result instanceof Promise) return result.finally(() => watch.after?.(change)) as T;
    watch.after?.(change);
    return result;
  };
  const later = <T>(change: NameChange, deed: () => Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      did(change, deed).then(resolve, reject);
    });
  const creates = (flags: number | string): boolean =>
    (flags !== 'r' && typeof flags === 'string') || (typeof flags === 'number' && (flags & 0o100) !== 0);
  return {
    ...systemDisk,
    openSync: (path, flags, mode) =>
      creates(flags)
        ? did({ call: 'create', paths: [path] }, () => systemDisk.openSync(path, flags, mode))
        : systemDisk.openSync(path, flags, mode),
    mkdirSync: (path, options) =>
      did({ call: 'mkdir', paths: [path] }, () => systemDisk.mkdirSync(path, options)),
    rmdirSync: (path) => did({ call: 'rmdir', paths: [path] }, () => systemDisk.rmdirSync(path)),
    renameSync: (from, to) =>
      did({ call: 'rename', paths: [from, to] }, () => systemDisk.renameSync(from, to)),
    unlinkSync: (path) => did({ call: 'unlink', paths: [path] }, () => systemDisk.unlinkSync(path)),
    open: (path, flags, mode) =>
      creates(flags)
        ? later({ call: 'create', paths: [path] }, () => systemDisk.open(path, flags, mode))
        : systemDisk.open(path, flags, mode),
    link: (from, to) => later({ call: 'link', paths: [from, to] }, () => systemDisk.link(from, to)),
    rename: (from, to) => later({ call: 'rename', paths: [from, to] }, () => systemDisk.rename(from, to)),
    unlink: (path) => later({ call: 'unlink', paths: [path] }, () => systemDisk.unlink(path)),
    copyFile: (from, to) => later({ call: 'copy', paths: [from, to] }, () => systemDisk.copyFile(from, to)),
  };
}

/** Refuses every change of names in this folder and below. */
export function readOnlyBelow(folder: () => string, code: string): Disk {
  return watchedDisk({
    before: ({ call, paths }) => {
      const touched = call === 'link' || call === 'copy' ? paths.slice(1) : paths;
      if (touched.some((path) => path.startsWith(`${folder()}/`))) throw failure(code);
    },
  });
}

/** This folder lies on another device: no link and no rename leads across. */
export function otherDevice(folder: () => string): Disk {
  return watchedDisk({
    before: ({ call, paths }) => {
      if (call !== 'link' && call !== 'rename') return;
      const [from, to] = paths.map((path) => path.startsWith(`${folder()}/`));
      if (from !== to) throw failure('EXDEV');
    },
  });
}

/** Open files fail as told; everything else is the system's. */
export function failingFiles(
  fails: (call: 'write' | 'sync' | 'close', path: string) => string | undefined,
): Disk {
  return {
    ...systemDisk,
    open: async (path, flags, mode) => {
      const file = await systemDisk.open(path, flags, mode);
      const check = (call: 'write' | 'sync' | 'close'): void => {
        const code = fails(call, path);
        if (code !== undefined) throw failure(code);
      };
      return {
        ...bound(file),
        write: async (bytes, offset, length, position) => {
          check('write');
          return await file.write(bytes, offset, length, position);
        },
        sync: async () => {
          check('sync');
          await file.sync();
        },
        close: async () => {
          await file.close();
          check('close');
        },
      };
    },
  };
}

function bound(file: DiskFile): DiskFile {
  return {
    get fd() {
      return file.fd;
    },
    stat: () => file.stat(),
    read: (buffer, offset, length, position) => file.read(buffer, offset, length, position),
    write: (bytes, offset, length, position) => file.write(bytes, offset, length, position),
    truncate: (size) => file.truncate(size),
    chmod: (mode) => file.chmod(mode),
    utimes: (atime, mtime) => file.utimes(atime, mtime),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

/** Names that a power cut could undo: changed by us in a folder that was not synced since. */
export interface PowerDisk {
  readonly disk: Disk;
  /** Names (absolute) of the folders given, or of all, that are not durable now. */
  unsynced(): readonly string[];
  /** Names outside of `.rtsync` that were given up while their inode had no durable name elsewhere. */
  readonly reckless: readonly string[];
  /** Times that a folder was synced. */
  readonly syncs: () => number;
}

export function powerDisk(): PowerDisk {
  const pending = new Set<string>();
  const names = new Map<string, number>();
  const reckless: string[] = [];
  let syncs = 0;
  const fds = new Map<number, string>();
  const synced = (folder: string): void => {
    syncs += 1;
    for (const path of pending) if (dirname(path) === folder) pending.delete(path);
  };
  const isDurable = (path: string): boolean => {
    for (let at = path; at !== dirname(at); at = dirname(at)) if (pending.has(at)) return false;
    return true;
  };
  const inodeOf = (path: string): number | undefined => lstatSync(path, { throwIfNoEntry: false })?.ino;
  const givenUp = (path: string): void => {
    const ino = inodeOf(path);
    if (ino === undefined || path.includes('/.rtsync/') || !lstatSync(path).isFile()) return;
    const kept = [...names].some(
      ([name, of]) => name !== path && of === ino && inodeOf(name) === ino && isDurable(name),
    );
    if (!kept) reckless.push(basename(path));
  };
  const base = watchedDisk({
    before: ({ call, paths: [first = '', second = ''] }) => {
      if (call === 'unlink') givenUp(first);
      if (call === 'rename') givenUp(first);
      if (call === 'rename') givenUp(second);
    },
    after: ({ call, paths }) => {
      const changed = call === 'link' || call === 'copy' ? paths.slice(1) : paths;
      // What lay in a folder that moved is as durable as it was, under its new path.
      const [from = '', to = ''] = paths;
      for (const path of [...pending]) {
        if (call === 'rename' && path.startsWith(`${from}/`)) pending.add(`${to}${path.slice(from.length)}`);
      }
      for (const path of changed) {
        pending.add(path);
        const ino = inodeOf(path);
        if (ino === undefined) names.delete(path);
        else names.set(path, ino);
      }
    },
  });
  const disk: Disk = {
    ...base,
    openSync: (path, flags, mode) => {
      const fd = base.openSync(path, flags, mode);
      fds.set(fd, path);
      return fd;
    },
    fsyncSync: (fd) => {
      base.fsyncSync(fd);
      synced(fds.get(fd) ?? '');
    },
    open: async (path, flags, mode) => {
      const file = await base.open(path, flags, mode);
      return {
        ...bound(file),
        sync: async () => {
          await file.sync();
          if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) synced(path);
        },
      };
    },
  };
  return { disk, unsynced: () => [...pending], reckless, syncs: () => syncs };
}
