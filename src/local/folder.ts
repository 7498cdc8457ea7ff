/**
 * One local folder, opened: scan, read and change it safely. It knows the disk and the root, and looks at every
 * expectation again before it acts. It must not know the remote side, the base, or why something is done; it decides
 * nothing and retries nothing. chokidar is in `watch.ts`, which knows nothing of this file.
 */
import { hostname } from 'node:os';
import type { LocalPath } from '../core/path.ts';
import type { Clock } from '../lib/clock.ts';
import { isCode, RtsyncError } from '../lib/errors.ts';
import { makeFolder, move } from './apply.ts';
import { digestFile } from './digest.ts';
import { type Disk, systemDisk } from './disk.ts';
import { codeOf } from './fault.ts';
import type { Ground } from './ground.ts';
import { giveBack } from './held.ts';
import type { LocalFolder } from './local.ts';
import { absolute, checkParents, checkPath } from './names.ts';
import { clearTemporaries, guessDisk, makeOwnFolders, probeDisk } from './own.ts';
import { newPass } from './pass.ts';
import { place } from './place.ts';
import { type Dropped, purgeTrash, type TrashLimits } from './purge.ts';
import { removeFile, removeFolder } from './remove.ts';
import { rememberRenames } from './renames.ts';
import { scanSome } from './rescan.ts';
import { scanAll } from './scan.ts';
import { settleRule } from './settle.ts';
import { openSource } from './source.ts';
import { trusted } from './stamp.ts';
import { folderSync, parentSync } from './sync.ts';
import { makeTemporary } from './temporary.ts';
import { openTrash } from './trash.ts';

export interface LocalFolderOptions {
  readonly root: string;
  readonly clock: Clock;
  /** How long a file must have stood still to be taken. */
  readonly settleMs?: number;
  /** Resolution of the disk's clock: what is younger can change without looking different. */
  readonly grainMs?: number;
  /** Bytes that downloads must leave free. */
  readonly freeReserveBytes?: number;
  /**
   * Makes `.rtsync` at once, clears what a crash left in it and tries out the disk: only for the process that holds
   * the pair's lock. False writes nothing until a deed needs it.
   */
  readonly makeOwnFolders?: boolean;
  /** Name of this machine, for conflict copies. */
  readonly host?: string;
  /** What the disk is, where it is known already. */
  readonly caseInsensitive?: boolean;
  /** A given-up version lies at `trash` (absolute) now. */
  readonly onTrashed?: (path: LocalPath, trash: string) => void;
  /** Bytes that came too late for a replaced version stand at `copy` now. */
  readonly onLateWrite?: (path: LocalPath, copy: LocalPath) => void;
  /** What a person should know, as a sentence. */
  readonly onWarning?: (message: string) => void;
  /** The system's own unless given. */
  readonly disk?: Disk;
}

/** `LocalFolder` and what housekeeping needs. */
export interface OpenLocalFolder extends LocalFolder {
  /**
   * Drops trash that is older or more than the limits allow. What cannot be removed is passed over until the next
   * time. When `signal` is aborted it stops with its reason, and what is dropped is dropped.
   */
  purgeTrash(limits: TrashLimits, signal?: AbortSignal): Promise<Dropped>;
}

/** Throws `no-folder` when the root is missing or is no folder. */
export async function openLocalFolder(options: LocalFolderOptions): Promise<OpenLocalFolder> {
  const disk = options.disk ?? systemDisk;
  const root = realRoot(disk, options.root);
  const bare = groundOf({ root, disk }, options);
  const trash = openTrash(bare);
  const ground = { ...bare, trash };
  const { clock, renames } = ground;
  let givenBack = false;
  return {
    root,
    caseInsensitive: ground.caseInsensitive,
    scan: (rules, signal) => {
      renames.forget();
      return scanAll(newPass(ground, rules, { signal }));
    },
    rescan: (before, dirs, rules, signal) => scanSome(ground, before, dirs, { rules, signal }),
    digest: async (path, expected, signal) => {
      checkPath(path, ground.caseInsensitive);
      try {
        checkParents(ground, path);
        return await digestFile(
          disk,
          { file: absolute(root, path), expected: renames.asNow(expected) },
          signal,
        );
      } catch (error) {
        if (isCode(error, 'changed') || codeOf(error)?.startsWith('E') === true) return undefined;
        throw error;
      }
    },
    young: (stamp) => trusted(stamp, clock.now(), ground.grainMs) !== stamp,
    settled: settleRule(clock, options.settleMs ?? 150),
    open: (path, expected) => openSource(ground, path, renames.asNow(expected)),
    temporary: (size) => makeTemporary(ground, size),
    place: (temporary, path, expected) =>
      place(ground, temporary, { path, expected: expected && renames.asNow(expected) }),
    makeFolder: (path) => makeFolder(ground, path),
    move: (from, to, expected) =>
      move(ground, from, to, expected === 'folder' ? expected : renames.asNow(expected)),
    removeFile: async (path, expected) => {
      makeOwnFolders(root, disk);
      await removeFile(ground, trash.drawer(clock.now()), { path, expected: renames.asNow(expected) });
    },
    removeFolder: async (path, seen) => {
      makeOwnFolders(root, disk);
      return { complete: await removeFolder(ground, trash.drawer(clock.now()), { path, seen }) };
    },
    giveBack: async (pathOf) => {
      if (givenBack) return;
      await giveBack(ground, pathOf);
      givenBack = true;
    },
    purgeTrash: (limits, signal) => purgeTrash({ root, disk, now: clock.now() }, limits, signal),
  };
}

function realRoot(disk: Disk, given: string): string {
  try {
    const root = disk.realpathSync(given);
    if (disk.lstatSync(root)?.isDirectory() === true) return root;
  } catch (error) {
    throw new RtsyncError('no-folder', {
      message: `the folder ${given} cannot be found`,
      path: given,
      cause: error,
    });
  }
  throw new RtsyncError('no-folder', { message: `${given} is not a folder`, path: given });
}

function groundOf(
  { root, disk }: { readonly root: string; readonly disk: Disk },
  options: LocalFolderOptions,
): Ground {
  const own = options.makeOwnFolders ?? true;
  if (own) {
    makeOwnFolders(root, disk);
    clearTemporaries(root, disk);
  }
  const facts = own ? probeDisk(root, disk) : guessDisk(root, disk);
  const syncFolder = folderSync(disk);
  return {
    root,
    clock: options.clock,
    disk,
    caseInsensitive: options.caseInsensitive ?? facts.caseInsensitive,
    newFileMode: facts.newFileMode,
    grainMs: options.grainMs ?? 50,
    freeReserveBytes: options.freeReserveBytes ?? 0,
    promised: { bytes: 0 },
    host: options.host ?? hostname(),
    onTrashed: options.onTrashed,
    onLateWrite: options.onLateWrite,
    onWarning: options.onWarning,
    renames: rememberRenames(),
    syncFolder,
    parents: parentSync(root, syncFolder),
  };
}
