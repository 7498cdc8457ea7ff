/** The durable things of a pair: its database, its approvals, and the lock on its folder. */
import { existsSync } from 'node:fs';
import { mkdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { PairConfig } from '../config/pairs.ts';
import type { Config } from '../config.ts';
import type { Observer } from '../engine/events.ts';
import type { Clock } from '../lib/clock.ts';
import { RtsyncError } from '../lib/errors.ts';
import { OWN_FOLDER } from '../local/names.ts';
import { makeOwnFolders, readMarker, removeOwnFolders } from '../local/own.ts';
import type { Workspace } from '../remote/runtools/workspaces.ts';
import { AFRESH, type Approvals, approvalsBeside } from '../state/approvals.ts';
import { holdLock, type Lock } from '../state/lock.ts';
import { type OpenPairState, openPairState } from '../state/pair-state.ts';
import { fingerprint } from './fingerprint.ts';
import { noteFolder } from './synced-folders.ts';

export interface PairFiles {
  readonly state: OpenPairState;
  readonly approvals: Approvals;
  close(): void;
}

/** The held deletes and approvals of the pair of a folder. Throws `no-folder`, and `usage` when it is no pair's. */
export async function approvalsOf(config: Config, folder: string, cwd: string): Promise<Approvals> {
  const root = await realRoot(resolve(cwd, folder), false);
  const file = stateFile(config, root);
  if ((await stat(file).catch(() => undefined)) === undefined)
    throw new RtsyncError(
      'usage',
      `${root} has never been synced with the state in ${config.stateDir}: name the folder of a pair, and its --state-dir`,
    );
  return approvalsBeside(file);
}

/** Until then (epoch milliseconds) one run may take a root or workspace that is not known again for a new one. */
export function approveAfresh(approvals: Approvals, until: number): void {
  approvals.approve([AFRESH], until);
}

/** The database of the pair of a root (its real path). */
export function stateFile(config: Config, root: string): string {
  return join(config.stateDir, `${basename(root) || 'root'}-${fingerprint(root)}.db`);
}

/**
 * Opens the state of a pair and takes the folder for this process, so that no second one works on it, whatever state
 * folder it uses. A dry run takes and writes nothing in the folder. Throws `locked`, `state-mismatch`, `config`.
 */
export async function openState(
  config: Config,
  root: string,
  workspace: Workspace,
  pairConfig: PairConfig,
  run: { readonly clock: Clock; readonly observer: Observer; readonly dryRun: boolean },
): Promise<PairFiles> {
  await mkdir(config.stateDir, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    const message = `the state folder ${config.stateDir} cannot be made; use another --state-dir`;
    throw new RtsyncError('config', { message, cause });
  });
  const marker = readMarker(root);
  const file = stateFile(config, root);
  const state = openPairState({
    file,
    identity: {
      folder: root,
      storage: config.server.storageUrl,
      workspaceId: workspace.id,
      remotePath: pairConfig.path,
    },
    clock: run.clock,
    ...(marker === undefined ? {} : { pairId: marker.pairId }),
  });
  const found = existsSync(join(root, OWN_FOLDER));
  const lock = run.dryRun ? undefined : takeFolder(root, state);
  if (!run.dryRun) await noteFolder(file, root);
  if (state.rebuilt)
    run.observer.on({
      kind: 'notice',
      level: 'warn',
      message:
        'the state database was damaged and is set aside; both sides are compared afresh, and nothing is deleted',
    });
  return {
    state,
    approvals: approvalsBeside(file),
    close: () => {
      // In a folder that was refused nothing of ours stays: an unmounted disk's place must be empty for it.
      if (lock !== undefined && !found && readMarker(root) === undefined) removeOwnFolders(root);
      lock?.release();
      state.close();
    },
  };
}

function takeFolder(root: string, state: OpenPairState): Lock {
  try {
    makeOwnFolders(root);
    return holdLock(join(root, OWN_FOLDER, 'lock'), root);
  } catch (error) {
    state.close();
    throw error;
  }
}

/** The real path of a local root. Throws `no-folder`. */
export async function realRoot(folder: string, make: boolean): Promise<string> {
  // What stands in the way of making it is told below, or is a file.
  if (make) await mkdir(folder, { recursive: true }).catch(() => undefined);
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined)
    throw new RtsyncError(
      'no-folder',
      `the folder ${folder} does not exist: was it moved, or is a disk not mounted? For a new pair make it, or give another one`,
    );
  if (!found.isDirectory()) throw new RtsyncError('no-folder', `${folder} is not a folder`);
  return realpath(folder);
}
