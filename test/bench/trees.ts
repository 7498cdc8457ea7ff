/**
 * The trees of the benchmark: N files of 1–20 KiB in D folders, the same bytes every time; and what one in a hundred
 * means: a quarter each of edits, additions, deletions and renames, on each side, none of them meeting the other's.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface TreeSize {
  readonly name: string;
  readonly files: number;
  /** All of them directly below the root, so that D folders cost D requests. */
  readonly folders: number;
}

/** T0 is for trying the benchmark out. T4, the large files, is a goal of its own. */
export const SIZES: readonly TreeSize[] = [
  { name: 'T0', files: 200, folders: 20 },
  { name: 'T1', files: 1_000, folders: 100 },
  { name: 'T2', files: 10_000, folders: 500 },
  { name: 'T3', files: 100_000, folders: 5_000 },
];

export function makeTree(root: string, size: TreeSize): void {
  for (let folder = 0; folder < size.folders; folder += 1) {
    mkdirSync(join(root, `d${folder}`), { recursive: true });
    for (let file = folder; file < size.files; file += size.folders) writeOriginal(root, size, file);
  }
}

/**
 * Reads everything once, since a cold page cache makes the large tree eight times slower, and lets the disk finish what
 * was written to make it.
 */
export function warm(root: string): void {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) readFileSync(join(entry.parentPath, entry.name));
  }
  spawnSync('sync');
}

export type Side = 'here' | 'there';

export interface Change {
  readonly kind: 'edit' | 'add' | 'delete' | 'rename';
  /** Number of the file that it is about, or beside which it adds one. */
  readonly file: number;
  readonly path: string;
  /** New name of a rename. */
  readonly to: string;
}

/** Changes of each kind on each side: a quarter of 1 % of the files, at least one. */
export function quarterOf(size: TreeSize): number {
  return Math.max(1, Math.floor(size.files / 400));
}

export function changesOf(size: TreeSize, side: Side): readonly Change[] {
  const count = 4 * quarterOf(size);
  const step = Math.floor(size.files / count);
  const offset = side === 'there' ? Math.floor(step / 2) : 0;
  return Array.from({ length: count }, (_, i) => {
    const kind = (['edit', 'add', 'delete', 'rename'] as const)[i % 4] ?? 'edit';
    const file = (i * step + offset) % size.files;
    const path =
      kind === 'add' ? join(`d${file % size.folders}`, `added-${side}-${i}.txt`) : pathOf(size, file);
    return { kind, file, path, to: `${path}.renamed-${side}` };
  });
}

export function applyChanges(root: string, size: TreeSize, side: Side): void {
  for (const { kind, path, to } of changesOf(size, side)) {
    const name = join(root, path);
    if (kind === 'edit' || kind === 'add') writeFileSync(name, `${kind} ${side} ${path}\n`);
    else if (kind === 'delete') rmSync(name);
    else renameSync(name, join(root, to));
  }
}

/** The tree as it was made, after the changes of both sides arrived in it. */
export function undoChanges(root: string, size: TreeSize): void {
  for (const side of ['here', 'there'] as const) {
    for (const { kind, file, path, to } of changesOf(size, side)) {
      rmSync(join(root, to), { force: true });
      if (kind === 'add') rmSync(join(root, path), { force: true });
      else writeOriginal(root, size, file);
    }
  }
}

/** Folders that the changes of a side touch. */
export function touched(size: TreeSize, side: Side): readonly string[] {
  return [...new Set(changesOf(size, side).map(({ path }) => dirname(path)))];
}

/** First path that only one of two trees has, or has in another size; undefined: they are equal. */
export function firstDifference(one: string, other: string): string | undefined {
  const a = inventory(one);
  const b = inventory(other);
  for (const [path, size] of a) if (b.get(path) !== size) return path;
  for (const path of b.keys()) if (!a.has(path)) return path;
  return undefined;
}

/** Paths and sizes, without what the contestants keep for themselves. */
function inventory(root: string): Map<string, number> {
  const found = new Map<string, number>();
  const walk = (dir: string): void => {
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = join(dir, entry.name);
      if (entry.isDirectory()) walk(path);
      else found.set(path, statSync(join(root, path)).size);
    }
  };
  walk('');
  return found;
}

function pathOf(size: TreeSize, file: number): string {
  return join(`d${file % size.folders}`, `f${file}.txt`);
}

function writeOriginal(root: string, size: TreeSize, file: number): void {
  const bytes = 1_024 + ((file * 7_919) % 19_456);
  writeFileSync(join(root, pathOf(size, file)), Buffer.alloc(bytes, `content ${file} `));
}
