/** What must be known before a decision: the local files whose content decides and whose digest nobody has yet. */
import { type BaseTree, localDelta } from './base.ts';
import { localDifferences } from './local-moves.ts';
import { type DirPath, join, type RelPath, ROOT } from './path.ts';
import type { FolderNode, LocalStamp, LocalTree } from './tree.ts';

export interface DigestWanted {
  readonly path: RelPath;
  readonly stamp: LocalStamp;
}

export function digestsWanted(base: BaseTree, local: LocalTree): DigestWanted[] {
  const wanted: DigestWanted[] = [];
  touchedFiles(wanted, ROOT, base, local);
  perhapsMoved(wanted, base, local);
  return wanted;
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
    if (was?.kind === 'folder' && node.kind === 'folder') touchedFiles(wanted, join(at, key), was, node);
    if (was?.kind !== 'file' || node.kind !== 'file') continue;
    if (localDelta(was.stamp, node.stamp) === 'undetermined')
      wanted.push({ path: join(at, key), stamp: node.stamp });
  }
}

/** A new file of the size of a vanished one may be that file; inode, size and time together say so without a digest. */
function perhapsMoved(wanted: DigestWanted[], base: BaseTree, local: LocalTree): void {
  const { vanishedFiles, appearedFiles } = localDifferences(base, local);
  const sizes = new Set(vanishedFiles.filter(({ gone }) => gone).map(({ stamp }) => stamp.size));
  const inodes = new Map(vanishedFiles.map(({ stamp }) => [stamp.ino, stamp]));
  for (const { path, stamp, known } of appearedFiles) {
    if (known || stamp.size === 0 || stamp.digest !== undefined) continue;
    const was = inodes.get(stamp.ino);
    const settled = was?.size === stamp.size && was.mtimeMs === stamp.mtimeMs;
    if (!settled && (sizes.has(stamp.size) || was?.size === stamp.size)) wanted.push({ path, stamp });
  }
}
