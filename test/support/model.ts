/**
 * A world of two sides in memory that carries out plans as strictly as it can: every expectation is checked, every
 * parent must stand, every name must be spelled as its side spells it, and inside a stage the order is shuffled. Contents
 * are short texts; what a person deleted or overwrote is remembered apart from what rtsync gave up.
 */
import type { BaseChange, BaseStamp, BaseTree } from '../../src/core/base.ts';
import { keyOf, nameOf, parentOf, type Place, type RelPath, ROOT } from '../../src/core/path.ts';
import { type Operation, type Plan, type Resolution, STAGES } from '../../src/core/plan.ts';
import { digestsWanted } from '../../src/core/questions.ts';
import {
  emptyTree,
  type FolderNode,
  type LocalStamp,
  type Node,
  nodeAt,
  type RemoteStamp,
  spell,
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
  return content === '' ? 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' : `sha-${content}`;
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
    return { path, node: { ...node, stamp: { ...node.stamp, ...stamp, digest: digestOf(node.stamp.content) } } };
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

/** Picks a number below `below`; the order inside a stage comes from it. */
export type Pick = (below: number) => number;

export function applyPlan(world: World, plan: Plan, pick: Pick = () => 0): void {
  for (const change of plan.baseChanges) world.base = changeBase(world.base, change);
  const done = new Set<number>();
  for (const stage of STAGES) {
    const waiting = plan.operations.filter((operation) => operation.stage === stage);
    while (waiting.length > 0) {
      const free = waiting.filter(({ after }) => after.every((id) => done.has(id)));
      const next = stage === 'move' ? waiting[0] : free[pick(free.length)];
      if (next === undefined || !free.includes(next)) throw new Error(`stage ${stage} waits for ever`);
      perform(world, next);
      done.add(next.id);
      waiting.splice(waiting.indexOf(next), 1);
    }
  }
}

export function changeBase(base: BaseTree, change: BaseChange): BaseTree {
  const node = nodeAt(base, pathOf(change));
  switch (change.kind) {
    case 'file':
      return put(base, change.path, { kind: 'file', stamp: change.stamp });
    case 'folder': {
      const children = node?.kind === 'folder' ? node.children : new Map();
      return put(base, change.path, { kind: 'folder', children, ino: change.ino });
    }
    case 'forget':
      return put(base, change.path, undefined);
    case 'move':
      return node === undefined ? base : put(put(base, change.from, undefined), change.to, node);
  }
}

function pathOf(change: BaseChange): RelPath {
  return change.kind === 'move' ? change.from : change.path;
}

function perform(world: World, operation: Operation): void {
  switch (operation.kind) {
    case 'makeFolderLocal':
    case 'makeFolderRemote':
      return makeFolder(world, operation.kind === 'makeFolderLocal' ? 'local' : 'remote', operation.place);
    case 'upload':
      return upload(world, operation.place, operation.local, operation.remote);
    case 'download':
      return download(world, operation.place, operation.local, operation.remote);
    case 'compare':
      return compare(world, operation);
    case 'setAside':
      return setAside(world, operation.place, operation.copy, operation.local);
    case 'moveLocal':
    case 'moveRemote':
      return move(world, operation);
    case 'removeLocal':
    case 'removeRemote':
      return remove(world, operation);
  }
}

function makeFolder(world: World, side: SideName, place: Place): void {
  const before = at(world, side, place);
  if (before?.kind === 'folder') return;
  must(before === undefined, `a folder is made where something stands: ${place.path}`);
  parentStands(world, side, place);
  const node = { kind: 'folder' as const, children: new Map(), ...nameFor(side, place) };
  if (side === 'local') world.local = put(world.local, place.path, { ...node, ino: ++world.inodes });
  else world.remote = put(world.remote, place.path, node);
  const local = nodeAt(world.local, place.path);
  const ino = local?.kind === 'folder' ? (local.ino ?? 0) : 0;
  world.base = changeBase(world.base, { kind: 'folder', path: place.path, ino });
}

function upload(world: World, place: Place, local: LocalStamp, expected: RemoteStamp | undefined): void {
  const source = localFile(world, place, local);
  remoteIs(world, place, expected);
  parentStands(world, 'remote', place);
  give(world, world.remote, place);
  const stamp = remoteStamp(world, source.content);
  world.remote = put(world.remote, place.path, { kind: 'file', stamp, ...nameFor('remote', place) });
  agree(world, place.path);
}

function download(world: World, place: Place, expected: LocalStamp | undefined, remote: RemoteStamp): void {
  const source = remoteFile(world, place, remote);
  const before = at(world, 'local', place);
  if (expected === undefined) must(before === undefined, `a download meets something: ${place.path}`);
  else localFile(world, place, expected);
  parentStands(world, 'local', place);
  if (before?.kind !== 'file' || before.stamp.content !== source.content) {
    give(world, world.local, place);
    const stamp = localStamp(world, source.content);
    world.local = put(world.local, place.path, { kind: 'file', stamp, ...nameFor('local', place) });
  }
  agree(world, place.path);
}

function compare(
  world: World,
  { place, copy, local, remote, ifDifferent }: Extract<Operation, { kind: 'compare' }>,
): void {
  const ours = localFile(world, place, local);
  const theirs = remoteFile(world, place, remote);
  if (ours.content === theirs.content) return agree(world, place.path);
  const resolve: Readonly<Record<Resolution, () => void>> = {
    hold: () => undefined,
    local: () => upload(world, place, local, remote),
    remote: () => download(world, place, local, remote),
    'keep-both': () => {
      setAside(world, place, copy, local);
      download(world, place, undefined, remote);
    },
  };
  resolve[ifDifferent]();
}

function setAside(world: World, place: Place, copy: Place, expected: LocalStamp | 'folder'): void {
  const node = at(world, 'local', place);
  if (expected === 'folder') must(node?.kind === 'folder', `no folder to set aside: ${place.path}`);
  else localFile(world, place, expected);
  must(nodeAt(world.local, copy.path) === undefined, `the copy's name is taken: ${copy.path}`);
  must(nodeAt(world.remote, copy.path) === undefined, `the copy's name is taken there: ${copy.path}`);
  if (node === undefined) return;
  world.local = put(world.local, place.path, undefined);
  world.local = put(world.local, copy.path, rename(node as Node<ModelLocal>, nameFor('local', copy)));
}

function move(world: World, { kind, entry, from, to, local, remote }: Extract<Operation, { kind: 'moveLocal' | 'moveRemote' }>): void {
  const side = kind === 'moveLocal' ? 'local' : 'remote';
  const node = at(world, side, from);
  must(node?.kind === entry, `no ${entry} to move: ${from.path}`);
  if (entry === 'file' && side === 'local') localFile(world, from, local);
  if (entry === 'file' && side === 'remote') remoteFile(world, from, remote);
  must(at(world, side, to) === undefined, `a move meets something: ${to.path}`);
  parentStands(world, side, to);
  if (side === 'remote') world.remote = relocate(world.remote, from.path, to, side);
  else {
    world.local = relocate(world.local, from.path, to, side);
    const moved = nodeAt(world.local, to.path);
    if (moved?.kind === 'file') {
      world.clock += 7;
      world.renamed.add(moved.stamp.ino);
      world.local = put(world.local, to.path, { ...moved, stamp: { ...moved.stamp, ctimeMs: world.clock } });
    }
  }
  world.base = changeBase(world.base, { kind: 'move', from: from.path, to: to.path });
}

function relocate<S>(tree: Tree<S>, from: RelPath, to: Place, side: SideName): Tree<S> {
  const node = nodeAt(tree, from);
  if (node === undefined) return tree;
  return put(put(tree, from, undefined), to.path, rename(node, nameFor(side, to)));
}

function remove(world: World, operation: Extract<Operation, { kind: 'removeLocal' | 'removeRemote' }>): void {
  const { place } = operation;
  const side = operation.kind === 'removeLocal' ? 'local' : 'remote';
  const tree = side === 'local' ? world.local : world.remote;
  const expected = operation.kind === 'removeLocal' ? operation.local : operation.remote;
  const node = at(world, side, place);
  if ('children' in expected) {
    must(node?.kind === 'folder', `no folder to remove: ${place.path}`);
    sameTree(expected as FolderNode<unknown>, node as FolderNode<unknown>, place.path);
  } else if (operation.kind === 'removeLocal') localFile(world, place, expected as LocalStamp);
  else remoteFile(world, place, expected as RemoteStamp);
  give(world, tree, place);
  if (side === 'local') world.local = put(world.local, place.path, undefined);
  else world.remote = put(world.remote, place.path, undefined);
  world.base = changeBase(world.base, { kind: 'forget', path: place.path });
}

/** Both sides hold this file now. */
function agree(world: World, path: RelPath): void {
  const local = nodeAt(world.local, path);
  const remote = nodeAt(world.remote, path);
  must(local?.kind === 'file' && remote?.kind === 'file', `nothing to agree on: ${path}`);
  if (local?.kind !== 'file' || remote?.kind !== 'file') return;
  must(local.stamp.content === remote.stamp.content, `agreed on different contents: ${path}`);
  const { size, ino, mtimeMs, ctimeMs, content } = local.stamp;
  const stamp: BaseStamp = { size, ino, mtimeMs, ctimeMs, digest: digestOf(content), date: remote.stamp.date };
  world.base = changeBase(world.base, { kind: 'file', path, stamp });
}

/** What stands at a place goes into the trash. */
function give(world: World, tree: Tree<{ readonly content: string }>, place: Place): void {
  const node = nodeAt(tree, place.path);
  if (node?.kind === 'file') world.trash.add(node.stamp.content);
  if (node?.kind === 'folder') for (const content of contentsOf(node)) world.trash.add(content);
}

function at(world: World, side: SideName, place: Place): Node<ModelLocal> | Node<ModelRemote> | undefined {
  const tree = side === 'local' ? world.local : world.remote;
  must(keyOf(place[side]) === place.path, `${place[side]} is filed as ${place.path}`);
  const node = nodeAt<ModelLocal | ModelRemote>(tree as Tree<ModelLocal | ModelRemote>, place.path);
  if (node !== undefined) must(spell(tree, place.path) === place[side], `${side} does not spell it ${place[side]}`);
  return node as Node<ModelLocal> | Node<ModelRemote> | undefined;
}

function localFile(world: World, place: Place, expected: LocalStamp | undefined): ModelLocal {
  const node = at(world, 'local', place);
  if (node?.kind !== 'file' || expected === undefined) throw new Error(`no local file: ${place.path}`);
  const { size, ino, mtimeMs, ctimeMs } = node.stamp as ModelLocal;
  must(size === expected.size && ino === expected.ino && mtimeMs === expected.mtimeMs, `changed: ${place.path}`);
  must(ctimeMs === expected.ctimeMs || world.renamed.has(ino), `changed (ctime): ${place.path}`);
  return node.stamp as ModelLocal;
}

function remoteFile(world: World, place: Place, expected: RemoteStamp | undefined): ModelRemote {
  const node = at(world, 'remote', place);
  if (node?.kind !== 'file' || expected === undefined) throw new Error(`no remote file: ${place.path}`);
  const { size, date } = node.stamp as ModelRemote;
  must(size === expected.size && date === expected.date, `changed there: ${place.path}`);
  return node.stamp as ModelRemote;
}

function remoteIs(world: World, place: Place, expected: RemoteStamp | undefined): void {
  if (expected === undefined) must(at(world, 'remote', place) === undefined, `an upload meets something: ${place.path}`);
  else remoteFile(world, place, expected);
}

function parentStands(world: World, side: SideName, place: Place): void {
  const dir = parentOf(place.path);
  if (dir === ROOT) return;
  const tree: Tree<unknown> = side === 'local' ? world.local : world.remote;
  must(nodeAt(tree, dir)?.kind === 'folder', `${side} has no folder for ${place.path}`);
  const spelled = place[side];
  must(spell(tree, dir as RelPath) === spelled.slice(0, spelled.lastIndexOf('/')), `${side} spells the folder of ${spelled} otherwise`);
}

function sameTree(expected: FolderNode<unknown>, found: FolderNode<unknown>, path: string): void {
  const keys = (folder: FolderNode<unknown>): string => [...folder.children.keys()].sort().join('/');
  must(keys(expected) === keys(found), `not everything below was seen: ${path}`);
  for (const [key, node] of found.children) {
    const other = expected.children.get(key);
    must(other?.kind === node.kind, `another kind below: ${path}/${key}`);
    if (node.kind === 'folder' && other?.kind === 'folder') sameTree(other, node, `${path}/${key}`);
    if (node.kind === 'file' && other?.kind === 'file') {
      must(versionOf(other.stamp) === versionOf(node.stamp), `changed below: ${path}/${key}`);
    }
  }
}

function versionOf(stamp: unknown): string {
  const { size, ino, mtimeMs, date } = stamp as Partial<ModelLocal & ModelRemote>;
  return JSON.stringify([size, ino, mtimeMs, date]);
}

function nameFor(side: SideName, place: Place): { readonly name?: string } {
  const name = nameOf(place[side]);
  return name === nameOf(place.path) ? {} : { name };
}

function rename<S>(node: Node<S>, name: { readonly name?: string }): Node<S> {
  const { name: _old, ...rest } = node;
  return { ...rest, ...name } as Node<S>;
}

function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}
