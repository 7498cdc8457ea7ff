/**
 * What moved on the remote side. A server has no inodes; what it keeps on a move is a file's size and date. A pair is
 * taken where size and date are unique among what vanished and what appeared, folders by the votes of their files.
 */
import { type BaseFolder, type BaseStamp, type BaseTree, dateMatches, remoteDelta } from './base.ts';
import { note, type Pair, pairNames } from './local-moves.ts';
import { type DirPath, depthOf, join, nameOf, parentOf, type RelPath, ROOT } from './path.ts';
import { remoteSame } from './same.ts';
import { census, type FolderNode, nodeAt, type RemoteStamp, type RemoteTree } from './tree.ts';

type Paths = Map<string, RelPath[]>;

export function remotePairs(base: BaseTree, remote: RemoteTree): Pair[] {
  const found: Found = { vanished: new Map(), appeared: new Map(), uncertain: [] };
  if (remoteSame(base, remote)) return [];
  compare(found, ROOT, base, remote);
  const votes: Pair[] = [];
  const pairs: Pair[] = [];
  for (const [version, from] of found.vanished) {
    const to = found.appeared.get(version) ?? [];
    // A name may speak for a folder that moved with all its files, never alone for the content of one file.
    const alone = from.length === 1 && to.length === 1 && !hasRival(found, version);
    pairNames(from, to, (entry, was, now) => {
      const pair: Pair = { side: 'remote', entry, from: was, to: now };
      votes.push(pair);
      if (alone) pairs.push(pair);
    });
  }
  return [...folderPairs(votes, base, remote), ...pairs];
}

/** Whether another file that is gone, and whose date is not known exactly, may be what appeared. */
function hasRival({ uncertain }: Found, version: string): boolean {
  const [size, date] = version.split(':').map(Number);
  return uncertain.some((stamp) => stamp.size === size && dateMatches(stamp.date, date ?? Number.NaN));
}

/**
 * True when a date is so fine that two different files of one size do not share it by chance. Whole seconds are what a
 * coarse server, a copy tool, or a checkout gives to many files at once.
 */
export function isTelling({ date }: BaseStamp, grain: number): boolean {
  return typeof date === 'number' && grain < 1000 && date % 1000 !== 0;
}

interface Found {
  readonly vanished: Paths;
  readonly appeared: Paths;
  /** Gone, with a span for a date. */
  readonly uncertain: BaseStamp[];
}

function compare(
  found: Found,
  at: DirPath,
  base: BaseFolder | undefined,
  remote: FolderNode<RemoteStamp> | undefined,
): void {
  for (const [key, node] of remote?.children ?? []) {
    const was = base?.children.get(key);
    if (node.kind === 'folder') {
      const folder = was?.kind === 'folder' ? was : undefined;
      if (folder === undefined || !remoteSame(folder, node)) compare(found, join(at, key), folder, node);
    }
    if (node.kind !== 'file' || node.stamp.size === 0) continue;
    if (typeof node.stamp.date !== 'number') continue;
    if (was?.kind === 'file' && remoteDelta(was.stamp, node.stamp) === 'none') continue;
    note(found.appeared, `${node.stamp.size}:${node.stamp.date}`, join(at, key));
  }
  for (const [key, was] of base?.children ?? []) {
    const node = remote?.children.get(key);
    if (node?.kind === 'unknown' || node?.kind === 'untracked') continue;
    if (was.kind === 'folder') {
      if (node?.kind !== 'folder') compare(found, join(at, key), was, undefined);
      continue;
    }
    if (was.kind !== 'file' || was.stamp.size === 0) continue;
    if (node?.kind === 'file' && remoteDelta(was.stamp, node.stamp) === 'none') continue;
    // The span of an upload is no date: it fits too much, so it pairs with nothing, and makes others doubtful.
    if (typeof was.stamp.date !== 'number') found.uncertain.push(was.stamp);
    else note(found.vanished, `${was.stamp.size}:${was.stamp.date}`, join(at, key));
  }
}

/** Each pair of files votes for the pairs of folders that would explain it. More than half of what was there must agree. */
function folderPairs(files: readonly Pair[], base: BaseTree, remote: RemoteTree): Pair[] {
  const votes = new Map<string, { readonly from: RelPath; readonly to: RelPath; count: number }>();
  for (const file of files) {
    let [from, to]: [DirPath, DirPath] = [file.from, file.to];
    while (from !== '' && to !== '' && nameOf(from) === nameOf(to)) {
      [from, to] = [parentOf(from), parentOf(to)];
      if (from === '' || to === '' || from === to) break;
      const key = `${from}\0${to}`;
      const vote = votes.get(key) ?? { from, to, count: 0 };
      vote.count += 1;
      votes.set(key, vote);
    }
  }
  return [...votes.values()]
    .filter(({ from, to, count }) => {
      const was = nodeAt(base, from);
      if (
        was?.kind !== 'folder' ||
        nodeAt(remote, from) !== undefined ||
        nodeAt(remote, to)?.kind !== 'folder'
      )
        return false;
      return count * 2 > census(was).files;
    })
    .sort((a, b) => depthOf(a.to) - depthOf(b.to) || b.count - a.count)
    .map(({ from, to }) => ({ side: 'remote', entry: 'folder', from, to }));
}
