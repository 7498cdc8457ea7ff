/** The two files that change what a folder means to the walk: an ignore file, and another pair's marker. */
import { type DirPath, joinLocal, type LocalDir, ROOT } from '../core/path.ts';
import { RtsyncError } from '../lib/errors.ts';
import { READ_FLAGS, readUpTo } from './digest.ts';
import type { DiskEntry } from './disk.ts';
import { isMissing } from './fault.ts';
import { absolute, IGNORE_FILE, OWN_FOLDER } from './names.ts';
import { type LocalNode, type Pass, unreadable } from './pass.ts';

const IGNORE_FILE_LIMIT = 1024 * 1024;

export function holdsOtherPair(pass: Pass, local: LocalDir, entries: readonly DiskEntry[]): boolean {
  if (!entries.some(({ name }) => name === OWN_FOLDER)) return false;
  const marker = absolute(pass.root, joinLocal(joinLocal(local, OWN_FOLDER), 'pair.json'));
  try {
    return pass.disk.lstatSync(marker) !== undefined;
  } catch {
    return true;
  }
}

/** Without its ignore file a folder would give away what shall stay here, so an unreadable one makes it `unknown`. */
export function readIgnoreFile(
  pass: Pass,
  spot: { readonly local: LocalDir; readonly path: DirPath },
  entries: readonly DiskEntry[],
): LocalNode | undefined {
  if (!entries.some((entry) => entry.name === IGNORE_FILE && !entry.isDirectory())) return undefined;
  const file = absolute(pass.root, joinLocal(spot.local, IGNORE_FILE));
  try {
    const stats = pass.disk.lstatSync(file);
    if (stats === undefined || !stats.isFile()) return undefined;
    if (stats.size > IGNORE_FILE_LIMIT)
      return unreadable(pass, spot.path, `its ${IGNORE_FILE} is larger than 1 MiB`);
    const fd = pass.disk.openSync(file, READ_FLAGS);
    try {
      const text = readUpTo(pass.disk, fd, pass.disk.fstatSync(fd).size).toString('utf8');
      pass.ignoreFiles.set(spot.path, text);
      if (pass.known.get(spot.path) !== text) pass.rules = pass.rules.withFile(spot.path, text);
    } finally {
      pass.disk.closeSync(fd);
    }
    return undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (spot.path === ROOT)
      throw new RtsyncError('halted', `${file} cannot be read; nothing is synced until it can`);
    return unreadable(pass, spot.path, `its ${IGNORE_FILE} cannot be read`);
  }
}
