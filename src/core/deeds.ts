/**
 * The operations that verdicts turn into, each with what can stand in its way (a name, a size, a path that is blocked).
 * Nothing here decides what should happen; it only says how, in which stage, and after what.
 */
import { agreed, type BaseFile, type BaseNode, localDelta, remoteDelta } from './base.ts';
import type { PlanBuilder } from './builder.ts';
import {
  claimLocalName,
  copyPlace,
  type Dir,
  type Entry,
  type LocalNode,
  pathIn,
  placeOf,
  type RemoteNode,
} from './dir.ts';
import { type DecideInput, type Flow, type Side, TARGET } from './input.ts';
import type { Moved } from './moves.ts';
import { type LocalPath, nameOf, type RelPath, type RemotePath } from './path.ts';
import type { Resolution, Stage } from './plan.ts';
import { type FileNode, type FolderNode, type LocalStamp, nodeAt, type RemoteStamp } from './tree.ts';

/** SHA-256 of nothing: two empty files are equal without a look. */
const EMPTY_DIGEST = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

export interface When {
  readonly stage: Stage;
  readonly after: readonly number[];
}
export const NOW: When = { stage: 'fill', after: [] };

export interface FilePair extends Entry {
  readonly local: FileNode<LocalStamp>;
  readonly remote: FileNode<RemoteStamp>;
}

export interface Deeds {
  /** True (and reported) when nothing may be done at a path this time. */
  leaveAlone(path: RelPath): boolean;
  /** True when the source's entry can be put on the target side; says why not. */
  canSend(flow: Flow, dir: Dir, entry: Entry): boolean;
  /** The file of the source side goes to the target side, over what was seen there. */
  send(flow: Flow, dir: Dir, entry: Entry, when: When & { readonly conflict?: boolean }): void;
  /** Makes the folder and those above it where they do not stand yet; gives what to wait for. */
  ensure(dir: Dir, side: Side, after?: readonly number[]): readonly number[];
  /** A file, or a folder with all that was seen below it. */
  remove(side: Side, dir: Dir, entry: Entry, when: When): number | undefined;
  compare(dir: Dir, entry: FilePair, ifDifferent: Resolution): void;
  setAside(dir: Dir, entry: Entry): number | undefined;
  /** Refreshes what the base knows of a version that did not change. */
  restamp(path: RelPath, base: BaseFile, entry: FilePair): void;
  /** True when everything at this node is what the base knows, so that it may go with the other side's deletion. */
  untouched(path: RelPath, base: BaseNode | undefined, node: LocalNode | RemoteNode, side: Side): boolean;
}

export function deedsOf(input: DecideInput, builder: PlanBuilder, moved: Moved): Deeds {
  const { masked } = moved;
  const blocked = (path: RelPath) => {
    if (input.blocked === undefined) return undefined;
    const standing = { local: nodeAt(moved.local, path), remote: nodeAt(moved.remote, path) };
    return input.blocked(path, standing);
  };
  const leaveAlone = (path: RelPath): boolean => {
    if (masked.has(path)) return true;
    const problem = blocked(path);
    if (problem !== undefined) builder.report(problem);
    return problem !== undefined;
  };
  const canSend = (flow: Flow, dir: Dir, entry: Entry): boolean => {
    if (leaveAlone(pathIn(dir, entry.key))) return false;
    if (flow === 'push' && tooLarge(input, builder, dir, entry)) return false;
    return nameFits(input, builder, { flow, dir, entry });
  };
  const ensure = (dir: Dir, side: Side, after: readonly number[] = []): readonly number[] => {
    const known = dir.ready[side];
    if (known !== undefined || dir.parent === undefined) return known ?? [];
    const { path, local, remote } = dir;
    const id = builder.add({
      kind: side === 'local' ? 'makeFolderLocal' : 'makeFolderRemote',
      stage: 'fill',
      place: { path, local, remote } as ReturnType<typeof placeOf>,
      after: [...ensure(dir.parent, side), ...after],
    });
    dir.ready[side] = [id];
    return [id];
  };
  return {
    leaveAlone,
    canSend,
    ensure,
    send(flow, dir, entry, { stage, after, conflict = false }) {
      const waits = [...ensure(dir, TARGET[flow]), ...after];
      addTransfer(builder, flow, { dir, entry, stage, after: waits, conflict });
    },
    remove: (side, dir, entry, when) => addRemoval(builder, side, { dir, entry, ...when }),
    compare: (dir, entry, ifDifferent) => addCompare(input, builder, { dir, entry, ifDifferent }),
    setAside(dir, entry) {
      const { local } = entry;
      if (local?.kind !== 'file' && local?.kind !== 'folder') return undefined;
      const place = placeOf(dir, entry);
      return builder.add({
        kind: 'setAside',
        stage: 'room',
        place,
        copy: copyPlace(dir, nameOf(place.local), input.copyName),
        local: local.kind === 'file' ? local.stamp : 'folder',
        after: [],
      });
    },
    restamp(path, base, { local, remote }) {
      // A span that was seen again tells no more than the base knows.
      const listed = typeof remote.stamp.date === 'number' ? remote.stamp.date : base.stamp.date;
      const stamp = agreed(local.stamp, base.stamp.digest, listed);
      const { ino, mtimeMs, ctimeMs, date } = base.stamp;
      const same =
        ino === stamp.ino && mtimeMs === stamp.mtimeMs && ctimeMs === stamp.ctimeMs && date === stamp.date;
      if (!same) builder.agree({ kind: 'file', path, stamp });
    },
    untouched: (path, base, node, side) =>
      untouched({ path, base, node, side }, (at) => masked.has(at) || blocked(at) !== undefined),
  };
}

function tooLarge(
  { uploadLimit }: DecideInput,
  builder: PlanBuilder,
  dir: Dir,
  { key, local }: Entry,
): boolean {
  if (uploadLimit === undefined || local?.kind !== 'file' || local.stamp.size <= uploadLimit) return false;
  const message = `the file has ${local.stamp.size} bytes, the server takes at most ${uploadLimit} in one upload`;
  builder.problem(pathIn(dir, key), 'too-large', message);
  return true;
}

/** A name is looked at when it is new on the target side, and so are the names of folders that must be made for it. */
function nameFits(
  input: DecideInput,
  builder: PlanBuilder,
  { flow, dir, entry }: { readonly flow: Flow; readonly dir: Dir; readonly entry: Entry },
): boolean {
  const side = TARGET[flow];
  for (let at: Dir = dir; at.parent !== undefined && at.ready[side] === undefined; at = at.parent) {
    if (
      !fits(input, builder, {
        side,
        dir: at.parent,
        path: at.path as RelPath,
        name: nameOf(at[side] as LocalPath | RemotePath),
      })
    )
      return false;
  }
  if (entry[side] !== undefined) return true;
  const place = placeOf(dir, entry);
  return fits(input, builder, { side, dir, path: place.path, name: nameOf(place[side]) });
}

function fits(
  input: DecideInput,
  builder: PlanBuilder,
  {
    side,
    dir,
    path,
    name,
  }: { readonly side: Side; readonly dir: Dir; readonly path: RelPath; readonly name: string },
): boolean {
  const fault = side === 'remote' ? input.remoteNameFault?.(name) : input.localNameFault?.(name);
  if (fault !== undefined) {
    const [holder, where] =
      side === 'remote' ? ['the server', 'here'] : ['the local disk', 'in the workspace'];
    builder.problem(path, 'name', `${holder} cannot hold this name: ${fault}; rename it ${where}`);
    return false;
  }
  if (side === 'remote' || !input.localCaseInsensitive) return true;
  const holder = claimLocalName(dir, nameOf(path));
  if (holder === undefined) return true;
  builder.problem(
    path,
    'case-clash',
    `the local disk cannot tell this name from "${holder}"; rename one of the two`,
  );
  return false;
}

interface At extends When {
  readonly dir: Dir;
  readonly entry: Entry;
}

function addTransfer(
  builder: PlanBuilder,
  flow: Flow,
  { dir, entry, stage, after, conflict }: At & { readonly conflict: boolean },
): void {
  const { local, remote } = entry;
  const place = placeOf(dir, entry);
  // What stands on the target side as a file is replaced; anything else was taken away by `after`.
  const ours = local?.kind === 'file' ? local.stamp : undefined;
  const theirs = remote?.kind === 'file' ? remote.stamp : undefined;
  if (flow === 'push' && ours !== undefined) {
    builder.add({ kind: 'upload', stage, place, local: ours, remote: theirs, conflict, after });
  }
  if (flow === 'pull' && theirs !== undefined) {
    builder.add({ kind: 'download', stage, place, local: ours, remote: theirs, conflict, after });
  }
}

function addRemoval(builder: PlanBuilder, side: Side, { dir, entry, stage, after }: At): number | undefined {
  const place = placeOf(dir, entry);
  const { local, remote } = entry;
  if (side === 'local') {
    const seen = seenOf(local);
    return seen && builder.add({ kind: 'removeLocal', stage, place, local: seen, after });
  }
  const seen = seenOf(remote);
  return seen && builder.add({ kind: 'removeRemote', stage, place, remote: seen, after });
}

function seenOf<S>(
  node: LocalNode | RemoteNode | FileNode<S> | FolderNode<S> | undefined,
): S | FolderNode<S> | undefined {
  if (node?.kind === 'file') return node.stamp as S;
  return node?.kind === 'folder' ? (node as FolderNode<S>) : undefined;
}

function addCompare(
  input: DecideInput,
  builder: PlanBuilder,
  {
    dir,
    entry,
    ifDifferent,
  }: { readonly dir: Dir; readonly entry: FilePair; readonly ifDifferent: Resolution },
): void {
  const place = placeOf(dir, entry);
  const { local, remote } = entry;
  if (local.stamp.size === 0 && remote.stamp.size === 0) {
    builder.agree({
      kind: 'file',
      path: place.path,
      stamp: agreed(local.stamp, EMPTY_DIGEST, remote.stamp.date),
    });
    return;
  }
  builder.add({
    kind: 'compare',
    stage: 'fill',
    place,
    local: local.stamp,
    remote: remote.stamp,
    ifDifferent,
    copy: copyPlace(dir, nameOf(place.local), input.copyName),
    after: [],
  });
}

interface Seen {
  readonly path: RelPath;
  readonly base: BaseNode | undefined;
  readonly node: LocalNode | RemoteNode;
  readonly side: Side;
}

function untouched({ path, base, node, side }: Seen, held: (path: RelPath) => boolean): boolean {
  if (held(path)) return false;
  if (node.kind === 'folder') {
    if (base?.kind !== 'folder') return false;
    for (const [key, child] of node.children) {
      const at = `${path}/${key}` as RelPath;
      if (!untouched({ path: at, base: base.children.get(key), node: child, side }, held)) return false;
    }
    return true;
  }
  if (node.kind !== 'file' || base?.kind !== 'file') return false;
  if (side === 'local') return localDelta(base.stamp, node.stamp as LocalStamp) === 'none';
  return remoteDelta(base.stamp, node.stamp as RemoteStamp) === 'none';
}
