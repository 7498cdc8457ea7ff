/**
 * Moves that were not settled. A local move is known by the inode; a remote one by what is gone from the old name and
 * stands at the new one. A remote move that takes two steps (another folder and another name) can have stopped between
 * them: what then stands under the name in between is no user's file, and goes on to where it was meant to be.
 */
import { sameRemote } from '../../core/base.ts';
import {
  join,
  type LocalPath,
  nameOf,
  parentOf,
  type RelPath,
  type RemotePath,
  ROOT,
} from '../../core/path.ts';
import { type LocalStamp, type Node, nodeAt, type RemoteStamp, spell } from '../../core/tree.ts';
import { asRtsyncError } from '../../lib/errors.ts';
import type { Intent } from '../../state/state.ts';
import { type Desk, seenAt } from './desk.ts';

type End = 'unseen' | undefined;

/** A crash between the two calls of a rename leaves one file under both names: then the planned one goes. */
export async function setAside(desk: Desk, intent: Intent): Promise<End> {
  const { path, other, detail } = intent;
  if (other === undefined) return undefined;
  const { tree } = desk.seen().local;
  const [here, copy] = [seenAt(tree, path), seenAt(tree, other)];
  if (here === 'unseen' || copy === 'unseen') return 'unseen';
  if (!isVersion(copy, detail.local)) return undefined;
  if (here?.kind === 'file' && copy?.kind === 'file' && here.stamp.ino === copy.stamp.ino) {
    await desk.pair.local.removeFile(spell(tree, other) as LocalPath, copy.stamp);
    desk.localChange({ path: other, node: undefined });
    return undefined;
  }
  desk.conflict(intent);
  desk.journal.push({ at: desk.pair.clock.now(), cycle: intent.cycle, kind: 'setAside', path, other });
  return undefined;
}

export function localMove(desk: Desk, intent: Intent): End {
  const { path, other, detail } = intent;
  if (other === undefined) return undefined;
  const { tree } = desk.seen().local;
  const [from, to] = [seenAt(tree, path), seenAt(tree, other)];
  if (from === 'unseen' || to === 'unseen') return 'unseen';
  const base = nodeAt(desk.pair.state.base(), path);
  if (base === undefined || to === undefined || base.kind !== to.kind) return undefined;
  if (to.kind === 'folder') {
    if (from === undefined && base.kind === 'folder' && base.ino === to.ino) moved(desk, intent, other);
    return undefined;
  }
  const sameAtBoth = from?.kind === 'file' && to.kind === 'file' && from.stamp.ino === to.stamp.ino;
  if (!sameAtBoth && isVersion(to, detail.local)) moved(desk, intent, other);
  return undefined;
}

/** The very file, whatever was written into it since. A folder is not known by what is seen of it here. */
function isVersion(node: Node<LocalStamp> | undefined, local: LocalStamp | undefined): boolean {
  return local === undefined
    ? node?.kind === 'folder'
    : node?.kind === 'file' && node.stamp.ino === local.ino;
}

export async function remoteMove(desk: Desk, intent: Intent): Promise<End> {
  const { path, other } = intent;
  if (other === undefined) return undefined;
  const { tree } = desk.seen().remote;
  const [from, to] = [seenAt(tree, path), seenAt(tree, other)];
  if (from === 'unseen' || to === 'unseen') return 'unseen';
  const base = nodeAt(desk.pair.state.base(), path);
  if (base === undefined) return undefined;
  const stands = from !== undefined && isEntry(desk, intent, path, from);
  if (stands) return undefined;
  if (to !== undefined && isEntry(desk, intent, path, to)) {
    moved(desk, intent, other);
    return undefined;
  }
  if (parentOf(path) === parentOf(other) || nameOf(path) === nameOf(other)) return undefined;
  return goOn(desk, intent, { other, taken: { from: from !== undefined, to: to !== undefined } });
}

interface Stopped {
  readonly other: RelPath;
  readonly taken: { readonly from: boolean; readonly to: boolean };
}

async function goOn(desk: Desk, intent: Intent, { other, taken }: Stopped): Promise<End> {
  const { path, detail } = intent;
  const spelled = detail.spelled ?? { from: path, to: other };
  const { tree } = desk.seen().remote;
  const between = [join(parentOf(path), nameOf(other)), join(parentOf(other), nameOf(path))].find((via) => {
    const node = seenAt(tree, via);
    if (node === undefined || node === 'unseen') return false;
    return nodeAt(desk.pair.state.base(), via) === undefined && isEntry(desk, intent, path, node);
  });
  if (taken.to && (between === undefined || taken.from)) {
    if (between !== undefined)
      desk.notice(
        `"${between}" on the server was on its way to "${other}", which is taken; it stays where it is`,
      );
    return undefined;
  }
  const home = taken.to ? path : other;
  // Without its folder there is nowhere to bring it; what stands in between is then a file like any other.
  if (parentOf(home) !== ROOT && seenAt(tree, parentOf(home) as RelPath) === undefined) return undefined;
  const [goal, name] = taken.to ? [path, spelled.from] : [other, spelled.to];
  // Where nothing stands in between, the remote side itself may know where it left the entry.
  const start = between === undefined ? spelled.from : spell(tree, between);
  const expect = detail.remote ?? ('folder' as const);
  const job = { from: start as RemotePath, to: name as RemotePath, expect };
  try {
    await desk.pair.remote.move(job, desk.signal);
  } catch (thrown) {
    const error = asRtsyncError(thrown);
    if (error.disposition === 'replan') return undefined;
    if (desk.signal.aborted || error.disposition === 'fix' || error.disposition === 'bug') throw error;
    return 'unseen';
  }
  desk.lookAgain.push(between ?? path, goal);
  if (between !== undefined) desk.remoteChange({ from: between, to: goal, spelled: name });
  if (goal === other) moved(desk, intent, other);
  return undefined;
}

function moved(desk: Desk, intent: Intent, to: RelPath): void {
  desk.done(intent, [{ kind: 'move', from: intent.path, to }]);
}

/** Whether this can be the entry that was to be moved: the very version, or a folder that holds mostly what it held. */
function isEntry(desk: Desk, intent: Intent, path: RelPath, node: Node<RemoteStamp>): boolean {
  const { remote } = intent.detail;
  if (remote !== undefined) {
    if (node.kind !== 'file') return false;
    const { moveKeepsDate } = desk.pair.remote.traits;
    return moveKeepsDate ? sameRemote(remote, node.stamp) : node.stamp.size === remote.size;
  }
  const base = nodeAt(desk.pair.state.base(), path);
  if (node.kind !== 'folder' || base?.kind !== 'folder') return false;
  const names = [...base.children.keys()];
  return names.filter((name) => node.children.has(name)).length * 2 >= names.length;
}
