/**
 * The walk: what lies in the folder now. It opens no file but the ignore files, and uses synchronous calls in short
 * slices, since one call per entry through the thread pool costs three times the CPU.
 */

import { compactChildren, sameColumns, unpacked } from '../core/compact.ts';
import {
  type DirPath,
  join,
  joinLocal,
  keyOf,
  type LocalDir,
  type LocalPath,
  type RelPath,
  ROOT,
} from '../core/path.ts';
import { type FolderNode, type LocalStamp, OTHER_PAIR } from '../core/tree.ts';
import { RtsyncError } from '../lib/errors.ts';
import type { DiskEntry, DiskStats } from './disk.ts';
import { isMissing } from './fault.ts';
import { type Listing, list } from './list.ts';
import type { LocalScan } from './local.ts';
import { holdsOtherPair, readIgnoreFile } from './marks.ts';
import { absolute, isOwnName } from './names.ts';
import { addProblem, breathe, finishPass, type LocalNode, type Pass, unreadable } from './pass.ts';
import { stampOf } from './stamp.ts';

/** A folder to be read. */
export interface Spot {
  readonly local: LocalDir;
  readonly path: DirPath;
  readonly stats: DiskStats;
}

const LOOKS_PER_CHECK = 128;

/** Walks everything below the root. */
export async function scanAll(pass: Pass): Promise<LocalScan> {
  const given = pass.rules.fingerprint;
  const node = await readFolder(pass, rootSpot(pass), undefined);
  if (node?.kind !== 'folder') throw rootGone(pass.root);
  return finishPass(pass, node, given);
}

export function rootSpot({ disk, root }: Pick<Pass, 'disk' | 'root'>): Spot {
  const stats = disk.lstatSync(root);
  if (stats === undefined || !stats.isDirectory()) throw rootGone(root);
  return { local: ROOT, path: ROOT, stats };
}

export function rootGone(root: string): RtsyncError {
  return new RtsyncError('halted', {
    message: `the folder ${root} is missing or cannot be read; nothing is synced until it is back`,
    path: root,
  });
}

/**
 * Reads one folder. Subfolders that `previous` holds under the same inode are taken from it, all others are walked.
 * Undefined: it vanished meanwhile.
 */
export async function readFolder(
  pass: Pass,
  spot: Spot,
  previous: FolderNode<LocalStamp> | undefined,
): Promise<LocalNode | undefined> {
  pass.signal?.throwIfAborted();
  let listing: Listing;
  try {
    listing = list(pass.disk, absolute(pass.root, spot.local));
  } catch (error) {
    if (isMissing(error)) return undefined;
    return unreadable(pass, spot.path, error);
  }
  if (spot.path !== ROOT && holdsOtherPair(pass, spot.local, listing.entries)) {
    return { kind: 'untracked', why: OTHER_PAIR };
  }
  const refused = readIgnoreFile(pass, spot, listing.entries);
  if (refused !== undefined) return refused;
  pass.read.add(spot.path);

  const children = new Map<string, LocalNode>();
  let looks = 0;
  for (const entry of listing.entries) {
    if (spot.path === ROOT && isOwnName(entry.name, pass.caseInsensitive)) continue;
    if (listing.clashing.has(entry.name)) continue;
    const seen = lookAt(pass, spot, entry, previous);
    const node = seen instanceof Promise ? await seen : seen;
    if (node !== undefined) children.set(keyOf(entry.name), node);
    looks += 1;
    if (looks % LOOKS_PER_CHECK === 0) await breathe(pass);
  }
  putUnnameable(pass, spot.path, listing, children);
  await breathe(pass);
  return share(previous, { kind: 'folder', children: compactChildren.local(children), ino: spot.stats.ino });
}

type Seen = LocalNode | undefined;

/** A promise only for a folder that is walked: most entries are files, and need none. */
function lookAt(
  pass: Pass,
  spot: Spot,
  entry: DiskEntry,
  previous: FolderNode<LocalStamp> | undefined,
): Seen | Promise<Seen> {
  const key = keyOf(entry.name);
  const path = join(spot.path, key);
  const local = joinLocal(spot.local, entry.name);
  const named = entry.name === key ? undefined : entry.name;
  const before = previous?.children.get(key);
  const seen = observe(pass, { path, local, entry, before });
  if (named === undefined) return seen;
  return seen instanceof Promise ? seen.then((node) => spelled(node, named)) : spelled(seen, named);
}

function spelled(node: Seen, name: string): Seen {
  return node === undefined || node.name === name ? node : { ...node, name };
}

interface Entry {
  readonly path: RelPath;
  readonly local: LocalPath;
  readonly entry: DiskEntry;
  readonly before: LocalNode | undefined;
}

function observe(pass: Pass, { path, local, entry, before }: Entry): Seen | Promise<Seen> {
  const special = specialKind(entry);
  if (special !== undefined) return { kind: 'untracked', why: special };
  let stats: DiskStats | undefined;
  try {
    stats = pass.disk.lstatSync(absolute(pass.root, local));
  } catch (error) {
    return unreadable(pass, path, error);
  }
  if (stats === undefined) return undefined;
  if (pass.rules.ignores(path, stats.isDirectory())) return { kind: 'untracked', why: 'ignored' };
  if (stats.isFile()) return sameFile(before, stats) ?? { kind: 'file', stamp: stampOf(stats) };
  if (!stats.isDirectory())
    return { kind: 'untracked', why: specialKind(stats) ?? 'neither file nor folder' };
  if (before?.kind === 'folder' && before.ino === stats.ino) return before;
  return readFolder(pass, { path, local, stats }, undefined);
}

/** The node of before, with the digest it may know, when it is still the same version. */
function sameFile(before: LocalNode | undefined, stats: DiskStats): LocalNode | undefined {
  if (before?.kind !== 'file') return undefined;
  const { ino, size, mtimeMs, ctimeMs, mode } = before.stamp;
  const same =
    ino === stats.ino && size === stats.size && mtimeMs === stats.mtimeMs && ctimeMs === stats.ctimeMs;
  return same && mode === (stats.mode & 0o7777) ? before : undefined;
}

/** The folder of before when nothing in it is different, so that unchanged folders stay the same object. */
function share(
  before: FolderNode<LocalStamp> | undefined,
  now: FolderNode<LocalStamp>,
): FolderNode<LocalStamp> {
  if (before === undefined || before.ino !== now.ino || before.children.size !== now.children.size)
    return now;
  const rest = sameColumns(before.children, now.children) ? unpacked(now.children) : now.children;
  for (const [key, node] of rest) {
    const old = before.children.get(key);
    if (old === node) continue;
    if (old === undefined || old.kind !== node.kind || old.name !== node.name) return now;
    if (node.kind === 'file' || node.kind === 'folder') return now;
    if ((old.kind === 'untracked' || old.kind === 'unknown') && old.why !== node.why) return now;
  }
  return before;
}

function specialKind(entry: DiskEntry | DiskStats): string | undefined {
  if (entry.isSymbolicLink()) return 'a symlink';
  if (entry.isSocket()) return 'a socket';
  if (entry.isFIFO()) return 'a named pipe';
  if (entry.isBlockDevice() || entry.isCharacterDevice()) return 'a device';
  return undefined;
}

/** Keeps entries that cannot be filed under their own name visible, so that their folder is never taken for empty. */
function putUnnameable(pass: Pass, dir: DirPath, listing: Listing, children: Map<string, LocalNode>): void {
  const put = (text: string, label: string, { why, wayOut }: Unnameable): void => {
    let key = `${text} (${label})`;
    while (children.has(key)) key += '+';
    children.set(key, { kind: 'unknown', why });
    addProblem(pass, 'name', join(dir, text), `${why}; ${wayOut}`);
  };
  for (const text of listing.undecodable) put(text, 'bytes', NO_UTF8);
  for (const [name, clash] of listing.clashing) {
    if (clash === 'spare') {
      put(keyOf(name), 'other spelling', TWO_SPELLINGS);
    } else {
      const { why, wayOut } = TWO_SPELLINGS;
      children.set(keyOf(name), { kind: 'unknown', why });
      addProblem(pass, 'name', join(dir, keyOf(name)), `${why}; ${wayOut}`);
    }
  }
}

interface Unnameable {
  readonly why: string;
  readonly wayOut: string;
}

const NO_UTF8: Unnameable = { why: 'the name is not valid UTF-8', wayOut: 'rename it here' };
const TWO_SPELLINGS: Unnameable = {
  why: 'another entry of this folder has the same name in another Unicode spelling',
  wayOut: 'rename one of the two here',
};
