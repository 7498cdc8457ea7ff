/**
 * Knows the local root again: by the mark in it, whose generation grows with every run, so that an older copy of the
 * folder, mark and all, is told from the folder itself; and, while a process runs, by the folder's inode, so that a copy
 * made since its start is, too, where the disk keeps inodes.
 */
import { RtsyncError } from '../lib/errors.ts';
import { systemDisk } from '../local/disk.ts';
import { checkMarker, keepsInodes, readMarker, writeMarker } from '../local/own.ts';
import type { Found } from './found.ts';

/** Note with the generation that the mark has surely reached. */
const GENERATION = 'root.generation';

export interface RootKeeper {
  /** Throws `halted` when the root is not the one that the base speaks of. */
  check(): void;
  /** Gives the mark its next generation: at the beginning and at the end of a run. Killed in between, both will do. */
  sign(): void;
  /** The same, when the last time is an hour ago: an older copy must be told from the folder of a service that runs for weeks. */
  signHourly(): void;
}

const HOUR_MS = 3_600_000;

export async function createRootKeeper({
  root,
  state,
  run,
  workspace,
  pairConfig,
  disk = systemDisk,
}: Pick<Found, 'root' | 'disk'> & {
  readonly workspace: Pick<Found['workspace'], 'id'>;
  readonly pairConfig: Pick<Found['pairConfig'], 'path'>;
  readonly run: Pick<Found['run'], 'clock'>;
  readonly state: Pick<Found['state'], 'pairId' | 'base' | 'note' | 'saveNote'>;
}): Promise<RootKeeper> {
  const inode = (await keepsInodes(root, disk)) ? disk.lstatSync(root)?.ino : undefined;
  const far = `${workspace.id}:/${pairConfig.path}`;
  let signedAt = run.clock.monotonic();
  const reached = (): number => Number(state.note(GENERATION) ?? 0);
  const sign = (): void => {
    signedAt = run.clock.monotonic();
    const generation = Math.max(reached(), readMarker(root, disk)?.generation ?? 0) + 1;
    writeMarker(root, { pairId: state.pairId, generation, far }, disk);
    state.saveNote(GENERATION, String(generation));
  };
  return {
    check: () => {
      const hasBase = state.base().children.size > 0;
      checkMarker(root, { pairId: state.pairId, hasBase, generation: reached(), far }, disk);
      if (hasBase && inode !== undefined && disk.lstatSync(root)?.ino !== inode)
        throw new RtsyncError('halted', {
          message: `${root} was replaced by another folder while rtsync ran; put the right folder back, or, to go on with this one, end rtsync and start it again`,
          path: root,
        });
    },
    sign,
    signHourly: () => {
      if (run.clock.monotonic() - signedAt >= HOUR_MS) sign();
    },
  };
}
