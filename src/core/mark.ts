/**
 * Is this still the workspace that the base speaks of? Its mark says so. Where the mark is missing, the files do: who
 * tidies up rtsync's own folder leaves them alone, who empties or replaces a workspace does not.
 */
import type { BaseTree } from './base.ts';
import { remoteDelta } from './base.ts';
import type { FolderNode, RemoteStamp, RemoteTree } from './tree.ts';

export interface MarkFacts {
  /** `other`: what stands in the mark's place is not this pair's mark. */
  readonly mark: 'ours' | 'missing' | 'other';
  /** Whether this pair's mark was ever seen or written there. Without that its absence says nothing. */
  readonly seenBefore: boolean;
  readonly base: BaseTree;
  readonly remote: RemoteTree;
}

/**
 * `renew`: the same workspace, which has no mark; write it. `foreign`: a person must decide, since what was in sync is
 * no longer there. An empty base has nothing to lose: always fine.
 */
export function judgeMark({ mark, seenBefore, base, remote }: MarkFacts): 'fine' | 'renew' | 'foreign' {
  if (mark === 'ours') return 'fine';
  const { standing, lost } = compare(base, remote);
  if (standing + lost === 0) return 'fine';
  if (seenBefore && standing < lost) return 'foreign';
  return mark === 'missing' ? 'renew' : 'fine';
}

/** Most of what was agreed does not stand there as it was: before anything is believed of it, the mark is asked. */
export function looksForeign(base: BaseTree, remote: RemoteTree): boolean {
  const { standing, lost } = compare(base, remote);
  return standing < lost;
}

interface Found {
  standing: number;
  lost: number;
}

/** Files of the base that stand as agreed, and those that do not. What could not be seen counts as neither. */
function compare(base: BaseTree, remote: RemoteTree): Found {
  const found: Found = { standing: 0, lost: 0 };
  visit(base, remote, found);
  return found;
}

function visit(base: BaseTree, remote: FolderNode<RemoteStamp> | undefined, found: Found): void {
  for (const [key, node] of base.children) {
    const there = remote?.children.get(key);
    if (there?.kind === 'unknown' || there?.kind === 'untracked') continue;
    if (node.kind === 'folder') visit(node, there?.kind === 'folder' ? there : undefined, found);
    else if (node.kind === 'file') {
      const same = there?.kind === 'file' && remoteDelta(node.stamp, there.stamp) === 'none';
      found[same ? 'standing' : 'lost'] += 1;
    }
  }
}

/**
 * What a person is told when the judgement is `foreign`. `title`: the far end, such as `docs-project:/docs`; `folder`:
 * the local one, as a word for the shell.
 */
export function foreignMessage(title: string, folder: string): string {
  return `${title} has lost the mark of rtsync and no longer holds what was in sync: was it emptied, replaced or restored from a backup? Nothing was changed. Put its files back there; or, to compare both sides afresh without any delete, run rtsync approve --afresh ${folder}`;
}
