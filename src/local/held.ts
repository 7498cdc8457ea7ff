/**
 * A version whose name passes on is held in `.rtsync/tmp` until it was looked at once more: another program may have
 * written to it, or put its own file there, in that very moment. Its name says what was expected, so that a later run
 * knows what a killed one had not looked at any more.
 */
import { randomBytes } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { conflictName } from '../core/conflict-name.ts';
import { joinLocal, keyOf, type LocalDir, type LocalPath, nameOf, parentOf, ROOT } from '../core/path.ts';
import type { LocalStamp } from '../core/tree.ts';
import { isCode } from '../lib/errors.ts';
import { look } from './apply.ts';
import type { DiskStats } from './disk.ts';
import { codeOf, diskError, isMissing } from './fault.ts';
import type { Ground } from './ground.ts';
import type { Expected } from './local.ts';
import { absolute, checkParents, checkPath, OWN_FOLDER } from './names.ts';
import { HELD_PREFIX, isHeldName, keepsInodes } from './own.ts';
import { sameContent } from './stamp.ts';
import type { Trash } from './trash.ts';

/** Names that are tried for one copy. */
const MOST_NAMES = 20;

/** A free place (absolute). */
export function heldFile({ root }: Ground, { ino, size, mtimeMs }: LocalStamp): string {
  const name = `${HELD_PREFIX}${ino}_${size}_${mtimeMs}_${randomBytes(4).toString('hex')}`;
  return `${root}/${OWN_FOLDER}/tmp/${name}`;
}

/** See `LocalFolder.giveBack`. */
export async function giveBack(
  ground: Ground & { readonly trash: Trash },
  pathOf: (was: Expected) => LocalPath | undefined,
): Promise<void> {
  const { disk, root } = ground;
  for (const file of heldFiles(ground)) {
    try {
      const stats = disk.lstatSync(file);
      if (stats === undefined) continue;
      const was = expectedBy(file);
      const seen: LocalStamp = { ...was, ctimeMs: -1, mode: 0 };
      // Nothing was written: the trash holds it.
      if (sameContent(stats, seen)) disk.unlinkSync(file);
      // A number that this mount made up anew tells nothing: it looks untouched, and no more is known.
      else if (sameContent(stats, { ...seen, ino: stats.ino }) && !(await keepsInodes(root, disk)))
        await toTrash(ground, file, pathOf(was));
      else await bringOut(ground, { file, stats, path: pathOf(was) });
    } catch (error) {
      const failure = diskError(error, file, 'give back what was written late to');
      if (failure.code === 'bug') throw failure;
      ground.onWarning?.(`${failure.message}; it stays there, and the next start tries again`);
    }
  }
}

function heldFiles({ root, disk }: Ground): readonly string[] {
  const folder = `${root}/${OWN_FOLDER}/tmp`;
  try {
    if (disk.lstatSync(folder) === undefined) return [];
    const names = disk.readdirSync(folder).map(({ name }) => name);
    return names.filter(isHeldName).map((name) => `${folder}/${name}`);
  } catch (error) {
    throw diskError(error, folder, 'give back what lies in');
  }
}

function expectedBy(file: string): Expected {
  const [ino = 0, size = 0, mtimeMs = 0] = basename(file).slice(HELD_PREFIX.length).split('_').map(Number);
  return { ino, size, mtimeMs };
}

interface Late {
  readonly file: string;
  readonly stats: DiskStats;
  readonly path: LocalPath | undefined;
}

async function bringOut(
  ground: Ground & { readonly trash: Trash },
  { file, stats, path }: Late,
): Promise<void> {
  const { disk } = ground;
  if (path !== undefined && (await hasName(ground, file, { path, stats }))) {
    disk.unlinkSync(file);
    return;
  }
  const slot = await toTrash(ground, file, path);
  const what = path === undefined ? 'a file that nobody knows any more' : `"${path}"`;
  ground.onWarning?.(
    `${what} was written in the moment in which a killed run took its name, and cannot have it back; those bytes are in the trash: ${slot}`,
  );
}

/** Gives where it lies now. */
async function toTrash(
  { trash, clock, disk }: Ground & { readonly trash: Trash },
  file: string,
  path: LocalPath | undefined,
): Promise<string> {
  const drawer = trash.drawer(clock.now());
  const slot = drawer.slot(path ?? ('late' as LocalPath));
  disk.renameSync(file, slot);
  await drawer.sync();
  return slot;
}

/** False where it can have no name: its folder is gone, or this disk has none for it. */
async function hasName(
  ground: Ground,
  file: string,
  { path, stats }: { readonly path: LocalPath; readonly stats: DiskStats },
): Promise<boolean> {
  try {
    checkPath(path, ground.caseInsensitive);
    return await getsName(ground, file, { path: spelledAsThere(ground, path), stats });
  } catch (error) {
    const never = isMissing(error) || ['ELOOP', 'ENAMETOOLONG'].includes(codeOf(error) ?? '');
    if (never || isCode(error, 'changed', 'unsupported-name')) return false;
    throw error;
  }
}

/** It never lost its name, or it has it again, or, when another stands there now, one beside it. */
async function getsName(
  ground: Ground,
  file: string,
  { path, stats }: { readonly path: LocalPath; readonly stats: DiskStats },
): Promise<boolean> {
  const folder = dirname(absolute(ground.root, path));
  const { disk } = ground;
  const isIt = (name: string): boolean => {
    const other = disk.lstatSync(`${folder}/${name}`);
    return other?.ino === stats.ino && other.dev === stats.dev;
  };
  if (disk.readdirSync(folder).some(({ name }) => isIt(name))) return true;
  if (!stats.isFile()) return false;
  if (look(ground, path) === undefined && (await linkIfFree(ground, file, path))) return true;
  const copy = await linkBeside(ground, file, path);
  if (copy !== undefined) ground.onLateWrite?.(path, copy);
  return copy !== undefined;
}

/** False when another program was quicker once more. */
async function linkIfFree(
  { disk, root, syncFolder }: Ground,
  file: string,
  path: LocalPath,
): Promise<boolean> {
  const name = absolute(root, path);
  try {
    await disk.link(file, name);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  await syncFolder(dirname(name));
  return true;
}

/** The path in the disk's own spelling, as far as it stands there. Throws `changed` when a folder above it does not. */
function spelledAsThere(ground: Ground, path: LocalPath): LocalPath {
  let at: LocalDir = ROOT;
  for (const name of path.split('/')) {
    checkParents(ground, joinLocal(at, name));
    const names = ground.disk.readdirSync(absolute(ground.root, at)).map((entry) => entry.name);
    const found = names.includes(name) ? name : names.find((other) => keyOf(other) === keyOf(name));
    at = joinLocal(at, found ?? name);
  }
  return at as LocalPath;
}

/** Gives the file a second name, that of a conflict copy; undefined when all are in use. Throws what the disk refuses. */
export async function linkBeside(
  ground: Ground,
  file: string,
  path: LocalPath,
): Promise<LocalPath | undefined> {
  const beside = (name: string): LocalPath => joinLocal(parentOf(path), name);
  const lost = new Set<string>();
  const taken = (name: string): boolean =>
    lost.has(name) || ground.disk.lstatSync(absolute(ground.root, beside(name))) !== undefined;
  const naming = { date: new Date(ground.clock.now()), host: ground.host, taken };
  for (let tries = 0; tries < MOST_NAMES; tries += 1) {
    const name = conflictName(nameOf(path), naming);
    const copy = absolute(ground.root, beside(name));
    try {
      await ground.disk.link(file, copy);
      await ground.syncFolder(dirname(copy));
      return beside(name);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      // Another rescue of this moment was quicker: a copy of a copy has the name of the copy of its original.
      lost.add(name);
    }
  }
  return undefined;
}
