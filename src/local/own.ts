/** Our own folder at the root: its parts, what a crash left in it, and the marker that tells which pair lives here. */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { RtsyncError } from '../lib/errors.ts';
import { codeOf, diskError, isMissing } from './fault.ts';
import { OWN_FOLDER } from './names.ts';

const markerSchema = z.object({ pairId: z.string().min(1), version: z.literal(1) });

/** Says which pair a root belongs to, so that an empty disk at its mount point is never taken for an emptied folder. */
export type Marker = z.infer<typeof markerSchema>;

function markerFile(root: string): string {
  return `${root}/${OWN_FOLDER}/pair.json`;
}

/** Makes `.rtsync`, `tmp` and `trash`, readable by the user alone. A symlink in their place is refused. */
export function makeOwnFolders(root: string): void {
  for (const part of ['', '/tmp', '/trash']) {
    const folder = `${root}/${OWN_FOLDER}${part}`;
    try {
      if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw diskError(error, folder, 'make');
    }
    if (!lstatSync(folder).isDirectory()) {
      throw new RtsyncError('halted', {
        message: `${folder} must be a real folder; move away what stands there`,
        path: folder,
      });
    }
  }
}

/** Removes temporaries that a crash left. Only for the one process that holds the pair's lock. */
export function clearTemporaries(root: string): void {
  const folder = `${root}/${OWN_FOLDER}/tmp`;
  for (const name of readdirSync(folder)) rmSync(`${folder}/${name}`, { recursive: true, force: true });
}

/** Undefined when the root has none. Throws `halted` when it cannot be understood. */
export function readMarker(root: string): Marker | undefined {
  const file = markerFile(root);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw diskError(error, file, 'read');
  }
  const parsed = markerSchema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new RtsyncError('halted', {
    message: `${file} is damaged or from a newer rtsync; remove it to let the next sync compare both sides afresh`,
    path: file,
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Durable when it returns. */
export function writeMarker(root: string, pairId: string): void {
  makeOwnFolders(root);
  const file = markerFile(root);
  const temporary = `${root}/${OWN_FOLDER}/tmp/${randomUUID()}`;
  const marker: Marker = { pairId, version: 1 };
  try {
    writeFileSync(temporary, `${JSON.stringify(marker)}\n`, { flag: 'wx', mode: 0o600, flush: true });
    renameSync(temporary, file);
    const fd = openSync(dirname(file), 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    rmSync(temporary, { force: true });
    throw diskError(error, file, 'write');
  }
}

/** The nearest folder above `root` that is a pair's root: two pairs must not nest. */
export function findEnclosingPair(root: string): string | undefined {
  for (let at = dirname(root); ; at = dirname(at)) {
    const found = lstatSync(markerFile(at), { throwIfNoEntry: false });
    if (found !== undefined) return at;
    if (dirname(at) === at) return undefined;
  }
}

/** What the disk does with names and modes; found out with one file in `tmp`. */
export interface DiskFacts {
  readonly caseInsensitive: boolean;
  readonly newFileMode: number;
}

export function probeDisk(root: string): DiskFacts {
  const name = `probe-${randomUUID()}`;
  const file = `${root}/${OWN_FOLDER}/tmp/${name}`;
  try {
    closeSync(openSync(file, 'wx', 0o666));
    const { mode } = lstatSync(file);
    const other = lstatSync(`${dirname(file)}/${name.toUpperCase()}`, { throwIfNoEntry: false });
    return { caseInsensitive: other !== undefined, newFileMode: mode & 0o777 };
  } catch (error) {
    throw diskError(error, file, 'write');
  } finally {
    rmSync(file, { force: true });
  }
}

/** Without writing: does the root's own name also answer in another case? */
export function guessDisk(root: string): DiskFacts {
  const name = basename(root);
  const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  if (other === name) return { caseInsensitive: false, newFileMode: 0o644 };
  const stats = lstatSync(`${dirname(root)}/${other}`, { throwIfNoEntry: false });
  return { caseInsensitive: stats?.ino === lstatSync(root).ino, newFileMode: 0o644 };
}

/**
 * Refuses (`halted`) a root that is not the one the base speaks of: an unmounted disk, a folder that was replaced.
 * Without a base there is nothing to lose, and any root will do.
 */
export function checkMarker(root: string, pairId: string, hasBase: boolean): void {
  if (!hasBase) return;
  const found = readMarker(root)?.pairId;
  if (found === pairId) return;
  const what = found === undefined ? 'has lost its mark' : 'carries the mark of another pair';
  throw new RtsyncError('halted', {
    message: `${root} ${what} (${OWN_FOLDER}/pair.json): is a disk not mounted, or was the folder replaced? Put the right folder back; or, to begin afresh without any delete, run with another --state-dir`,
    path: root,
  });
}
