/**
 * The files of the simulated workspace: folders of maps, files as objects with an identity, so that a writer that
 * still has a file open goes on writing into it wherever it was moved. Contents are never changed in place: whoever
 * was given bytes may keep them. It knows no request and no behaviour.
 */

/** Who wrote: somebody on the server's own side, or the client of this number. */
export type Writer = 'agent' | number;

export interface SimFile {
  readonly kind: 'file';
  bytes: Uint8Array;
  /** Epoch milliseconds of the server's clock. */
  date: number;
  /** Server time at which this content came to stand under its name. */
  since: number;
  writer: Writer;
  /** Server time at which the request set out that brought this content; undefined: no request did. */
  sentAt: number | undefined;
}

export interface SimFolder {
  readonly kind: 'folder';
  readonly entries: Map<string, SimNode>;
  date: number;
}

export type SimNode = SimFile | SimFolder;

/** Names from the top down; empty for the top. */
export type Segments = readonly string[];

/** A place for an entry: its folder, the folder's path (`""` for the top), its name. */
export interface Spot {
  readonly folder: SimFolder;
  readonly above: string;
  readonly name: string;
}

/** One doer at one instant. `before` is told what a path shows before it is changed; files only. */
export interface Act {
  readonly writer: Writer;
  readonly at: number;
  /** When the request set out, if it is one. */
  readonly sentAt?: number;
  readonly before: ((path: string, file: SimFile | undefined) => void) | undefined;
}

export function newFolder(date: number): SimFolder {
  return { kind: 'folder', entries: new Map(), date };
}

export function lookAt(top: SimFolder, segments: Segments): SimNode | undefined {
  let at: SimNode = top;
  for (const name of segments) {
    if (at.kind !== 'folder') return undefined;
    const next: SimNode | undefined = at.entries.get(name);
    if (next === undefined) return undefined;
    at = next;
  }
  return at;
}

export function pathOf(spot: Spot): string {
  return below(spot.above, spot.name);
}

export function below(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

/** Every file at or below a path, with its path. */
export function* filesIn(node: SimNode, path: string): Generator<{ path: string; file: SimFile }> {
  if (node.kind === 'file') {
    yield { path, file: node };
    return;
  }
  for (const [name, child] of node.entries) yield* filesIn(child, below(path, name));
}

export function bytesIn(node: SimNode): number {
  if (node.kind === 'file') return node.bytes.length;
  let sum = 0;
  for (const child of node.entries.values()) sum += bytesIn(child);
  return sum;
}

/** Truncates and writes the file of this name, or makes it. The caller knows that no folder stands there. */
export function fill(act: Act, spot: Spot, bytes: Uint8Array): SimFile {
  const there = spot.folder.entries.get(spot.name);
  if (there?.kind !== 'file') return place(act, spot, bytes);
  act.before?.(pathOf(spot), there);
  set(act, there, bytes);
  return there;
}

/** Gives the name to a new file; one that had it before loses it, and lives on only in open handles. */
export function place(act: Act, spot: Spot, bytes: Uint8Array): SimFile {
  const there = spot.folder.entries.get(spot.name);
  act.before?.(pathOf(spot), there?.kind === 'file' ? there : undefined);
  const file: SimFile = {
    ...{ kind: 'file', bytes, date: act.at, since: act.at },
    ...{ writer: act.writer, sentAt: act.sentAt },
  };
  spot.folder.entries.set(spot.name, file);
  spot.folder.date = act.at;
  return file;
}

/** Writes at an offset of an open file, as a descriptor does: a gap before it is filled with zeros. */
export function writeAt(
  act: Act,
  file: SimFile,
  from: { path: string | undefined; offset: number; bytes: Uint8Array },
): void {
  if (from.path !== undefined) act.before?.(from.path, file);
  const whole = new Uint8Array(Math.max(file.bytes.length, from.offset + from.bytes.length));
  whole.set(file.bytes);
  whole.set(from.bytes, from.offset);
  set(act, file, whole);
}

function set(act: Act, file: SimFile, bytes: Uint8Array): void {
  const { at, writer, sentAt } = act;
  Object.assign(file, { bytes, date: at, since: at, writer, sentAt });
}

export function makeFolder(act: Act, spot: Spot): SimFolder {
  const folder = newFolder(act.at);
  spot.folder.entries.set(spot.name, folder);
  spot.folder.date = act.at;
  return folder;
}

/** Removes an entry with everything below it. */
export function unlink(act: Act, spot: Spot): void {
  const node = spot.folder.entries.get(spot.name);
  if (node === undefined) return;
  if (act.before !== undefined) {
    for (const { path, file } of filesIn(node, pathOf(spot))) act.before(path, file);
  }
  spot.folder.entries.delete(spot.name);
  spot.folder.date = act.at;
}

/** Moves an entry; a file or an empty folder that has the name gives it up. Dates stay. */
export function relocate(act: Act, from: Spot, to: Spot): void {
  const node = from.folder.entries.get(from.name);
  const replaced = to.folder.entries.get(to.name);
  if (node === undefined || node === replaced) return;
  const [source, target] = [pathOf(from), pathOf(to)];
  if (act.before !== undefined && replaced?.kind === 'file') act.before(target, replaced);
  for (const { path, file } of filesIn(node, source)) {
    if (act.before !== undefined) {
      act.before(path, file);
      act.before(target + path.slice(source.length), undefined);
    }
    file.since = act.at;
  }
  from.folder.entries.delete(from.name);
  from.folder.date = act.at;
  to.folder.entries.set(to.name, node);
  to.folder.date = act.at;
}

/** Where an open file now stands; undefined when no name shows it any more. */
export function findFile(top: SimFolder, wanted: SimFile): string | undefined {
  for (const { path, file } of filesIn(top, '')) if (file === wanted) return path;
  return undefined;
}
