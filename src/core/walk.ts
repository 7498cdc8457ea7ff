/**
 * The walk over all three trees at once. Each path is met exactly once, parents first; what is met is one of: a folder
 * on both sides, a folder on one side, a file on one or both sides, a file against a folder, or something that must be
 * left alone. The tables in `rules.ts` answer, `deeds.ts` plans.
 */
import { type BaseFile, localDelta, remoteDelta, sameFingerprint } from './base.ts';
import type { PlanBuilder } from './builder.ts';
import { type FilePair, NOW } from './deeds.ts';
import { type Dir, type Entry, entriesOf, pathIn, subDir } from './dir.ts';
import { type Flow, SOURCE, TARGET } from './input.ts';
import type { Change, Outcome } from './rules.ts';
import { localSame, remoteSame } from './same.ts';
import { settle } from './settle.ts';
import { OTHER_PAIR } from './tree.ts';
import { meetTypes } from './types.ts';
import { isPlain, judge, type Met, pullInstead, undone, type Walk } from './walk-context.ts';

export function walkTrees(parts: Omit<Walk, 'loneFolder'>, root: Dir): void {
  const walk: Walk = { ...parts, loneFolder: (flow, met) => meetLoneFolder(walk, flow, met) };
  walkFolder(walk, root);
}

function walkFolder(walk: Walk, dir: Dir): void {
  for (const entry of entriesOf(dir)) if (!isUnchanged(entry)) meet(walk, dir, entry);
}

/** Most files of most cycles; answered without building a path. */
function isUnchanged({ base, local, remote }: Entry): boolean {
  return (
    base?.kind === 'file' &&
    local?.kind === 'file' &&
    remote?.kind === 'file' &&
    base.stamp.date === remote.stamp.date &&
    base.stamp.size === remote.stamp.size &&
    sameFingerprint(base.stamp, local.stamp)
  );
}

function meet(walk: Walk, dir: Dir, entry: Entry): void {
  const { base, local, remote } = entry;
  if (local?.kind === 'unknown' || remote?.kind === 'unknown') return;
  if (local?.kind === 'untracked' || remote?.kind === 'untracked') {
    // What the base forgets can never be taken for deleted later on.
    if (base !== undefined) walk.builder.forget(pathIn(dir, entry.key));
    reportLeftOut(walk.builder, dir, entry);
    return;
  }
  if (local?.kind === 'folder' && remote?.kind === 'folder') meetFolders(walk, dir, entry);
  else if (local?.kind === 'folder' && remote === undefined) meetLoneFolder(walk, 'push', { dir, entry });
  else if (remote?.kind === 'folder' && local === undefined) meetLoneFolder(walk, 'pull', { dir, entry });
  else if (local?.kind === 'folder' || remote?.kind === 'folder') meetTypes(walk, dir, entry);
  else meetFiles(walk, dir, entry);
}

function meetFolders(walk: Walk, dir: Dir, entry: Entry): void {
  const { base, local, remote } = entry;
  const ino = local?.kind === 'folder' ? local.ino : undefined;
  if (base?.kind !== 'folder' || (ino !== undefined && base.ino !== ino)) {
    const path = pathIn(dir, entry.key);
    if (base?.kind === 'file') walk.builder.forget(path);
    walk.builder.agree({ kind: 'folder', path, ino: ino ?? 0 });
  }
  if (base?.kind === 'folder' && local?.kind === 'folder' && remote?.kind === 'folder')
    if (localSame(base, local) && remoteSame(base, remote)) return;
  walkFolder(walk, subDir(dir, entry));
}

/** A folder on one side only: it is new there, or the other side deleted it. `flow` leads away from the side that has it. */
function meetLoneFolder(walk: Walk, flow: Flow, { dir, entry, after = [] }: Met): void {
  const { builder, deeds, input } = walk;
  const path = pathIn(dir, entry.key);
  const known = entry.base?.kind === 'folder';
  if (entry.base?.kind === 'file') builder.forget(path);
  if (deeds.leaveAlone(path)) return;
  const outcome = judge(walk, flow, known ? ['none', 'deleted'] : ['created', 'none']);
  if (outcome === flow || (outcome === 'impose' && input.direction === flow)) {
    if (!deeds.canSend(flow, dir, entry)) return;
    const folder = subDir(dir, entry);
    deeds.ensure(folder, TARGET[flow], after);
    walkFolder(walk, folder);
  } else if (outcome === 'impose') {
    clearSource(walk, flow, { dir, entry });
  } else if (outcome === 'undone' || outcome === removalAtSource(flow)) {
    endFolder(walk, flow, { dir, entry, outcome });
  }
}

/** A folder whose other side was deleted, or that this run may not bring over. */
function endFolder(
  walk: Walk,
  flow: Flow,
  { dir, entry, outcome }: Met & { readonly outcome: Outcome },
): void {
  const { builder, deeds, input } = walk;
  const path = pathIn(dir, entry.key);
  const side = SOURCE[flow];
  const node = entry[side];
  if (node?.kind !== 'folder') return;
  const whole = entry.base?.kind !== 'folder' || deeds.untouched(path, entry.base, node, side);
  if (outcome === 'undone' && whole) {
    undone(
      walk,
      path,
      entry.base?.kind === 'folder' ? 'deleted' : entry.base === undefined ? 'new' : 'changed',
    );
    return;
  }
  if (whole) {
    deeds.remove(side, dir, entry, { stage: 'clear', after: [] });
    return;
  }
  if (outcome !== 'undone' && input.mode === 'mirror' && input.direction === TARGET_DIRECTION[side]) {
    clearSource(walk, flow, { dir, entry });
    return;
  }
  const folder = subDir(dir, entry);
  walkFolder(walk, folder);
  if (outcome !== 'undone' && folder.ready[TARGET[flow]] === undefined)
    reportKept(builder, path, node.children.values());
}

/** Under which direction a side is the target. */
const TARGET_DIRECTION = { local: 'pull', remote: 'push' } as const;

/** The mirrored target holds what the source does not: it goes, but for what is not ours to remove. */
function clearSource(walk: Walk, flow: Flow, { dir, entry }: Met): void {
  const { builder, deeds } = walk;
  const side = SOURCE[flow];
  const node = entry[side];
  const path = pathIn(dir, entry.key);
  if (node === undefined || node.kind === 'unknown' || node.kind === 'untracked') return;
  if (isPlain(deeds, path, node)) {
    deeds.remove(side, dir, entry, { stage: 'clear', after: [] });
    return;
  }
  if (node.kind !== 'folder') return;
  const folder = subDir(dir, entry);
  for (const child of entriesOf(folder)) clearSource(walk, flow, { dir: folder, entry: child });
  reportKept(builder, path, node.children.values());
}

/** What is ignored is left out in silence; nobody asked for what stands in the way, nor for what looks like a pair. */
function reportLeftOut(builder: PlanBuilder, dir: Dir, { key, local, remote }: Entry): void {
  if (local?.kind !== 'untracked' || local.why === 'ignored' || remote?.kind === 'untracked') return;
  const path = pathIn(dir, key);
  if (local.why === OTHER_PAIR)
    builder.problem(
      path,
      'left-out',
      'it is synced by another pair (it has a .rtsync/pair.json of its own), so it is left out, and that pair cannot be started while this one is around it: move the .rtsync in it away to sync it here, also if it is only a copy of such a folder; or end this pair, by moving its .rtsync away, to go on with that one',
    );
  else if (remote !== undefined)
    builder.problem(
      path,
      'left-out',
      `here it is ${local.why}, which is never synced, and the workspace has something else under this name; move one of them away`,
    );
}

function reportKept(builder: PlanBuilder, path: string, children: Iterable<{ readonly kind: string }>): void {
  for (const child of children) {
    if (child.kind !== 'untracked') continue;
    builder.problem(
      path,
      'kept',
      'the folder was deleted on the other side, but it holds files that are not synced',
    );
    return;
  }
}

/** A path where no side has a folder. A base that was a folder has nothing left to say. */
function meetFiles(walk: Walk, dir: Dir, entry: Entry): void {
  const { builder, deeds } = walk;
  const path = pathIn(dir, entry.key);
  const { local, remote } = entry;
  if (local === undefined && remote === undefined) {
    builder.forget(path);
    return;
  }
  if (entry.base?.kind === 'folder') builder.forget(path);
  const base = entry.base?.kind === 'file' ? entry.base : undefined;
  const changes = { local: localChange(base, entry), remote: remoteChange(base, entry) };
  const outcome = judge(walk, 'push', [changes.local, changes.remote]);
  if (outcome === 'keep') {
    if (base !== undefined && isPair(entry)) deeds.restamp(path, base, entry);
    return;
  }
  if (outcome === 'undone') {
    undone(walk, path, WORD[changes[walk.input.direction === 'push' ? 'remote' : 'local']]);
    return;
  }
  actOnFiles(walk, { dir, entry }, outcome);
}

/** How a change of the side that may not be followed is told. */
const WORD = { none: 'changed', created: 'new', modified: 'changed', deleted: 'deleted' } as const;

function actOnFiles(walk: Walk, { dir, entry }: Met, outcome: Exclude<Outcome, 'keep' | 'undone'>): void {
  const { builder, deeds, input } = walk;
  switch (outcome) {
    case 'push':
    case 'pull':
      if (deeds.canSend(outcome, dir, entry)) deeds.send(outcome, dir, entry, NOW);
      return;
    case 'removeLocal':
    case 'removeRemote':
      removeFile(walk, outcome === 'removeLocal' ? 'local' : 'remote', { dir, entry });
      return;
    case 'forget':
      builder.forget(pathIn(dir, entry.key));
      return;
    case 'compare':
    case 'conflict':
      if (isPair(entry)) settleFiles(walk, dir, { entry, compare: outcome === 'compare' });
      return;
    case 'impose': {
      const source = input.direction === 'pull' ? 'pull' : 'push';
      if (entry[SOURCE[source]] === undefined) {
        removeFile(walk, TARGET[source], { dir, entry });
        return;
      }
      if (deeds.canSend(source, dir, entry)) deeds.send(source, dir, entry, NOW);
    }
  }
}

function removeFile({ deeds }: Walk, side: 'local' | 'remote', { dir, entry }: Met): void {
  if (!deeds.leaveAlone(pathIn(dir, entry.key)))
    deeds.remove(side, dir, entry, { stage: 'clear', after: [] });
}

/**
 * Both sides hold a file that the other has not seen. Different sizes are different contents; but a remote file of the
 * agreed size may only have been touched, and then the local edit is no conflict: that, too, only its content tells.
 */
function settleFiles(
  walk: Walk,
  dir: Dir,
  { entry, compare }: { readonly entry: FilePair; readonly compare: boolean },
): void {
  const { builder, deeds, input } = walk;
  const path = pathIn(dir, entry.key);
  if (deeds.leaveAlone(path)) return;
  const settled = settle(input, path, entry);
  const { size } = entry.remote.stamp;
  const perhapsTouched = entry.base?.kind === 'file' && entry.base.stamp.size === size;
  if (perhapsTouched || (compare && entry.local.stamp.size === size)) {
    deeds.compare(dir, entry, settled === 'undone' ? 'hold' : settled);
    return;
  }
  switch (settled) {
    case 'hold':
      builder.problem(
        path,
        'conflict-held',
        'both sides changed it; it waits until the conflict is resolved',
      );
      return;
    case 'undone':
      undone(walk, path, 'conflict');
      return;
    case 'local':
    case 'remote': {
      const flow = settled === 'local' ? 'push' : 'pull';
      if (deeds.canSend(flow, dir, entry)) deeds.send(flow, dir, entry, { ...NOW, conflict: true });
      return;
    }
    case 'keep-both': {
      const aside = deeds.setAside(dir, entry);
      if (aside !== undefined) pullInstead(walk, { dir, entry }, aside);
    }
  }
}

/** What was deleted on the target side goes on the source side. */
function removalAtSource(flow: Flow): Outcome {
  return flow === 'push' ? 'removeLocal' : 'removeRemote';
}

function isPair(entry: Entry): entry is FilePair {
  return entry.local?.kind === 'file' && entry.remote?.kind === 'file';
}

function localChange(base: BaseFile | undefined, { local }: Entry): Change {
  if (local?.kind !== 'file') return base === undefined ? 'none' : 'deleted';
  if (base === undefined) return 'created';
  return localDelta(base.stamp, local.stamp) === 'none' ? 'none' : 'modified';
}

function remoteChange(base: BaseFile | undefined, { remote }: Entry): Change {
  if (remote?.kind !== 'file') return base === undefined ? 'none' : 'deleted';
  if (base === undefined) return 'created';
  return remoteDelta(base.stamp, remote.stamp);
}
