/** What looks at a simulated disk answer. */
import type { DiskEntry, DiskStats } from '../../local/disk.ts';
import type { Inode } from './inodes.ts';

const DEVICE = 1;
const FOLDER_BYTES = 4096;
const KIND_BITS = { file: 0o100000, folder: 0o040000, symlink: 0o120000 } as const;

// Classes, since a look is the most frequent call of all and shares its methods this way.
class Kinded {
  readonly #kind: Inode['kind'];
  constructor(kind: Inode['kind']) {
    this.#kind = kind;
  }
  isFile(): boolean {
    return this.#kind === 'file';
  }
  isDirectory(): boolean {
    return this.#kind === 'folder';
  }
  isSymbolicLink(): boolean {
    return this.#kind === 'symlink';
  }
  isSocket(): boolean {
    return false;
  }
  isFIFO(): boolean {
    return false;
  }
  isBlockDevice(): boolean {
    return false;
  }
  isCharacterDevice(): boolean {
    return false;
  }
}

class SimEntry extends Kinded implements DiskEntry {
  readonly name: string;
  constructor(name: string, kind: Inode['kind']) {
    super(kind);
    this.name = name;
  }
}

class SimStats extends Kinded implements DiskStats {
  readonly dev = DEVICE;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly size: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  constructor(inode: Inode) {
    super(inode.kind);
    this.ino = inode.ino;
    this.mode = KIND_BITS[inode.kind] | inode.mode;
    this.nlink = linksOf(inode);
    this.size = sizeOf(inode);
    this.atimeMs = inode.atimeMs;
    this.mtimeMs = inode.mtimeMs;
    this.ctimeMs = inode.ctimeMs;
  }
}

export function statsOf(inode: Inode): DiskStats {
  return new SimStats(inode);
}

export function entryOf(name: string, inode: Inode): DiskEntry {
  return new SimEntry(name, inode.kind);
}

function linksOf(inode: Inode): number {
  if (inode.kind !== 'folder') return inode.names.length;
  let links = 2;
  for (const entry of inode.entries.values()) if (entry.inode.kind === 'folder') links += 1;
  return links;
}

function sizeOf(inode: Inode): number {
  if (inode.kind === 'file') return inode.content.length;
  return inode.kind === 'folder' ? FOLDER_BYTES : Buffer.byteLength(inode.target);
}
