/** What the recognition of moves works on: the trees as they are being rewritten, and the pairs that still wait. */
import { type BaseNode, type BaseStamp, DOUBTED, remoteDelta } from './base.ts';
import type { PlanBuilder } from './builder.ts';
import type { Draft } from './draft.ts';
import type { DecideInput } from './input.ts';
import { type Pair, sameVersion } from './local-moves.ts';
import { isWithin, type RelPath, rebase } from './path.ts';
import { isTelling } from './remote-moves.ts';
import { type LocalStamp, type Node, type RemoteStamp, walk } from './tree.ts';

export interface Desk {
  readonly input: DecideInput;
  readonly builder: PlanBuilder;
  readonly base: Draft<BaseStamp>;
  readonly local: Draft<LocalStamp>;
  readonly remote: Draft<RemoteStamp>;
  readonly masked: Set<RelPath>;
  /** Folders first, from the top. Rewritten as moves are carried out. */
  pending: Pair[];
}

export type SideNode = Node<LocalStamp> | Node<RemoteStamp>;

/** What both sides moved to the same place is agreed already; only the base has to follow. */
export function adoptCommon(desk: Desk): void {
  const locals = new Map(
    desk.pending.filter(({ side }) => side === 'local').map((pair) => [pair.from, pair]),
  );
  for (const pair of desk.pending) {
    const other = locals.get(pair.from);
    if (pair.side === 'local' || other === undefined || other === pair || pair.from === pair.to) continue;
    if (other.to !== pair.to || other.entry !== pair.entry) continue;
    const { from, to, entry } = pair;
    const was = desk.base.at(from);
    const [local, remote] = [desk.local.at(to), desk.remote.at(to)];
    if (
      was?.kind !== entry ||
      local?.kind !== entry ||
      remote?.kind !== entry ||
      desk.base.at(to) !== undefined
    )
      continue;
    if (isWithin(to, from)) continue;
    if (was.kind === 'file' && remote.kind === 'file' && remoteDelta(was.stamp, remote.stamp) !== 'none')
      continue;
    doubt(desk, from);
    desk.builder.agree({ kind: 'move', from, to });
    const rewritten = desk.base.at(from) ?? was;
    desk.base.set(from, undefined);
    desk.base.set(to, followed(rewritten, local));
    follow(desk, pair, true);
    locals.delete(from);
  }
  desk.pending = desk.pending.filter(({ from, to }) => from !== to && desk.base.at(from) !== undefined);
}

/** A rename changes a file's ctime and nothing else; the next cycle hashes it once more to be sure. */
export function followed(was: BaseNode, now: SideNode): BaseNode {
  if (was.kind !== 'file' || now.kind !== 'file') return was;
  const stamp = now.stamp as LocalStamp;
  if (!sameVersion(was.stamp, stamp)) return was;
  return { ...was, stamp: { ...was.stamp, ino: stamp.ino, mtimeMs: stamp.mtimeMs, ctimeMs: stamp.ctimeMs } };
}

/**
 * Size and date alone do not prove content. Where the date is not telling, or the old name stands still and holds something
 * else, so that this may be an edit of it beside a twin that was never agreed on (one that was sent in the same
 * millisecond), the base forgets when the server dated the version, and the download that follows from it compares the
 * content before anything is given up.
 */
export function doubt({ base, builder, input, remote }: Desk, at: RelPath): void {
  const node = base.at(at);
  if (node === undefined) return;
  const stands = remote.at(at) !== undefined;
  const files = node.kind === 'folder' ? [...walk(node, at)] : [[at, node] as const];
  for (const [path, file] of files) {
    if (file.kind !== 'file' || (!stands && isTelling(file.stamp, input.remoteGrain))) continue;
    const stamp: BaseStamp = { ...file.stamp, date: DOUBTED };
    builder.rewrite(path, stamp);
    base.set(path, { ...file, stamp });
  }
}

/** The other pairs, in the coordinates of the trees as they are now. */
export function follow(desk: Desk, { from, to, side, entry }: Pair, both = false): void {
  if (entry === 'file') return;
  for (const other of desk.pending) {
    if (isWithin(other.from, from)) other.from = rebase(other.from, from, to);
    // A pair's target lies on the tree of its own side, which moved only if it is the side that followed.
    if (!both && other.side !== side && isWithin(other.to, from)) other.to = rebase(other.to, from, to);
  }
}
