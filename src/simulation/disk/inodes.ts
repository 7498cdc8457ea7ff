/** What a simulated disk consists of. Contents are never changed in place, so that everybody may keep them. */

export type Inode = FileInode | FolderInode | SymlinkInode;

interface Common {
  ino: number;
  /** Permission bits alone. */
  mode: number;
  atimeMs: number;
  mtimeMs: number;
  ctimeMs: number;
  /** Every entry that leads here now. */
  names: Entry[];
  /** Open descriptors. */
  open: number;
  /** The number was given back: no name and no descriptor is left. Only a power cut can bring the inode back. */
  freed: boolean;
}

export interface FileInode extends Common {
  readonly kind: 'file';
  content: Buffer;
  /** As of the last fsync. */
  durable: Durable | undefined;
}

export interface FolderInode extends Common {
  readonly kind: 'folder';
  /** By the name as this disk compares names. */
  readonly entries: Map<string, Entry>;
  /** Changes of entries since the last fsync, oldest first. Those of one element happen together or not at all. */
  unsynced: (readonly EntryChange[])[];
}

export interface SymlinkInode extends Common {
  readonly kind: 'symlink';
  readonly target: string;
}

export interface Durable {
  readonly content: Buffer;
  readonly mode: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

export interface Entry {
  readonly folder: FolderInode;
  /** As it was first spelled. */
  readonly name: string;
  readonly inode: Inode;
}

export interface EntryChange {
  readonly key: string;
  readonly before: Entry | undefined;
  readonly after: Entry | undefined;
}

export const NOTHING = Buffer.alloc(0);

const FIRST_NUMBER = 11;

/** Inode numbers. The lowest free one is taken, as ext4 does, so that a freed number soon means another file. */
export interface Numbers {
  take(): number;
  give(ino: number): void;
  /** From now on exactly these are in use. */
  reset(used: ReadonlySet<number>): void;
}

export function createNumbers(): Numbers {
  let next = FIRST_NUMBER;
  /** Descending. */
  let free: number[] = [];
  return {
    take: () => {
      const lowest = free.pop();
      if (lowest !== undefined) return lowest;
      next += 1;
      return next - 1;
    },
    give: (ino) => {
      let at = free.length;
      while (at > 0 && (free[at - 1] ?? 0) < ino) at -= 1;
      free.splice(at, 0, ino);
    },
    reset: (used) => {
      next = FIRST_NUMBER;
      for (const ino of used) next = Math.max(next, ino + 1);
      free = [];
      for (let ino = next - 1; ino >= FIRST_NUMBER; ino -= 1) if (!used.has(ino)) free.push(ino);
    },
  };
}
