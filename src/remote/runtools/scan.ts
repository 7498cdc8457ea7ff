/**
 * Lists become a tree. A sweep lists every folder, a look only some. What could not be listed, or contradicts itself,
 * is `unknown`; a folder is absent only when its parent's list says so. Decides nothing and changes nothing.
 */
import { compactChildren, compactRemote } from '../../core/compact.ts';
import { remoteFolderGone, workspaceGone } from '../../core/gone.ts';
import type { IgnoreRules } from '../../core/ignore.ts';
import { type DirPath, keyOf, parentOf, type RelPath, type RemoteDir, ROOT } from '../../core/path.ts';
import type { Problem } from '../../core/plan.ts';
import { shared } from '../../core/same.ts';
import { type FolderNode, type Node, nodeAt, type RemoteStamp, withChanges } from '../../core/tree.ts';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import { shellWord } from '../../lib/shell.ts';
import type { RemoteScan } from '../remote.ts';
import { attempt, type Context, endsTheRun, heed } from './context.ts';
import { absorb, type Draft, type Run } from './draft.ts';
import { type DirId, idBelow, idName, isTop, parentId } from './ids.ts';
import type { Listing } from './wire.ts';

/** Lists in flight; the gate limits further. */
const WIDE = 64;
/** What servers answer for a folder that is missing. */
const MISSING = ['not-found', 'server-error', 'bad-request'] as const;

export async function sweep(ctx: Context, rules: IgnoreRules, signal?: AbortSignal): Promise<RemoteScan> {
  const run = begin(ctx, rules, signal);
  const root = draftOf(ROOT, ROOT as RemoteDir, undefined);
  absorb(run, root, await listRoot(ctx, signal));
  await work(run);
  return { tree: compactRemote({ kind: 'folder', children: root.children }), problems: run.problems };
}

export async function look(
  ctx: Context,
  before: RemoteScan,
  dirs: readonly RemoteDir[],
  { rules, signal }: { readonly rules: IgnoreRules; readonly signal?: AbortSignal | undefined },
): Promise<RemoteScan> {
  const starts = new Map<DirPath, Draft>();
  const run = { ...begin(ctx, rules, signal), above: { before, starts } };
  for (const dir of dirs) {
    const start = startAt(before, dir);
    starts.set(start.key, start);
  }
  const root = starts.get(ROOT);
  if (root !== undefined) absorb(run, root, await listRoot(ctx, signal));
  for (const start of starts.values()) if (start !== root) run.queue.push(start);
  await work(run);
  const tree = planted(before, starts, run);
  return { tree, problems: mergedProblems(before, starts, { tree, run }) };
}

/** The root's list; `halted` when the workspace or the folder is gone. */
async function listRoot(ctx: Context, signal?: AbortSignal): Promise<Listing> {
  const rootId: DirId = ctx.rootId;
  const listed = await attempt(() => ctx.looks.scanned(rootId, signal));
  if (listed.ok && listed.value.entries.size > 0) return listed.value;
  if (isTop(rootId)) {
    if (listed.ok) return listed.value;
    if (listed.error.code === 'not-found')
      throw new RtsyncError('halted', workspaceGone(ctx.names.workspace, ctx.names.folder));
    throw listed.error;
  }
  if (!listed.ok && !isCode(listed.error, ...MISSING)) throw listed.error;
  // Servers answer anything for a folder that is missing. Its parent knows.
  const parent = await attempt(() => ctx.looks.scanned(parentId(rootId), signal));
  if (!parent.ok && parent.error.code !== 'not-found') throw parent.error;
  const standing = parent.ok ? parent.value.entries.get(idName(rootId)) : undefined;
  const unseen = idName(rootId).startsWith('.') && ctx.traits.dotFiles === 'hidden' && listed.ok;
  if (standing?.kind !== 'folder' && !unseen) {
    throw new RtsyncError('halted', {
      message: remoteFolderGone(ctx.names.title, shellWord(ctx.names.folder)),
      path: rootId,
    });
  }
  if (listed.ok) return listed.value;
  throw listed.error;
}

async function work(run: Run): Promise<void> {
  let busy = 0;
  await new Promise<void>((resolve, reject) => {
    const next = (): void => {
      if (busy === 0 && run.queue.length === 0) resolve();
      // Breadth first: what is near the root is known early.
      while (busy < WIDE && run.queue.length > 0) {
        const draft = run.queue.shift() as Draft;
        busy += 1;
        visit(run, draft).then(() => {
          busy -= 1;
          next();
        }, reject);
      }
    };
    next();
  });
}

async function visit(run: Run, draft: Draft): Promise<void> {
  const { ctx, signal } = run;
  heed(signal);
  const listed = await attempt(() => ctx.looks.scanned(idBelow(ctx.rootId, draft.dir), signal));
  if (listed.ok && !suspiciouslyEmpty(ctx, draft, listed.value)) return absorb(run, draft, listed.value);
  if (!listed.ok && endsTheRun(listed.error)) throw listed.error;
  const goneIsPossible = listed.ok || isCode(listed.error, ...MISSING);
  if (goneIsPossible && (await isGone(run, draft))) return settle(run, draft, undefined);
  if (listed.ok) return absorb(run, draft, listed.value);
  run.problems.push({
    path: draft.key,
    code: 'unreadable',
    message: `its list could not be had: ${listed.error.message}`,
  });
  settle(run, draft, { kind: 'unknown', why: 'not listed', ...spelling(draft) });
}

/** An empty list of a folder that should hold something, from a server that answers so for missing folders. */
function suspiciouslyEmpty(ctx: Context, draft: Draft, listing: Listing): boolean {
  return ctx.traits.missingFolder === 'empty' && listing.entries.size === 0 && draft.count !== 0;
}

/** Asks the parent once more. What appeared there meanwhile (the folder under a new name?) is taken up too. */
async function isGone(run: Run, draft: Draft): Promise<boolean> {
  const { ctx, signal } = run;
  const { parent } = draft;
  const dir = parentId(idBelow(ctx.rootId, draft.dir as Exclude<RemoteDir, ''>));
  let again = run.again.get(parent ?? dir);
  if (again === undefined) {
    again = ctx.looks.scanned(dir, signal);
    if (parent !== undefined) again = again.then((listing) => absorbedAgain(run, parent, listing));
    run.again.set(parent ?? dir, again);
  }
  const listing = await attempt(() => again);
  if (!listing.ok) {
    if (endsTheRun(listing.error)) throw listing.error;
    return isCode(listing.error, ...MISSING) && (await isGoneAbove(run, draft));
  }
  if (ctx.traits.missingFolder === 'empty' && listing.value.entries.size === 0) await isGoneAbove(run, draft);
  return listing.value.entries.get(lastOf(draft.dir))?.kind !== 'folder';
}

/** A look that began below a folder that went as a whole: whatever is gone above is gone in the tree too. */
async function isGoneAbove(run: Run, draft: Draft): Promise<boolean> {
  const above = parentOf(draft.dir as Exclude<RemoteDir, ''>);
  if (run.above === undefined || draft.parent !== undefined || above === ROOT) return false;
  const start = startAt(run.above.before, above);
  const gone = await isGone(run, start);
  if (gone && !run.above.starts.has(start.key)) {
    run.above.starts.set(start.key, start);
    settle(run, start, undefined);
  }
  return gone;
}

function absorbedAgain(run: Run, parent: Draft, listing: Listing): Listing {
  const names = new Set([...parent.children].map(([key, node]) => node.name ?? key));
  const appeared = [...listing.entries].filter(([name]) => !names.has(name));
  absorb(run, parent, { ...listing, entries: new Map(appeared) });
  return listing;
}

/** Puts the verdict on a folder where the folder was awaited. */
function settle(run: Run, draft: Draft, node: Node<RemoteStamp> | undefined): void {
  if (draft.parent === undefined) run.lost.set(draft, node);
  else if (node === undefined) draft.parent.children.delete(lastOf(draft.key));
  else draft.parent.children.set(lastOf(draft.key), node);
}

/** Where a look begins: the folder itself, or its nearest parent that is known as a folder. */
function startAt(before: RemoteScan, dir: RemoteDir): Draft {
  let at = dir;
  for (;;) {
    const key = keyOf(at) as DirPath;
    const node = nodeAt(before.tree, key);
    if (node?.kind === 'folder') return draftOf(key, at, node);
    at = parentOf(at as Exclude<RemoteDir, ''>);
  }
}

/** The tree from before with the listed folders in it, parents first. */
function planted(before: RemoteScan, starts: ReadonlyMap<DirPath, Draft>, run: Run): RemoteScan['tree'] {
  const root = starts.get(ROOT);
  let tree = root === undefined ? before.tree : { ...before.tree, children: root.children };
  for (const [key, start] of [...starts].sort(([a], [b]) => a.length - b.length)) {
    if (key === ROOT) continue;
    const path = key as RelPath;
    const node = nodeAt(tree, path);
    // Gone or replaced according to its own parent, which was listed too. New there: listed as such already.
    if (node?.kind !== 'folder' || node !== start.before) continue;
    const listed = run.lost.has(start) ? run.lost.get(start) : relisted(node, start);
    if (listed !== node) tree = withChanges(tree, [{ path, node: listed }]);
  }
  return tree;
}

/** The very folder from before where its list shows nothing new: most looks change nothing, and cost no tree. */
function relisted(node: FolderNode<RemoteStamp>, { children }: Draft): FolderNode<RemoteStamp> {
  return shared(node, { ...node, children: compactChildren.remote(children) });
}

/** Problems of folders that were not listed again stay. */
function mergedProblems(
  before: RemoteScan,
  starts: ReadonlyMap<DirPath, Draft>,
  { tree, run }: { readonly tree: RemoteScan['tree']; readonly run: Run },
): Problem[] {
  const stale = ({ path }: Problem): boolean => {
    const key = path as RelPath;
    if (starts.has(key) || starts.has(parentOf(key))) return true;
    return nodeAt(tree, parentOf(key)) !== nodeAt(before.tree, parentOf(key));
  };
  return [...before.problems.filter((problem) => !stale(problem)), ...run.problems];
}

function begin(ctx: Context, rules: IgnoreRules, signal: AbortSignal | undefined): Run {
  return { ctx, rules, signal, problems: [], queue: [], again: new Map(), lost: new Map() };
}

function draftOf(key: DirPath, dir: RemoteDir, before: FolderNode<RemoteStamp> | undefined): Draft {
  return { key, dir, parent: undefined, count: undefined, children: new Map(), before };
}

function spelling(draft: Draft): { name?: string } {
  const [name, key] = [lastOf(draft.dir), lastOf(draft.key)];
  return name === key ? {} : { name };
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
