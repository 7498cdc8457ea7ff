/** Looks at folders and trashes from outside, with none of the code that synced them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { composed, digestOf } from './ledger.ts';

export interface Inspector {
  /** Digest of each file by composed path; folders end in a slash and have the digest ''. `.rtsync` is left out. */
  tree(root: string): Map<string, string>;
  /** Digests of all files below, `.rtsync` included. A folder that is missing holds none. */
  digests(folder: string): Set<string>;
}

/** Digests are remembered by inode and times, so that a trash that only grows costs little. */
export function createInspector(): Inspector {
  const known = new Map<string, string>();
  const digest = (file: string): string => {
    const { ino, size, mtimeMs, ctimeMs } = statSync(file);
    const key = `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
    const found = known.get(key) ?? digestOf(readFileSync(file));
    // What changed a moment ago may change again within the clock's grain.
    if (Date.now() - ctimeMs > 1_000) known.set(key, found);
    return found;
  };
  const walk = (root: string, dir: string, see: (path: string, file: string | undefined) => void): void => {
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
      const path = dir === '' ? entry.name : `${dir}/${entry.name}`;
      if (entry.isFile()) see(path, join(root, path));
      if (!entry.isDirectory()) continue;
      see(path, undefined);
      if (path !== '.rtsync') walk(root, path, see);
    }
  };
  return {
    tree(root) {
      const found = new Map<string, string>();
      walk(root, '', (path, file) => {
        if (path === '.rtsync') return;
        if (file === undefined) found.set(`${composed(path)}/`, '');
        else found.set(composed(path), digest(file));
      });
      return found;
    },
    digests(folder) {
      const found = new Set<string>();
      if (statSync(folder, { throwIfNoEntry: false }) === undefined) return found;
      walk(folder, '', (_path, file) => {
        if (file !== undefined) found.add(digest(file));
      });
      return found;
    },
  };
}

/** How two trees differ; empty when they are equal. */
export function differencesOf(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
  [here, there]: readonly [string, string],
): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].sort().flatMap((path) => {
    if (!one.has(path)) return [`${path}: only in ${there}`];
    if (!other.has(path)) return [`${path}: only in ${here}`];
    return one.get(path) === other.get(path) ? [] : [`${path}: contents differ in ${here} and ${there}`];
  });
}

/** Files below a folder, relative; empty when it is missing. */
export function filesIn(folder: string): string[] {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(folder, path), { throwIfNoEntry: false })?.isFile(),
  );
}
