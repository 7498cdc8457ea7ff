/** The remembered remote tree: one row per folder, written only where a folder is not the one that was written last. */
import type { Database } from 'better-sqlite3';
import { compactChildren, compactRemote, sameColumns, unpacked } from '../core/compact.ts';
import { type DirPath, join, ROOT } from '../core/path.ts';
import type { FolderNode, Node, RemoteStamp, RemoteTree } from '../core/tree.ts';
import { Damaged } from './database.ts';
import { statement } from './statement.ts';

type RemoteFolder = FolderNode<RemoteStamp>;
type RemoteNode = Node<RemoteStamp>;

/** One child as JSON: `[key, kind, …, name?]`. */
type Packed =
  | readonly ['f', key: string, size: number, date: RemoteStamp['date'], name?: string]
  | readonly ['d', key: string, name?: string]
  | readonly ['i' | 'u', key: string, why: string, name?: string];

const AT = 'remote.at';

export interface Snapshot {
  readonly at: number;
  readonly tree: RemoteTree;
}

export interface SnapshotRows {
  /** Throws `Damaged` for rows that make no sense. */
  load(): Snapshot | undefined;
  /** To be called inside a transaction. `before`: what the rows hold now. */
  save(at: number, tree: RemoteTree, before: RemoteTree | undefined): void;
}

export function snapshotRows(db: Database): SnapshotRows {
  const put = statement(db, 'INSERT OR REPLACE INTO remote_folder (path, children) VALUES (?, ?)');
  const drop = statement(
    db,
    "DELETE FROM remote_folder WHERE path = @path OR (path > @path || '/' AND path < @path || '0')",
  );
  const clear = statement(db, 'DELETE FROM remote_folder');
  const one = statement(db, 'SELECT children FROM remote_folder WHERE path = ?', 'first');
  const readNote = statement(db, 'SELECT value FROM note WHERE key = ?', 'first');
  const writeNote = statement(db, 'INSERT OR REPLACE INTO note (key, value) VALUES (?, ?)');

  const write = (folder: RemoteFolder, path: DirPath, before: RemoteFolder | undefined): void => {
    if (folder === before) return;
    if (before === undefined || !sameRow(folder, before)) put.run(path, JSON.stringify(pack(folder)));
    for (const [key, old] of before?.children ?? []) {
      if (old.kind === 'folder' && folder.children.get(key)?.kind !== 'folder')
        drop.run({ path: join(path, key) });
    }
    for (const [key, node] of folder.children) {
      if (node.kind !== 'folder') continue;
      const old = before?.children.get(key);
      write(node, join(path, key), old?.kind === 'folder' ? old : undefined);
    }
  };
  return {
    load: () => {
      const at = readNote.get(AT);
      if (typeof at !== 'string') return undefined;
      return { at: Number(at), tree: compactRemote(unpack((path) => one.get(path), ROOT)) };
    },
    save: (at, tree, before) => {
      if (before === undefined) clear.run();
      write(tree, ROOT, before);
      writeNote.run(AT, String(at));
    },
  };
}

/** True when both folders have the same row: their subfolders have rows of their own. */
function sameRow(one: RemoteFolder, other: RemoteFolder): boolean {
  if (one.children.size !== other.children.size) return false;
  // Files at rest are made anew whenever they are asked for: only their columns can be compared.
  const rest = sameColumns(one.children, other.children) ? unpacked(one.children) : one.children;
  for (const [key, node] of rest) {
    const old = other.children.get(key);
    if (old === node) continue;
    if (node.kind !== 'folder' || old?.kind !== 'folder' || old.name !== node.name) return false;
  }
  return true;
}

function pack(folder: RemoteFolder): readonly (readonly unknown[])[] {
  return [...folder.children].map(([key, node]) => {
    const packed = packedNode(key, node);
    return node.name === undefined ? packed : [...packed, node.name];
  });
}

function packedNode(key: string, node: RemoteNode): Packed {
  switch (node.kind) {
    case 'file':
      return ['f', key, node.stamp.size, node.stamp.date];
    case 'folder':
      return ['d', key];
    case 'untracked':
      return ['i', key, node.why];
    case 'unknown':
      return ['u', key, node.why];
  }
}

function unpack(row: (path: DirPath) => unknown, path: DirPath): RemoteFolder {
  const text = row(path);
  if (typeof text !== 'string') throw new Damaged(`the remembered list of "${path}" is missing`);
  const children = new Map<string, RemoteNode>();
  for (const packed of parse(text)) {
    const [kind, key] = packed;
    if (kind === 'd') children.set(key, { ...unpack(row, join(path, key)), ...named(packed[2]) });
    else if (kind === 'f') {
      children.set(key, { kind: 'file', stamp: { size: packed[2], date: packed[3] }, ...named(packed[4]) });
    } else {
      children.set(key, {
        kind: kind === 'i' ? 'untracked' : 'unknown',
        why: packed[2],
        ...named(packed[3]),
      });
    }
  }
  return { kind: 'folder', children: compactChildren.remote(children) };
}

/** Our own rows, whole by SQLite's check: only the outermost shape is looked at. */
function parse(text: string): readonly Packed[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value as readonly Packed[];
  } catch {
    // told below
  }
  throw new Damaged('a remembered list is no list');
}

function named(name: string | undefined): { readonly name?: string } {
  return name === undefined ? {} : { name };
}
