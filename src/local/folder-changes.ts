/** Which folders came and went between two scans: what a watcher must follow and let go. */
import { joinLocal, type LocalDir, ROOT } from '../core/path.ts';
import type { FolderNode, LocalStamp, Node } from '../core/tree.ts';

export interface FolderChanges {
  readonly fresh: readonly LocalDir[];
  readonly gone: readonly LocalDir[];
}

/** Folders that only one of two trees has; shared parts are skipped. A folder under another inode is both. */
export function folderChanges(
  before: FolderNode<LocalStamp> | undefined,
  after: FolderNode<LocalStamp>,
): FolderChanges {
  const fresh: LocalDir[] = [];
  const gone: LocalDir[] = [];
  const all = (into: LocalDir[], folder: FolderNode<LocalStamp>, at: LocalDir): void => {
    into.push(at);
    for (const [key, node] of folder.children) {
      if (node.kind === 'folder') all(into, node, joinLocal(at, node.name ?? key));
    }
  };
  const compare = (old: FolderNode<LocalStamp>, now: FolderNode<LocalStamp>, at: LocalDir): void => {
    if (old === now) return;
    for (const [key, node] of old.children) {
      if (node.kind === 'folder' && !sameFolder(node, now.children.get(key))) {
        all(gone, node, joinLocal(at, node.name ?? key));
      }
    }
    for (const [key, node] of now.children) {
      if (node.kind !== 'folder') continue;
      const other = old.children.get(key);
      const path = joinLocal(at, node.name ?? key);
      if (other?.kind === 'folder' && sameFolder(other, node)) compare(other, node, path);
      else all(fresh, node, path);
    }
  };
  if (before === undefined || before.ino !== after.ino) {
    if (before !== undefined) all(gone, before, ROOT);
    all(fresh, after, ROOT);
  } else compare(before, after, ROOT);
  return { fresh, gone };
}

function sameFolder(one: FolderNode<LocalStamp>, other: Node<LocalStamp> | undefined): boolean {
  return other?.kind === 'folder' && one.ino === other.ino && one.name === other.name;
}
