/**
 * What the WebDAV face knows of its folder: ids and etags, as the Nextcloud server's database does. An etag changes with
 * anything below it, up to the root, which is how its client sees by one request that nothing changed.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface DavNode {
  readonly id: number;
  etag: number;
  size: number;
  /** Seconds since the epoch. */
  mtime: number;
  /** Undefined: a file. */
  readonly children: Map<string, DavNode> | undefined;
}

export interface DavTree {
  find(path: readonly string[]): DavNode | undefined;
  /** Reads one entry from the disk again, without what is below a folder that is known. */
  refresh(path: readonly string[]): DavNode | undefined;
  /** Reads a folder's entries from the disk again. */
  reread(path: readonly string[]): void;
  remove(path: readonly string[]): void;
  move(from: readonly string[], to: readonly string[]): void;
}

export function readTree(root: string): DavTree {
  let last = 0;
  const next = (): number => {
    last += 1;
    return last;
  };

  const load = (path: readonly string[]): DavNode | undefined => {
    const stats = statSync(join(root, ...path), { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const id = next();
    const mtime = Math.floor(stats.mtimeMs / 1000);
    if (!stats.isDirectory()) return { id, etag: id, size: stats.size, mtime, children: undefined };
    const children = new Map<string, DavNode>();
    for (const name of readdirSync(join(root, ...path))) {
      const child = load([...path, name]);
      if (child !== undefined) children.set(name, child);
    }
    return { id, etag: id, size: 0, mtime, children };
  };

  const top = load([]);
  if (top === undefined) throw new Error(`${root} is missing`);

  const find = (path: readonly string[]): DavNode | undefined => {
    let node: DavNode | undefined = top;
    for (const name of path) node = node?.children?.get(name);
    return node;
  };
  const bump = (path: readonly string[]): void => {
    const etag = next();
    for (let depth = 0; depth <= path.length; depth += 1) {
      const node = find(path.slice(0, depth));
      if (node !== undefined) node.etag = etag;
    }
  };
  const put = (path: readonly string[], node: DavNode | undefined): void => {
    const siblings = find(path.slice(0, -1))?.children;
    const name = path.at(-1) ?? '';
    if (node === undefined) siblings?.delete(name);
    else siblings?.set(name, node);
  };

  const refresh = (path: readonly string[]): DavNode | undefined => {
    const before = find(path);
    const now = load(path);
    // A file that is written anew stays the same file.
    const node = before !== undefined && now !== undefined && !now.children ? { ...now, id: before.id } : now;
    put(path, node);
    bump(path);
    return find(path);
  };

  return {
    find,
    refresh,
    reread: (path) => {
      const names = new Set(readdirSync(join(root, ...path)));
      const known = find(path)?.children ?? new Map<string, DavNode>();
      for (const name of [...known.keys()]) if (!names.has(name)) known.delete(name);
      for (const name of names) {
        const stats = statSync(join(root, ...path, name));
        const node = known.get(name);
        const same = node !== undefined && (node.children || node.size === stats.size);
        if (!same) refresh([...path, name]);
      }
      bump(path);
    },
    remove: (path) => {
      put(path, undefined);
      bump(path.slice(0, -1));
    },
    move: (from, to) => {
      const node = find(from);
      put(from, undefined);
      put(to, node);
      bump(from.slice(0, -1));
      bump(to);
    },
  };
}
