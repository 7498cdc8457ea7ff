/** One side of a pair on a test's disk: the local folder, or the folder that the server serves. */
import { chmod, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { contents } from '../../src/cli/demo/equal.ts';

export interface Side {
  readonly root: string;
  at(path: string): string;
  /** Parents are made. */
  write(path: string, content: string | Buffer): Promise<void>;
  /** Paths and contents. */
  fill(files: Readonly<Record<string, string>>): Promise<void>;
  makeFolder(path: string): Promise<void>;
  read(path: string): Promise<string>;
  remove(...paths: string[]): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** The same content with a date of its own, far from any other. */
  touch(path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  /** Everything but `.rtsync`, sorted; folders end with a slash. */
  paths(): Promise<string[]>;
  /** Paths of conflict copies. */
  copies(): Promise<string[]>;
  /** Contents of all files in this side's trash, sorted. */
  trash(): Promise<string[]>;
  /** Everything of ours that must not stay: temporaries here, staged and scratch files there. */
  litter(): Promise<string[]>;
  /** Empties the folder, `.rtsync` included when `all`. */
  empty(how?: { readonly all: boolean }): Promise<void>;
}

export function sideAt(root: string): Side {
  const at = (path: string): string => join(root, path);
  const write = async (path: string, content: string | Buffer): Promise<void> => {
    await mkdir(dirname(at(path)), { recursive: true });
    await writeFile(at(path), content);
  };
  return {
    root,
    at,
    write,
    fill: async (files) => {
      for (const [path, content] of Object.entries(files)) await write(path, content);
    },
    makeFolder: async (path) => {
      await mkdir(at(path), { recursive: true });
    },
    read: (path) => readFile(at(path), 'utf8'),
    remove: async (...paths) => {
      for (const path of paths) await rm(at(path), { recursive: true });
    },
    rename: async (from, to) => {
      await mkdir(dirname(at(to)), { recursive: true });
      await rename(at(from), at(to));
    },
    touch: async (path) => {
      const date = new Date(Date.now() - 7_200_000);
      await utimes(at(path), date, date);
    },
    chmod: (path, mode) => chmod(at(path), mode),
    paths: async () =>
      [...(await contents(root))].map(([path, digest]) => (digest === '' ? `${path}/` : path)).sort(),
    copies: async () =>
      [...(await contents(root)).keys()].filter((path) => path.includes('(conflict ')).sort(),
    trash: () => textsBelow(at('.rtsync/trash')),
    litter: async () => [
      ...(await filesBelow(at('.rtsync/tmp'))),
      ...(await filesBelow(at('.rtsync/staging'))),
      ...(await namesIn(at('.rtsync'))).filter((name) => name.startsWith('probe-')),
    ],
    empty: async (how = { all: false }) => {
      for (const name of await readdir(root))
        if (how.all || name !== '.rtsync') await rm(join(root, name), { recursive: true });
    },
  };
}

async function textsBelow(folder: string): Promise<string[]> {
  const files = await filesBelow(folder);
  return (await Promise.all(files.map((file) => readFile(file, 'utf8')))).sort();
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(ifMissing);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(ifMissing);
}

function ifMissing(error: unknown): never[] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
  throw error;
}
