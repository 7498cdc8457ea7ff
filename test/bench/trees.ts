/** The trees of the benchmark: N files of 1–20 KiB in D folders; the same bytes every time. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TreeSize {
  readonly name: string;
  readonly files: number;
  readonly folders: number;
}

export const SIZES: readonly TreeSize[] = [
  { name: 'T0', files: 200, folders: 20 },
  { name: 'T1', files: 1_000, folders: 100 },
  { name: 'T2', files: 10_000, folders: 500 },
  { name: 'T3', files: 100_000, folders: 5_000 },
];

/** All folders lie directly below the root, so that D folders cost D requests. */
export function makeTree(root: string, { files, folders }: TreeSize): void {
  for (let folder = 0; folder < folders; folder += 1) {
    mkdirSync(join(root, `d${folder}`), { recursive: true });
    for (let file = folder; file < files; file += folders) {
      const size = 1_024 + ((file * 7_919) % 19_456);
      writeFileSync(join(root, `d${folder}`, `f${file}.txt`), Buffer.alloc(size, `content ${file} `));
    }
  }
}

/** A quarter each of edits, additions, deletions and renames, `count` in all. */
export function editSome(root: string, { files, folders }: TreeSize, count: number, mark: string): string[] {
  const commands: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const file =
      (i * Math.floor(files / count) + (mark === 'there' ? Math.floor(files / count / 2) : 0)) % files;
    const path = join(root, `d${file % folders}`, `f${file}.txt`);
    if (i % 4 === 0) writeFileSync(path, `edited ${mark} ${i}\n`);
    else if (i % 4 === 1)
      writeFileSync(join(root, `d${file % folders}`, `added-${mark}-${i}.txt`), `added ${i}\n`);
    else commands.push(path);
  }
  return commands;
}
