/**
 * The state of a simulated disk and the few changes that everything else is made of. Each change knows whether it may
 * be lost in a power cut (a process made it) or not (a person did), and tells the observer which names show what.
 */
import {
  createNumbers,
  type Entry,
  type EntryChange,
  type FileInode,
  type FolderInode,
  type Inode,
  NOTHING,
  type Numbers,
} from './inodes.ts';
import { createObserver, type Observer } from './observer.ts';
import { systemError } from './system-error.ts';

export interface VolumeOptions {
  /** Absolute path of the synced folder. */
  readonly root: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly caseInsensitive: boolean;
  readonly hardLinks: boolean;
  /** Bytes. */
  readonly capacity: number;
  /** Milliseconds; every time is floored to it. */
  readonly grainMs: number;
}

export interface Volume {
  readonly options: VolumeOptions;
  readonly top: FolderInode;
  readonly numbers: Numbers;
  readonly observer: Observer;
  /** Folders with unsynced changes. */
  readonly unsynced: Set<FolderInode>;
  /** Bytes in files. */
  used: number;
  /** A person acts: what changes survives every power cut, is not refused for lack of room and not observed. */
  byPerson: boolean;
  /** Power cuts so far. Descriptors of an earlier age are dead. */
  age: number;
}

export function createVolume(options: VolumeOptions): Volume {
  const time = floored(options, options.now());
  const top = folderInode(2, { mode: 0o755, time });
  const volume: Volume = {
    options,
    top,
    numbers: createNumbers(),
    observer: createObserver(options),
    unsynced: new Set(),
    used: 0,
    byPerson: true,
    age: 0,
  };
  let folder = top;
  for (const name of options.root.split('/').filter((part) => part !== '')) {
    const inode = folderInode(volume.numbers.take(), { mode: 0o755, time });
    exchange(volume, folder, [{ key: keyOf(volume, name), after: { folder, name, inode } }]);
    folder = inode;
  }
  volume.byPerson = false;
  return volume;
}

function folderInode(ino: number, { mode, time }: { mode: number; time: number }): FolderInode {
  const times = { atimeMs: time, mtimeMs: time, ctimeMs: time };
  return {
    kind: 'folder',
    ino,
    mode,
    ...times,
    names: [],
    open: 0,
    freed: false,
    entries: new Map(),
    unsynced: [],
  };
}

export function makeFolderInode(volume: Volume, mode: number): FolderInode {
  return folderInode(volume.numbers.take(), { mode, time: timeOf(volume) });
}

export function makeFileInode(volume: Volume, mode: number): FileInode {
  return { ...fresh(volume, mode), kind: 'file', content: NOTHING, durable: undefined };
}

export function makeSymlinkInode(volume: Volume, target: string): Inode {
  return { ...fresh(volume, 0o777), kind: 'symlink', target };
}

function fresh(volume: Volume, mode: number) {
  const time = timeOf(volume);
  return {
    ino: volume.numbers.take(),
    mode,
    atimeMs: time,
    mtimeMs: time,
    ctimeMs: time,
    names: [],
    open: 0,
    freed: false,
  };
}

export function keyOf(volume: Volume, name: string): string {
  return volume.options.caseInsensitive ? name.toLowerCase() : name;
}

/** The clock as files show it. */
export function timeOf(volume: Volume): number {
  return floored(volume.options, volume.options.now());
}

export function floored({ grainMs }: VolumeOptions, time: number): number {
  return Math.floor(time / grainMs) * grainMs;
}

/** Throws ENOSPC. New entries need room as well, if only a little. */
export function needRoom(volume: Volume, syscall: string, path?: string): void {
  if (roomOf(volume) <= 0) throw systemError('ENOSPC', syscall, path);
}

/** Bytes. A person is never refused. */
export function roomOf(volume: Volume): number {
  return volume.byPerson ? Number.POSITIVE_INFINITY : volume.options.capacity - volume.used;
}

export function setContent(volume: Volume, inode: FileInode, content: Buffer): void {
  const before = inode.content;
  inode.content = content;
  inode.mtimeMs = timeOf(volume);
  inode.ctimeMs = inode.mtimeMs;
  if (!inode.freed) volume.used += content.length - before.length;
  if (volume.byPerson) {
    syncContent(inode);
    for (const entry of inode.names) settleUpwards(volume, entry);
  } else {
    volume.observer.rewritten(inode, before);
  }
}

export function syncContent(inode: FileInode): void {
  const { content, mode, mtimeMs, ctimeMs } = inode;
  inode.durable = { content, mode, mtimeMs, ctimeMs };
}

export function syncEntries(volume: Volume, folder: FolderInode): void {
  folder.unsynced = [];
  volume.unsynced.delete(folder);
}

/** Changes entries of one folder in one instant. */
export function exchange(
  volume: Volume,
  folder: FolderInode,
  wanted: readonly { readonly key: string; readonly after: Entry | undefined }[],
): void {
  const changes: EntryChange[] = [];
  for (const { key, after } of wanted) {
    const before = folder.entries.get(key);
    if (!volume.byPerson && before !== undefined) volume.observer.vanishing(before);
    if (after === undefined) folder.entries.delete(key);
    else folder.entries.set(key, after);
    after?.inode.names.push(after);
    if (before !== undefined) leave(volume, before);
    if (!volume.byPerson && after !== undefined) volume.observer.appeared(after);
    changes.push({ key, before, after });
  }
  folder.mtimeMs = timeOf(volume);
  folder.ctimeMs = folder.mtimeMs;
  if (volume.byPerson) {
    for (const { key } of changes) settle(folder, key);
    for (const entry of folder.names) settleUpwards(volume, entry);
    return;
  }
  folder.unsynced.push(changes);
  volume.unsynced.add(folder);
}

function leave(volume: Volume, entry: Entry): void {
  const { inode } = entry;
  inode.names.splice(inode.names.indexOf(entry), 1);
  inode.ctimeMs = timeOf(volume);
  freeIfUnused(volume, inode);
}

export function freeIfUnused(volume: Volume, inode: Inode): void {
  if (inode.freed || inode.names.length > 0 || inode.open > 0) return;
  inode.freed = true;
  volume.numbers.give(inode.ino);
  if (inode.kind === 'file') volume.used -= inode.content.length;
}

/** What a person relies on is there after a power cut: the entry and the folders above it. */
function settleUpwards(volume: Volume, entry: Entry): void {
  for (let at: Entry | undefined = entry; at !== undefined; at = at.folder.names[0]) {
    settle(at.folder, keyOf(volume, at.name));
  }
}

/** The name is durable as it is now, and with it each name that changed together with it. */
function settle(folder: FolderInode, key: string): void {
  if (folder.unsynced.length === 0) return;
  const settled = new Set([key]);
  for (let left = -1; left !== folder.unsynced.length; ) {
    left = folder.unsynced.length;
    folder.unsynced = folder.unsynced.filter((changes) => {
      if (!changes.some((change) => settled.has(change.key))) return true;
      for (const change of changes) settled.add(change.key);
      return false;
    });
  }
}
