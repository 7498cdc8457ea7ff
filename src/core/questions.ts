/** What must be known before a decision: the local files whose content decides and whose digest nobody has yet. */
import { type BaseStamp, type BaseTree, localDelta } from './base.ts';
import { type LocalDifferences, localDifferences, pairsAmong } from './local-moves.ts';
import { type DirPath, join, type RelPath, ROOT } from './path.ts';
import { localSame } from './same.ts';
import { type FolderNode, type LocalStamp, type LocalTree, nodeAt } from './tree.ts';

export interface DigestWanted {
  readonly path: RelPath;
  readonly stamp: LocalStamp;
}

export function digestsWanted(base: BaseTree, local: LocalTree): DigestWanted[] {
  const wanted: DigestWanted[] = [];
  if (localSame(base, local)) return wanted;
  touchedFiles(wanted, ROOT, base, local);
  const found = localDifferences(base, local);
  if (found.vanishedFiles.length === 0 && found.vanishedFolders.length === 0) return wanted;
  perhapsMoved(wanted, found);
  surelyMoved(wanted, found, { base, local });
  return distinct(wanted);
}

/** What moved is compared with what it was where it came from: a rename alone makes its fingerprint another one. */
function surelyMoved(
  wanted: DigestWanted[],
  found: LocalDifferences,
  { base, local }: { readonly base: BaseTree; readonly local: LocalTree },
): void {
  for (const { from, to } of pairsAmong(found)) {
    const was = nodeAt(base, from);
    const now = nodeAt(local, to);
    if (was?.kind === 'folder' && now?.kind === 'folder') touchedFiles(wanted, to, was, now);
    if (was?.kind !== 'file' || now?.kind !== 'file') continue;
    if (isOpen(was.stamp, now.stamp)) wanted.push({ path: to, stamp: now.stamp });
  }
}

function isOpen(was: BaseStamp, now: LocalStamp): boolean {
  return now.young === true || localDelta(was, now) === 'undetermined';
}

function distinct(wanted: readonly DigestWanted[]): DigestWanted[] {
  return [...new Map(wanted.map((one) => [one.path, one])).values()];
}

/** Same size, another fingerprint: touched or edited, the content tells. */
function touchedFiles(
  wanted: DigestWanted[],
  at: DirPath,
  base: BaseTree,
  local: FolderNode<LocalStamp>,
): void {
  for (const [key, node] of local.children) {
    const was = base.children.get(key);
    if (was?.kind === 'folder' && node.kind === 'folder' && !localSame(was, node))
      touchedFiles(wanted, join(at, key), was, node);
    if (was?.kind !== 'file' || node.kind !== 'file') continue;
    if (isOpen(was.stamp, node.stamp)) wanted.push({ path: join(at, key), stamp: node.stamp });
  }
}

/** A new file of the size of a vanished one may be that file; inode, size and time together say so without a digest. */
function perhapsMoved(wanted: DigestWanted[], { vanishedFiles, appearedFiles }: LocalDifferences): void {
  const sizes = new Set(vanishedFiles.filter(({ gone }) => gone).map(({ stamp }) => stamp.size));
  const inodes = new Map(vanishedFiles.map(({ stamp }) => [stamp.ino, stamp]));
  for (const { path, stamp, known } of appearedFiles) {
    if (known || stamp.size === 0 || stamp.digest !== undefined) continue;
    const was = inodes.get(stamp.ino);
    const settled = was?.size === stamp.size && was.mtimeMs === stamp.mtimeMs;
    if (!settled && (sizes.has(stamp.size) || was?.size === stamp.size)) wanted.push({ path, stamp });
  }
}
