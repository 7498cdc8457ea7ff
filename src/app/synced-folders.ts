/** Which folders are synced with the state of one state folder: each database has its folder's path beside it. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Config } from '../config.ts';
import { readMarker } from '../local/own.ts';

const ENDING = '.folder';

/** `file`: the pair's database, `root`: its folder (real path). That it fails is no reason to stop. */
export async function noteFolder(file: string, root: string): Promise<void> {
  await writeFile(`${file}${ENDING}`, root, { mode: 0o600 }).catch(() => undefined);
}

/** Roots of pairs below `root` that still carry their mark. */
export async function foldersInside(
  { stateDir }: Pick<Config, 'stateDir'>,
  root: string,
): Promise<readonly string[]> {
  const names = await readdir(stateDir).catch(() => []);
  const notes = names.filter((name) => name.endsWith(ENDING));
  const folders = await Promise.all(
    notes.map((name) => readFile(join(stateDir, name), 'utf8').catch(() => '')),
  );
  const above = root.endsWith(sep) ? root : root + sep;
  return folders.filter((folder) => folder.startsWith(above) && isPair(folder));
}

/** Whether a folder carries the mark of a pair. */
export function isPair(folder: string): boolean {
  try {
    return readMarker(folder) !== undefined;
  } catch {
    // One that cannot be understood is one all the same.
    return true;
  }
}
