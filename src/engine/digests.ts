/** Asks the disk for the digests that the decision needs, and no more: a stamp that answers is never read again. */

import type { LocalPath, RelPath } from '../core/path.ts';
import { digestsWanted } from '../core/questions.ts';
import { type Digest, type LocalStamp, type NodeChange, nodeAt, spell, withChanges } from '../core/tree.ts';
import { forEachLimited } from '../lib/concurrency.ts';
import type { LocalScan } from '../local/local.ts';
import type { Pair } from './pair.ts';

/** Reads at once: enough to keep a disk busy, few enough to leave memory alone. */
const PARALLEL = 8;

export async function withDigests(pair: Pair, scan: LocalScan, signal: AbortSignal): Promise<LocalScan> {
  const wanted = digestsWanted(pair.state.base(), scan.tree);
  if (wanted.length === 0) return scan;
  const changes: NodeChange<LocalStamp>[] = [];
  await forEachLimited(wanted, PARALLEL, async ({ path, stamp }) => {
    const found = await contentOf(
      pair,
      { path, spelled: spell(scan.tree, path) as LocalPath, stamp },
      signal,
    );
    const node = nodeAt(scan.tree, path);
    if (found !== undefined && node?.kind === 'file') changes.push({ path, node: { ...node, stamp: found } });
  });
  return { ...scan, tree: withChanges(scan.tree, changes) };
}

export interface LocalVersion {
  readonly path: RelPath;
  readonly spelled: LocalPath;
  readonly stamp: LocalStamp;
}

/** The stamp with its digest, as it may be remembered; undefined when the file is not, or no longer, that version. */
export async function contentOf(
  { local, state }: Pair,
  { path, spelled, stamp }: LocalVersion,
  signal: AbortSignal,
): Promise<(LocalStamp & { readonly digest: Digest }) | undefined> {
  const { young, digest: last, ...version } = stamp;
  const known = (young === true ? undefined : last) ?? state.cachedDigest(path, version);
  if (known !== undefined) return { ...version, digest: known };
  // Before it is read: what is old by now cannot change any more without being seen.
  const lasting = !local.young(version);
  const digest = await local.digest(spelled, version, signal);
  if (digest === undefined) return undefined;
  if (lasting) state.cacheDigest(path, version, digest);
  return lasting ? { ...version, digest } : { ...version, digest, young: true };
}
