/**
 * Trees of observations: what was seen on a side, never what to do about it. Nodes are immutable and nested, a folder
 * holds its children by key (see `path.ts`); unchanged folders are shared between versions of a tree, so that two
 * trees whose folder is the same object are the same below it.
 */
import { type DirPath, type RelPath, ROOT } from './path.ts';

/** SHA-256 in lower-case hex. */
export type Digest = string;

/** How the local disk recognises a version. Times are milliseconds with the fraction that the disk gives. */
export interface LocalStamp {
  readonly size: number;
  readonly ino: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  /** Permission bits. */
  readonly mode: number;
  /** Present when the content of exactly this version is known. */
  readonly digest?: Digest;
  /** It was read while the version could still change without looking different: good for now, not to be remembered. */
  readonly young?: true;
}

/**
 * When the server dated a version: an exact date that was listed, or, for what we uploaded and have not seen in a list
 * yet, the span of the server's clock in which the upload ran (epoch milliseconds, both ends included).
 */
export type DateWitness = number | readonly [from: number, to: number];

/**
 * How a server recognises a version: bytes, and its own date (never compared with our clock). Trees that were listed
 * hold exact dates; our own deeds since then are spans.
 */
export interface RemoteStamp {
  readonly size: number;
  readonly date: DateWitness;
}

export interface FileNode<S> {
  readonly kind: 'file';
  readonly stamp: S;
  /** How this side spells the name, when that is not the key itself. */
  readonly name?: string;
}

export interface FolderNode<S> {
  readonly kind: 'folder';
  readonly children: ReadonlyMap<string, Node<S>>;
  readonly name?: string;
  /** Local and base trees: the inode, for recognising a folder that moved. */
  readonly ino?: number;
}

/** Why a folder is untracked that another pair syncs. */
export const OTHER_PAIR = "another pair's folder";

/** Left out on purpose: ignored, a symlink, a socket, our own. Never touched; keeps its folder alive. */
export interface UntrackedNode {
  readonly kind: 'untracked';
  readonly why: string;
  readonly name?: string;
}

/** Could not be looked at, or two names claim one key: nothing is decided at or below it. */
export interface UnknownNode {
  readonly kind: 'unknown';
  readonly why: string;
  readonly name?: string;
}

export type Node<S> = FileNode<S> | FolderNode<S> | UntrackedNode | UnknownNode;
/** The root of a side. */
export type Tree<S> = FolderNode<S>;
export type LocalTree = Tree<LocalStamp>;
export type RemoteTree = Tree<RemoteStamp>;

export function emptyTree<S>(): Tree<S> {
  return { kind: 'folder', children: new Map() };
}

/** The node at a key, or undefined where nothing is. */
export function nodeAt<S>(tree: Tree<S>, path: RelPath): Node<S> | undefined;
export function nodeAt<S>(tree: Tree<S>, path: DirPath): Node<S> | undefined;
export function nodeAt<S>(tree: Tree<S>, path: DirPath): Node<S> | undefined {
  if (path === ROOT) return tree;
  let node: Node<S> | undefined = tree;
  for (const key of path.split('/')) {
    if (node?.kind !== 'folder') return undefined;
    node = node.children.get(key);
  }
  return node;
}

/** One replacement: the node that shall stand at a path, or undefined for nothing. */
export interface NodeChange<S> {
  readonly path: RelPath;
  readonly node: Node<S> | undefined;
}

/**
 * A new tree with all changes applied in order; folders that no change touches are shared with the old tree. Missing
 * parents are made as plain folders. Cost: the folders on the way, each copied once per call.
 */
export function withChanges<S>(tree: Tree<S>, changes: Iterable<NodeChange<S>>): Tree<S> {
  const opened = new Map<FolderNode<S>, Map<string, Node<S>>>();
  const open = (folder: FolderNode<S>): [FolderNode<S>, Map<string, Node<S>>] => {
    const known = opened.get(folder);
    if (known !== undefined) return [folder, known];
    const children = new Map(folder.children);
    const copy: FolderNode<S> = { ...folder, children };
    opened.set(copy, children);
    return [copy, children];
  };
  const [root, rootChildren] = open(tree);
  for (const { path, node } of changes) {
    let children = rootChildren;
    const keys = path.split('/');
    const last = keys.pop() as string;
    let vanished = false;
    for (const key of keys) {
      const below = children.get(key);
      if (below?.kind !== 'folder' && node === undefined) {
        vanished = true;
        break;
      }
      const [copy, next] = open(below?.kind === 'folder' ? below : emptyTree<S>());
      children.set(key, copy);
      children = next;
    }
    if (vanished) continue;
    if (node === undefined) children.delete(last);
    else children.set(last, node);
  }
  return root;
}

/** Every node below a folder, parents before children. Paths are keys from the tree's root. */
export function* walk<S>(folder: FolderNode<S>, at: DirPath = ROOT): Generator<[RelPath, Node<S>]> {
  for (const [key, node] of folder.children) {
    const path = (at === '' ? key : `${at}/${key}`) as RelPath;
    yield [path, node];
    if (node.kind === 'folder') yield* walk(node, path);
  }
}

export interface Census {
  readonly files: number;
  readonly folders: number;
}

/** Folders never change, so each is counted once. */
const counted = new WeakMap<FolderNode<unknown>, Census>();

/** Number of files and folders below a folder. */
export function census(folder: FolderNode<unknown>): Census {
  const known = counted.get(folder);
  if (known !== undefined) return known;
  let files = 0;
  let folders = 0;
  for (const node of folder.children.values()) {
    if (node.kind === 'file') files += 1;
    if (node.kind !== 'folder') continue;
    const below = census(node);
    files += below.files;
    folders += below.folders + 1;
  }
  const result: Census = { files, folders };
  counted.set(folder, result);
  return result;
}

/** The path as a side spells it: its own names where the tree has them, the given names below. */
export function spell(tree: Tree<unknown>, path: RelPath, fallback: Tree<unknown> = tree): string {
  let ours: Node<unknown> | undefined = tree;
  let theirs: Node<unknown> | undefined = fallback;
  return path
    .split('/')
    .map((key) => {
      ours = ours?.kind === 'folder' ? ours.children.get(key) : undefined;
      theirs = theirs?.kind === 'folder' ? theirs.children.get(key) : undefined;
      return ours?.name ?? (ours === undefined ? theirs?.name : undefined) ?? key;
    })
    .join('/');
}
