/** How one list becomes one folder of the tree: which rows are nodes, which are left out, which are in doubt. */
import type { IgnoreRules } from '../../core/ignore.ts';
import {
  type DirPath,
  join,
  joinRemote,
  keyOf,
  nameFault,
  type RelPath,
  type RemoteDir,
  ROOT,
} from '../../core/path.ts';
import type { Problem } from '../../core/plan.ts';
import type { FolderNode, Node, RemoteStamp } from '../../core/tree.ts';
import type { RemoteScan } from '../remote.ts';
import type { Context } from './context.ts';
import { addressFault, type DirId, idBelow, OWN_NAME, TOP } from './ids.ts';
import type { Entry, FolderEntry, Listing } from './wire.ts';

/** A folder whose list is awaited. */
export interface Draft {
  readonly key: DirPath;
  readonly dir: RemoteDir;
  /** Undefined where a run begins. */
  readonly parent: Draft | undefined;
  /** Children that its parent's list promised. A hint. */
  readonly count: number | undefined;
  readonly children: Map<string, Node<RemoteStamp>>;
  /** Folders known from before that are not listed again. */
  readonly before: FolderNode<RemoteStamp> | undefined;
}

export interface Run {
  readonly ctx: Context;
  readonly rules: IgnoreRules;
  readonly signal: AbortSignal | undefined;
  readonly problems: Problem[];
  readonly queue: Draft[];
  /** Second lists of parents, one each; by id where a run begins below it. */
  readonly again: Map<Draft | DirId, Promise<Listing>>;
  /** Where runs began whose folder turned out to be gone or could not be listed. */
  readonly lost: Map<Draft, Node<RemoteStamp> | undefined>;
  /** Of a look: what was known before, and where it begins; a folder found gone above one of these joins them. */
  readonly above?: {
    readonly before: RemoteScan;
    readonly starts: Map<DirPath, Draft>;
  };
}

/** Enters a list into its folder and queues the folders in it. */
export function absorb(run: Run, draft: Draft, listing: Listing): void {
  const top = idBelow(run.ctx.rootId, draft.dir) === TOP;
  const claims = new Map<string, Entry[]>();
  for (const entry of listing.entries.values()) {
    if (entry.name === OWN_NAME && (top || draft.key === ROOT)) continue;
    const fault = nameFault(entry.name);
    if (fault !== undefined) {
      const where = `${JSON.stringify(entry.name)} in ${JSON.stringify(`/${draft.dir}`)}`;
      const problem = `${where}: ${fault}; ${RENAME_THERE}`;
      run.problems.push({ path: draft.key, code: 'name', message: problem });
      continue;
    }
    const key = keyOf(entry.name);
    const rivals = claims.get(key);
    if (rivals === undefined) claims.set(key, [entry]);
    else rivals.push(entry);
  }
  for (const [key, rivals] of claims) {
    const entry = rivals.length === 1 ? rivals[0] : settleRivals(run, join(draft.key, key), key, rivals);
    if (draft.children.has(key)) continue;
    if (entry === undefined) draft.children.set(key, { kind: 'unknown', why: 'two names claim one key' });
    else draft.children.set(key, nodeOf(run, draft, key, entry));
  }
}

/** Names that differ only in how their accents are written: the composed one wins; without it nobody does. */
function settleRivals(run: Run, path: RelPath, key: string, rivals: readonly Entry[]): Entry | undefined {
  const winner = rivals.find((rival) => rival.name === key);
  const names = rivals.map(({ name }) => `${JSON.stringify(name)} (${name.length} characters)`).join(' and ');
  const end =
    winner === undefined
      ? 'none of them is synced'
      : `only ${JSON.stringify(winner.name)} of ${key.length} characters is synced`;
  run.problems.push({
    path,
    code: 'name',
    message: `${names} differ only in how accents are written; ${end}: rename one of them in the workspace`,
  });
  return winner;
}

function nodeOf(run: Run, draft: Draft, key: string, entry: Entry): Node<RemoteStamp> {
  const path = join(draft.key, key);
  const name = entry.name === key ? {} : { name: entry.name };
  if (run.rules.ignores(path, entry.kind === 'folder')) return { kind: 'untracked', why: 'ignored', ...name };
  switch (entry.kind) {
    case 'odd':
      run.problems.push({ path, code: 'name', message: `${entry.why}; ${wayOutOf(entry)}` });
      return { kind: 'unknown', why: entry.why, ...name };
    case 'file':
      if (entry.size !== undefined && entry.date !== undefined) {
        return { kind: 'file', stamp: { size: entry.size, date: entry.date }, ...name };
      }
      run.problems.push({ path, code: 'unreadable', message: 'the server does not tell its size and date' });
      return { kind: 'unknown', why: 'no size or date', ...name };
    case 'folder':
      return folderNode(run, draft, { path, key, entry });
  }
}

const RENAME_THERE = 'rename it in the workspace';

function wayOutOf({ name }: Entry): string {
  return addressFault(name) === undefined ? 'move it away in the workspace, or ignore it' : RENAME_THERE;
}

function folderNode(
  run: Run,
  draft: Draft,
  at: { readonly path: RelPath; readonly key: string; readonly entry: FolderEntry },
): Node<RemoteStamp> {
  const { path, key, entry } = at;
  const known = draft.before?.children.get(key);
  if (known?.kind === 'folder' && (known.name ?? key) === entry.name) return known;
  const child: Draft = {
    key: path,
    dir: joinRemote(draft.dir, entry.name),
    parent: draft,
    count: entry.count,
    children: new Map(),
    before: undefined,
  };
  run.queue.push(child);
  return { kind: 'folder', children: child.children, ...(entry.name === key ? {} : { name: entry.name }) };
}
