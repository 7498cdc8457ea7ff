/**
 * What moved on the local side: a vanished and an appeared entry pair up by inode, guarded because inodes are reused at
 * once, and files also by content. Also tells which digests would help to see it.
 */
import type { BaseFolder, BaseStamp, BaseTree } from './base.ts';
import { type DirPath, join, nameOf, type RelPath, ROOT } from './path.ts';
import { localSame } from './same.ts';
import type { FolderNode, LocalStamp, LocalTree } from './tree.ts';

/** An entry of one side that stands at `to` now and stood at `from` when base and side agreed. */
export interface Pair {
  readonly side: 'local' | 'remote';
  readonly entry: 'file' | 'folder';
  from: RelPath;
  to: RelPath;
}

export interface VanishedFile {
  readonly path: RelPath;
  readonly stamp: BaseStamp;
  /** False when another entry has taken the path. */
  readonly gone: boolean;
}

/** Where base and local side do not hold the same inodes. */
export interface LocalDifferences {
  readonly vanishedFiles: VanishedFile[];
  readonly vanishedFolders: { readonly path: RelPath; readonly node: BaseFolder }[];
  readonly appearedFiles: { readonly path: RelPath; readonly stamp: LocalStamp; readonly known: boolean }[];
  readonly appearedFolders: { readonly path: RelPath; readonly node: FolderNode<LocalStamp> }[];
}

export function localDifferences(base: BaseTree, local: LocalTree): LocalDifferences {
  const found: LocalDifferences = {
    vanishedFiles: [],
    vanishedFolders: [],
    appearedFiles: [],
    appearedFolders: [],
  };
  if (!localSame(base, local)) compare(found, ROOT, base, local);
  return found;
}

export function localPairs(base: BaseTree, local: LocalTree): Pair[] {
  return pairsAmong(localDifferences(base, local));
}

/** What vanished and what appeared, paired up. */
export function pairsAmong(found: LocalDifferences): Pair[] {
  const taken = new Set<RelPath>();
  const arrived = new Set<RelPath>();
  const pairs: Pair[] = [];
  const pair = (entry: Pair['entry'], from: RelPath, to: RelPath): void => {
    if (taken.has(from) || arrived.has(to)) return;
    taken.add(from);
    arrived.add(to);
    pairs.push({ side: 'local', entry, from, to });
  };
  const folders = byInode(found.vanishedFolders, ({ node }) => node.ino);
  for (const { path, node } of found.appearedFolders) {
    const was = node.ino === undefined ? undefined : folders.get(node.ino);
    if (was && sharesFile(was.node, node)) pair('folder', was.path, path);
  }
  const files = byInode(found.vanishedFiles, ({ stamp }) => stamp.ino);
  for (const { path, stamp } of found.appearedFiles) {
    const was = files.get(stamp.ino);
    if (was && sameVersion(was.stamp, stamp)) pair('file', was.path, path);
  }
  pairByDigest(found, (path) => !taken.has(path) && !arrived.has(path), pair);
  return pairs;
}

/** True when inode, size and time, or the content itself, say that this is the version the base knows. */
export function sameVersion(base: BaseStamp, local: LocalStamp): boolean {
  if (base.size !== local.size) return false;
  if (local.digest !== undefined) return local.digest === base.digest;
  return base.ino === local.ino && base.mtimeMs === local.mtimeMs;
}

function compare(
  found: LocalDifferences,
  at: DirPath,
  base: BaseFolder | undefined,
  local: FolderNode<LocalStamp> | undefined,
): void {
  for (const [key, node] of local?.children ?? []) {
    const was = base?.children.get(key);
    if (node.kind === 'file') {
      if (was?.kind === 'file' && was.stamp.ino === node.stamp.ino) continue;
      found.appearedFiles.push({ path: join(at, key), stamp: node.stamp, known: was?.kind === 'file' });
    } else if (node.kind === 'folder') {
      const path = join(at, key);
      const folder = was?.kind === 'folder' ? was : undefined;
      if (folder === undefined || folder.ino !== node.ino) found.appearedFolders.push({ path, node });
      if (folder === undefined || !localSame(folder, node)) compare(found, path, folder, node);
    }
  }
  for (const [key, was] of base?.children ?? []) {
    const node = local?.children.get(key);
    // What could not be seen, or is left out, has not vanished.
    if (node?.kind === 'unknown' || node?.kind === 'untracked') continue;
    if (was.kind === 'file') {
      if (node?.kind === 'file' && node.stamp.ino === was.stamp.ino) continue;
      found.vanishedFiles.push({ path: join(at, key), stamp: was.stamp, gone: node === undefined });
    } else if (was.kind === 'folder' && (node?.kind !== 'folder' || node.ino !== was.ino)) {
      found.vanishedFolders.push({ path: join(at, key), node: was });
      if (node?.kind !== 'folder') compare(found, join(at, key), was, undefined);
    }
  }
}

/** Inodes that two entries claim (hard links) tell nothing. */
function byInode<T>(
  entries: readonly T[],
  inoOf: (entry: T) => number | undefined,
): Map<number, T | undefined> {
  const found = new Map<number, T | undefined>();
  for (const entry of entries) {
    const ino = inoOf(entry);
    if (ino !== undefined && ino > 0) found.set(ino, found.has(ino) ? undefined : entry);
  }
  return found;
}

/** A folder is the one we knew when at least one file below it is. Empty folders are cheaper made than moved. */
function sharesFile(base: BaseFolder, local: FolderNode<LocalStamp>): boolean {
  for (const [key, was] of base.children) {
    const now = local.children.get(key);
    if (
      was.kind === 'file' &&
      now?.kind === 'file' &&
      was.stamp.ino === now.stamp.ino &&
      sameVersion(was.stamp, now.stamp)
    )
      return true;
    if (was.kind === 'folder' && now?.kind === 'folder' && sharesFile(was, now)) return true;
  }
  return false;
}

type PairUp = (entry: Pair['entry'], from: RelPath, to: RelPath) => void;

function pairByDigest(found: LocalDifferences, free: (path: RelPath) => boolean, pair: PairUp): void {
  const vanished = new Map<string, RelPath[]>();
  for (const { path, stamp, gone } of found.vanishedFiles) {
    if (gone && stamp.size > 0 && free(path)) note(vanished, stamp.digest, path);
  }
  if (vanished.size === 0) return;
  const appeared = new Map<string, RelPath[]>();
  for (const { path, stamp, known } of found.appearedFiles) {
    const { digest } = stamp;
    if (digest === undefined || known || !vanished.has(digest) || !free(path)) continue;
    note(appeared, digest, path);
  }
  for (const [digest, to] of appeared) pairNames(vanished.get(digest) ?? [], to, pair);
}

export function note(paths: Map<string, RelPath[]>, key: string, path: RelPath): void {
  const known = paths.get(key);
  if (known === undefined) paths.set(key, [path]);
  else known.push(path);
}

/** Equal contents: the same name first, and what is left only when there is no choice. */
export function pairNames(
  from: readonly RelPath[],
  to: readonly RelPath[],
  pair: (entry: 'file', from: RelPath, to: RelPath) => void,
): void {
  if (from.length === 0 || to.length === 0) return;
  const [sources, targets] = [byName(from), byName(to)];
  const left = new Set(to);
  const waiting: RelPath[] = [];
  for (const path of from) {
    const match = sources.get(nameOf(path)) && targets.get(nameOf(path));
    if (match === undefined) waiting.push(path);
    else {
      pair('file', path, match);
      left.delete(match);
    }
  }
  const [source] = waiting;
  const [target] = left;
  if (waiting.length === 1 && left.size === 1 && source !== undefined && target !== undefined)
    pair('file', source, target);
}

/** Under a name that several paths have stands nothing: it tells nothing. */
function byName(paths: readonly RelPath[]): ReadonlyMap<string, RelPath | undefined> {
  const found = new Map<string, RelPath | undefined>();
  for (const path of paths) found.set(nameOf(path), found.has(nameOf(path)) ? undefined : path);
  return found;
}
