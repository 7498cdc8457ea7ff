/**
 * A power cut: what was not synced may be lost. Each change of an entry happened or not by itself, but that a rename
 * within one folder is one change, and that of the changes of one name a later one needs those before it.
 */
import type { Chance } from '../hands.ts';
import { type Entry, type FileInode, type FolderInode, type Inode, NOTHING } from './inodes.ts';
import { syncContent, type Volume } from './volume.ts';

export function cutPower(volume: Volume, chance: Chance): void {
  volume.age += 1;
  for (const folder of volume.unsynced) settleEntries(folder, chance);
  volume.unsynced.clear();
  const alive = reachable(volume.top, chance.hits(0.5));
  renumber(volume, alive);
  volume.used = 0;
  for (const inode of alive) {
    inode.open = 0;
    inode.freed = false;
    if (inode.kind !== 'file') continue;
    if (inode.content !== inode.durable?.content) settleContent(inode, chance);
    syncContent(inode);
    volume.used += inode.content.length;
  }
}

/** All that was done is on the disk now. */
export function flush(volume: Volume): void {
  for (const folder of volume.unsynced) folder.unsynced = [];
  volume.unsynced.clear();
  const waiting: Inode[] = [volume.top];
  for (let inode = waiting.pop(); inode !== undefined; inode = waiting.pop()) {
    if (inode.kind === 'file') syncContent(inode);
    if (inode.kind === 'folder') for (const entry of inode.entries.values()) waiting.push(entry.inode);
  }
}

function settleEntries(folder: FolderInode, chance: Chance): void {
  const log = folder.unsynced;
  folder.unsynced = [];
  for (const changes of log.toReversed()) {
    for (const { key, before } of changes) put(folder, key, before);
  }
  // How much of a folder got to the disk differs from cut to cut: from nothing to all.
  const kept = chance.next();
  const dropped = new Set<string>();
  for (const changes of log) {
    const happened = chance.hits(kept) && !changes.some(({ key }) => dropped.has(key));
    for (const { key, after } of changes) {
      if (happened) put(folder, key, after);
      else dropped.add(key);
    }
  }
}

function put(folder: FolderInode, key: string, entry: Entry | undefined): void {
  if (entry === undefined) folder.entries.delete(key);
  else folder.entries.set(key, entry);
}

/**
 * What the entries lead to, with its names as they are now. A folder that has two keeps one of them, by the order of
 * the walk: no disk has such a folder after its check.
 */
function reachable(top: FolderInode, backwards: boolean): ReadonlySet<Inode> {
  const found = new Set<Inode>([top]);
  const waiting: FolderInode[] = [top];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const entries = [...folder.entries];
    if (backwards) entries.reverse();
    for (const [key, entry] of entries) {
      const { inode } = entry;
      if (!found.has(inode)) {
        found.add(inode);
        inode.names = [entry];
        if (inode.kind === 'folder') waiting.push(inode);
      } else if (inode.kind === 'folder') {
        folder.entries.delete(key);
      } else {
        inode.names.push(entry);
      }
    }
  }
  return found;
}

/** An inode that comes back after its number was taken by another one gets a new number. */
function renumber(volume: Volume, alive: ReadonlySet<Inode>): void {
  const used = new Set<number>();
  const homeless: Inode[] = [];
  for (const inode of alive) if (!inode.freed) used.add(inode.ino);
  for (const inode of alive) {
    if (!inode.freed) continue;
    if (used.has(inode.ino)) homeless.push(inode);
    else used.add(inode.ino);
  }
  volume.numbers.reset(used);
  for (const inode of homeless) inode.ino = volume.numbers.take();
}

/** Unsynced content may be there, in part, as zeros (the size was written, the blocks were not), or as it was before. */
function settleContent(inode: FileInode, chance: Chance): void {
  const { content, durable } = inode;
  switch (chance.below(durable === undefined ? 3 : 4)) {
    case 0:
      inode.content = durable?.content ?? NOTHING;
      inode.mode = durable?.mode ?? inode.mode;
      inode.mtimeMs = durable?.mtimeMs ?? inode.mtimeMs;
      inode.ctimeMs = durable?.ctimeMs ?? inode.ctimeMs;
      return;
    case 1:
      return;
    case 2:
      inode.content = content.subarray(0, chance.below(content.length + 1));
      return;
    default:
      inode.content = Buffer.alloc(content.length);
  }
}
