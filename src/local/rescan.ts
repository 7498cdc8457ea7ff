/** Reads a few folders again and takes the rest from the scan before. */
import type { IgnoreRules } from '../core/ignore.ts';
import {
  type DirPath,
  depthOf,
  keyOf,
  type LocalDir,
  type LocalPath,
  parentOf,
  type RelPath,
  ROOT,
} from '../core/path.ts';
import type { Problem } from '../core/plan.ts';
import {
  emptyTree,
  type FolderNode,
  type LocalStamp,
  type LocalTree,
  type NodeChange,
  nodeAt,
  withChanges,
} from '../core/tree.ts';
import type { DiskStats } from './disk.ts';
import type { LocalScan, ScanFacts } from './local.ts';
import { absolute, IGNORE_FILE } from './names.ts';
import { finishPass, type LocalNode, newPass, type Pass, type Where } from './pass.ts';
import { readFolder, rootGone, rootSpot, scanAll } from './scan.ts';

/**
 * Only `dirs` are read, and what is new below them. A folder that is no longer the one the old tree knows is judged
 * from its parent. When an ignore file changed, or the given rules did, what is below may count differently now, and
 * everything is walked instead.
 */
export async function scanSome(
  where: Where,
  before: LocalScan,
  dirs: readonly LocalDir[],
  options: { readonly rules: IgnoreRules; readonly signal: AbortSignal | undefined },
): Promise<LocalScan> {
  const { rules, signal } = options;
  const known = before.facts;
  const everything = (): Promise<LocalScan> => scanAll(newPass(where, rules, { signal }));
  if (known === undefined || known.given !== rules.fingerprint) return everything();
  rootSpot(where);
  if (rulesTouched(known.tree, before.tree)) return everything();

  const pass = newPass(where, before.rules, { signal, known: known.ignoreFiles });
  const tree = await readAgain(pass, before.tree, targets(where, before.tree, dirs));
  if (rulesMoved(pass, known, tree, before.tree)) return everything();

  for (const [dir, text] of known.ignoreFiles)
    if (!pass.ignoreFiles.has(dir)) pass.ignoreFiles.set(dir, text);
  for (const problem of stillValid(before.problems, pass, tree)) pass.problems.push(problem);
  return finishPass(pass, tree, known.given);
}

interface Target {
  readonly path: DirPath;
  readonly local: LocalDir;
  readonly stats: DiskStats;
}

/** Folders that both the disk and the old tree know as the same one, parents first. */
function targets(where: Where, tree: LocalTree, dirs: readonly LocalDir[]): readonly Target[] {
  const found = new Map<DirPath, Target>();
  for (const dir of dirs) {
    let local: LocalDir = dir;
    for (;;) {
      const target = sameFolder(where, tree, local);
      if (target !== undefined) {
        found.set(target.path, target);
        break;
      }
      if (local === ROOT) break;
      local = parentOf(local as LocalPath);
    }
  }
  return [...found.values()].sort((a, b) => depthOf(a.path) - depthOf(b.path));
}

function sameFolder(where: Where, tree: LocalTree, local: LocalDir): Target | undefined {
  const path = keyOf(local) as DirPath;
  const node = nodeAt(tree, path);
  if (node?.kind !== 'folder') return undefined;
  let stats: DiskStats | undefined;
  try {
    stats = where.disk.lstatSync(absolute(where.root, local));
  } catch {
    return undefined;
  }
  if (stats === undefined || !stats.isDirectory()) return undefined;
  return local === ROOT || stats.ino === node.ino ? { path, local, stats } : undefined;
}

async function readAgain(pass: Pass, before: LocalTree, dirs: readonly Target[]): Promise<LocalTree> {
  const changes: NodeChange<LocalStamp>[] = [];
  let tree = before;
  for (const target of dirs) {
    if (pass.read.has(target.path)) continue;
    const old = nodeAt(before, target.path);
    if (old?.kind !== 'folder') continue;
    const node = await readFolder(pass, target, old);
    if (target.path === ROOT) {
      if (node?.kind !== 'folder') throw rootGone(pass.root);
      tree = node;
    } else if (node !== old) {
      const named = node !== undefined && old.name !== undefined ? { ...node, name: old.name } : node;
      changes.push({ path: target.path as RelPath, node: named });
    }
  }
  return changes.length === 0 ? tree : withChanges(tree, changes);
}

const NOTHING: LocalTree = emptyTree();

/** Our own deeds may have brought or changed an ignore file in a folder that is not read again. */
function rulesTouched(read: FolderNode<LocalStamp>, now: FolderNode<LocalStamp>): boolean {
  if (read === now) return false;
  if (!sameFile(read.children.get(IGNORE_FILE), now.children.get(IGNORE_FILE))) return true;
  for (const [key, node] of now.children) {
    if (node.kind !== 'folder') continue;
    const was = read.children.get(key);
    if (rulesTouched(was?.kind === 'folder' ? was : NOTHING, node)) return true;
  }
  return false;
}

function sameFile(one: LocalNode | undefined, other: LocalNode | undefined): boolean {
  if (one?.kind !== 'file' || other?.kind !== 'file') return one?.kind === other?.kind;
  const { size, ino, mtimeMs, ctimeMs } = one.stamp;
  const { stamp } = other;
  return size === stamp.size && ino === stamp.ino && mtimeMs === stamp.mtimeMs && ctimeMs === stamp.ctimeMs;
}

/** Did an ignore file appear, change or go where the old tree already had the folder? */
function rulesMoved(pass: Pass, known: ScanFacts, tree: LocalTree, before: LocalTree): boolean {
  for (const dir of pass.read) {
    const isNew = nodeAt(before, dir)?.kind !== 'folder';
    if (!isNew && pass.ignoreFiles.get(dir) !== known.ignoreFiles.get(dir)) return true;
  }
  for (const dir of known.ignoreFiles.keys()) {
    if (nodeAt(tree, dir)?.kind !== 'folder') return true;
  }
  return false;
}

function stillValid(problems: readonly Problem[], pass: Pass, tree: LocalTree): readonly Problem[] {
  return problems.filter(({ path }) => {
    const parent = parentOf(path as RelPath);
    if (pass.read.has(parent) || pass.read.has(path as RelPath)) return false;
    return nodeAt(tree, parent)?.kind === 'folder';
  });
}
