/**
 * A file against a folder at one path. Known at this point: both sides hold something, one a file, the other a folder,
 * nothing is untracked or unknown at the path itself.
 */
import { localDelta, remoteDelta } from './base.ts';
import { type Dir, type Entry, pathIn } from './dir.ts';
import { type Flow, SOURCE, TARGET } from './input.ts';
import { settle } from './settle.ts';
import { isPlain, judge, type Met, pullInstead, undone, type Walk } from './walk-context.ts';

export function meetTypes(walk: Walk, dir: Dir, entry: Entry): void {
  const path = pathIn(dir, entry.key);
  if (walk.deeds.leaveAlone(path)) return;
  if (isUntold(entry)) {
    walk.builder.problem(path, 'changing', 'it cannot be told yet whether the file here was edited');
    return;
  }
  const flow = replacedBy(walk, dir, entry);
  if (flow === undefined) {
    settleTypes(walk, dir, entry);
    return;
  }
  const outcome = judge(walk, flow, ['modified', 'none']);
  if (outcome === flow) {
    replace(walk, flow, { dir, entry });
    return;
  }
  if (outcome === 'undone') {
    undone(walk, path, 'changed');
    return;
  }
  if (outcome === 'impose' && walk.input.direction !== 'both')
    impose(walk, walk.input.direction, { dir, entry });
}

/** Only its content could tell whether the file here is what the base knows, and nobody could read it. */
function isUntold({ base, local }: Entry): boolean {
  return (
    base?.kind === 'file' && local?.kind === 'file' && localDelta(base.stamp, local.stamp) === 'undetermined'
  );
}

/** The flow that brings a change of type over: one side put another type in the place of what the other still holds. */
function replacedBy({ deeds }: Walk, dir: Dir, { base, local, remote, key }: Entry): Flow | undefined {
  if (base?.kind === 'file') {
    if (remote?.kind === 'file') return remoteDelta(base.stamp, remote.stamp) === 'none' ? 'push' : undefined;
    if (local?.kind === 'file') return localDelta(base.stamp, local.stamp) === 'none' ? 'pull' : undefined;
    return undefined;
  }
  if (base?.kind !== 'folder') return undefined;
  const path = pathIn(dir, key);
  if (remote?.kind === 'folder') return deeds.untouched(path, base, remote, 'remote') ? 'push' : undefined;
  if (local?.kind === 'folder') return deeds.untouched(path, base, local, 'local') ? 'pull' : undefined;
  return undefined;
}

/** Takes the target's entry away and brings the source's. Nothing is taken away for what could not be brought. */
function replace(walk: Walk, flow: Flow, { dir, entry }: Met): void {
  const { deeds } = walk;
  if (!deeds.canSend(flow, dir, entry)) return;
  const [source, target] = [SOURCE[flow], TARGET[flow]];
  const removed = deeds.remove(target, dir, entry, {
    stage: entry[target]?.kind === 'file' ? 'room' : 'clear',
    after: [],
  });
  if (removed === undefined) return;
  // The spelling of the target side goes on; what stood there does not.
  const next = { key: entry.key, [source]: entry[source] };
  if (entry[source]?.kind === 'folder') walk.loneFolder(flow, { dir, entry: next, after: [removed] });
  else deeds.send(flow, dir, next, { stage: 'late', after: [removed] });
}

function settleTypes(walk: Walk, dir: Dir, entry: Entry): void {
  const { builder, input } = walk;
  const path = pathIn(dir, entry.key);
  const settled = settle(input, path, entry);
  switch (settled) {
    case 'hold':
      builder.problem(
        path,
        'conflict-held',
        'a file on one side, a folder on the other; it waits for a person',
      );
      return;
    case 'undone':
      undone(walk, path, 'conflict');
      return;
    case 'keep-both':
      keepBoth(walk, { dir, entry });
      return;
    case 'local':
      impose(walk, 'push', { dir, entry });
      return;
    case 'remote':
      impose(walk, 'pull', { dir, entry });
      return;
  }
}

/** The local entry steps aside. A folder that holds what is not ours to move stays, and the path waits for a person. */
function keepBoth(walk: Walk, { dir, entry }: Met): void {
  const { builder, deeds } = walk;
  const path = pathIn(dir, entry.key);
  if (entry.local?.kind === 'folder' && !isPlain(deeds, path, entry.local)) {
    const message =
      'a folder here, a file on the server; the folder holds files that are not synced, so it stays';
    builder.problem(path, 'conflict-held', message);
    return;
  }
  if (!deeds.canSend('pull', dir, entry)) return;
  const aside = deeds.setAside(dir, entry);
  if (aside === undefined) return;
  pullInstead(walk, { dir, entry }, aside);
}

/** One side wins. A folder that is not empty makes no room, but for a mirror, whose target is nothing but a copy. */
function impose(walk: Walk, flow: Flow, { dir, entry }: Met): void {
  const { builder, deeds, input } = walk;
  const path = pathIn(dir, entry.key);
  const loser = entry[TARGET[flow]];
  if (loser === undefined) return;
  const removable = loser.kind !== 'folder' || loser.children.size === 0 || input.mode === 'mirror';
  if (!removable && input.direction !== 'push') {
    keepBoth(walk, { dir, entry });
    return;
  }
  if (!removable) {
    undone(walk, path, 'no-room');
    return;
  }
  if (!isPlain(deeds, path, loser)) {
    builder.problem(path, 'kept', 'the folder holds files that are not synced, so nothing takes its place');
    return;
  }
  if (!deeds.canSend(flow, dir, entry)) return;
  replace(walk, flow, { dir, entry });
}
