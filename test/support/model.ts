/**
 * Carries out plans on a model world as strictly as it can: every expectation is checked, every parent must stand, every
 * name must be spelled as its side spells it, and inside a stage the order is shuffled.
 */
import type { BaseChange, BaseStamp, BaseTree } from '../../src/core/base.ts';
import { nameOf, type Place, type RelPath } from '../../src/core/path.ts';
import { type Operation, type Plan, type Resolution, STAGES } from '../../src/core/plan.ts';
import {
  type FolderNode,
  type LocalStamp,
  type Node,
  nodeAt,
  type RemoteStamp,
  type Tree,
} from '../../src/core/tree.ts';
import { at, localFile, must, parentStands, remoteFile, remoteIs, sameTree } from './model-checks.ts';
import {
  contentsOf,
  digestOf,
  localStamp,
  type ModelLocal,
  put,
  remoteStamp,
  type SideName,
  type World,
} from './world.ts';

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
      makeFolder(world, operation.kind === 'makeFolderLocal' ? 'local' : 'remote', operation.place);
      return;
    case 'upload':
      upload(world, operation.place, operation.local, operation.remote);
      return;
    case 'download':
      download(world, operation.place, operation.local, operation.remote);
      return;
    case 'compare':
      compare(world, operation);
      return;
    case 'setAside':
      setAside(world, operation.place, operation.copy, operation.local);
      return;
    case 'moveLocal':
    case 'moveRemote':
      move(world, operation);
      return;
    case 'removeLocal':
    case 'removeRemote':
      remove(world, operation);
      return;
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
  if (ours.content === theirs.content) {
    agree(world, place.path);
    return;
  }
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

function move(
  world: World,
  { kind, entry, from, to, local, remote }: Extract<Operation, { kind: 'moveLocal' | 'moveRemote' }>,
): void {
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
  const stamp: BaseStamp = {
    size,
    ino,
    mtimeMs,
    ctimeMs,
    digest: digestOf(content),
    date: remote.stamp.date,
  };
  world.base = changeBase(world.base, { kind: 'file', path, stamp });
}

/** What stands at a place goes into the trash. */
function give(world: World, tree: Tree<{ readonly content: string }>, place: Place): void {
  const node = nodeAt(tree, place.path);
  if (node?.kind === 'file') world.trash.add(node.stamp.content);
  if (node?.kind === 'folder') for (const content of contentsOf(node)) world.trash.add(content);
}

function nameFor(side: SideName, place: Place): { readonly name?: string } {
  const name = nameOf(place[side]);
  return name === nameOf(place.path) ? {} : { name };
}

function rename<S>(node: Node<S>, name: { readonly name?: string }): Node<S> {
  const { name: _old, ...rest } = node;
  return { ...rest, ...name } as Node<S>;
}
