/** Other programs on the machine: they act at once, and what they did is there after every power cut. */
import * as files from './descriptors.ts';
import { type FileInode, type Inode, NOTHING } from './inodes.ts';
import { locate, refuse } from './locate.ts';
import * as names from './names.ts';
import { exchange, makeFileInode, setContent, timeOf, type Volume } from './volume.ts';

/**
 * Paths are relative to the root, or absolute for what lies beside it. Throws system errors as a process would get
 * them, but for ENOSPC. Contents that are given or answered are never changed afterwards, by either side.
 */
export interface Person {
  /** In place: the inode stays. A new file where there is none; its folder must be there. */
  write(path: string, bytes: Uint8Array): void;
  /** The same by a slow program: the rest comes through the open descriptor, wherever the file is by then. */
  startWrite(path: string, bytes: Uint8Array): SlowWrite;
  /** An atomic save: a new inode takes the name. */
  replace(path: string, bytes: Uint8Array): void;
  /** A file, a symlink or an empty folder. */
  remove(path: string): void;
  /** What is missing is fine. */
  removeTree(path: string): void;
  /** Takes the place of what stands at `to` as POSIX allows it. */
  rename(from: string, to: string): void;
  /** With the folders above; one that is there is fine. */
  mkdir(path: string): void;
  symlink(path: string, target: string): void;
  /** Of a file or folder itself, never through a symlink. */
  chmod(path: string, mode: number): void;
  /** Through symlinks. Undefined when no file is there. */
  read(path: string): Buffer | undefined;
  /** Everything below the root, folders before what is in them; nothing when there is no root. */
  list(options?: { readonly own?: boolean }): readonly Listed[];
  /** An entry is there, be it a symlink to nowhere. */
  exists(path: string): boolean;
}

export interface SlowWrite {
  /** Writes the rest and closes. After a power cut the program is dead, and nothing happens. */
  finish(bytes: Uint8Array): void;
}

export type Listed =
  | { readonly path: string; readonly kind: 'file'; readonly bytes: Buffer }
  | { readonly path: string; readonly kind: 'folder' | 'symlink' };

export function personOf(volume: Volume): Person {
  const at = (path: string): string => absolute(volume, path);
  const act = <T>(deed: () => T): T => actAs(volume, deed);
  const find = (path: string, follow: boolean): Inode | undefined => {
    try {
      return locate(volume, { name: 'look', path }, { path: at(path), follow }).entry?.inode;
    } catch {
      return undefined;
    }
  };
  return {
    write: (path, bytes) => act(() => files.close(volume, begin(volume, at(path), bytes))),
    startWrite: (path, bytes) => {
      const file = act(() => begin(volume, at(path), bytes));
      return { finish: (rest) => act(() => finish(volume, file, rest)) };
    },
    replace: (path, bytes) => act(() => replace(volume, at(path), bytes)),
    remove: (path) =>
      act(() => {
        if (find(path, false)?.kind === 'folder') names.removeFolder(volume, at(path));
        else names.unlink(volume, at(path));
      }),
    removeTree: (path) => act(() => removeTree(volume, at(path))),
    rename: (from, to) => act(() => names.rename(volume, at(from), at(to))),
    mkdir: (path) => act(() => names.makeFolders(volume, at(path))),
    symlink: (path, target) => act(() => names.makeSymlink(volume, at(path), target)),
    chmod: (path, mode) => act(() => changeMode(volume, at(path), mode)),
    read: (path) => {
      const inode = find(path, true);
      return inode?.kind === 'file' ? inode.content : undefined;
    },
    list: ({ own = false } = {}) => {
      const root = find('', true);
      const found: Listed[] = [];
      if (root !== undefined) collect(volume, { inode: root, path: '', own }, found);
      return found;
    },
    exists: (path) => find(path, false) !== undefined,
  };
}

function absolute({ options: { root } }: Volume, path: string): string {
  return path.startsWith('/') ? path : `${root}/${path}`;
}

function actAs<T>(volume: Volume, deed: () => T): T {
  volume.byPerson = true;
  try {
    return deed();
  } finally {
    volume.byPerson = false;
  }
}

/** One instant: nobody sees the file empty in between. */
function begin(volume: Volume, path: string, bytes: Uint8Array): files.Descriptor {
  const file = files.open(volume, path, { flags: 'a' });
  if (file.inode.kind === 'file') setContent(volume, file.inode, bufferOf(bytes));
  return file;
}

function finish(volume: Volume, file: files.Descriptor, bytes: Uint8Array): void {
  if (file.age !== volume.age) return;
  files.append(volume, file, bytes);
  files.close(volume, file);
}

function replace(volume: Volume, path: string, bytes: Uint8Array): void {
  const call = { name: 'rename', path };
  const place = locate(volume, call, { path, follow: false });
  const there = place.entry?.inode;
  if (there?.kind === 'folder') throw refuse('EISDIR', call);
  const inode: FileInode = makeFileInode(volume, there?.kind === 'file' ? there.mode : 0o644);
  setContent(volume, inode, bufferOf(bytes));
  const { folder, key } = place;
  exchange(volume, folder, [{ key, after: { folder, name: place.entry?.name ?? place.name, inode } }]);
}

function changeMode(volume: Volume, path: string, mode: number): void {
  const call = { name: 'chmod', path };
  const inode = locate(volume, call, { path, follow: false }).entry?.inode;
  if (inode === undefined) throw refuse('ENOENT', call);
  inode.mode = mode & 0o7777;
  inode.ctimeMs = timeOf(volume);
  if (inode.kind === 'file' && inode.durable !== undefined) {
    inode.durable = { ...inode.durable, mode: inode.mode, ctimeMs: inode.ctimeMs };
  }
}

function removeTree(volume: Volume, path: string): void {
  const inside = names.peel(volume, path);
  for (const name of inside) removeTree(volume, `${path}/${name}`);
  if (inside.length > 0) names.removeFolder(volume, path);
}

interface Spot {
  readonly inode: Inode;
  readonly path: string;
  readonly own: boolean;
}

function collect(volume: Volume, { inode, path, own }: Spot, found: Listed[]): void {
  if (path !== '') {
    if (inode.kind === 'file') found.push({ path, kind: 'file', bytes: inode.content });
    else found.push({ path, kind: inode.kind });
  }
  if (inode.kind !== 'folder') return;
  for (const [key, entry] of inode.entries) {
    if (path === '' && key === '.rtsync' && !own) continue;
    const below = path === '' ? entry.name : `${path}/${entry.name}`;
    collect(volume, { inode: entry.inode, path: below, own }, found);
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  if (bytes.length === 0) return NOTHING;
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
