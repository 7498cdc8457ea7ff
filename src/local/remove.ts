/** Removals: files into the trash, as `retire.ts` does it, and folders that are empty then. */
import { dirname } from 'node:path';
import { joinLocal, type LocalPath } from '../core/path.ts';
import type { FolderNode, LocalStamp } from '../core/tree.ts';
import { isCode } from '../lib/errors.ts';
import { codeOf, diskError, isMissing } from './fault.ts';
import type { Ground } from './ground.ts';
import { absolute, checkParents, checkPath } from './names.ts';
import { isGone, retire, type Version } from './retire.ts';
import type { Drawer } from './trash.ts';

/** Into the drawer. A missing file is fine. */
export async function removeFile(ground: Ground, drawer: Drawer, file: Version): Promise<void> {
  const [error] = await retire(ground, drawer, [file]);
  if (error !== undefined) throw error;
  try {
    await ground.syncFolder(dirname(absolute(ground.root, file.path)));
  } catch (thrown) {
    throw diskError(thrown, file.path, 'remove');
  }
}

interface Seen {
  readonly path: LocalPath;
  readonly seen: FolderNode<LocalStamp>;
}

/** Bottom up; a folder goes by `rmdir` alone, so that what nobody saw keeps it. True when all of it is gone. */
export async function removeFolder(ground: Ground, drawer: Drawer, folder: Seen): Promise<boolean> {
  checkPath(folder.path, ground.caseInsensitive);
  try {
    if (isGone(ground, folder.path)) return true;
    checkParents(ground, joinLocal(folder.path, 'x'));
    const emptied = await removeChildren(ground, drawer, folder);
    if (emptied && removeEmpty(ground, folder.path)) {
      await ground.syncFolder(dirname(absolute(ground.root, folder.path)));
      return true;
    }
    await ground.syncFolder(absolute(ground.root, folder.path));
    return false;
  } catch (error) {
    throw diskError(error, folder.path, 'remove the folder');
  }
}

const BATCH = 256;

async function removeChildren(ground: Ground, drawer: Drawer, { path, seen }: Seen): Promise<boolean> {
  let complete = true;
  const files: Version[] = [];
  for (const [key, node] of seen.children) {
    const child = joinLocal(path, node.name ?? key);
    if (node.kind === 'file') {
      files.push({ path: child, expected: node.stamp });
    } else if (node.kind === 'folder') {
      complete = (await removedFolder(ground, drawer, { path: child, seen: node })) && complete;
    } else {
      complete = false;
    }
  }
  for (let at = 0; at < files.length; at += BATCH) {
    const errors = await retire(ground, drawer, files.slice(at, at + BATCH));
    for (const error of errors) if (!isCode(error, 'changed', 'unreadable')) throw error;
    complete = errors.length === 0 && complete;
  }
  return complete;
}

async function removedFolder(ground: Ground, drawer: Drawer, folder: Seen): Promise<boolean> {
  try {
    return await removeFolder(ground, drawer, folder);
  } catch (error) {
    if (isCode(error, 'changed', 'unreadable')) return false;
    throw error;
  }
}

function removeEmpty(ground: Ground, path: LocalPath): boolean {
  try {
    ground.disk.rmdirSync(absolute(ground.root, path));
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(codeOf(error) ?? '')) return false;
    if (!isMissing(error)) throw error;
  }
  ground.parents.forget(path);
  return true;
}
