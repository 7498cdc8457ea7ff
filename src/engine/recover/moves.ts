/**
 * Moves that were not settled. A local move is known by the inode; a remote one by what is gone from the old name and
 * stands at the new one: the very version by size and date, or, where the server dates anew what it moves, the very
 * content. A remote move that takes two steps (another folder and another name) can have stopped between
 * them: what then stands under the name in between is no user's file, and goes on to where it was meant to be.
 */
import { type BaseNode, type BaseStamp, remoteDelta, sameRemote } from '../../core/base.ts';
import {
  join,
  type LocalPath,
  nameOf,
  parentOf,
  type RelPath,
  type RemotePath,
  ROOT,
} from '../../core/path.ts';
import {
  type FileNode,
  type LocalStamp,
  type Node,
  nodeAt,
  type RemoteStamp,
  spell,
} from '../../core/tree.ts';
import { asRtsyncError, isCode } from '../../lib/errors.ts';
import type { Intent, IntentDetail } from '../../state/state.ts';
import { digestsOf } from './contents.ts';
import { type Desk, seenAt } from './desk.ts';

type End = 'unseen' | undefined;

export async function setAside(desk: Desk, intent: Intent): Promise<End> {
  const { path, other, detail } = intent;
  if (other === undefined) return undefined;
  const { tree } = desk.seen().local;
  const [here, copy] = [seenAt(tree, path), seenAt(tree, other)];
  if (here === 'unseen' || copy === 'unseen') return 'unseen';
  if (!isVersion(copy, detail.local)) return undefined;
  if (isOneFile(here, copy)) return takeBack(desk, { path, other, stamp: copy.stamp });
  desk.conflict(intent);
  desk.journal.push({ at: desk.pair.clock.now(), cycle: intent.cycle, kind: 'setAside', path, other });
  return undefined;
}

/** A crash between the two calls of a rename leaves one file under both names. */
function isOneFile(
  from: Node<LocalStamp> | undefined,
  to: Node<LocalStamp> | undefined,
): to is FileNode<LocalStamp> {
  return from?.kind === 'file' && to?.kind === 'file' && from.stamp.ino === to.stamp.ino;
}

interface TwoNames {
  readonly path: RelPath;
  readonly other: RelPath;
  readonly stamp: LocalStamp;
}

/**
 * Then the planned one goes: else whoever plans next takes it for a new file. Never by what is remembered of the old one,
 * which a move that was done after all has taken away: the planned one would be the last.
 */
async function takeBack(desk: Desk, { path, other: planned, stamp }: TwoNames): Promise<End> {
  const { local } = desk.pair;
  const { tree } = desk.seen().local;
  try {
    const old = await local.open(spell(tree, path) as LocalPath, stamp);
    await old.close();
    await local.removeFile(spell(tree, planned) as LocalPath, stamp);
  } catch (thrown) {
    // Somebody is at work on it, or the old name is gone: it can be told when both names are looked at again.
    if (isCode(thrown, 'changed', 'unreadable')) return 'unseen';
    throw thrown;
  }
  desk.localChange({ path: planned, node: undefined });
  return undefined;
}

export async function localMove(desk: Desk, intent: Intent): Promise<End> {
  const { path, other, detail } = intent;
  if (other === undefined) return undefined;
  const { tree } = desk.seen().local;
  const [from, to] = [seenAt(tree, path), seenAt(tree, other)];
  if (from === 'unseen' || to === 'unseen') return 'unseen';
  const agreed = desk.pair.state.base();
  const base = nodeAt(agreed, path);
  // What both sides agreed on at the new name meanwhile is a file of its own, a hard link for all we know.
  if (isOneFile(from, to) && isVersion(to, detail.local) && nodeAt(agreed, other) === undefined)
    return takeBack(desk, { path, other, stamp: to.stamp });
  if (!isIntended(base, detail) || to === undefined || base.kind !== to.kind) return undefined;
  if (to.kind === 'folder') {
    if (from === undefined && base.kind === 'folder' && base.ino === to.ino) moved(desk, intent, other);
    return undefined;
  }
  if (isOneFile(from, to)) return undefined;
  if (isVersion(to, detail.local) || (from === undefined && isReplaced(desk, { base, to, other })))
    moved(desk, intent, other);
  return undefined;
}

/**
 * Whether what stands at the new name is what somebody's program put in the place of the moved file: the name was free,
 * the old one is empty, and in the workspace the agreed version went the same way. Taken for two new files, one would
 * have to step aside although one person alone edited it.
 */
function isReplaced(
  desk: Desk,
  { base, to, other }: { readonly base: BaseNode; readonly to: Node<LocalStamp>; readonly other: RelPath },
): boolean {
  if (base.kind !== 'file' || to.kind !== 'file') return false;
  if (nodeAt(desk.pair.state.base(), other) !== undefined) return false;
  const there = seenAt(desk.seen().remote.tree, other);
  return there !== 'unseen' && there?.kind === 'file' && remoteDelta(base.stamp, there.stamp) === 'none';
}

/**
 * Whether the base at the old name is still the version that was to be moved. While an intention waited, a newer file may
 * have been agreed on there, which the move must not take along.
 */
function isIntended(base: BaseNode | undefined, { local, remote }: IntentDetail): base is BaseNode {
  if (local === undefined && remote === undefined) return base?.kind === 'folder';
  if (base?.kind !== 'file') return false;
  const { stamp } = base;
  if (remote !== undefined && remoteDelta(stamp, remote) === 'none') return true;
  return local !== undefined && stamp.ino === local.ino && stamp.mtimeMs === local.mtimeMs;
}

/** The very file, whatever was written into it since. A folder is not known by what is seen of it here. */
function isVersion(node: Node<LocalStamp> | undefined, local: LocalStamp | undefined): boolean {
  return local === undefined
    ? node?.kind === 'folder'
    : node?.kind === 'file' && node.stamp.ino === local.ino;
}

export async function remoteMove(desk: Desk, intent: Intent): Promise<End> {
  const { path, other, detail } = intent;
  if (other === undefined) return undefined;
  const { tree } = desk.seen().remote;
  const [from, to] = [seenAt(tree, path), seenAt(tree, other)];
  if (from === 'unseen' || to === 'unseen') return 'unseen';
  const base = nodeAt(desk.pair.state.base(), path);
  if (!isIntended(base, detail)) return undefined;
  if (from !== undefined && (await isEntry(desk, intent, { at: path, node: from }))) return undefined;
  if (to !== undefined && (await isEntry(desk, intent, { at: other, node: to }))) {
    moved(desk, intent, other, to.kind === 'file' ? to.stamp : undefined);
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
  const halfway = await findBetween(desk, intent, other);
  const between = halfway?.at;
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
  // A pull changes nothing on the server: a run that may is to bring it on.
  if (desk.pair.options.direction === 'pull') return 'unseen';
  // Where nothing stands in between, the remote side itself may know where it left the entry.
  const start = between === undefined ? spelled.from : spell(tree, between);
  // As it stands now: its first step may have dated it anew.
  const expect = halfway?.node.kind === 'file' ? halfway.node.stamp : (detail.remote ?? ('folder' as const));
  const { digest } = agreedVersion(desk, intent) ?? {};
  const job = { from: start as RemotePath, to: name as RemotePath, expect, digest };
  let stamp = typeof expect === 'string' ? undefined : expect;
  try {
    stamp = (await desk.pair.remote.move(job, desk.signal)) ?? stamp;
  } catch (thrown) {
    const error = asRtsyncError(thrown);
    if (error.disposition === 'replan') return error.ambiguous ? 'unseen' : undefined;
    if (desk.signal.aborted || error.disposition === 'fix' || error.disposition === 'bug') throw error;
    return 'unseen';
  }
  desk.lookAgain.push(between ?? path, goal);
  if (between !== undefined) desk.remoteChange({ from: between, to: goal, spelled: name });
  // What came out of our own folder was not read: its new date is left to the comparison.
  if (goal === other) moved(desk, intent, other, halfway && stamp);
  return undefined;
}

interface Place {
  readonly at: RelPath;
  readonly node: Node<RemoteStamp>;
}

/** The entry under one of the two names that its first step can have given it. */
async function findBetween(desk: Desk, intent: Intent, other: RelPath): Promise<Place | undefined> {
  const { path } = intent;
  for (const at of [join(parentOf(path), nameOf(other)), join(parentOf(other), nameOf(path))]) {
    const node = seenAt(desk.seen().remote.tree, at);
    if (node === undefined || node === 'unseen') continue;
    if (nodeAt(desk.pair.state.base(), at) !== undefined) continue;
    if (await isEntry(desk, intent, { at, node })) return { at, node };
  }
  return undefined;
}

/** `stamp`: of the file as it stands there now, where its content is known to be the one that was moved. */
function moved(desk: Desk, intent: Intent, to: RelPath, stamp?: RemoteStamp): void {
  const known = agreedVersion(desk, intent);
  // Only the date is new: an edit that moved along must still be seen as one.
  const dated =
    known !== undefined && known.size === stamp?.size ? { ...known, date: stamp.date } : undefined;
  desk.done(intent, [
    { kind: 'move', from: intent.path, to },
    ...(dated === undefined ? [] : [{ kind: 'file' as const, path: to, stamp: dated }]),
  ]);
}

/** What both sides agreed on, when that is the version that was to be moved. */
function agreedVersion(desk: Desk, { path, detail }: Intent): BaseStamp | undefined {
  const base = desk.baseFile(path);
  return base !== undefined && detail.remote !== undefined && remoteDelta(base, detail.remote) === 'none'
    ? base
    : undefined;
}

/** Whether this is the entry that was to be moved: the very version, or a folder that holds mostly what it held. */
async function isEntry(desk: Desk, intent: Intent, { at, node }: Place): Promise<boolean> {
  const { path, detail } = intent;
  if (detail.remote !== undefined) {
    if (node.kind !== 'file') return false;
    const same = sameRemote(detail.remote, node.stamp);
    if (desk.pair.remote.traits.moveKeepsDate || (same && at === path)) return same;
    return isContent(desk, intent, { at, stamp: node.stamp });
  }
  const base = nodeAt(desk.pair.state.base(), path);
  if (node.kind !== 'folder' || base?.kind !== 'folder') return false;
  const names = [...base.children.keys()];
  return names.filter((name) => node.children.has(name)).length * 2 >= names.length;
}

/**
 * A moved file that was dated anew shares nothing but its size with the version that was moved: two files of one size
 * must not be mixed up. False where it cannot be told; then comparing is what remains.
 */
async function isContent(
  desk: Desk,
  intent: Intent,
  { at, stamp }: { readonly at: RelPath; readonly stamp: RemoteStamp },
): Promise<boolean> {
  const known = agreedVersion(desk, intent);
  if (known === undefined || known.size !== stamp.size) return false;
  const asked = { intent: { ...intent, path: at }, digest: known.digest, remote: stamp };
  return (await digestsOf(desk, [asked])).found.length > 0;
}
