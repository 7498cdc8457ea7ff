/**
 * One local folder, opened: scan, read and change it safely. It knows the disk and the root, and looks at every
 * expectation again before it acts. It must not know the remote side, the base, or why something is done; it decides
 * nothing and retries nothing. chokidar is in `watch.ts`, which knows nothing of this file.
 */
import { lstatSync, realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import type { LocalPath } from '../core/path.ts';
import type { Clock } from '../lib/clock.ts';
import { isCode, RtsyncError } from '../lib/errors.ts';
import { makeFolder, move, removeFile, removeFolder } from './apply.ts';
import { digestFile } from './digest.ts';
import { codeOf } from './fault.ts';
import { type DiskCalls, folderSync, type Ground, systemCalls } from './ground.ts';
import type { LocalFolder } from './local.ts';
import { absolute, checkParents, checkPath } from './names.ts';
import { clearTemporaries, guessDisk, makeOwnFolders, probeDisk } from './own.ts';
import { newPass } from './pass.ts';
import { place } from './place.ts';
import { rememberRenames } from './renames.ts';
import { scanSome } from './rescan.ts';
import { scanAll } from './scan.ts';
import { settleRule } from './settle.ts';
import { openSource } from './source.ts';
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
  /** Other disks, in tests. */
  readonly calls?: Partial<DiskCalls>;
}

/** `LocalFolder` and what housekeeping needs. */
export interface OpenLocalFolder extends LocalFolder {
  /** Drops trash of the days before the last `days`; gives the number of days dropped. */
  purgeTrash(days: number): Promise<number>;
}

/** Throws `no-folder` when the root is missing or is no folder. */
export async function openLocalFolder(options: LocalFolderOptions): Promise<OpenLocalFolder> {
  const root = realRoot(options.root);
  const trash = openTrash(root);
  const ground = { ...groundOf(root, options), trash };
  const { clock, renames } = ground;
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
        checkParents(root, path);
        return await digestFile(absolute(root, path), renames.asNow(expected), signal);
      } catch (error) {
        if (isCode(error, 'changed') || codeOf(error)?.startsWith('E') === true) return undefined;
        throw error;
      }
    },
    settled: settleRule(clock, options.settleMs ?? 150),
    open: (path, expected) => openSource(ground, path, renames.asNow(expected)),
    temporary: (size) => makeTemporary(ground, size),
    place: (temporary, path, expected) =>
      place(ground, temporary, { path, expected: expected && renames.asNow(expected) }),
    makeFolder: (path) => makeFolder(ground, path),
    move: (from, to, expected) =>
      move(ground, from, to, expected === 'folder' ? expected : renames.asNow(expected)),
    removeFile: async (path, expected) => {
      makeOwnFolders(root);
      await removeFile(ground, trash.drawer(clock.now()), { path, expected: renames.asNow(expected) });
    },
    removeFolder: async (path, seen) => {
      makeOwnFolders(root);
      return { complete: await removeFolder(ground, trash.drawer(clock.now()), { path, seen }) };
    },
    purgeTrash: (days) => trash.purgeOlderThan(days, clock.now()),
  };
}

function realRoot(given: string): string {
  try {
    const root = realpathSync(given);
    if (lstatSync(root).isDirectory()) return root;
  } catch (error) {
    throw new RtsyncError('no-folder', {
      message: `the folder ${given} cannot be found`,
      path: given,
      cause: error,
    });
  }
  throw new RtsyncError('no-folder', { message: `${given} is not a folder`, path: given });
}

function groundOf(root: string, options: LocalFolderOptions): Ground {
  const own = options.makeOwnFolders ?? true;
  if (own) {
    makeOwnFolders(root);
    clearTemporaries(root);
  }
  const disk = own ? probeDisk(root) : guessDisk(root);
  return {
    root,
    clock: options.clock,
    calls: { ...systemCalls, ...options.calls },
    caseInsensitive: options.caseInsensitive ?? disk.caseInsensitive,
    newFileMode: disk.newFileMode,
    grainMs: options.grainMs ?? 50,
    freeReserveBytes: options.freeReserveBytes ?? 0,
    host: options.host ?? hostname(),
    onTrashed: options.onTrashed,
    onLateWrite: options.onLateWrite,
    renames: rememberRenames(),
    syncFolder: folderSync(),
  };
}
