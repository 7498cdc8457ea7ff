/** Tells which names of the synced folder show other content after a deed of a process. */
import type { Entry, FileInode, FolderInode } from './inodes.ts';

/** One name after one deed. */
export interface DiskChange {
  /** Relative to the root. */
  readonly path: string;
  /** The content it showed; undefined when it showed none. */
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
  /** The deed, such as `rename a -> b`. */
  readonly what: string;
}

export type DiskListener = (change: DiskChange) => void;

export interface Observer {
  /** Gives the end of listening. */
  listen(listener: DiskListener): () => void;
  /** Before the entry goes. */
  vanishing(entry: Entry): void;
  /** After it came. */
  appeared(entry: Entry): void;
  /** After the content under all names of the inode changed. */
  rewritten(inode: FileInode, before: Buffer): void;
  /** The deed is done. */
  flush(what: string): void;
}

interface Shown {
  readonly before: Buffer | undefined;
  readonly after: Buffer | undefined;
}

export function createObserver(options: {
  readonly root: string;
  readonly caseInsensitive: boolean;
}): Observer {
  const listeners = new Set<DiskListener>();
  let shown = new Map<string, Shown>();
  const note = (path: string, before: Buffer | undefined, after: Buffer | undefined): void => {
    const known = shown.get(path);
    shown.set(path, { before: known === undefined ? before : known.before, after });
  };
  const each = (entry: Entry, visit: (path: string, content: Buffer) => void): void => {
    if (listeners.size > 0 && entry.inode.kind !== 'symlink') {
      const path = pathOf(entry);
      if (path !== undefined) filesBelow(entry, path, visit);
    }
  };
  const inside = (path: string): string | undefined => {
    const relative = relativeTo(options.root, path);
    if (relative === undefined || relative === '') return undefined;
    const [first = ''] = relative.split('/');
    return (options.caseInsensitive ? first.toLowerCase() : first) === '.rtsync' ? undefined : relative;
  };
  return {
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    vanishing: (entry) => each(entry, (path, content) => note(path, content, undefined)),
    appeared: (entry) => each(entry, (path, content) => note(path, undefined, content)),
    rewritten: (inode, before) => {
      for (const entry of inode.names) each(entry, (path, content) => note(path, before, content));
    },
    flush: (what) => {
      if (shown.size === 0) return;
      const changes = shown;
      shown = new Map();
      for (const [absolute, { before, after }] of changes) {
        const path = inside(absolute);
        if (path === undefined || same(before, after)) continue;
        for (const listener of listeners) listener({ path, before, after, what });
      }
    },
  };
}

function same(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one === undefined || other === undefined ? one === other : one.equals(other);
}

/** Every file at or below the entry, which stands at `path`. */
export function filesBelow(
  { inode }: Pick<Entry, 'inode'>,
  path: string,
  visit: (path: string, content: Buffer, inode: FileInode) => void,
): void {
  if (inode.kind === 'file') visit(path, inode.content, inode);
  if (inode.kind !== 'folder') return;
  for (const entry of inode.entries.values()) filesBelow(entry, `${path}/${entry.name}`, visit);
}

/** Absolute; undefined when a folder above has no name any more. */
export function pathOf(entry: Entry): string | undefined {
  const above = folderPath(entry.folder);
  return above === undefined ? undefined : `${above}/${entry.name}`;
}

const TOP = 2;

/** Without a slash at the end: the top is the empty string. */
export function folderPath(folder: FolderInode): string | undefined {
  const [entry] = folder.names;
  if (entry === undefined) return folder.ino === TOP ? '' : undefined;
  return pathOf(entry);
}

/** Undefined outside of `root`, empty for the root itself. */
export function relativeTo(root: string, path: string): string | undefined {
  if (path === root) return '';
  const prefix = root === '/' ? '/' : `${root}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}
