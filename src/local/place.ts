/**
 * Gives a received temporary its name. Known at each step: the temporary is whole and synced; a new name is taken by
 * `link`, which refuses a taken one; an old version is in the trash, and would be after a power cut, before its name
 * passes on.
 */
import { dirname } from 'node:path';
import type { LocalPath } from '../core/path.ts';
import type { LocalStamp } from '../core/tree.ts';
import { isCode, RtsyncError } from '../lib/errors.ts';
import type { Disk, DiskStats } from './disk.ts';
import { changed, codeOf, diskError, isMissing, lacksHardLinks } from './fault.ts';
import type { Ground } from './ground.ts';
import { heldFile, linkBeside } from './held.ts';
import type { LocalTemporary } from './local.ts';
import { absolute, checkParents, checkPath } from './names.ts';
import { sameContent, sameVersion, stampOf, trusted } from './stamp.ts';
import { type Received, receivedBy, removeIfThere } from './temporary.ts';
import { copyDurably, type Drawer, type Trash } from './trash.ts';

export async function place(
  ground: Ground & { readonly trash: Trash },
  temporary: LocalTemporary,
  target: { readonly path: LocalPath; readonly expected: LocalStamp | undefined },
): Promise<LocalStamp> {
  const { path, expected } = target;
  const received = receivedBy(temporary);
  if (received === undefined)
    throw new RtsyncError('bug', { message: `nothing was received for "${path}"`, path });
  checkPath(path, ground.caseInsensitive);
  try {
    checkParents(ground, path);
    const file = absolute(ground.root, path);
    await received.handle.chmod(expected === undefined ? ground.newFileMode : expected.mode & 0o777);
    await received.handle.sync();
    const ours = await received.handle.stat();
    if (expected === undefined) await takeName(ground, received, path);
    else await replace(ground, received, { path, expected });
    const after = await received.handle.stat();
    await received.placed();
    await Promise.all([ground.parents.sync(path), ground.syncFolder(dirname(file))]);
    return placedStamp(ground, ours, after);
  } catch (error) {
    throw diskError(error, path, 'write');
  }
}

/** Where somebody wrote into our version already, our own stamp is given, so that theirs shows as a change. */
function placedStamp(ground: Ground, ours: DiskStats, after: DiskStats): LocalStamp {
  const stamp = stampOf(after);
  if (sameContent(after, stampOf(ours))) return trusted(stamp, ground.clock.now(), ground.grainMs);
  return { ...stamp, size: ours.size, mtimeMs: ours.mtimeMs, ctimeMs: -1 };
}

async function takeName(ground: Ground, received: Received, path: LocalPath): Promise<void> {
  const file = absolute(ground.root, path);
  try {
    await ground.disk.link(received.file, file);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw changed(path, 'appeared meanwhile');
    if (!lacksHardLinks(error)) throw error;
    await claimName(ground, received, path);
    return;
  }
  await removeIfThere(ground.disk, received.file);
}

/**
 * For file systems without hard links: an empty file claims the name exclusively, then the temporary takes its place.
 *
 * RACE: for a moment an empty file shows, and what another program writes into that very file before the rename is
 * lost. A crash in between leaves the empty file; it then differs from the remote version and becomes a conflict.
 */
async function claimName(ground: Ground, received: Received, path: LocalPath): Promise<void> {
  const file = absolute(ground.root, path);
  const { disk } = ground;
  let claim: DiskStats;
  try {
    const fd = disk.openSync(file, 'wx', 0o600);
    claim = disk.fstatSync(fd);
    disk.closeSync(fd);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw changed(path, 'appeared meanwhile');
    throw error;
  }
  const isStillOurs = (): boolean => {
    const now = disk.lstatSync(file);
    return now !== undefined && now.ino === claim.ino && now.size === 0;
  };
  if (!isStillOurs()) throw changed(path, 'appeared meanwhile');
  try {
    disk.renameSync(received.file, file);
  } catch (error) {
    if (isStillOurs()) disk.unlinkSync(file);
    throw error;
  }
}

interface Replacement {
  readonly path: LocalPath;
  readonly expected: LocalStamp;
}

/**
 * RACE: a program that renames its own new file onto the name between our last look and our rename loses that file;
 * the two calls stand back to back, since there is no rename that looks.
 */
async function replace(
  ground: Ground & { readonly trash: Trash },
  received: Received,
  { path, expected }: Replacement,
): Promise<void> {
  const file = absolute(ground.root, path);
  const { disk } = ground;
  if (!sameVersion(disk.lstatSync(file), expected)) throw differs(path);
  const drawer = ground.trash.drawer(ground.clock.now());
  const kept = await keep(ground, drawer, { path, expected });
  // Until the old version was looked at once more, a later run must be able to.
  const held = kept.shared ? heldFile(ground, expected) : undefined;
  try {
    await drawer.sync();
    if (held !== undefined) await disk.link(kept.slot, held);
    const look = disk.lstatSync(file);
    if (look === undefined || !sameContent(look, expected)) throw differs(path);
    disk.renameSync(received.file, file);
  } catch (error) {
    // Nothing was replaced, so nothing was given up: else each try would leave one more entry in the trash. It stays
    // where a failed rename left the name gone or another's, since it may then be the last of its version.
    if (isCode(error, 'changed') || stillThere(disk, file, expected)) drawer.drop(kept.slot);
    if (held !== undefined) await release(disk, held);
    throw error;
  }
  ground.onTrashed?.(path, kept.slot);
  if (held === undefined) return;
  await rescueLateWrite(ground, { path, expected }, kept.slot);
  await release(disk, held);
}

/** The deed is done or undone whether this works or not: what stays, the next start clears. */
async function release(disk: Disk, held: string): Promise<void> {
  try {
    await removeIfThere(disk, held);
  } catch (error) {
    if (isCode(error, 'bug')) throw error;
  }
}

function stillThere(disk: Disk, file: string, expected: LocalStamp): boolean {
  try {
    return disk.lstatSync(file)?.ino === expected.ino;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return false;
  }
}

interface Kept {
  readonly slot: string;
  /** The slot is the old inode itself, so that later writes through open descriptors land in it. */
  readonly shared: boolean;
}

/**
 * The version as it is now, also in the trash.
 *
 * RACE: where the trash lies on another disk, or cannot share the inode, a write through an open descriptor after
 * the copy is lost with the old inode.
 */
async function keep(ground: Ground, drawer: Drawer, { path, expected }: Replacement): Promise<Kept> {
  const file = absolute(ground.root, path);
  const { disk } = ground;
  const slot = drawer.slot(path);
  try {
    const shared = await linkOrCopy(disk, file, slot);
    const kept = disk.lstatSync(shared ? slot : file);
    if (kept === undefined || !sameContent(kept, expected)) throw differs(path);
    return { slot, shared };
  } catch (error) {
    drawer.drop(slot);
    throw isMissing(error) ? differs(path) : error;
  }
}

/** True for a link. */
async function linkOrCopy(disk: Disk, file: string, slot: string): Promise<boolean> {
  try {
    await disk.link(file, slot);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EXDEV' && !lacksHardLinks(error)) throw error;
    await copyDurably(disk, file, slot);
    return false;
  }
}

/**
 * The old inode in the trash changed after we saw it: its bytes step out of the trash, beside the new version.
 * RACE: a power cut between the rename and this, which takes the held version along, leaves them in the trash.
 */
async function rescueLateWrite(ground: Ground, { path, expected }: Replacement, slot: string): Promise<void> {
  const late = ground.disk.lstatSync(slot);
  if (late === undefined || sameContent(late, expected)) return;
  const copy = await copyBeside(ground, slot, path);
  if (copy === undefined) return;
  await release(ground.disk, slot);
  ground.onLateWrite?.(path, copy);
}

/** Refused: the bytes are safe where they are, in the trash, and the download is done all the same. */
async function copyBeside(ground: Ground, slot: string, path: LocalPath): Promise<LocalPath | undefined> {
  let copy: LocalPath | undefined;
  try {
    copy = await linkBeside(ground, slot, path);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
  if (copy === undefined)
    ground.onWarning?.(`"${path}" was written while it was replaced; those bytes are in the trash: ${slot}`);
  return copy;
}

function differs(path: LocalPath): RtsyncError {
  return changed(path, 'changed since it was looked at');
}
