/** The two files that change what a folder means to the walk: an ignore file, and another pair's marker. */
import { closeSync, type Dirent, lstatSync, openSync, readFileSync } from 'node:fs';
import { type DirPath, joinLocal, type LocalDir, ROOT } from '../core/path.ts';
import { RtsyncError } from '../lib/errors.ts';
import { READ_FLAGS } from './digest.ts';
import { isMissing } from './fault.ts';
import { absolute, IGNORE_FILE, OWN_FOLDER } from './names.ts';
import { type LocalNode, type Pass, unreadable } from './pass.ts';

const IGNORE_FILE_LIMIT = 1024 * 1024;

export function holdsOtherPair(pass: Pass, local: LocalDir, entries: readonly Dirent[]): boolean {
  if (!entries.some(({ name }) => name === OWN_FOLDER)) return false;
  const marker = absolute(pass.root, joinLocal(joinLocal(local, OWN_FOLDER), 'pair.json'));
  try {
    return lstatSync(marker, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** Without its ignore file a folder would give away what shall stay here, so an unreadable one makes it `unknown`. */
export function readIgnoreFile(
  pass: Pass,
  spot: { readonly local: LocalDir; readonly path: DirPath },
  entries: readonly Dirent[],
): LocalNode | undefined {
  if (!entries.some((entry) => entry.name === IGNORE_FILE && !entry.isDirectory())) return undefined;
  const file = absolute(pass.root, joinLocal(spot.local, IGNORE_FILE));
  try {
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) return undefined;
    if (stats.size > IGNORE_FILE_LIMIT)
      return unreadable(pass, spot.path, `its ${IGNORE_FILE} is larger than 1 MiB`);
    const fd = openSync(file, READ_FLAGS);
    try {
      const text = readFileSync(fd, 'utf8');
      pass.ignoreFiles.set(spot.path, text);
      if (pass.known.get(spot.path) !== text) pass.rules = pass.rules.withFile(spot.path, text);
    } finally {
      closeSync(fd);
    }
    return undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (spot.path === ROOT)
      throw new RtsyncError('halted', `${file} cannot be read; nothing is synced until it can`);
    return unreadable(pass, spot.path, `its ${IGNORE_FILE} cannot be read`);
  }
}
