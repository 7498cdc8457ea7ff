/** Which folders to look at again for some paths, on either side, and when everything is cheaper. */
import { type DirPath, type LocalDir, parentOf, type RelPath, type RemoteDir, ROOT } from '../core/path.ts';
import { census, type LocalTree, nodeAt, type RemoteTree, spell, walk } from '../core/tree.ts';

/** More folders than this are looked at cheaper as a whole … */
const MANY = 64;
/** … where they are a good part of all: a sweep of a large tree takes minutes. */
const MOST = 512;

/**
 * Where to look again at the server for these paths, spelled its way: the nearest folder above each, and, where a path
 * is a folder itself, all that was seen below it. 'sweep' when they are many.
 */
export function dirsOf(tree: RemoteTree, paths: readonly string[]): 'sweep' | readonly RemoteDir[] {
  const many = Math.max(MANY, Math.min(MOST, census(tree).folders / 2));
  const dirs = gathered(tree, paths, many);
  return dirs.length > many ? 'sweep' : dirs;
}

/**
 * The same where a sweep takes so long that the tree is looked at in turn: of very many only the first. What was not
 * looked at again comes up again.
 */
export function firstDirsOf(tree: RemoteTree, paths: readonly string[]): readonly RemoteDir[] {
  return gathered(tree, paths, MOST).slice(0, MOST);
}

/** Stops when there are more than `enough`. */
function gathered(tree: RemoteTree, paths: readonly string[], enough: number): readonly RemoteDir[] {
  const dirs = new Set<RemoteDir>();
  const add = (dir: DirPath): void => {
    dirs.add(dir === ROOT ? ROOT : (spell(tree, dir as RelPath) as RemoteDir));
  };
  for (const path of paths) {
    let dir: DirPath = parentOf(path as RelPath);
    while (dir !== ROOT && nodeAt(tree, dir)?.kind !== 'folder') dir = parentOf(dir);
    add(dir);
    const node = nodeAt(tree, path as RelPath);
    if (node?.kind === 'folder') {
      add(path as RelPath);
      for (const [below, inner] of walk(node, path as RelPath)) {
        if (inner.kind === 'folder') add(below);
        if (dirs.size > enough) return [...dirs];
      }
    }
    if (dirs.size > enough) return [...dirs];
  }
  return [...dirs];
}

/** The folders of these paths as the disk spells them; 'all' when they are many or unknown. */
export function localDirsOf(tree: LocalTree, paths: readonly RelPath[]): 'all' | readonly LocalDir[] {
  const dirs = new Set<LocalDir>();
  for (const path of paths) {
    const dir = parentOf(path);
    if (dir !== ROOT && nodeAt(tree, dir)?.kind !== 'folder') return 'all';
    dirs.add(dir === ROOT ? ROOT : (spell(tree, dir as RelPath) as LocalDir));
    if (dirs.size > MANY) return 'all';
  }
  return [...dirs];
}
