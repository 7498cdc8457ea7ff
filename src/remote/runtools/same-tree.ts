/** Whether a folder on the server holds exactly what was seen in it, list by list. */
import { keyOf } from '../../core/path.ts';
import type { FolderNode, RemoteStamp } from '../../core/tree.ts';
import { attempt, inParallel } from './context.ts';
import { childId, type DirId, type EntryId } from './ids.ts';
import { matches } from './looks.ts';
import type { Entry, Listing } from './wire.ts';

export interface TreeLook {
  /** The folder as it is now. */
  look(dir: DirId): Promise<Listing>;
  /** False where dates say nothing, since the server dates anew what is moved. */
  readonly dates: boolean;
}

/** The first entry found that differs from what was seen, or the folder that holds another number of them. */
export async function firstDifference(
  how: TreeLook,
  dir: EntryId,
  seen: FolderNode<RemoteStamp>,
): Promise<EntryId | undefined> {
  const { entries } = await how.look(dir);
  if (entries.size !== seen.children.size) return dir;
  const folders: [EntryId, FolderNode<RemoteStamp>][] = [];
  for (const [name, entry] of entries) {
    const node = seen.children.get(keyOf(name));
    const id = childId(dir, name);
    if ((node?.name ?? keyOf(name)) !== name) return id;
    if (node?.kind === 'folder' && entry.kind === 'folder') folders.push([id, node]);
    else if (node?.kind !== 'file' || !isVersion(entry, node.stamp, how.dates)) return id;
  }
  return below(how, folders);
}

async function below(
  how: TreeLook,
  folders: readonly [EntryId, FolderNode<RemoteStamp>][],
): Promise<EntryId | undefined> {
  const found: EntryId[] = [];
  const failures: unknown[] = [];
  await inParallel(folders, 16, async ([id, node]) => {
    if (failures.length + found.length > 0) return;
    const difference = await attempt(() => firstDifference(how, id, node));
    if (!difference.ok) failures.push(difference.error);
    else if (difference.value !== undefined) found.push(difference.value);
  });
  if (failures.length > 0) throw failures[0];
  return found[0];
}

export function isVersion(entry: Entry, seen: RemoteStamp, dates: boolean): boolean {
  if (entry.kind !== 'file') return false;
  return dates ? matches(entry, seen) : entry.size === seen.size;
}
