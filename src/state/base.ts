/** The base as rows and as a tree; both follow the same changes. */
import type { Database } from 'better-sqlite3';
import type { BaseChange, BaseFolder, BaseNode, BaseStamp, BaseTree } from '../core/base.ts';
import { compactBase, compactChildren } from '../core/compact.ts';
import { draftOf } from '../core/draft.ts';
import { type DirPath, isWithin, nameOf, parentOf, type RelPath, ROOT } from '../core/path.ts';
import type { DateWitness, Node } from '../core/tree.ts';
import { RtsyncError } from '../lib/errors.ts';
import { Damaged } from './database.ts';
import { statement } from './statement.ts';

const FILE = 0;
const FOLDER = 1;

type Row = readonly [
  path: string,
  kind: number,
  digest: string | null,
  size: number | null,
  ino: number | null,
  mtime: number | null,
  ctime: number | null,
  dateFrom: number | null,
  dateTo: number | null,
];

/** Throws `Damaged` for rows that make no sense. */
export function loadBase(db: Database): BaseTree {
  const all = statement(
    db,
    'SELECT path, kind, lower(hex(digest)), size, ino, mtime, ctime, date_from, date_to FROM base ORDER BY path',
    'array',
  );
  const rows = all.iterate() as IterableIterator<Row>;
  const root: Open = { path: ROOT, ino: undefined, children: new Map() };
  // From the root to the folder that is being filled. What stands below a folder stands together in this order.
  const open: Open[] = [root];
  const innermost = (): Open => open[open.length - 1] ?? root;
  const close = (): void => {
    const { path, ino, children } = open.pop() as Open;
    const node: BaseFolder = { kind: 'folder', children: compactChildren.base(children) };
    innermost().children.set(nameOf(path as RelPath), ino === undefined ? node : { ...node, ino });
  };
  const enter = (path: DirPath): Open => {
    while (!isWithin(path, innermost().path)) close();
    const at = innermost();
    if (at.path === path) return at;
    const above = enter(parentOf(path as RelPath));
    const known = above.children.get(nameOf(path as RelPath));
    const ino = known?.kind === 'folder' ? known.ino : undefined;
    open.push({ path, ino, children: new Map() });
    return innermost();
  };
  for (const row of rows) {
    const path = row[0] as RelPath;
    const { children } = enter(parentOf(path));
    if (row[1] !== FOLDER) children.set(nameOf(path), { kind: 'file', stamp: stampOf(row) });
    else children.set(nameOf(path), { kind: 'folder', children: new Map(), ...inode(row[4]) });
  }
  while (open.length > 1) close();
  return compactBase({ kind: 'folder', children: root.children });
}

/** A folder that is being filled. */
interface Open {
  readonly path: DirPath;
  readonly ino: number | undefined;
  readonly children: Map<string, BaseNode>;
}

function inode(ino: number | null): { readonly ino?: number } {
  return ino === null ? {} : { ino };
}

function stampOf([path, , digest, size, ino, mtimeMs, ctimeMs, from, to]: Row): BaseStamp {
  if (
    digest === null ||
    size === null ||
    ino === null ||
    mtimeMs === null ||
    ctimeMs === null ||
    from === null
  ) {
    throw new Damaged(`the base holds half a row for ${path}`);
  }
  const date: DateWitness = to === null ? from : [from, to];
  return { digest, size, ino, mtimeMs, ctimeMs, date };
}

/** The tree after these changes, in order. Each touched folder is copied once, whatever the number of changes. */
export function changedBase(tree: BaseTree, changes: readonly BaseChange[]): BaseTree {
  if (changes.length === 0) return tree;
  const draft = draftOf(tree);
  const drop = (path: RelPath): void => {
    if (draft.at(path) !== undefined) draft.set(path, undefined);
  };
  for (const change of changes) {
    switch (change.kind) {
      case 'file':
        draft.set(change.path, { kind: 'file', stamp: change.stamp });
        break;
      case 'folder':
        putFolder(draft.at(change.path), change.ino, (node) => draft.set(change.path, node));
        break;
      case 'forget':
        drop(change.path);
        break;
      case 'move': {
        const node = draft.at(change.from);
        if (node === undefined) break;
        drop(change.from);
        draft.set(change.to, node);
        break;
      }
    }
  }
  return draft.tree();
}

/** A folder that is known keeps its children, and stays the same object when nothing is new. */
function putFolder(old: Node<BaseStamp> | undefined, ino: number, put: (node: BaseFolder) => void): void {
  if (old?.kind !== 'folder') put({ kind: 'folder', children: new Map(), ino });
  else if (old.ino !== ino) put({ kind: 'folder', children: old.children, ino });
}

export interface BaseRows {
  /** Before the first change of a transaction, with its time (epoch milliseconds). */
  begin(now: number): void;
  apply(change: BaseChange): void;
}

export function baseRows(db: Database): BaseRows {
  const put = putRow(db);
  let at = 0;
  const one = statement(db, 'DELETE FROM base WHERE path = ?');
  // "0" follows "/" in byte order, so this is everything below and nothing else; names may hold what LIKE would expand.
  const below = statement(db, "DELETE FROM base WHERE path > @path || '/' AND path < @path || '0'");
  const exists = statement(
    db,
    "SELECT 1 FROM base WHERE path = @path OR (path > @path || '/' AND path < @path || '0') LIMIT 1",
  );
  const rename = statement(
    db,
    `UPDATE base SET path = @to || substr(path, length(@from) + 1), at = @at
    WHERE path = @from OR (path > @from || '/' AND path < @from || '0')`,
  );
  const fileAt = statement(db, `DELETE FROM base WHERE path = ? AND kind = ${FILE}`);
  // The folder of the change before: its parents were looked at already.
  let clearedFor: DirPath | undefined;
  /** A file cannot hold entries: where it did become a folder unnoticed, its row must not come back to life. */
  const clearParents = (path: RelPath): void => {
    const parent = parentOf(path);
    if (parent !== clearedFor) for (let at = parent; at !== ''; at = parentOf(at)) fileAt.run(at);
    clearedFor = parent;
  };
  const forget = (path: string): void => {
    below.run({ path });
    one.run(path);
  };
  return {
    begin: (now) => {
      at = now;
      clearedFor = undefined;
    },
    apply: (change) => {
      switch (change.kind) {
        case 'file':
          clearParents(change.path);
          below.run({ path: change.path });
          put(change, at);
          break;
        case 'folder':
          clearParents(change.path);
          put(change, at);
          break;
        case 'forget':
          forget(change.path);
          break;
        case 'move': {
          const { from, to } = change;
          if (isWithin(to, from)) throw new RtsyncError('bug', `the base cannot move "${from}" into itself`);
          if (exists.get({ path: from }) === undefined) break;
          // No path begins with a slash: the rows wait there, in case what is replaced holds them.
          rename.run({ from, to: '/moving', at });
          clearParents(to);
          clearedFor = undefined;
          forget(to);
          rename.run({ from: '/moving', to, at });
          break;
        }
      }
    },
  };
}

type PutRow = (change: BaseChange & { readonly kind: 'file' | 'folder' }, at: number) => void;

function putRow(db: Database): PutRow {
  const put = statement(
    db,
    `INSERT OR REPLACE INTO base
    (path, kind, digest, size, ino, mtime, ctime, date_from, date_to, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  // Of a folder that was known only the inode is new: what it holds is no younger for that.
  const putFolder = statement(
    db,
    `INSERT INTO base (path, kind, ino, at) VALUES (@path, ${FOLDER}, @ino, @at) ON CONFLICT (path) DO UPDATE SET
    kind = ${FOLDER}, digest = NULL, size = NULL, ino = @ino, mtime = NULL, ctime = NULL, date_from = NULL,
    date_to = NULL, at = CASE kind WHEN ${FOLDER} THEN at ELSE @at END`,
  );
  return (change, at) => {
    if (change.kind === 'folder') {
      putFolder.run({ path: change.path, ino: change.ino, at });
      return;
    }
    const { digest, size, ino, mtimeMs, ctimeMs, date } = change.stamp;
    const [from, to] = typeof date === 'number' ? [date, null] : date;
    put.run(change.path, FILE, Buffer.from(digest, 'hex'), size, ino, mtimeMs, ctimeMs, from, to, at);
  };
}
