/**
 * Moves come before the table: each becomes one operation, and the base and the tree of the side that has yet to follow
 * are rewritten as they will be afterwards. What else happened to a moved entry (an edit, a new file at its old name, a
 * change on the other side) is then ordinary. A pair that cannot be carried out safely is left to the table, which
 * brings over the same state with more bytes.
 */
import { type BaseNode, type BaseTree, localDelta, remoteDelta } from './base.ts';
import type { PlanBuilder } from './builder.ts';
import { type Draft, draftOf } from './draft.ts';
import { type DecideInput, foldName } from './input.ts';
import { localPairs, type Pair } from './local-moves.ts';
import { adoptCommon, type Desk, doubt, follow, followed, type SideNode } from './move-desk.ts';
import {
  type DirPath,
  depthOf,
  isWithin,
  keyOf,
  nameOf,
  type Place,
  parentOf,
  type RelPath,
} from './path.ts';
import { remotePairs } from './remote-moves.ts';
import {
  type LocalStamp,
  type LocalTree,
  type Node,
  type RemoteStamp,
  type RemoteTree,
  spell,
} from './tree.ts';

export interface Moved {
  readonly base: BaseTree;
  readonly local: LocalTree;
  readonly remote: RemoteTree;
  /** Both ends of moves that are blocked this time. */
  readonly masked: ReadonlySet<RelPath>;
}

export function planMoves(input: DecideInput, builder: PlanBuilder): Moved {
  const { direction } = input;
  const desk: Desk = {
    input,
    builder,
    base: draftOf(input.base),
    local: draftOf(input.local),
    remote: draftOf(input.remote),
    masked: new Set(),
    pending: inOrder([...localPairs(input.base, input.local), ...remotePairs(input.base, input.remote)]),
  };
  if (desk.pending.length > 0) {
    adoptCommon(desk);
    desk.pending = desk.pending.filter(({ side }) => direction !== (side === 'local' ? 'pull' : 'push'));
    carryOut(desk);
  }
  return {
    base: desk.base.tree(),
    local: desk.local.tree(),
    remote: desk.remote.tree(),
    masked: desk.masked,
  };
}

function inOrder(pairs: Pair[]): Pair[] {
  const rank = ({ entry, to }: Pair): number => (entry === 'folder' ? depthOf(to) : Number.MAX_SAFE_INTEGER);
  return pairs.sort((a, b) => rank(a) - rank(b));
}

/** A chain works from its free end; what never becomes free (a swap, a cycle) is left to the table. */
function carryOut(desk: Desk): void {
  for (let progress = true; progress; ) {
    progress = false;
    const waiting: Pair[] = [];
    for (const pair of desk.pending) {
      if (pair.from === pair.to) continue;
      const answer = attempt(desk, pair);
      if (answer === 'wait') waiting.push(pair);
      if (answer === 'done') progress = true;
    }
    desk.pending = waiting;
  }
}

function attempt(desk: Desk, pair: Pair): 'done' | 'wait' | 'never' {
  const { from, to, entry, side } = pair;
  const [source, target] = side === 'local' ? [desk.local, desk.remote] : [desk.remote, desk.local];
  const was = desk.base.at(from);
  const here = target.at(from);
  const there = source.at(to);
  if (there?.kind !== entry || (entry === 'folder' && isWithin(to, from))) return 'never';
  if (was?.kind !== entry || here?.kind !== entry) return 'wait';
  if (desk.base.at(to) !== undefined || target.at(to) !== undefined) return 'wait';
  const left = source.at(from);
  if (left !== undefined && (isDark(left) || (side === 'remote' && entry === 'folder'))) return 'never';
  if (left !== undefined && isEdited(was, here, side)) return 'never';
  if (!wayIsClear(desk, pair) || holdsDark(here, true) || holdsDark(there, false)) return 'wait';
  if (!mayMove(desk, pair)) return 'never';
  move(desk, pair, { was, here, there });
  return 'done';
}

/** An edit of what has the old name there, while something new has it here: it belongs to that name, and goes nowhere. */
function isEdited(was: BaseNode, here: SideNode, side: Pair['side']): boolean {
  if (was.kind !== 'file' || here.kind !== 'file') return false;
  return side === 'local'
    ? remoteDelta(was.stamp, here.stamp as RemoteStamp) !== 'none'
    : localDelta(was.stamp, here.stamp as LocalStamp) !== 'none';
}

function isDark({ kind }: SideNode): boolean {
  return kind === 'unknown' || kind === 'untracked';
}

/** Nothing may be taken along that nobody could look at, nor, on the side that is changed, what is not ours to move. */
function holdsDark(node: SideNode, changed: boolean): boolean {
  if (node.kind !== 'folder') return node.kind === 'unknown' || (changed && node.kind === 'untracked');
  for (const child of node.children.values()) if (holdsDark(child as SideNode, changed)) return true;
  return false;
}

/** Every folder above both ends stands, or is free to be made, on all sides. */
function wayIsClear({ base, local, remote }: Desk, { from, to }: Pair): boolean {
  for (const end of [from, to]) {
    for (let at: DirPath = parentOf(end); at !== ''; at = parentOf(at)) {
      for (const tree of [base, local, remote]) {
        const node = tree.at(at);
        if (node !== undefined && node.kind !== 'folder') return false;
      }
    }
  }
  return true;
}

/** A move that is blocked, or whose new name the other side cannot hold, leaves both ends as they are. */
function mayMove({ input, builder, masked, ...trees }: Desk, { from, to, side }: Pair): boolean {
  const standing = (path: RelPath) => ({ local: trees.local.at(path), remote: trees.remote.at(path) });
  const problem = input.blocked?.(from, standing(from)) ?? input.blocked?.(to, standing(to));
  if (problem !== undefined) {
    builder.report(problem);
    masked.add(from).add(to);
    return false;
  }
  const target = side === 'local' ? trees.remote : trees.local;
  for (let at: DirPath = to; at !== '' && target.at(at) === undefined; at = parentOf(at)) {
    const fault = (side === 'local' ? input.remoteNameFault : input.localNameFault)?.(nameOf(at));
    if (fault !== undefined) {
      builder.problem(
        to,
        'name',
        `the other side cannot hold the new name, so the old one stays there: ${fault}; rename it again ${side === 'local' ? 'here' : 'in the workspace'}`,
      );
      masked.add(from).add(to);
      return false;
    }
    if (side === 'remote' && input.localCaseInsensitive && foldsLikeSibling(target, at, from)) return false;
  }
  return true;
}

function foldsLikeSibling(
  tree: Draft<LocalStamp> | Draft<RemoteStamp>,
  path: RelPath,
  except: RelPath,
): boolean {
  const dir = parentOf(path);
  const folder = tree.at(dir);
  if (folder?.kind !== 'folder') return false;
  const own = parentOf(except) === dir ? nameOf(except) : undefined;
  const fold = foldName(nameOf(path));
  for (const key of folder.children.keys()) if (key !== own && foldName(key) === fold) return true;
  return false;
}

interface Nodes {
  readonly was: BaseNode;
  readonly here: SideNode;
  readonly there: SideNode;
}

function move(desk: Desk, pair: Pair, { was, here, there }: Nodes): void {
  const { builder, base } = desk;
  const { from, to, side, entry } = pair;
  makeParents(desk, pair);
  const places = { from: placeOf(desk, from), to: placeOf(desk, to) };
  const id = builder.add({
    kind: side === 'local' ? 'moveRemote' : 'moveLocal',
    stage: 'move',
    ...places,
    entry,
    local: side === 'remote' && here.kind === 'file' ? (here.stamp as LocalStamp) : undefined,
    remote: side === 'local' && here.kind === 'file' ? (here.stamp as RemoteStamp) : undefined,
    after: [],
  });
  if (side === 'remote') doubt(desk, from);
  builder.moved(from, to);
  builder.touches(from, id);
  builder.touches(to, id);
  const rewritten = base.at(from) ?? was;
  base.set(from, undefined);
  base.set(to, side === 'local' ? followed(rewritten, there) : rewritten);
  if (side === 'local') rename(desk.remote, { from, to, name: nameOf(places.to.remote) });
  else rename(desk.local, { from, to, name: nameOf(places.to.local) });
  follow(desk, pair);
}

function placeOf({ local, remote }: Desk, path: RelPath): Place {
  return {
    path,
    local: spell(local.tree(), path, remote.tree()) as Place['local'],
    remote: spell(remote.tree(), path, local.tree()) as Place['remote'],
  };
}

function makeParents(desk: Desk, { to, side }: Pair): void {
  const missing: RelPath[] = [];
  const target = side === 'local' ? desk.remote : desk.local;
  for (let at: DirPath = parentOf(to); at !== '' && target.at(at) === undefined; at = parentOf(at))
    missing.unshift(at);
  for (const path of missing) {
    const place = placeOf(desk, path);
    const kind = side === 'local' ? 'makeFolderRemote' : 'makeFolderLocal';
    const id = desk.builder.add({ kind, stage: 'move', place, after: [] });
    desk.builder.touches(path, id);
    // The deed will write the base row; the walk must neither adopt the folder early nor take it for deleted.
    desk.builder.moved(path, path);
    const name = nameOf(side === 'local' ? place.remote : place.local);
    target.set(path, { kind: 'folder', children: new Map(), ...spelled(path, name) });
    if (desk.base.at(path) === undefined) {
      const local = desk.local.at(path);
      const ino = local?.kind === 'folder' && local.ino !== undefined ? { ino: local.ino } : {};
      desk.base.set(path, { kind: 'folder', children: new Map(), ...ino });
    }
  }
}

function rename<S>(
  tree: Draft<S>,
  { from, to, name }: { readonly from: RelPath; readonly to: RelPath; readonly name: string },
): void {
  const node = tree.at(from);
  if (node === undefined) return;
  const { name: _old, ...rest } = node;
  tree.set(from, undefined);
  tree.set(to, { ...rest, ...spelled(to, name) } as Node<S>);
}

function spelled(path: RelPath, name: string): { readonly name?: string } {
  return name === nameOf(path) && keyOf(name) === name ? {} : { name };
}
