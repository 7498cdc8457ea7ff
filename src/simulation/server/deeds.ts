/** Changing the workspace: create, rename, move, copy, remove. Each runs in one instant. Uploads have a file of their own. */
import { extname } from 'node:path';
import { badRequest, internal, type Made, missing, Refusal, storageFull, taken } from './answer.ts';
import type { SimBehaviour, SimTakenName } from './behaviour.ts';
import { checkedName, idOf } from './place.ts';
import {
  type Act,
  bytesIn,
  fill,
  lookAt,
  makeFolder,
  relocate,
  type Segments,
  type SimFolder,
  type SimNode,
  type Spot,
  unlink,
} from './store.ts';

/** What deeds work on. */
export interface Shelf {
  readonly top: SimFolder;
  readonly behaviour: SimBehaviour;
  readonly uploadLimitBytes: number;
  /** Bytes that may still be written. */
  room(): number;
}

/** The folder for something new: it must exist, or is made where this server makes missing parents. */
export function parentFolder(shelf: Shelf, act: Act, segments: Segments): SimFolder {
  const seen = lookAt(shelf.top, segments);
  if (seen?.kind === 'folder') return seen;
  if (seen !== undefined || shelf.behaviour.missingParent === 'error') {
    throw missing(shelf.behaviour, idOf(segments));
  }
  const above = segments.slice(0, -1);
  const folder = parentFolder(shelf, act, above);
  return makeFolder(act, { folder, above: above.join('/'), name: segments.at(-1) as string });
}

/** The wanted place, or another where this server keeps both. Throws where the name is not to be had. */
export function freeSpot(wanted: Spot, policy: SimTakenName): Spot {
  let name = checkedName(wanted.name);
  for (;;) {
    const seen = wanted.folder.entries.get(name);
    if (seen === undefined) return { ...wanted, name };
    if (policy === 'refuse' || (policy === 'overwrite' && seen.kind !== 'file')) throw taken(name);
    if (policy === 'overwrite') return { ...wanted, name };
    const extension = extname(name);
    name = checkedName(`${name.slice(0, name.length - extension.length)}.new${extension}`);
  }
}

export function madeAt(spot: Spot): Made {
  const { above, name } = spot;
  return { id: above === '' ? `/${name}` : `/${above}/${name}`, name };
}

export function createEntry(
  shelf: Shelf,
  act: Act,
  wanted: { readonly parent: Segments; readonly name: string; readonly type: 'file' | 'folder' },
): Made {
  const name = checkedName(wanted.name);
  if (wanted.type === 'file' && shelf.room() <= 0) throw storageFull(shelf.behaviour);
  const folder = parentFolder(shelf, act, wanted.parent);
  const here: Spot = { folder, above: wanted.parent.join('/'), name };
  if (wanted.type === 'file') {
    const spot = freeSpot(here, shelf.behaviour.takenName);
    fill(act, spot, new Uint8Array(0));
    return madeAt(spot);
  }
  const stray = shelf.behaviour.takenFolder === 'stray';
  if (folder.entries.get(name)?.kind === 'folder' && !stray) return madeAt(here);
  const spot = freeSpot(here, stray ? 'rename' : 'refuse');
  makeFolder(act, spot);
  return madeAt(spot);
}

/** Rename in place, or move into a folder. */
export function moveEntry(
  shelf: Shelf,
  act: Act,
  move: { readonly from: Segments; readonly folder: Segments; readonly name: string },
): Made {
  const { from, folder: target } = move;
  const [node, source] = existing(shelf, from, 'moved');
  const folder = targetFolder(shelf, from, target);
  const wanted: Spot = { folder, above: target.join('/'), name: checkedName(move.name) };
  const there = folder.entries.get(wanted.name);
  const policy = shelf.behaviour.takenMove ?? shelf.behaviour.takenName;
  let spot = wanted;
  if (policy === 'overwrite' && there !== undefined) {
    if (there.kind !== node.kind) throw taken(wanted.name);
    if (there !== node && there.kind === 'folder' && there.entries.size > 0) throw taken(wanted.name);
  } else spot = freeSpot(wanted, policy);
  relocate(act, source, spot);
  if (shelf.behaviour.moveDate === 'new' && node.kind === 'file') node.date = act.at;
  return madeAt(spot);
}

export function copyEntry(
  shelf: Shelf,
  act: Act,
  copy: { readonly from: Segments; readonly folder: Segments },
): Made {
  const { from, folder: target } = copy;
  const [node, source] = existing(shelf, from, 'copied');
  const folder = targetFolder(shelf, from, target);
  const bytes = bytesIn(node);
  if (bytes > 0 && bytes > shelf.room()) throw storageFull(shelf.behaviour);
  const wanted: Spot = { folder, above: target.join('/'), name: source.name };
  const there = folder.entries.get(wanted.name);
  const policy = shelf.behaviour.takenMove ?? shelf.behaviour.takenName;
  if (policy === 'overwrite' && there === node) return madeAt(wanted);
  const merges = policy === 'overwrite' && node.kind === 'folder' && there?.kind === 'folder';
  const spot = merges ? wanted : freeSpot(wanted, policy);
  copyTree(act, node, spot);
  return madeAt(spot);
}

function copyTree(act: Act, node: SimNode, spot: Spot): void {
  const there = spot.folder.entries.get(spot.name);
  // A disk copies no file onto a folder and makes no folder of a file.
  if (there !== undefined && there.kind !== node.kind) throw internal();
  if (node.kind === 'file') {
    fill(act, spot, node.bytes);
    return;
  }
  const folder = there?.kind === 'folder' ? there : makeFolder(act, spot);
  const above = spot.above === '' ? spot.name : `${spot.above}/${spot.name}`;
  for (const [name, child] of [...node.entries]) copyTree(act, child, { folder, above, name });
}

/** Runs a batch as this server does: an id that is missing stops it half-way, or is passed over. */
export function runBatch(shelf: Shelf, ids: readonly Segments[], step: (id: Segments) => Made): Made[] {
  const done: Made[] = [];
  for (const id of ids) {
    try {
      done.push(step(id));
    } catch (error) {
      // What is the server's own failure stops it as a missing id does; only refusals are passed over.
      if (shelf.behaviour.badBatch === 'stops' || !isRefusal(error)) throw error;
    }
  }
  return done;
}

/** Not what the disk below the server could not do. */
function isRefusal(error: unknown): boolean {
  return error instanceof Refusal && error.code !== 'internal_error';
}

/** A delete in which a missing id is fine, or stops the batch, or is told when nothing at all was there. */
export function removeBatch(shelf: Shelf, act: Act, ids: readonly Segments[]): void {
  const { deleteMissing, badBatch } = shelf.behaviour;
  let absent: Refusal | undefined;
  for (const id of ids) {
    if (removeEntry(shelf, act, id)) continue;
    absent = new Refusal(404, 'not_found', `${idOf(id)} does not exist`);
    if (deleteMissing === 404 && badBatch === 'stops') throw absent;
  }
  if (deleteMissing === 404 && absent !== undefined && ids.length === 1) throw absent;
}

/** False when nothing was there. The top loses all it holds. */
function removeEntry(shelf: Shelf, act: Act, segments: Segments): boolean {
  if (segments.length === 0) {
    for (const name of [...shelf.top.entries.keys()]) unlink(act, { folder: shelf.top, above: '', name });
    return true;
  }
  const spot = spotOf(shelf, segments);
  if (spot?.folder.entries.has(spot.name) !== true) return false;
  unlink(act, spot);
  return true;
}

function spotOf(shelf: Shelf, segments: Segments): Spot | undefined {
  const above = segments.slice(0, -1);
  const folder = lookAt(shelf.top, above);
  const name = segments.at(-1);
  return folder?.kind === 'folder' && name !== undefined
    ? { folder, above: above.join('/'), name }
    : undefined;
}

function existing(shelf: Shelf, segments: Segments, what: string): readonly [SimNode, Spot] {
  if (segments.length === 0) throw badRequest(`the root cannot be ${what}`);
  const spot = spotOf(shelf, segments);
  const node = spot?.folder.entries.get(spot.name);
  if (spot === undefined || node === undefined) throw missing(shelf.behaviour, idOf(segments));
  return [node, spot];
}

function targetFolder(shelf: Shelf, from: Segments, target: Segments): SimFolder {
  const folder = lookAt(shelf.top, target);
  if (folder?.kind !== 'folder') throw missing(shelf.behaviour, idOf(target));
  if (from.every((name, index) => target[index] === name)) {
    throw badRequest('a folder cannot be put into itself');
  }
  return folder;
}
