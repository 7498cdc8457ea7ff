/**
 * What an earlier cycle left unsettled: its process was killed, or nobody could tell how a deed ended. Each intention
 * that is left is finished, taken for done (its base change is made up for), or forgotten, before anything is decided;
 * else an edit that somebody made since then would pass for a conflict. What is known here: both sides as they stand
 * now. Content decides that a deed was done, never a date; forgetting is always safe, since comparing is what remains.
 * Nothing is settled until all was looked at, and what is done twice does no harm: it may be killed at any point.
 */
import { agreed, type BaseStamp, remoteDelta, sameRemote } from '../core/base.ts';
import type { LocalPath, RelPath } from '../core/path.ts';
import { nodeAt, spell } from '../core/tree.ts';
import type { Intent } from '../state/state.ts';
import { versionOf } from './backoff.ts';
import type { Memory } from './cycle.ts';
import { contentOf, withDigests } from './digests.ts';
import type { Pair } from './pair.ts';
import { digestsOf, type Wanted } from './recover/contents.ts';
import { createDesk, type Desk, seenAt } from './recover/desk.ts';
import { localMove, remoteMove, setAside } from './recover/moves.ts';
import { dirsOf } from './where.ts';

export interface Recovered {
  /** What is seen after it. */
  readonly seen: Memory;
  /** Nobody could read yet what they hold: they wait (see `Backoff`), and shall be looked at again soon. */
  readonly waiting: readonly RelPath[];
}

/** `swept`: the remote side was looked at as a whole just now. */
export async function recover(
  pair: Pair,
  seen: Memory,
  swept: boolean,
  signal: AbortSignal,
): Promise<Recovered> {
  const left = pair.options.dryRun ? [] : pair.state.intents();
  if (left.length === 0) return { seen, waiting: [] };
  const remote = swept ? seen.remote : await lookAt(pair, seen, left, signal);
  const desk = createDesk(pair, { ...seen, remote }, signal);
  const kept = new Set<Intent>();
  const wanted: Wanted[] = [];
  for (const intent of left) {
    const end = await judge(desk, intent);
    if (end === 'unseen') kept.add(intent);
    else if (end !== undefined) wanted.push(end);
  }
  const { found, kept: unread, waiting } = await contentsOf(desk, wanted);
  for (const { intent, remote: stands } of found) arrived(desk, intent, stands);
  for (const intent of unread) kept.add(intent);
  const ended = left.filter((intent) => !kept.has(intent)).map(({ id }) => id);
  const { changes, journal, conflicts } = desk;
  if (changes.length + journal.length + conflicts.length > 0)
    pair.state.settle({ changes, journal, conflicts, ended });
  else pair.state.dropIntents(ended);
  const now = desk.seen();
  const touched = desk.lookAgain.length > 0;
  return {
    seen: {
      ...now,
      local: changes.length > 0 ? await withDigests(pair, now.local, signal) : now.local,
      remote: touched ? await lookAtPaths(pair, now, desk.lookAgain, signal) : now.remote,
    },
    waiting: waiting.map(({ path }) => path),
  };
}

/** A single run, which ends when all is quiet, waits this long for what could not be read. */
const SOON_MS = 1_000;

/** What cannot be read now must not be decided without it either: the path waits, longer each time. */
async function contentsOf(desk: Desk, wanted: readonly Wanted[]) {
  const { backoff, clock } = desk.pair;
  const { local, remote } = desk.seen();
  const versionAt = (path: RelPath) => versionOf(nodeAt(local.tree, path), nodeAt(remote.tree, path));
  const mayAsk = ({ intent: { path } }: Wanted) =>
    backoff.blocked(path, versionAt(path), clock.monotonic()) === undefined;
  const asked = wanted.filter(mayAsk);
  const { found, unread } = await digestsOf(desk, asked);
  for (const { intent, error } of unread) {
    const message = `what the server holds of "${intent.path}" could not be read to end an interrupted upload: ${error.message}`;
    const problem = { path: intent.path, code: 'unreadable' as const, message };
    backoff.failed(intent.path, versionAt(intent.path), problem, 'retry', clock.monotonic());
  }
  const fresh = unread.map(({ intent }) => intent);
  const kept = [...wanted.filter((one) => !asked.includes(one)).map(({ intent }) => intent), ...fresh];
  // What waits for long wakes the service by itself when its time has come; to look meanwhile costs lists for nothing.
  const now = clock.monotonic();
  const isSoon = (backoff.nextAt(now) ?? Number.POSITIVE_INFINITY) - now <= SOON_MS;
  return { found, kept, waiting: isSoon ? kept : fresh };
}

/** What became of these shows on this side. */
const HERE_ALONE: ReadonlySet<Intent['kind']> = new Set(['setAside', 'moveLocal', 'makeFolderLocal']);

function lookAt(pair: Pair, seen: Memory, left: readonly Intent[], signal: AbortSignal) {
  const there = left.filter(({ kind }) => !HERE_ALONE.has(kind));
  const paths = there.flatMap(({ path, other }) => (other === undefined ? [path] : [path, other]));
  return lookAtPaths(pair, seen, paths, signal);
}

async function lookAtPaths(pair: Pair, seen: Memory, paths: readonly string[], signal: AbortSignal) {
  if (paths.length === 0) return seen.remote;
  const dirs = dirsOf(seen.remote.tree, paths);
  const { rules } = seen.local;
  return dirs === 'sweep'
    ? pair.remote.sweep(rules, signal)
    : pair.remote.look(seen.remote, dirs, rules, signal);
}

/** SHA-256 of nothing. */
const EMPTY_DIGEST = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

type End = Wanted | 'unseen' | undefined;

async function judge(desk: Desk, intent: Intent): Promise<End> {
  switch (intent.kind) {
    case 'makeFolderLocal':
      return folder(desk, intent, 'local');
    case 'makeFolderRemote':
      return folder(desk, intent, 'remote');
    case 'upload':
      return upload(desk, intent);
    case 'download':
      return download(desk, intent);
    case 'compare':
      return (await setAside(desk, intent)) ?? download(desk, intent);
    case 'setAside':
      return setAside(desk, intent);
    case 'moveLocal':
      return localMove(desk, intent);
    case 'moveRemote':
      return remoteMove(desk, intent);
    case 'removeLocal':
      return removal(desk, intent, 'local');
    case 'removeRemote':
      return removal(desk, intent, 'remote');
  }
}

/**
 * The side that was to get a folder has one, so both had it: when the other holds something else or nothing there now, that is
 * its newer word, and no conflict with ours.
 */
function folder(desk: Desk, intent: Intent, side: 'local' | 'remote'): End {
  const { path } = intent;
  const { [side]: changed, local } = desk.seen();
  const made = seenAt<unknown>(changed.tree, path);
  const here = seenAt(local.tree, path);
  if (made === 'unseen' || here === 'unseen') return 'unseen';
  // What had the name before is forgotten by then; what the base knows was agreed on while the intention waited.
  if (made?.kind !== 'folder' || nodeAt(desk.pair.state.base(), path) !== undefined) return undefined;
  desk.done(intent, [{ kind: 'folder', path, ino: here?.kind === 'folder' ? (here.ino ?? 0) : 0 }]);
  return undefined;
}

/** Something that is not what was there before, of the size that was sent: its content must tell whether it is ours. */
function upload(desk: Desk, intent: Intent): End {
  const { digest, size, detail } = intent;
  const there = seenAt(desk.seen().remote.tree, intent.path);
  if (there === 'unseen') return there;
  if (there?.kind !== 'file' || digest === undefined || detail.local === undefined) return undefined;
  if (detail.remote !== undefined && sameRemote(detail.remote, there.stamp)) return undefined;
  if (there.stamp.size === 0 && size !== 0) {
    // An upload that broke off at its first byte: nothing is lost with it, and it is nobody's edit.
    const torn = { ...detail.local, size: 0, ctimeMs: -1 };
    desk.done(intent, [
      { kind: 'file', path: intent.path, stamp: agreed(torn, EMPTY_DIGEST, there.stamp.date) },
    ]);
    return undefined;
  }
  if (there.stamp.size !== size) return undefined;
  const base = desk.baseFile(intent.path);
  if (base?.digest === digest && remoteDelta(base, there.stamp) === 'none') return undefined;
  return { intent, digest, remote: there.stamp };
}

/** The server holds what was sent. The local version is hashed again by whoever meets it, and an edit since is seen. */
function arrived(desk: Desk, intent: Intent, remote: Wanted['remote']): void {
  const { digest, detail, path } = intent;
  if (digest === undefined || detail.local === undefined) return;
  const local = { ...detail.local, size: remote.size, ctimeMs: -1 };
  desk.done(intent, [{ kind: 'file', path, stamp: agreed(local, digest, remote.date) }]);
}

/** The received content stands here, or it did: then what stands here now is an edit of it. */
async function download(desk: Desk, intent: Intent): Promise<End> {
  const { digest, detail, path, size } = intent;
  const { remote, landed } = detail;
  if (digest === undefined || remote === undefined) return undefined;
  const base = desk.baseFile(path);
  if (base?.digest === digest && remoteDelta(base, remote) === 'none') return undefined;
  const { local } = desk.seen();
  const here = seenAt(local.tree, path);
  if (here === 'unseen') return here;
  if (here?.kind === 'file' && here.stamp.size === size) {
    const spelled = spell(local.tree, path) as LocalPath;
    const found = await contentOf(desk.pair, { path, spelled, stamp: here.stamp }, desk.signal);
    if (found?.digest === digest) {
      placed(desk, intent, agreed(found, digest, remote.date));
      return undefined;
    }
  }
  if (here?.kind === 'file' && here.stamp.size === 0 && size !== 0 && detail.local === undefined) {
    // Where a disk has no hard links, an empty file holds the name until the content takes it.
    await desk.pair.local.removeFile(spell(local.tree, path) as LocalPath, here.stamp);
    desk.localChange({ path, node: undefined });
    return undefined;
  }
  if (landed !== undefined) placed(desk, intent, agreed({ ...landed, ctimeMs: -1 }, digest, remote.date));
  return undefined;
}

function placed(desk: Desk, intent: Intent, stamp: BaseStamp): void {
  desk.done(intent, [{ kind: 'file', path: intent.path, stamp }]);
}

/** What is gone needs no base change, since the other side tells the rest; only the journal does not know of it. */
function removal(desk: Desk, intent: Intent, side: 'local' | 'remote'): End {
  const now = desk.seen();
  const found = seenAt<unknown>(now[side].tree, intent.path);
  if (found === 'unseen') return found;
  if (found === undefined && nodeAt(desk.pair.state.base(), intent.path) !== undefined) desk.done(intent, []);
  return undefined;
}
