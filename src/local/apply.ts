/**
 * Changes of names: new folders and moves. Each looks at its expectation right before the deed. What goes wrong after it
 * is ambiguous: the deed is done, and whoever looks next must find out what came of it.
 */
import { dirname } from 'node:path';
import { joinLocal, type LocalPath } from '../core/path.ts';
import type { LocalStamp } from '../core/tree.ts';
import { isCode, RtsyncError } from '../lib/errors.ts';
import type { DiskStats } from './disk.ts';
import { changed, codeOf, diskError, lacksHardLinks } from './fault.ts';
import type { Ground } from './ground.ts';
import { absolute, checkParents, checkPath } from './names.ts';
import { sameContent, sameVersion, stampOf, trusted } from './stamp.ts';

const CHANGED = 'changed since it was looked at';
const TAKEN = 'is taken meanwhile';

export function look(ground: Ground, path: LocalPath): DiskStats | undefined {
  return ground.disk.lstatSync(absolute(ground.root, path));
}

export async function makeFolder(ground: Ground, path: LocalPath): Promise<number> {
  checkPath(path, ground.caseInsensitive);
  const folder = absolute(ground.root, path);
  try {
    checkParents(ground, path);
    try {
      ground.disk.mkdirSync(folder);
      ground.parents.forget(path);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const stats = look(ground, path);
    if (stats === undefined || !stats.isDirectory()) throw changed(path, 'is no folder');
    await ground.parents.sync(joinLocal(path, 'x'));
    return stats.ino;
  } catch (error) {
    throw diskError(error, path, 'make the folder');
  }
}

export async function move(
  ground: Ground,
  from: LocalPath,
  to: LocalPath,
  expected: LocalStamp | 'folder',
): Promise<LocalStamp | undefined> {
  checkPath(from, ground.caseInsensitive);
  checkPath(to, ground.caseInsensitive);
  const doing = `move to "${to}" from`;
  let deed: Deed;
  try {
    checkParents(ground, from);
    checkParents(ground, to);
    deed =
      expected === 'folder' ? moveFolder(ground, from, to) : await moveFile(ground, { from, to, expected });
  } catch (error) {
    throw diskError(error, from, doing);
  }
  try {
    const stats = look(ground, to);
    if (deed === 'renamed') await syncName(ground, to);
    await ground.syncFolder(dirname(absolute(ground.root, from)));
    if (expected === 'folder') return undefined;
    if (stats === undefined || !sameContent(stats, expected)) throw changed(to, CHANGED);
    ground.renames.note(expected, stats.ctimeMs);
    return trusted(stampOf(stats), ground.clock.now(), ground.grainMs);
  } catch (error) {
    throw afterDeed(diskError(error, from, doing));
  }
}

function afterDeed(cause: RtsyncError): RtsyncError {
  const { code, message, path } = cause;
  return new RtsyncError(code, {
    message,
    ambiguous: true,
    cause,
    ...(path === undefined ? {} : { path }),
  });
}

interface FileMove {
  readonly from: LocalPath;
  readonly to: LocalPath;
  readonly expected: LocalStamp;
}

/** `linked`: the new name is synced. `renamed`: it is not yet. */
type Deed = 'linked' | 'renamed';

/**
 * By link and unlink, since a link refuses a taken name and a rename does not, and since the new name can be synced
 * before the old one goes.
 */
async function moveFile(ground: Ground, { from, to, expected }: FileMove): Promise<Deed> {
  const stats = look(ground, from);
  if (!sameVersion(stats, expected)) throw changed(from, CHANGED);
  const [source, target] = [absolute(ground.root, from), absolute(ground.root, to)];
  if (onlyCaseDiffers(ground, { from, to }, stats)) return rename(ground, from, to);
  try {
    await ground.disk.link(source, target);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw changed(to, TAKEN);
    if (!lacksHardLinks(error)) throw error;
    return renameIfFree(ground, from, to);
  }
  try {
    await syncName(ground, to);
    // RACE: between this look and the unlink another program can put its own file at `from`, which then is lost.
    const still = look(ground, from);
    if (still === undefined || !sameContent(still, expected)) throw changed(from, CHANGED);
    // Somebody has put another file at the new name: the old one is the last of its version.
    if (look(ground, to)?.ino !== expected.ino) throw changed(to, TAKEN);
    ground.disk.unlinkSync(source);
  } catch (error) {
    // A refusal that came after the deed would leave the new name the only one.
    if (isCode(error, 'changed') || isAt(ground, from, expected)) takeAway(ground, { from, to, expected });
    throw error;
  }
  return 'linked';
}

/** RACE: a folder may appear at `to` after the look; the rename fails by itself unless that one is empty. */
function moveFolder(ground: Ground, from: LocalPath, to: LocalPath): Deed {
  const stats = look(ground, from);
  if (stats === undefined || !stats.isDirectory()) throw changed(from, 'is no folder any more');
  ground.parents.forgetAll();
  return onlyCaseDiffers(ground, { from, to }, stats)
    ? rename(ground, from, to)
    : renameIfFree(ground, from, to);
}

/** RACE: what appears at `to` between the look and the rename is overwritten; only for disks without hard links. */
function renameIfFree(ground: Ground, from: LocalPath, to: LocalPath): Deed {
  if (look(ground, to) !== undefined) throw changed(to, TAKEN);
  return rename(ground, from, to);
}

/** RACE: a power cut before the sync may lose both names on a disk that does not keep a rename whole. */
function rename(ground: Ground, from: LocalPath, to: LocalPath): Deed {
  ground.disk.renameSync(absolute(ground.root, from), absolute(ground.root, to));
  return 'renamed';
}

/** The name, and the folders above it, survive a power cut. */
async function syncName(ground: Ground, path: LocalPath): Promise<void> {
  await Promise.all([ground.parents.sync(path), ground.syncFolder(dirname(absolute(ground.root, path)))]);
}

/**
 * Undoes a link of ours, and touches nothing that another put there since, nor what another wrote into the file when
 * the old name is gone: these bytes have no other.
 */
function takeAway(ground: Ground, { from, to, expected }: FileMove): void {
  const stats = look(ground, to);
  if (stats === undefined || stats.ino !== expected.ino) return;
  if (sameContent(stats, expected) || isAt(ground, from, expected))
    ground.disk.unlinkSync(absolute(ground.root, to));
}

function isAt(ground: Ground, path: LocalPath, { ino }: LocalStamp): boolean {
  return look(ground, path)?.ino === ino;
}

function onlyCaseDiffers(
  ground: Ground,
  { from, to }: { readonly from: LocalPath; readonly to: LocalPath },
  stats: DiskStats,
): boolean {
  if (!ground.caseInsensitive || from === to) return false;
  const there = look(ground, to);
  return there?.ino === stats.ino && there.dev === stats.dev && from.toLowerCase() === to.toLowerCase();
}
