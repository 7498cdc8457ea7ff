/** Reading a workspace: lists and sums. */
import { lstat, readdir } from 'node:fs/promises';
import { ApiError, missing, type Row } from './answers.ts';
import { diskPath, idOf, isTemporary, look, lookAt, type Segments } from './place.ts';
import { inBatches, measure, type Shelf, sweepLeftover } from './shelf.ts';

/** One level of a folder, by name. Symlinks and special files are never listed. */
export async function listFolder(shelf: Shelf, segments: Segments, showHidden: boolean): Promise<Row[]> {
  const seen = await look(shelf.root, segments);
  if (seen.kind !== 'folder') return missingList(shelf, segments);
  const hidden = showHidden && shelf.behaviour.showHidden === 'honoured';
  const folder = diskPath(shelf.root, segments);
  const prefix = segments.length === 0 ? '/' : `${idOf(segments)}/`;
  const rows: Row[] = [];
  await inBatches(await readdir(folder), async (name) => {
    const path = `${folder}/${name}`;
    if (isTemporary(name)) return sweepLeftover(path);
    if (!isVisible(name, hidden)) return;
    const entry = await lookAt(path);
    if (entry.kind !== 'file' && entry.kind !== 'folder') return;
    const count = entry.kind === 'folder' ? await countOf(path, hidden, shelf) : 0;
    const { kind, stats } = entry;
    rows.push({ id: prefix + name, name, kind, mtimeMs: wholeMs(stats.mtimeMs), size: stats.size, count });
  });
  return rows.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function missingList(shelf: Shelf, segments: Segments): Row[] {
  const answer = shelf.behaviour.missingFolder;
  if (answer === 'empty') return [];
  if (answer === 404) throw new ApiError(404, 'not_found', `${idOf(segments)} does not exist`);
  throw new ApiError(500, 'internal_error', `open ${idOf(segments)}: no such file or directory`);
}

function isVisible(name: string, hidden: boolean): boolean {
  return !isTemporary(name) && (hidden || !name.startsWith('.'));
}

async function countOf(folder: string, hidden: boolean, shelf: Shelf): Promise<number> {
  if (shelf.behaviour.folderHints === 'meaningless') return 0;
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => isVisible(entry.name, hidden) && (entry.isFile() || entry.isDirectory()))
    .length;
}

/** Whole milliseconds, rounded down; the margin undoes what seconds lose as floating-point numbers. */
function wholeMs(ms: number): number {
  return Math.floor(ms + 0.005);
}

/** `info/{path}` in every way that servers are known to answer it. */
export async function pathInfo(
  shelf: Shelf,
  segments: Segments,
): Promise<{ Size: number; Count: number } | null> {
  const mode = shelf.behaviour.pathInfo;
  if (mode === 'null') return null;
  if (mode === 'error') throw new ApiError(500, 'internal_error', 'cannot sum this up');
  const seen = await look(shelf.root, segments);
  if (seen.kind === 'file') return { Size: seen.stats.size, Count: 1 };
  if (seen.kind !== 'folder') throw missing(shelf.behaviour, idOf(segments));
  const { bytes, files } = await measure(diskPath(shelf.root, segments), mode !== 'shallow');
  return mode === 'wrong' ? { Size: bytes * 2 + 4096, Count: files + 7 } : { Size: bytes, Count: files };
}

/** When the folder's own entries changed last, in epoch milliseconds. */
export async function folderDate(folder: string): Promise<number> {
  return wholeMs((await lstat(folder)).mtimeMs);
}
