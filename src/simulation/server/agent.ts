/**
 * Others who write to the same storage without HTTP: agents in sandboxes, through a mount, at any moment. Each call is
 * one instant. Paths are relative to the top, with or without a leading slash. What cannot be done is not done: false.
 */
import { isOwn } from './changes.ts';
import {
  type Act,
  below,
  fill,
  lookAt,
  makeFolder,
  relocate,
  type Segments,
  type SimFile,
  type SimFolder,
  type SimNode,
  type Spot,
  unlink,
  writeAt,
} from './store.ts';

export interface SimEntry {
  readonly path: string;
  readonly kind: 'file' | 'folder';
  /** Undefined for a folder. */
  readonly bytes: Uint8Array | undefined;
  /** Epoch milliseconds of the server's clock, unrounded. */
  readonly date: number;
}

export interface SimAgentWriting {
  /** Writes the rest through the handle that is open since the start, wherever the file is by now. */
  finish(rest: Uint8Array): void;
}

export interface SimAgent {
  /** Overwrites in place; makes missing folders. False when a folder has the name or a file is on the way. */
  write(path: string, bytes: Uint8Array): boolean;
  /** As `write`, but more is to come; none comes where `write` would be false. */
  startWrite(path: string, bytes: Uint8Array): SimAgentWriting;
  /** A file or an empty folder. */
  remove(path: string): boolean;
  removeTree(path: string): boolean;
  /** A file or a folder. False when nothing is there, the target is taken or lies inside, or its folder is missing. */
  move(from: string, to: string): boolean;
  /** With missing parents. True when the folder stands afterwards. */
  mkdir(path: string): boolean;
  read(path: string): Uint8Array | undefined;
  /** Every entry, parents first; rtsync's own folder only when asked for. */
  list(options?: { readonly own?: boolean }): SimEntry[];
}

export function createAgent(top: SimFolder, now: () => number): SimAgent {
  const act = (): Act => ({ writer: 'agent', at: now(), before: undefined });
  const open = (path: string, bytes: Uint8Array): SimFile | undefined => {
    const place = segmentsOf(path);
    const folder = folderAt(top, act(), place.slice(0, -1));
    const name = place.at(-1);
    if (folder === undefined || name === undefined) return undefined;
    if (folder.entries.get(name)?.kind === 'folder') return undefined;
    return fill(act(), { folder, above: place.slice(0, -1).join('/'), name }, bytes);
  };
  const drop = (path: string, whole: boolean): boolean => {
    const spot = spotOf(top, segmentsOf(path));
    const node = spot?.folder.entries.get(spot.name);
    if (spot === undefined || node === undefined) return false;
    if (node.kind === 'folder' && node.entries.size > 0 && !whole) return false;
    unlink(act(), spot);
    return true;
  };
  return {
    write: (path, bytes) => open(path, bytes) !== undefined,
    startWrite(path, bytes) {
      const file = open(path, bytes);
      const offset = bytes.length;
      return {
        finish(rest) {
          if (file !== undefined) writeAt(act(), file, { path: undefined, offset, bytes: rest });
        },
      };
    },
    remove: (path) => drop(path, false),
    removeTree: (path) => drop(path, true),
    move(from, to) {
      const [source, target] = [spotOf(top, segmentsOf(from)), spotOf(top, segmentsOf(to))];
      if (source?.folder.entries.has(source.name) !== true || target === undefined) return false;
      if (target.folder.entries.has(target.name)) return false;
      const [a, b] = [below(source.above, source.name), below(target.above, target.name)];
      if (b.startsWith(`${a}/`)) return false;
      relocate(act(), source, target);
      return true;
    },
    mkdir: (path) => folderAt(top, act(), segmentsOf(path)) !== undefined,
    read(path) {
      const node = lookAt(top, segmentsOf(path));
      return node?.kind === 'file' ? node.bytes : undefined;
    },
    list: (options) => [...entriesIn(top, '', options?.own ?? false)],
  };
}

function* entriesIn(folder: SimFolder, above: string, own: boolean): Generator<SimEntry> {
  for (const [name, node] of folder.entries) {
    const path = below(above, name);
    if (!own && isOwn(path)) continue;
    yield entryOf(path, node);
    if (node.kind === 'folder') yield* entriesIn(node, path, own);
  }
}

function entryOf(path: string, node: SimNode): SimEntry {
  const bytes = node.kind === 'file' ? node.bytes : undefined;
  return { path, kind: node.kind, bytes, date: node.date };
}

function segmentsOf(path: string): Segments {
  return path.split('/').filter((name) => name !== '');
}

function spotOf(top: SimFolder, place: Segments): Spot | undefined {
  const above = place.slice(0, -1);
  const folder = lookAt(top, above);
  const name = place.at(-1);
  return folder?.kind === 'folder' && name !== undefined
    ? { folder, above: above.join('/'), name }
    : undefined;
}

/** The folder with its missing parents made; undefined when a file is on the way. */
function folderAt(top: SimFolder, act: Act, place: Segments): SimFolder | undefined {
  let folder = top;
  for (const [index, name] of place.entries()) {
    const next = folder.entries.get(name);
    if (next?.kind === 'file') return undefined;
    folder = next ?? makeFolder(act, { folder, above: place.slice(0, index).join('/'), name });
  }
  return folder;
}
