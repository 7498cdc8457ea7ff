/** Random edits of a folder, as people and programs make them; the same for the same seed. */
import { readdirSync, statSync } from 'node:fs';
import { appendFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A small seeded generator (mulberry32): numbers in [0, 1). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Relative paths of all files below a folder, `.rtsync` left out. */
export async function filesBelow(root: string): Promise<string[]> {
  return entriesBelow(root).filter((path) => !statSync(join(root, path)).isDirectory());
}

function entriesBelow(root: string): string[] {
  const entries = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return entries.filter((path) => path !== '.rtsync' && !path.startsWith('.rtsync/')).sort();
}

export interface Edits {
  edited: number;
  added: number;
  deleted: number;
  renamed: number;
  foldersRenamed: number;
}

/** Contents carry the seed, so that two people never write the same by chance. */
export async function randomEdits(root: string, count: number, seed: number): Promise<Edits> {
  const random = randomFrom(seed);
  const edits: Edits = { edited: 0, added: 0, deleted: 0, renamed: 0, foldersRenamed: 0 };
  for (let i = 0; i < count; i += 1) {
    const all = entriesBelow(root);
    const folders = all.filter((path) => statSync(join(root, path)).isDirectory());
    const files = all.filter((path) => !folders.includes(path));
    const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)] ?? '';
    const file = join(root, pick(files));
    const what = random();
    if (what < 0.3) {
      await appendFile(file, `edited ${seed}/${i}\n`);
      edits.edited += 1;
    } else if (what < 0.55) {
      const fresh = join(
        root,
        dirname(pick(files)),
        random() < 0.3 ? `new folder ${i}` : '',
        `added ${seed}-${i}.txt`,
      );
      await mkdir(dirname(fresh), { recursive: true });
      await writeFile(fresh, `added by ${seed}/${i}\n`);
      edits.added += 1;
    } else if (what < 0.75) {
      await rm(file);
      edits.deleted += 1;
    } else if (what < 0.97 || folders.length < 4) {
      await rename(file, join(root, dirname(pick(files)), `renamed ${seed}-${i}`));
      edits.renamed += 1;
    } else {
      const folder = pick(folders);
      await rename(join(root, folder), join(root, `${folder} renamed ${seed}-${i}`));
      edits.foldersRenamed += 1;
    }
  }
  return edits;
}
