/** What differs between two versions of a remote tree, by folder. Folders that are the same object are not walked. */
import { sameRemote } from '../core/base.ts';
import { type DirPath, join, ROOT } from '../core/path.ts';
import { type FolderNode, type Node, type RemoteStamp, type RemoteTree, walk } from '../core/tree.ts';

type RemoteFolder = FolderNode<RemoteStamp>;

export interface RemoteChanges {
  readonly fresh: readonly DirPath[];
  readonly gone: readonly DirPath[];
  /** Something stands there that did not, or no longer, or is another version. */
  readonly changed: readonly DirPath[];
}

export function remoteChanges(before: RemoteTree, after: RemoteTree): RemoteChanges {
  const found = { fresh: [] as DirPath[], gone: [] as DirPath[], changed: [] as DirPath[] };
  compare(found, ROOT, before, after);
  return found;
}

/** The folder itself and all folders below it. */
export function foldersOf(folder: RemoteFolder, at: DirPath = ROOT): DirPath[] {
  const found: DirPath[] = [];
  addFolders(found, folder, at);
  return found;
}

/** One by one: a call takes only so many arguments. */
function addFolders(found: DirPath[], folder: RemoteFolder, at: DirPath): void {
  found.push(at);
  for (const [path, node] of walk(folder, at)) if (node.kind === 'folder') found.push(path);
}

function compare(
  found: Readonly<Record<keyof RemoteChanges, DirPath[]>>,
  at: DirPath,
  before: RemoteFolder,
  after: RemoteFolder,
): void {
  if (before === after) return;
  let changed = false;
  for (const [key, node] of after.children) {
    const was = before.children.get(key);
    if (was === node || isVersion(was, node)) continue;
    if (was?.kind === 'folder' && node.kind === 'folder') compare(found, join(at, key), was, node);
    else {
      changed = true;
      if (was?.kind === 'folder') addFolders(found.gone, was, join(at, key));
      if (node.kind === 'folder') addFolders(found.fresh, node, join(at, key));
    }
  }
  for (const [key, was] of before.children) {
    if (after.children.has(key)) continue;
    changed = true;
    if (was.kind === 'folder') addFolders(found.gone, was, join(at, key));
  }
  if (changed) found.changed.push(at);
}

/** Files at rest are made anew whenever they are asked for; and a list that dates our own upload tells of no change. */
function isVersion(was: Node<RemoteStamp> | undefined, node: Node<RemoteStamp>): boolean {
  if (was?.kind !== 'file' || node.kind !== 'file') return false;
  return was.name === node.name && sameRemote(was.stamp, node.stamp);
}
