/** Changes of names: new folders, moves, removals into the trash. Each looks at its expectation right before the deed. */
import { lstatSync, mkdirSync, renameSync, rmdirSync, type Stats, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { joinLocal, type LocalPath } from '../core/path.ts';
import type { FolderNode, LocalStamp } from '../core/tree.ts';
import { isCode } from '../lib/errors.ts';
import { changed, codeOf, diskError, isMissing, lacksHardLinks } from './fault.ts';
import type { Ground } from './ground.ts';
import { absolute, checkParents, checkPath } from './names.ts';
import { sameContent, sameVersion, stampOf, trusted } from './stamp.ts';
import { removeIfThere } from './temporary.ts';
import { copyDurably, type Drawer } from './trash.ts';

const CHANGED = 'changed since it was looked at';
const TAKEN = 'is taken meanwhile';

function look(ground: Ground, path: LocalPath): Stats | undefined {
  return lstatSync(absolute(ground.root, path), { throwIfNoEntry: false });
}

export async function makeFolder(ground: Ground, path: LocalPath): Promise<number> {
  checkPath(path, ground.caseInsensitive);
  const folder = absolute(ground.root, path);
  try {
    checkParents(ground.root, path);
    try {
      mkdirSync(folder);
      await ground.syncFolder(dirname(folder));
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const stats = lstatSync(folder);
    if (!stats.isDirectory()) throw changed(path, 'is no folder');
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
  try {
    checkParents(ground.root, from);
    checkParents(ground.root, to);
    if (expected === 'folder') moveFolder(ground, from, to);
    else await moveFile(ground, { from, to, expected });
    const [source, target] = [absolute(ground.root, from), absolute(ground.root, to)];
    await ground.syncFolder(dirname(target));
    if (dirname(source) !== dirname(target)) await ground.syncFolder(dirname(source));
    if (expected === 'folder') return undefined;
    const stats = look(ground, to);
    if (stats === undefined || !sameContent(stats, expected)) throw changed(to, CHANGED);
    ground.renames.note(expected, stats.ctimeMs);
    return trusted(stampOf(stats), ground.clock.now(), ground.grainMs);
  } catch (error) {
    throw diskError(error, from, `move to "${to}" from`);
  }
}

interface FileMove {
  readonly from: LocalPath;
  readonly to: LocalPath;
  readonly expected: LocalStamp;
}

/** By link and unlink, since a link refuses a taken name and a rename does not. */
async function moveFile(ground: Ground, { from, to, expected }: FileMove): Promise<void> {
  const stats = look(ground, from);
  if (!sameVersion(stats, expected)) throw changed(from, CHANGED);
  const [source, target] = [absolute(ground.root, from), absolute(ground.root, to)];
  if (onlyCaseDiffers(ground, { from, to }, stats)) {
    renameSync(source, target);
    return;
  }
  try {
    await ground.calls.link(source, target);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw changed(to, TAKEN);
    if (!lacksHardLinks(error)) throw error;
    renameIfFree(ground, from, to);
    return;
  }
  // RACE: between this look and the unlink another program can put its own file at `from`, which then is lost.
  const still = look(ground, from);
  if (still !== undefined && sameContent(still, expected)) {
    unlinkSync(source);
    return;
  }
  await removeIfThere(target);
  throw changed(from, CHANGED);
}

/** RACE: a folder may appear at `to` after the look; the rename fails by itself unless that one is empty. */
function moveFolder(ground: Ground, from: LocalPath, to: LocalPath): void {
  const stats = look(ground, from);
  if (stats === undefined || !stats.isDirectory()) throw changed(from, 'is no folder any more');
  if (onlyCaseDiffers(ground, { from, to }, stats)) {
    renameSync(absolute(ground.root, from), absolute(ground.root, to));
  } else {
    renameIfFree(ground, from, to);
  }
}

/** RACE: what appears at `to` between the look and the rename is overwritten; only for disks without hard links. */
function renameIfFree(ground: Ground, from: LocalPath, to: LocalPath): void {
  if (look(ground, to) !== undefined) throw changed(to, TAKEN);
  renameSync(absolute(ground.root, from), absolute(ground.root, to));
}

function onlyCaseDiffers(
  ground: Ground,
  { from, to }: { readonly from: LocalPath; readonly to: LocalPath },
  stats: Stats,
): boolean {
  if (!ground.caseInsensitive || from === to) return false;
  const there = look(ground, to);
  return there?.ino === stats.ino && there.dev === stats.dev && from.toLowerCase() === to.toLowerCase();
}

/** Into the drawer. A missing file is fine. */
export async function removeFile(
  ground: Ground,
  drawer: Drawer,
  { path, expected }: { readonly path: LocalPath; readonly expected: LocalStamp },
): Promise<void> {
  checkPath(path, ground.caseInsensitive);
  try {
    if (missing(ground, path)) return;
    checkParents(ground.root, path);
    if (!sameVersion(look(ground, path), expected)) throw changed(path, CHANGED);
    const slot = drawer.slot(path);
    await toTrash(ground, { path, expected, slot });
    ground.onTrashed?.(path, slot);
    await ground.syncFolder(dirname(absolute(ground.root, path)));
  } catch (error) {
    throw diskError(error, path, 'remove');
  }
}

function missing(ground: Ground, path: LocalPath): boolean {
  try {
    return look(ground, path) === undefined;
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}

interface Removal {
  readonly path: LocalPath;
  readonly expected: LocalStamp;
  readonly slot: string;
}

async function toTrash(ground: Ground, { path, expected, slot }: Removal): Promise<void> {
  const file = absolute(ground.root, path);
  try {
    await ground.calls.rename(file, slot);
  } catch (error) {
    if (codeOf(error) !== 'EXDEV') throw error;
    await copyToTrash(ground, { path, expected, slot });
    return;
  }
  const trashed = lstatSync(slot);
  if (sameContent(trashed, expected)) return;
  // Another version had taken the name before the rename: it goes back, unless yet another one stands there now.
  try {
    await ground.calls.link(slot, file);
    await removeIfThere(slot);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
  throw changed(path, CHANGED);
}

/** RACE: a write between the last look and the unlink is lost; only where the trash lies on another disk. */
async function copyToTrash(ground: Ground, { path, expected, slot }: Removal): Promise<void> {
  await copyDurably(absolute(ground.root, path), slot);
  if (!sameVersion(look(ground, path), expected)) {
    await removeIfThere(slot);
    throw changed(path, CHANGED);
  }
  unlinkSync(absolute(ground.root, path));
}

/** Bottom up; a folder goes by `rmdir` alone, so that what nobody saw keeps it. True when all of it is gone. */
export async function removeFolder(
  ground: Ground,
  drawer: Drawer,
  { path, seen }: { readonly path: LocalPath; readonly seen: FolderNode<LocalStamp> },
): Promise<boolean> {
  checkPath(path, ground.caseInsensitive);
  if (missing(ground, path)) return true;
  checkParents(ground.root, joinLocal(path, 'x'));
  let complete = true;
  for (const [key, node] of seen.children) {
    const child = joinLocal(path, node.name ?? key);
    if (node.kind === 'file') {
      complete = (await removedFile(ground, drawer, { path: child, expected: node.stamp })) && complete;
    } else if (node.kind === 'folder') {
      complete = (await removedFolder(ground, drawer, { path: child, seen: node })) && complete;
    } else {
      complete = false;
    }
  }
  return complete && (await removeEmpty(ground, path));
}

async function removedFile(
  ground: Ground,
  drawer: Drawer,
  file: { readonly path: LocalPath; readonly expected: LocalStamp },
): Promise<boolean> {
  try {
    await removeFile(ground, drawer, file);
    return true;
  } catch (error) {
    if (isCode(error, 'changed', 'unreadable')) return false;
    throw error;
  }
}

async function removedFolder(
  ground: Ground,
  drawer: Drawer,
  folder: { readonly path: LocalPath; readonly seen: FolderNode<LocalStamp> },
): Promise<boolean> {
  try {
    return await removeFolder(ground, drawer, folder);
  } catch (error) {
    if (isCode(error, 'changed', 'unreadable')) return false;
    throw error;
  }
}

async function removeEmpty(ground: Ground, path: LocalPath): Promise<boolean> {
  const folder = absolute(ground.root, path);
  try {
    rmdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return true;
    if (['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(codeOf(error) ?? '')) return false;
    throw diskError(error, path, 'remove the folder');
  }
  await ground.syncFolder(dirname(folder));
  return true;
}
