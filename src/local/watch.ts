/**
 * Hints for which folder is dirty, from chokidar; the scan stays the truth. One watch per folder, none per file: chokidar
 * is handed the folders that our own scan found, each at depth 0 with everything in it ignored, and its raw events name
 * the folder. It knows nothing of trees beyond their folders, and nothing of what a hint is good for.
 *
 * Folders go to chokidar in batches of one watcher each, since a watcher tells only once that its watches stand, and
 * never quite forgets a folder that it let go.
 */
import { readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { IgnoreRules } from '../core/ignore.ts';
import { type DirPath, join, keyOf, type LocalDir, ROOT } from '../core/path.ts';
import type { FolderNode, LocalStamp } from '../core/tree.ts';
import { folderChanges } from './folder-changes.ts';
import type { LocalScan } from './local.ts';
import { absolute, OWN_FOLDER } from './names.ts';

export interface WatchOptions {
  readonly root: string;
  /** Folders whose entries changed, or everything: read them again. May tell of one change more than once. */
  readonly onHint: (dirs: readonly LocalDir[] | 'all') => void;
  /** These folders cannot be watched: read them by timer. */
  readonly onDegraded: (dirs: readonly LocalDir[], why: string) => void;
}

export interface FolderWatch {
  /**
   * Watches exactly the folders of this scan. Resolves when the watches of new folders stand; these folders are
   * hinted then, since what happened in them before nobody saw (`all` the first time).
   */
  follow(scan: LocalScan): Promise<void>;
  /** Folders that are not watched although they should be. */
  degraded(): readonly LocalDir[];
  close(): Promise<void>;
}

/** Some folders, watched by one chokidar watcher. */
interface Batch {
  readonly folders: Set<string>;
  readonly watcher: FSWatcher;
  /** Folders it was told to let go. */
  retired: number;
}

const MAX_BATCHES = 24;
const SLICE = 500;
const MAX_RETIRED = 256;

export function watchFolder(options: WatchOptions): FolderWatch {
  const hints = hintCollector(options.onHint);
  const unwatched = new Map<LocalDir, string>();
  const batches = new Set<Batch>();
  let rules: IgnoreRules | undefined;
  let watched: FolderNode<LocalStamp> | undefined;
  let turn: Promise<void> = Promise.resolve();
  let closed = false;

  const report = {
    changed: (folder: string, name: string | null): void => {
      const dir = dirOf(options.root, folder);
      if (dir === undefined || isNoise(rules, dir, name)) return;
      hints.add(dir);
    },
    failed: (folders: readonly string[], why: string): void => {
      const dirs = folders.flatMap((folder) => dirOf(options.root, folder) ?? []);
      const fresh = dirs.filter((dir) => !unwatched.has(dir));
      for (const dir of fresh) unwatched.set(dir, why);
      if (fresh.length > 0) options.onDegraded(fresh, why);
    },
  };

  const follow = async (scan: LocalScan): Promise<void> => {
    if (closed) return;
    rules = scan.rules;
    const first = watched === undefined;
    const difference = folderChanges(watched, scan.tree);
    watched = scan.tree;
    const gone = difference.gone.map((dir) => absolute(options.root, dir));
    for (const dir of difference.gone) unwatched.delete(dir);
    for (const batch of batches) retire(batch, gone);
    const found = difference.fresh.map((dir) => absolute(options.root, dir));
    const deaf = found.filter(hasBackslash);
    if (deaf.length > 0) report.failed(deaf, 'there is a backslash in their path');
    const fresh = found.filter((folder) => !hasBackslash(folder));
    const size = first ? Math.max(SLICE, Math.ceil(fresh.length / (MAX_BATCHES / 2))) : SLICE;
    for (let at = 0; at < fresh.length && !closed; at += size) {
      batches.add(await startBatch(fresh.slice(at, at + size), report));
    }
    await tidy(batches, report);
    if (first) hints.all();
    else for (const dir of difference.fresh) hints.add(dir);
  };

  return {
    follow: (scan) => {
      const next = turn.then(() => follow(scan));
      turn = next.catch(() => undefined);
      return next;
    },
    degraded: () => [...unwatched.keys()],
    close: async () => {
      closed = true;
      hints.close();
      await turn;
      await Promise.all([...batches].map(({ watcher }) => watcher.close()));
      batches.clear();
    },
  };
}

interface Report {
  changed(folder: string, name: string | null): void;
  failed(folders: readonly string[], why: string): void;
}

async function startBatch(list: readonly string[], report: Report): Promise<Batch> {
  const folders = new Set(list);
  const watcher = watch([], {
    depth: 0,
    backend: 'native',
    ignoreInitial: true,
    followSymlinks: false,
    atomic: false,
    ignored: (path: string) => !folders.has(path),
  });
  skipReading(watcher);
  watcher.on('raw', (_event, name: unknown, details: unknown) => {
    const folder = watchedPath(details);
    if (folder !== undefined && folders.has(folder)) {
      report.changed(folder, typeof name === 'string' ? name : null);
    }
  });
  watcher.on('error', (error) => {
    const { folder, why } = failureOf(error);
    report.failed(folder === undefined ? list : [folder], why);
  });
  const ready = new Promise<void>((resolve) => watcher.once('ready', resolve));
  watcher.add([...list]);
  await ready;
  return { folders, watcher, retired: 0 };
}

/**
 * A new watch makes chokidar read the folder and look at each entry, only to ignore them all: for 5,000 folders and
 * 100,000 files that is seconds and hundreds of megabytes. Its scan stream is a method, so none is handed out; where a
 * later chokidar has no such method, it reads, and all else stays the same.
 */
function skipReading(watcher: FSWatcher): void {
  if ('createScanStream' in watcher) Object.assign(watcher, { createScanStream: () => undefined });
}

function retire(batch: Batch, gone: readonly string[]): void {
  const ours = gone.filter((folder) => batch.folders.delete(folder));
  if (ours.length === 0) return;
  batch.watcher.unwatch(ours);
  batch.retired += ours.length;
}

/** Merges small and worn batches; the new watches stand before the old ones go. */
async function tidy(batches: Set<Batch>, report: Report): Promise<void> {
  const worn = [...batches].filter(
    ({ folders, retired }) => folders.size === 0 || retired > Math.max(MAX_RETIRED, folders.size),
  );
  const bySize = [...batches].filter((batch) => !worn.includes(batch));
  bySize.sort((a, b) => a.folders.size - b.folders.size);
  const crowded = batches.size - worn.length > MAX_BATCHES ? bySize.slice(0, MAX_BATCHES / 2) : [];
  const old = [...worn, ...crowded];
  if (old.length === 0) return;
  const folders = old.flatMap((batch) => [...batch.folders]);
  for (let at = 0; at < folders.length; at += SLICE * MAX_BATCHES) {
    batches.add(await startBatch(folders.slice(at, at + SLICE * MAX_BATCHES), report));
  }
  for (const batch of old) {
    batches.delete(batch);
    await batch.watcher.close();
  }
}

/** Our own folder and ignored entries need no look. An event without a name always does. */
function isNoise(rules: IgnoreRules | undefined, dir: LocalDir, name: string | null): boolean {
  if (name === null || name === '') return false;
  if (dir === ROOT && name === OWN_FOLDER) return true;
  const path = join(keyOf(dir) as DirPath, keyOf(name));
  return rules?.ignores(path, false) === true && rules.ignores(path, true);
}

/**
 * Gathers the hints of one turn of the event loop. The kernel drops events when its queue is full and Node does not
 * pass that on; so a turn that brought a queue half full counts as one that may have lost some.
 */
function hintCollector(onHint: WatchOptions['onHint']): {
  add(dir: LocalDir): void;
  all(): void;
  close(): void;
} {
  const limit = queueLimit() / 2;
  let dirs = new Set<LocalDir>();
  let everything = false;
  let events = 0;
  let waiting: NodeJS.Immediate | undefined;
  const flush = (): void => {
    waiting = undefined;
    const hint = everything || events > limit ? 'all' : [...dirs];
    dirs = new Set();
    everything = false;
    events = 0;
    onHint(hint);
  };
  const wait = (): void => {
    waiting ??= setImmediate(flush);
  };
  return {
    add: (dir) => {
      events += 1;
      dirs.add(dir);
      wait();
    },
    all: () => {
      everything = true;
      wait();
    },
    close: () => {
      clearImmediate(waiting);
    },
  };
}

function queueLimit(): number {
  try {
    return Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8')) || 16_384;
  } catch {
    return 16_384;
  }
}

/** chokidar takes it for a slash wherever it runs, watches what is not there, and says nothing. */
function hasBackslash(folder: string): boolean {
  return sep === '/' && folder.includes('\\');
}

function dirOf(root: string, folder: string): LocalDir | undefined {
  if (folder === root) return ROOT;
  const prefix = root === '/' ? '/' : `${root}/`;
  return folder.startsWith(prefix) ? (folder.slice(prefix.length) as LocalDir) : undefined;
}

function watchedPath(details: unknown): string | undefined {
  if (typeof details !== 'object' || details === null || !('watchedPath' in details)) return undefined;
  return typeof details.watchedPath === 'string' ? details.watchedPath : undefined;
}

function failureOf(error: unknown): { readonly folder: string | undefined; readonly why: string } {
  if (!(error instanceof Error)) return { folder: undefined, why: String(error) };
  const code = 'code' in error ? error.code : undefined;
  const path = 'path' in error && typeof error.path === 'string' ? error.path : undefined;
  const why =
    code === 'ENOSPC' || code === 'EMFILE'
      ? "the system's limit for watched folders is reached (fs.inotify.max_user_watches)"
      : error.message;
  return { folder: path, why };
}
