/** Asks the disk for the digests that the decision needs, and no more: a stamp that answers is never read again. */

import type { LocalPath } from '../core/path.ts';
import { digestsWanted } from '../core/questions.ts';
import { type LocalStamp, type NodeChange, nodeAt, spell, withChanges } from '../core/tree.ts';
import { forEachLimited } from '../lib/concurrency.ts';
import type { LocalScan } from '../local/local.ts';
import type { RemoteScan } from '../remote/remote.ts';
import type { Pair } from './pair.ts';

/** Reads at once: enough to keep a disk busy, few enough to leave memory alone. */
const PARALLEL = 8;

export async function withDigests(
  pair: Pair,
  scan: LocalScan,
  _remote: RemoteScan,
  signal: AbortSignal,
): Promise<LocalScan> {
  const wanted = digestsWanted(pair.state.base(), scan.tree);
  if (wanted.length === 0) return scan;
  const changes: NodeChange<LocalStamp>[] = [];
  await forEachLimited(wanted, PARALLEL, async ({ path, stamp }) => {
    const spelled = spell(scan.tree, path) as LocalPath;
    const known = pair.state.cachedDigest(path, stamp);
    const digest = known ?? (await pair.local.digest(spelled, stamp, signal));
    if (digest === undefined) return;
    if (known === undefined) pair.state.cacheDigest(path, stamp, digest);
    const node = nodeAt(scan.tree, path);
    if (node?.kind === 'file') changes.push({ path, node: { ...node, stamp: { ...stamp, digest } } });
  });
  return { ...scan, tree: withChanges(scan.tree, changes) };
}
