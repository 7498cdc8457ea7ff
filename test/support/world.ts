/** A world of two sides in memory. Contents are short texts; what rtsync gives up goes to the world's trash. */
import type { BaseTree } from '../../src/core/base.ts';
import type { RelPath } from '../../src/core/path.ts';
import { digestsWanted } from '../../src/core/questions.ts';
import {
  emptyTree,
  type LocalStamp,
  type Node,
  nodeAt,
  type RemoteStamp,
  type Tree,
  walk,
  withChanges,
} from '../../src/core/tree.ts';

export interface ModelLocal extends LocalStamp {
  readonly content: string;
}
export interface ModelRemote extends RemoteStamp {
  readonly content: string;
}
export type SideName = 'local' | 'remote';

export interface World {
  local: Tree<ModelLocal>;
  remote: Tree<ModelRemote>;
  base: BaseTree;
  /** Contents that rtsync replaced or removed. */
  readonly trash: Set<string>;
  /** Inodes whose ctime changed because rtsync itself renamed them. */
  readonly renamed: Set<number>;
  clock: number;
  inodes: number;
  contents: number;
  /** Every date of the server is a multiple of this. */
  grain: number;
}

export function emptyWorld(grain = 1): World {
  return {
    local: emptyTree(),
    remote: emptyTree(),
    base: emptyTree(),
    trash: new Set(),
    renamed: new Set(),
    clock: 1_000_000_001,
    inodes: 1,
    contents: 0,
    grain,
  };
}

/** Few sizes, so that equal sizes with different contents are common. */
export function sizeOf(content: string): number {
  return content === '' ? 0 : 1 + (content.charCodeAt(content.length - 1) % 3);
}

export function digestOf(content: string): string {
  return content === ''
    ? 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    : `sha-${content}`;
}

export function localStamp(world: World, content: string, ino = ++world.inodes): ModelLocal {
  world.clock += 7;
  return { size: sizeOf(content), ino, mtimeMs: world.clock, ctimeMs: world.clock, mode: 0o644, content };
}

/** No two versions share a date: what a server itself cannot tell apart is a story of its own. */
export function remoteStamp(world: World, content: string): ModelRemote {
  world.clock += world.grain + 6;
  return { size: sizeOf(content), date: world.clock - (world.clock % world.grain), content };
}

export function put<S>(tree: Tree<S>, path: RelPath, node: Node<S> | undefined): Tree<S> {
  return withChanges(tree, [{ path, node }]);
}

/** What a scan gives, with the digests that the decision asks for. */
export function observedLocal(world: World, tree: Tree<ModelLocal> = world.local): Tree<ModelLocal> {
  const changes = digestsWanted(world.base, tree).map(({ path, stamp }) => {
    const node = nodeAt(tree, path);
    if (node?.kind !== 'file') throw new Error(`a digest of no file is wanted: ${path}`);
    return {
      path,
      node: { ...node, stamp: { ...node.stamp, ...stamp, digest: digestOf(node.stamp.content) } },
    };
  });
  return withChanges(tree, changes);
}

/** Paths and contents, folders with a slash: what must be equal on both sides in the end. */
export function listing(tree: Tree<{ readonly content?: string }>): string[] {
  return [...walk(tree)]
    .map(([path, node]) => (node.kind === 'file' ? `${path}=${node.stamp.content}` : `${path}/`))
    .sort();
}

export function contentsOf(tree: Tree<{ readonly content: string }>): Set<string> {
  return new Set([...walk(tree)].flatMap(([, node]) => (node.kind === 'file' ? [node.stamp.content] : [])));
}
