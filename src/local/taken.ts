/**
 * A version whose name passes on is held in `.rtsync/tmp` until it was looked at once more: another program may have
 * written to it, or put its own file there, in that very moment. Its name says what was expected, so that a later run
 * knows what a killed one had not looked at any more.
 */
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { conflictName } from '../core/conflict-name.ts';
import { joinLocal, type LocalPath, nameOf, parentOf } from '../core/path.ts';
import type { LocalStamp } from '../core/tree.ts';
import { isCode } from '../lib/errors.ts';
import { look } from './apply.ts';
import type { DiskStats } from './disk.ts';
import { codeOf, diskError } from './fault.ts';
import type { Ground } from './ground.ts';
import type { Expected } from './local.ts';
import { absolute, checkParents, checkPath, OWN_FOLDER } from './names.ts';
import { isTakenName, TAKEN } from './own.ts';
import { sameContent } from './stamp.ts';
import type { Trash } from './trash.ts';

/** Names that are tried for one copy. */
const MOST_NAMES = 20;

/** A free place (absolute). */
export function takenFile({ root }: Ground, { ino, size, mtimeMs }: LocalStamp): string {
  const name = `${TAKEN}${ino}_${size}_${mtimeMs}_${randomBytes(4).toString('hex')}`;
  return `${root}/${OWN_FOLDER}/tmp/${name}`;
}

/** See `LocalFolder.giveBack`. */
export async function giveBack(
  ground: Ground & { readonly trash: Trash },
  pathOf: (was: Expected) => LocalPath | undefined,
): Promise<void> {
  const folder = `${ground.root}/${OWN_FOLDER}/tmp`;
  try {
    await giveBackFrom(ground, folder, pathOf);
  } catch (error) {
    throw diskError(error, folder, 'give back what lies in');
  }
}

async function giveBackFrom(
  ground: Ground & { readonly trash: Trash },
  folder: string,
  pathOf: (was: Expected) => LocalPath | undefined,
): Promise<void> {
  const { disk } = ground;
  if (disk.lstatSync(folder) === undefined) return;
  for (const { name } of disk.readdirSync(folder).filter((entry) => isTakenName(entry.name))) {
    const file = `${folder}/${name}`;
    const stats = disk.lstatSync(file);
    const was = expectedBy(name);
    if (stats === undefined) continue;
    // Nothing was written: the trash holds it.
    if (sameContent(stats, { ...was, ctimeMs: -1, mode: 0 })) disk.unlinkSync(file);
    else await bringOut(ground, { file, stats, path: pathOf(was) });
  }
}

function expectedBy(name: string): Expected {
  const [ino = 0, size = 0, mtimeMs = 0] = name.slice(TAKEN.length).split('_').map(Number);
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
  try {
    if (path !== undefined && (await hasName(ground, file, { path, stats }))) {
      disk.unlinkSync(file);
      return;
    }
  } catch (error) {
    // Its folder is gone, or another program was quicker once more: then the trash is its place.
    if (codeOf(error) === undefined && !isCode(error, 'changed', 'unsupported-name')) throw error;
  }
  const drawer = ground.trash.drawer(ground.clock.now());
  disk.renameSync(file, drawer.slot(path ?? ('late' as LocalPath)));
  await drawer.sync();
}

/** It never lost its name, or it has it again, or, when another stands there now, one beside it. False: it can have none. */
async function hasName(
  ground: Ground,
  file: string,
  { path, stats }: { readonly path: LocalPath; readonly stats: DiskStats },
): Promise<boolean> {
  checkPath(path, ground.caseInsensitive);
  checkParents(ground, path);
  const folder = dirname(absolute(ground.root, path));
  const { disk } = ground;
  if (disk.readdirSync(folder).some(({ name }) => disk.lstatSync(`${folder}/${name}`)?.ino === stats.ino))
    return true;
  if (!stats.isFile()) return false;
  if (look(ground, path) === undefined) {
    await disk.link(file, absolute(ground.root, path));
    await ground.syncFolder(folder);
    return true;
  }
  const copy = await linkBeside(ground, file, path);
  if (copy !== undefined) ground.onLateWrite?.(path, copy);
  return copy !== undefined;
}

/** Gives the file a second name, that of a conflict copy; undefined when nothing may be linked there. */
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
      if (codeOf(error) === undefined) throw error;
      if (codeOf(error) !== 'EEXIST') return undefined;
      // Another rescue of this moment was quicker: a copy of a copy has the name of the copy of its original.
      lost.add(name);
    }
  }
  return undefined;
}
