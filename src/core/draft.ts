/** A tree that can be rewritten many times at the price of copying each touched folder once. The given tree never changes. */
import type { DirPath, RelPath } from './path.ts';
import { emptyTree, type FolderNode, type Node, nodeAt, type Tree } from './tree.ts';

export interface Draft<S> {
  at(path: DirPath): Node<S> | undefined;
  /** Puts a node, or nothing, at a path. Where a node is put, parents that are missing are made as plain folders. */
  set(path: RelPath, node: Node<S> | undefined): void;
  /** The tree as it is now. Later changes show through. */
  tree(): Tree<S>;
}

export function draftOf<S>(tree: Tree<S>): Draft<S> {
  const opened = new WeakMap<FolderNode<S>, Map<string, Node<S>>>();
  const open = (folder: FolderNode<S>): readonly [FolderNode<S>, Map<string, Node<S>>] => {
    const known = opened.get(folder);
    if (known !== undefined) return [folder, known];
    const children = new Map(folder.children);
    const copy: FolderNode<S> = { ...folder, children };
    opened.set(copy, children);
    return [copy, children];
  };
  let root: Tree<S> = tree;
  return {
    at: (path) => nodeAt(root, path),
    set(path, node) {
      const keys = path.split('/');
      const last = keys.pop() ?? '';
      let children: Map<string, Node<S>>;
      [root, children] = open(root);
      for (const key of keys) {
        const below = children.get(key);
        if (below?.kind !== 'folder' && node === undefined) return;
        const [copy, next] = open(below?.kind === 'folder' ? below : emptyTree<S>());
        children.set(key, copy);
        children = next;
      }
      if (node === undefined) children.delete(last);
      else children.set(last, node);
    },
    tree: () => root,
  };
}
