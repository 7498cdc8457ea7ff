/** Our own folder at the root: its parts, what a crash left in it, and the marker that tells which pair lives here. */
import { randomUUID } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { RtsyncError } from '../lib/errors.ts';
import { shellWord } from '../lib/shell.ts';
import { readUpTo } from './digest.ts';
import { type Disk, systemDisk } from './disk.ts';
import { codeOf, diskError, isMissing } from './fault.ts';
import { OWN_FOLDER } from './names.ts';
import { syncFolderNow } from './sync.ts';

const markerSchema = z.object({
  pairId: z.string().min(1),
  version: z.literal(1),
  /** Grows with every run, so that an older copy of the folder is told from the folder. */
  generation: z.int().nonnegative().optional(),
  /** Names the far end, for people and to know it again. */
  far: z.string().optional(),
});

/** Says which pair a root belongs to, so that an empty disk at its mount point is never taken for an emptied folder. */
export type Marker = z.infer<typeof markerSchema>;

function markerFile(root: string): string {
  return `${root}/${OWN_FOLDER}/pair.json`;
}

/** Makes `.rtsync`, `tmp` and `trash`, readable by the user alone. A symlink in their place is refused. */
export function makeOwnFolders(root: string, disk: Disk = systemDisk): void {
  const own = `${root}/${OWN_FOLDER}`;
  try {
    const made = [own, `${own}/tmp`, `${own}/trash`].filter((folder) => makeRealFolder(disk, folder));
    for (const parent of new Set(made.map(dirname))) syncFolderNow(disk, parent);
  } catch (error) {
    throw diskError(error, own, 'make');
  }
}

/**
 * Takes `.rtsync` away again where nothing but its empty parts and the lock is in it: no pair lives there. Only while the
 * lock is held, so that whoever had opened it was refused.
 */
export function removeOwnFolders(root: string, disk: Disk = systemDisk): void {
  const own = `${root}/${OWN_FOLDER}`;
  try {
    const inside = disk.readdirSync(own).map(({ name }) => name);
    if (inside.some((name) => !['tmp', 'trash', 'lock'].includes(name))) return;
    if (inside.includes('lock')) disk.unlinkSync(`${own}/lock`);
    for (const folder of [`${own}/tmp`, `${own}/trash`, own]) disk.rmdirSync(folder);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
}

/**
 * True when it was not there; its parent is not synced then. Throws `halted` where something else stands, or what
 * mkdir throws.
 */
export function makeRealFolder(disk: Disk, folder: string): boolean {
  let made = false;
  try {
    if (disk.lstatSync(folder) === undefined) {
      disk.mkdirSync(folder, { mode: 0o700 });
      made = true;
    }
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  if (disk.lstatSync(folder)?.isDirectory() === true) return made;
  throw new RtsyncError('halted', {
    message: `${folder} must be a real folder; move away what stands there`,
    path: folder,
  });
}

/** Temporaries of this name hold a version that a killed run may not have looked at again: see `held.ts`. */
export const HELD_PREFIX = 'held-';

export function isHeldName(name: string): boolean {
  return name.startsWith(HELD_PREFIX);
}

/** Removes temporaries that a crash left, which nobody else needs. Only for the one process that holds the pair's lock. */
export function clearTemporaries(root: string, disk: Disk = systemDisk): void {
  const folder = `${root}/${OWN_FOLDER}/tmp`;
  for (const { name } of disk.readdirSync(folder))
    if (!isHeldName(name)) disk.removeTreeSync(`${folder}/${name}`);
}

/** Undefined when the root has none. Throws `halted` when it cannot be understood. */
export function readMarker(root: string, disk: Disk = systemDisk): Marker | undefined {
  const file = markerFile(root);
  let text: string;
  try {
    text = readText(disk, file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw diskError(error, file, 'read');
  }
  const parsed = markerSchema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new RtsyncError('halted', {
    message: `${file} is damaged or from a newer rtsync: update rtsync; or remove that file and run rtsync approve --afresh ${shellWord(root)}, which compares both sides without any delete`,
    path: file,
  });
}

function readText(disk: Disk, file: string): string {
  const fd = disk.openSync(file, 'r');
  try {
    return readUpTo(disk, fd, disk.fstatSync(fd).size).toString('utf8');
  } finally {
    disk.closeSync(fd);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Durable when it returns, and so is the folder it lies in, whoever made that. */
export function writeMarker(
  root: string,
  { pairId, generation = 0, far }: Omit<Marker, 'version'>,
  disk: Disk = systemDisk,
): void {
  makeOwnFolders(root, disk);
  const file = markerFile(root);
  const temporary = `${root}/${OWN_FOLDER}/tmp/${randomUUID()}`;
  const marker: Marker = { pairId, version: 1, generation, far };
  try {
    writeDurably(disk, temporary, `${JSON.stringify(marker)}\n`);
    disk.renameSync(temporary, file);
    syncFolderNow(disk, dirname(file));
    syncFolderNow(disk, root);
  } catch (error) {
    disk.removeTreeSync(temporary);
    throw diskError(error, file, 'write');
  }
}

function writeDurably(disk: Disk, file: string, text: string): void {
  const fd = disk.openSync(file, 'wx', 0o600);
  try {
    disk.writeSync(fd, Buffer.from(text));
    disk.fsyncSync(fd);
  } finally {
    disk.closeSync(fd);
  }
}

/** The nearest folder above `root` that is a pair's root: two pairs must not nest. */
export function findEnclosingPair(root: string, disk: Disk = systemDisk): string | undefined {
  for (let at = dirname(root); ; at = dirname(at)) {
    if (disk.lstatSync(markerFile(at)) !== undefined) return at;
    if (dirname(at) === at) return undefined;
  }
}

/** What the disk does with names and modes; found out with one file in `tmp`. */
export interface DiskFacts {
  readonly caseInsensitive: boolean;
  readonly newFileMode: number;
}

export function probeDisk(root: string, disk: Disk = systemDisk): DiskFacts {
  const name = `probe-${randomUUID()}`;
  const file = `${root}/${OWN_FOLDER}/tmp/${name}`;
  try {
    const fd = disk.openSync(file, 'wx', 0o666);
    const { mode } = disk.fstatSync(fd);
    disk.closeSync(fd);
    const other = disk.lstatSync(`${dirname(file)}/${name.toUpperCase()}`);
    return { caseInsensitive: other !== undefined, newFileMode: mode & 0o777 };
  } catch (error) {
    throw diskError(error, file, 'write');
  } finally {
    disk.removeTreeSync(file);
  }
}

/** Without writing: does the root's own name also answer in another case? */
export function guessDisk(root: string, disk: Disk = systemDisk): DiskFacts {
  const name = basename(root);
  const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  if (other === name) return { caseInsensitive: false, newFileMode: 0o644 };
  const stats = disk.lstatSync(`${dirname(root)}/${other}`);
  return {
    caseInsensitive: stats !== undefined && stats.ino === disk.lstatSync(root)?.ino,
    newFileMode: 0o644,
  };
}

/**
 * Kinds of file systems, by Linux's numbers, that make inode numbers up: a folder can have another after the disk was
 * mounted anew, or when the system had forgotten it. NTFS and NFS keep theirs.
 */
const MADE_UP: ReadonlySet<number> = new Set([
  0x4d44, // FAT
  0x2011bab0, // exFAT
  0x65735546, // FUSE: sshfs, rclone, and what else has no numbers of its own
  0xff534d42, // CIFS
  0xfe534d42, // SMB 2
  0x517b, // SMB
  0x794c7630, // overlayfs: containers
  0x01021997, // 9p
  0x786f4256, // VirtualBox's shared folders
]);

/** Whether the disk of this root knows a folder by its inode, for ever. What cannot be asked is taken to. */
export async function keepsInodes(root: string, disk: Disk = systemDisk): Promise<boolean> {
  try {
    const { type } = await disk.statfs(root);
    // Systems of 32 bits give the higher numbers with a sign. Those of other kinds than Linux number them their own way.
    return type === undefined || process.platform !== 'linux' || !MADE_UP.has(type >>> 0);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return true;
  }
}

/** What the base speaks of. */
export interface KnownRoot {
  readonly pairId: string;
  /** Without a base there is nothing to lose, and any root will do. */
  readonly hasBase: boolean;
  /** The mark had this generation already; 0: never signed. */
  readonly generation: number;
  readonly far?: string;
}

/**
 * Refuses (`halted`) a root that is not the known one: an unmounted disk, another folder, an older copy of this one. A new
 * pair refuses (`pair-overlap`) a folder that is synced with another far end.
 */
export function checkMarker(root: string, known: KnownRoot, disk: Disk = systemDisk): void {
  if (!known.hasBase) {
    checkUnshared(root, known, disk);
    return;
  }
  const found = readMarker(root, disk);
  if (found?.pairId === known.pairId && (found.generation ?? 0) >= known.generation) return;
  throw new RtsyncError('halted', { message: `${root} ${complaint(root, found, known, disk)}`, path: root });
}

function checkUnshared(root: string, { generation, far }: KnownRoot, disk: Disk): void {
  if (generation > 0 || far === undefined) return;
  const found = readMarker(root, disk);
  if (found?.far === undefined || found.far === far) return;
  throw new RtsyncError('pair-overlap', {
    message: `${root} is synced with the workspace ${found.far} by another pair, and both would write the same files; sync another folder, or, when that pair is no more, remove ${markerFile(root)}`,
    path: root,
  });
}

function wayOut(root: string): string {
  return `Put the right folder back; or, to compare both sides afresh without any delete, run rtsync approve --afresh ${shellWord(root)}`;
}

function complaint(root: string, found: Marker | undefined, known: KnownRoot, disk: Disk): string {
  if (disk.lstatSync(root) === undefined)
    return `is missing: was it moved, or is a disk not mounted? ${wayOut(root)}`;
  const mark = `(${OWN_FOLDER}/pair.json)`;
  if (found === undefined)
    return `has lost its mark ${mark}: is a disk not mounted, or was the folder replaced? ${wayOut(root)}`;
  if (found.pairId !== known.pairId) return `carries the mark of another pair ${mark}. ${wayOut(root)}`;
  return `is an older copy of the synced folder, by its mark ${mark}: its files would undo what was done since. ${wayOut(root)}`;
}
