/**
 * Files give up their names for places in the trash. Known at each step: the version has its place, and would have it
 * after a power cut, before its name goes; what another program put under the name meanwhile gets it back.
 */
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import type { LocalPath } from '../core/path.ts';
import type { LocalStamp } from '../core/tree.ts';
import { isCode, type RtsyncError } from '../lib/errors.ts';
import { look } from './apply.ts';
import { changed, codeOf, diskError, isMissing, lacksHardLinks } from './fault.ts';
import type { Ground } from './ground.ts';
import { heldFile } from './held.ts';
import { absolute, checkParents, checkPath } from './names.ts';
import { sameContent, sameVersion } from './stamp.ts';
import { copyDurably, type Drawer } from './trash.ts';

export interface Version {
  readonly path: LocalPath;
  readonly expected: LocalStamp;
}

/**
 * All of them get their places, the trash is synced once, then their names go. Gives the failures; those files stand
 * as they stood. Missing ones are fine. The folders that lose the names are the caller's to sync.
 */
export async function retire(
  ground: Ground,
  drawer: Drawer,
  files: readonly Version[],
): Promise<readonly RtsyncError[]> {
  const errors: RtsyncError[] = [];
  const attempt = async (path: LocalPath, deed: () => Promise<void>): Promise<void> => {
    try {
      await deed();
    } catch (error) {
      errors.push(diskError(error, path, 'remove'));
    }
  };
  const held: Held[] = [];
  for (const file of files) {
    await attempt(file.path, async () => {
      const one = await hold(ground, drawer, file);
      if (one !== undefined) held.push(one);
    });
  }
  let synced: Promise<void> | undefined;
  for (const one of held) {
    await attempt(one.path, async () => {
      synced ??= drawer.sync();
      await letGo(ground, drawer, { ...one, synced });
      ground.onTrashed?.(one.path, one.slot);
    });
  }
  return errors;
}

export function isGone(ground: Ground, path: LocalPath): boolean {
  try {
    return look(ground, path) === undefined;
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}

/** A version with a place in the trash, and still with its name. */
interface Held extends Version {
  readonly file: string;
  readonly slot: string;
  /** `rename`: the slot is free still, since the disk has no hard links. */
  readonly by: 'link' | 'copy' | 'rename';
}

async function hold(ground: Ground, drawer: Drawer, { path, expected }: Version): Promise<Held | undefined> {
  checkPath(path, ground.caseInsensitive);
  if (isGone(ground, path)) return undefined;
  checkParents(ground, path);
  if (!sameVersion(look(ground, path), expected)) throw differs(path);
  const file = absolute(ground.root, path);
  const slot = drawer.slot(path);
  try {
    const by = await fill(ground, file, slot);
    const kept = by === 'link' ? ground.disk.lstatSync(slot) : look(ground, path);
    if (kept === undefined || !sameContent(kept, expected)) throw differs(path);
    return { path, expected, file, slot, by };
  } catch (error) {
    drawer.drop(slot);
    throw error;
  }
}

async function fill({ disk }: Ground, file: string, slot: string): Promise<Held['by']> {
  try {
    await disk.link(file, slot);
    return 'link';
  } catch (error) {
    if (lacksHardLinks(error)) return 'rename';
    if (codeOf(error) !== 'EXDEV') throw error;
    await copyDurably(disk, file, slot);
    return 'copy';
  }
}

async function letGo(
  ground: Ground,
  drawer: Drawer,
  held: Held & { readonly synced: Promise<void> },
): Promise<void> {
  const { path, expected, slot, by } = held;
  try {
    await held.synced;
    const now = look(ground, path);
    if (now === undefined || !sameContent(now, expected)) throw differs(path);
    if (by === 'link') await takeName(ground, held);
    else if (by === 'rename') await renameAway(ground, held);
    else copied(ground, held);
  } catch (error) {
    // The name was not given up, so the trash must not tell of it; but what may be the last of its version stays.
    const spare = by !== 'rename' && (isCode(error, 'changed') || look(ground, path)?.ino === expected.ino);
    if (spare || ground.disk.lstatSync(slot) === undefined) drawer.drop(slot);
    throw error;
  }
}

/** By a rename, which shows what really stood there; an unlink would not tell. */
async function takeName(ground: Ground, { path, expected, file, slot }: Held): Promise<void> {
  const { disk } = ground;
  const aside = heldFile(ground, expected);
  disk.renameSync(file, aside);
  const taken = disk.lstatSync(aside);
  if (taken !== undefined && sameContent(taken, expected)) {
    disk.unlinkSync(aside);
    return;
  }
  if (!(await putBack(ground, aside, file))) disk.renameSync(aside, `${dirname(slot)}/${randomUUID()}`);
  throw differs(path);
}

/** RACE: a write between the last look and the unlink is lost; only where the trash lies on another disk. */
function copied(ground: Ground, { path, expected, file }: Held): void {
  if (!sameVersion(look(ground, path), expected)) throw differs(path);
  ground.disk.unlinkSync(file);
}

/** RACE: a power cut before the sync may lose both names on a disk that does not keep a rename whole. */
async function renameAway(ground: Ground, { path, expected, file, slot }: Held): Promise<void> {
  await ground.disk.rename(file, slot);
  const taken = ground.disk.lstatSync(slot);
  if (taken === undefined || !sameContent(taken, expected)) {
    await putBack(ground, slot, file);
    throw differs(path);
  }
  await ground.syncFolder(dirname(slot));
}

/** Another version had taken the name before the rename: it goes back, unless yet another one stands there now (false). */
async function putBack(ground: Ground, from: string, file: string): Promise<boolean> {
  const { disk } = ground;
  try {
    await disk.link(from, file);
    await ground.syncFolder(dirname(file));
    await disk.unlink(from);
    return true;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    if (!lacksHardLinks(error) || disk.lstatSync(file) !== undefined) return false;
    disk.renameSync(from, file);
    return true;
  }
}

function differs(path: LocalPath): RtsyncError {
  return changed(path, 'changed since it was looked at');
}
