/** People who edit one side of a model world, driven by plain numbers, so that a seed tells the whole story. */
import { join, nameOf, parentOf, type RelPath, ROOT, relPath } from '../../src/core/path.ts';
import { type Node, nodeAt, type Tree, walk } from '../../src/core/tree.ts';
import {
  contentsOf,
  localStamp,
  type ModelLocal,
  type ModelRemote,
  put,
  remoteStamp,
  type SideName,
  type World,
} from './world.ts';

/** What somebody does; the numbers choose among what is there. */
export interface Edit {
  readonly what: 'write' | 'edit' | 'touch' | 'delete' | 'folder' | 'rename' | 'copy';
  readonly a: number;
  readonly b: number;
}

type AnyNode = Node<ModelLocal> | Node<ModelRemote>;
/** The last is filed alike by both sides, but spelled differently. */
const NAMES = ['a', 'b', 'c', 'd.txt', 'caf\u00e9'] as const;

/** Carries out the edits; gives the contents that the person deleted or overwrote. */
export function edit(world: World, side: SideName, edits: readonly Edit[]): Set<string> {
  const given = new Set<string>();
  for (const each of edits) once(world, side, each, given);
  return given;
}

function once(world: World, side: SideName, { what, a, b }: Edit, given: Set<string>): void {
  const tree = treeOf(world, side);
  const entries = [...walk(tree)];
  const files = entries.filter(([, node]) => node.kind === 'file');
  const target = freshPath(tree, entries, a, b);
  const [picked] = entries[a % Math.max(entries.length, 1)] ?? [];
  const [file] = files[a % Math.max(files.length, 1)] ?? [];
  if (what === 'write' && target !== undefined) set(world, side, target, fileNode(world, side, fresh(world)));
  if (what === 'folder' && target !== undefined) set(world, side, target, folderNode(world, side));
  if (what === 'edit' && file !== undefined) overwrite(world, side, file, given);
  if (what === 'touch' && file !== undefined) touch(world, side, file);
  if (what === 'delete' && picked !== undefined) {
    for (const content of below(tree, picked)) given.add(content);
    set(world, side, picked, undefined);
  }
  if (
    what === 'rename' &&
    picked !== undefined &&
    target !== undefined &&
    !`${target}/`.startsWith(`${picked}/`)
  ) {
    moved(world, side, picked, target);
  }
  if (what === 'copy' && file !== undefined && target !== undefined) {
    const node = nodeAt(tree, file);
    if (node?.kind === 'file') set(world, side, target, fileNode(world, side, node.stamp.content));
  }
}

function treeOf(world: World, side: SideName): Tree<ModelLocal | ModelRemote> {
  return world[side] as Tree<ModelLocal | ModelRemote>;
}

/** A free name in one of the folders, at most three deep. */
function freshPath(
  tree: Tree<unknown>,
  entries: readonly (readonly [RelPath, { readonly kind: string }])[],
  a: number,
  b: number,
): RelPath | undefined {
  const folders = entries.filter(([path, node]) => node.kind === 'folder' && path.split('/').length < 3);
  const dir = [ROOT, ...folders.map(([path]) => path)][b % (folders.length + 1)] ?? ROOT;
  const free = NAMES.map((name) => join(dir, name)).filter((path) => nodeAt(tree, path) === undefined);
  return free[(a + b) % Math.max(free.length, 1)];
}

function fresh(world: World): string {
  world.contents += 1;
  return world.contents % 13 === 0 ? '' : `v${world.contents}`;
}

function spelled(side: SideName, path: RelPath): { readonly name?: string } {
  const name = nameOf(path);
  return side === 'local' && name.normalize('NFD') !== name ? { name: name.normalize('NFD') } : {};
}

function fileNode(world: World, side: SideName, content: string, ino?: number): AnyNode {
  return side === 'local'
    ? { kind: 'file', stamp: localStamp(world, content, ino) }
    : { kind: 'file', stamp: remoteStamp(world, content) };
}

function folderNode(world: World, side: SideName): AnyNode {
  world.inodes += 1;
  return { kind: 'folder', children: new Map(), ...(side === 'local' ? { ino: world.inodes } : {}) };
}

function set(world: World, side: SideName, path: RelPath, node: AnyNode | undefined): void {
  const before = nodeAt(treeOf(world, side), path);
  const name =
    before === undefined ? spelled(side, path) : before.name === undefined ? {} : { name: before.name };
  const next = node === undefined ? undefined : { ...node, ...name };
  if (side === 'local') world.local = put(world.local, path, next as Node<ModelLocal> | undefined);
  else world.remote = put(world.remote, path, next as Node<ModelRemote> | undefined);
}

/** Half of the editors write in place, the others put a new file over the old one. */
function overwrite(world: World, side: SideName, path: RelPath, given: Set<string>): void {
  const node = nodeAt(treeOf(world, side), path);
  if (node?.kind !== 'file') return;
  given.add(node.stamp.content);
  const ino = world.contents % 2 === 0 && 'ino' in node.stamp ? node.stamp.ino : undefined;
  set(world, side, path, fileNode(world, side, fresh(world), ino));
}

function touch(world: World, side: SideName, path: RelPath): void {
  const node = nodeAt(treeOf(world, side), path);
  if (node?.kind !== 'file') return;
  set(
    world,
    side,
    path,
    fileNode(world, side, node.stamp.content, 'ino' in node.stamp ? node.stamp.ino : undefined),
  );
}

function moved(world: World, side: SideName, from: RelPath, to: RelPath): void {
  const node = nodeAt(treeOf(world, side), from);
  if (node === undefined) return;
  set(world, side, from, undefined);
  const { name: _old, ...rest } = node;
  world.clock += 7;
  const stamped =
    rest.kind === 'file' && 'ino' in rest.stamp
      ? { ...rest, stamp: { ...rest.stamp, ctimeMs: world.clock } }
      : rest;
  set(world, side, to, stamped as AnyNode);
}

function below(tree: Tree<ModelLocal | ModelRemote>, path: RelPath): Set<string> {
  const node = nodeAt(tree, path);
  if (node?.kind === 'file') return new Set([node.stamp.content]);
  return node?.kind === 'folder' ? contentsOf(node) : new Set();
}

/** A new file, or new content for one that stands. Folders on the way are made. */
export function write(world: World, side: SideName, path: string, content: string): void {
  makeParents(world, side, relPath(path));
  const before = nodeAt(treeOf(world, side), relPath(path));
  const ino = before?.kind === 'file' && 'ino' in before.stamp ? before.stamp.ino : undefined;
  set(world, side, relPath(path), fileNode(world, side, content, ino));
}

export function makeFolder(world: World, side: SideName, path: string): void {
  makeParents(world, side, relPath(path));
  set(world, side, relPath(path), folderNode(world, side));
}

export function remove(world: World, side: SideName, path: string): void {
  set(world, side, relPath(path), undefined);
}

/** A rename that keeps inode, times and date, as disks and most servers do. */
export function rename(world: World, side: SideName, from: string, to: string): void {
  makeParents(world, side, relPath(to));
  moved(world, side, relPath(from), relPath(to));
}

/** Puts something there that a look leaves out, or cannot look at. */
export function hide(world: World, side: SideName, path: string, kind: 'unknown' | 'untracked'): void {
  set(world, side, relPath(path), { kind, why: 'a test says so' });
}

function makeParents(world: World, side: SideName, path: RelPath): void {
  const dir = parentOf(path);
  if (dir === ROOT || nodeAt(treeOf(world, side), dir) !== undefined) return;
  makeParents(world, side, dir as RelPath);
  set(world, side, dir as RelPath, folderNode(world, side));
}
