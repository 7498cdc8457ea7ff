/** Changing a workspace: create, rename, move, copy, remove. Uploads have a file of their own. */
import { copyFile, mkdir, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { ApiError, badRequest, isMissing, type Made, missing, taken } from './answers.ts';
import type { TakenName } from './behaviour.ts';
import { checkName, diskPath, idOf, isCode, isTemporary, look, lookAt, type Segments } from './place.ts';
import { measure, type Shelf } from './shelf.ts';

/** Where a deed may put its result, after the taken name was dealt with. */
export interface Spot {
  readonly name: string;
  readonly path: string;
  /** Bytes of the file that will be overwritten. */
  readonly replaces: number;
}

/** The folder for something new: it must exist, or is made when this server makes missing parents. */
export async function parentFolder(shelf: Shelf, segments: Segments): Promise<string> {
  const seen = await look(shelf.root, segments);
  if (seen.kind === 'folder') return diskPath(shelf.root, segments);
  if (seen.kind !== 'none' || shelf.behaviour.missingParent === 'error' || segments.length === 0) {
    throw missing(shelf.behaviour, idOf(segments));
  }
  const above = await parentFolder(shelf, segments.slice(0, -1));
  const path = `${above}/${segments.at(-1)}`;
  await mkdir(path).catch((error: unknown) => {
    // Two uploads may make the same parent at once.
    if (!isCode(error, 'EEXIST')) throw error;
  });
  return path;
}

/** Call inside `exclusive`: the answer is only true until somebody else takes the name. */
export async function findSpot(folder: string, wanted: string, policy: TakenName): Promise<Spot> {
  let name = checkName(wanted);
  for (;;) {
    const path = `${folder}/${name}`;
    const seen = await lookAt(path);
    if (seen.kind === 'none') return { name, path, replaces: 0 };
    if (policy === 'refuse') throw taken(name);
    if (policy === 'overwrite') {
      if (seen.kind !== 'file') throw taken(name);
      return { name, path, replaces: seen.stats.size };
    }
    name = checkName(otherName(name));
  }
}

function otherName(name: string): string {
  const extension = extname(name);
  return `${name.slice(0, name.length - extension.length)}.new${extension}`;
}

export function madeAt(folder: Segments, name: string): Made {
  return { id: idOf([...folder, name]), name };
}

export async function createEntry(
  shelf: Shelf,
  parent: Segments,
  wanted: { readonly name: string; readonly type: 'file' | 'folder' },
): Promise<Made> {
  checkName(wanted.name);
  return shelf.exclusive(async () => {
    const folder = await parentFolder(shelf, parent);
    if (wanted.type === 'file') {
      const spot = await findSpot(folder, wanted.name, shelf.behaviour.takenName);
      await writeFile(spot.path, '');
      await stamp(shelf, spot.path);
      shelf.grew(-spot.replaces);
      return madeAt(parent, spot.name);
    }
    const seen = await lookAt(`${folder}/${wanted.name}`);
    const stray = shelf.behaviour.takenFolder === 'stray';
    if (seen.kind === 'folder' && !stray) return madeAt(parent, wanted.name);
    const spot = await findSpot(folder, wanted.name, stray ? 'rename' : 'refuse');
    await mkdir(spot.path);
    return madeAt(parent, spot.name);
  });
}

/** Rename in place, or move into a folder: the same entry under another path. */
export async function moveEntry(
  shelf: Shelf,
  from: Segments,
  to: { readonly folder: Segments; readonly name: string },
): Promise<Made> {
  const name = from.at(-1);
  if (name === undefined) throw badRequest('the root cannot be moved');
  return shelf.exclusive(async () => {
    await existing(shelf, from);
    if ((await look(shelf.root, to.folder)).kind !== 'folder')
      throw missing(shelf.behaviour, idOf(to.folder));
    if (isInside(to.folder, from)) throw badRequest('a folder cannot be moved into itself');
    const folder = diskPath(shelf.root, to.folder);
    const source = diskPath(shelf.root, from);
    const spot = (await isRespelled(source, `${folder}/${to.name}`))
      ? { name: to.name, path: `${folder}/${to.name}`, replaces: 0 }
      : await spotForMove(shelf, from, { folder, name: to.name });
    await rename(source, spot.path).catch((error: unknown) => {
      throw isCode(error, 'ENOTEMPTY', 'EEXIST', 'EISDIR', 'ENOTDIR') ? taken(spot.name) : error;
    });
    if (shelf.behaviour.moveDate === 'new') await touch(spot.path, shelf.date() ?? new Date());
    shelf.grew(-spot.replaces);
    return madeAt(to.folder, spot.name);
  });
}

/** Overwriting is a file over a file, or a folder over an empty one; the disk refuses the rest. */
async function spotForMove(
  shelf: Shelf,
  from: Segments,
  to: { readonly folder: string; readonly name: string },
): Promise<Spot> {
  const policy = shelf.behaviour.takenMove ?? shelf.behaviour.takenName;
  const path = `${to.folder}/${checkName(to.name)}`;
  const [source, target] = [await look(shelf.root, from), await lookAt(path)];
  if (policy === 'overwrite' && source.kind === 'folder' && target.kind === 'folder') {
    return { name: to.name, path, replaces: 0 };
  }
  if (policy === 'overwrite' && source.kind !== target.kind && target.kind !== 'none') throw taken(to.name);
  const spot = await findSpot(to.folder, to.name, policy);
  // A file "moved" onto itself gives up nothing.
  return spot.path === diskPath(shelf.root, from) ? { ...spot, replaces: 0 } : spot;
}

/** True when the disk takes both names for one entry although they are spelled differently. */
async function isRespelled(from: string, to: string): Promise<boolean> {
  if (from === to || fold(from) !== fold(to)) return false;
  const [source, target] = [await lookAt(from), await lookAt(to)];
  if (!('stats' in source) || !('stats' in target)) return false;
  const same = source.stats.ino === target.stats.ino && source.stats.dev === target.stats.dev;
  // Two hard links of one file are two entries.
  return same && (source.kind === 'folder' || source.stats.nlink === 1);
}

function fold(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

export async function copyEntry(shelf: Shelf, from: Segments, toFolder: Segments): Promise<Made> {
  const name = from.at(-1);
  if (name === undefined) throw badRequest('the root cannot be copied');
  return shelf.exclusive(async () => {
    const seen = await existing(shelf, from);
    if ((await look(shelf.root, toFolder)).kind !== 'folder') throw missing(shelf.behaviour, idOf(toFolder));
    if (isInside(toFolder, from)) throw badRequest('a folder cannot be copied into itself');
    const source = diskPath(shelf.root, from);
    const bytes = seen.kind === 'file' ? seen.stats.size : (await measure(source)).bytes;
    if (bytes > 0 && bytes > (await shelf.room())) throw quotaExceeded(shelf);
    const policy = shelf.behaviour.takenMove ?? shelf.behaviour.takenName;
    const folder = diskPath(shelf.root, toFolder);
    const onto = `${folder}/${name}`;
    if (policy === 'overwrite' && onto === source) return madeAt(toFolder, name);
    const merges = policy === 'overwrite' && seen.kind === 'folder' && (await lookAt(onto)).kind === 'folder';
    const spot = merges ? { name, path: onto, replaces: 0 } : await findSpot(folder, name, policy);
    await copyTree(shelf, source, spot.path);
    shelf.shrank();
    return madeAt(toFolder, spot.name);
  });
}

/** Copies files and folders, new dates on all; symlinks and special files stay behind. */
async function copyTree(shelf: Shelf, from: string, to: string): Promise<void> {
  const seen = await lookAt(from);
  if (seen.kind === 'file') {
    await copyFile(from, to);
    return stamp(shelf, to);
  }
  if (seen.kind !== 'folder') return;
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    if (!isTemporary(name)) await copyTree(shelf, `${from}/${name}`, `${to}/${name}`);
  }
}

/** Removes an entry with everything below it; the root loses all it holds. Throws `missing` for what is not there. */
export async function removeEntry(shelf: Shelf, segments: Segments): Promise<void> {
  await shelf.exclusive(async () => {
    shelf.shrank();
    if (segments.length > 0) {
      await existing(shelf, segments);
      return rm(diskPath(shelf.root, segments), { recursive: true, force: true });
    }
    for (const name of await readdir(shelf.root)) {
      await rm(`${shelf.root}/${name}`, { recursive: true, force: true });
    }
  });
}

/** Runs a batch as this server does: an id that is missing stops it half-way, or is passed over. */
export async function runBatch<T>(
  shelf: Shelf,
  ids: readonly Segments[],
  step: (id: Segments) => Promise<T>,
): Promise<T[]> {
  const done: T[] = [];
  for (const id of ids) {
    try {
      done.push(await step(id));
    } catch (error) {
      if (shelf.behaviour.badBatch === 'stops' || !(error instanceof ApiError)) throw error;
    }
  }
  return done;
}

/** A delete in which a missing id is fine, or stops the batch, or is told when nothing at all was there. */
export async function removeBatch(shelf: Shelf, ids: readonly Segments[]): Promise<void> {
  const { deleteMissing, badBatch } = shelf.behaviour;
  let absent: ApiError | undefined;
  for (const id of ids) {
    try {
      await removeEntry(shelf, id);
    } catch (error) {
      if (!isMissing(error)) throw error;
      absent = new ApiError(404, error.code, error.message);
      if (deleteMissing === 404 && badBatch === 'stops') throw absent;
    }
  }
  if (deleteMissing === 404 && absent !== undefined && ids.length === 1) throw absent;
}

async function existing(shelf: Shelf, segments: Segments) {
  const seen = await look(shelf.root, segments);
  if (seen.kind === 'file' || seen.kind === 'folder') return seen;
  throw missing(shelf.behaviour, idOf(segments));
}

function isInside(folder: Segments, of: Segments): boolean {
  return of.every((name, index) => folder[index] === name);
}

export function quotaExceeded(shelf: Shelf): ApiError {
  const { status, code } = shelf.behaviour.quotaError;
  return new ApiError(status, code, 'The storage quota is used up.');
}

/** Dates new content by the server's clock when it has one of its own. */
export async function stamp(shelf: Shelf, path: string): Promise<void> {
  const date = shelf.date();
  if (date !== undefined) await utimes(path, date, date);
}

async function touch(path: string, date: Date): Promise<void> {
  if ((await lookAt(path)).kind === 'file') await utimes(path, date, date);
}
