/**
 * What the answers of the storage service say, whichever of its two dialects they are written in. Lenient in form
 * (`value` or `name`, `folder` or `directory`, `date` or `mtime`, wrapped or bare), strict in sense: a list that
 * contradicts itself is no list.
 */
import { z } from 'zod';
import { addressFault, childId, type DirId, type EntryId, parseEntryId, TOP } from './ids.ts';

export interface FileEntry {
  readonly kind: 'file';
  readonly id: EntryId;
  readonly name: string;
  /** Undefined when the server did not tell. */
  readonly size: number | undefined;
  /** Epoch milliseconds of the server's clock. */
  readonly date: number | undefined;
}
export interface FolderEntry {
  readonly kind: 'folder';
  readonly id: EntryId;
  readonly name: string;
  /** Direct children, where the server tells. A hint. */
  readonly count: number | undefined;
}
/** A row that cannot be asked for or is neither file nor folder. */
export interface OddEntry {
  readonly kind: 'odd';
  readonly name: string;
  readonly why: string;
}
export type Entry = FileEntry | FolderEntry | OddEntry;

export interface Listing {
  /** By name, exactly as the server spells it. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** Monotonic time at which the request went out: the list is at least this young. */
  readonly sentAt: number;
}

/** Thrown by decoders; the caller knows what was asked and makes an RtsyncError of it. */
export class WireFault extends Error {
  override readonly name = 'WireFault';
}

const rowSchema = z.looseObject({
  id: z.string(),
  value: z.string().nullish(),
  name: z.string().nullish(),
  type: z.string(),
  date: z.union([z.string(), z.number()]).nullish(),
  mtime: z.union([z.string(), z.number()]).nullish(),
  size: z.number().nullish(),
  count: z.number().nullish(),
});
type Row = z.infer<typeof rowSchema>;
const rowsSchema = z.array(rowSchema);
const pageSchema = z.looseObject({
  hasMore: z.boolean().nullish(),
  nextCursor: z.union([z.string(), z.number()]).nullish(),
});
const namedSchema = z.looseObject({
  id: z.string().optional(),
  name: z.string().optional(),
  value: z.string().optional(),
});
const roomSchema = z.looseObject({
  free: z.number().optional(),
  total: z.number().optional(),
  used: z.number().optional(),
});

const MOST_WRAPPINGS = 3;
/** The last moment that a date can name. */
const MOST_DATE = 8.64e15;

/** One page of a list: entries directly under `dir`, and the cursor of the next page. */
export function decodeList(
  json: unknown,
  dir: DirId,
): { readonly entries: readonly Entry[]; readonly cursor: string | undefined } {
  const parsed = rowsSchema.safeParse(rowsOf(json));
  if (!parsed.success) throw new WireFault('it is not a list of entries');
  return { entries: parsed.data.map((row) => entryOf(row, dir)), cursor: cursorOf(json) };
}

/** Joins the pages of one list; throws when two rows claim one id. */
export function joinEntries(pages: Iterable<readonly Entry[]>): Map<string, Entry> {
  const all = new Map<string, Entry>();
  for (const page of pages) {
    for (const entry of page) {
      if (all.has(entry.name)) throw new WireFault(`${JSON.stringify(entry.name)} stands in it twice`);
      all.set(entry.name, entry);
    }
  }
  return all;
}

/** The id that an upload, create, rename or single move tells; undefined when it tells none. */
export function decodeId(json: unknown, dir: DirId): EntryId | undefined {
  const told = unwrap(json);
  const first = Array.isArray(told) ? told[0] : told;
  if (typeof first === 'string') return parseEntryId(first);
  const found = namedSchema.safeParse(first);
  if (!found.success) return undefined;
  const { id, name, value } = found.data;
  if (id !== undefined) return parseEntryId(id.startsWith('/') ? id : `/${id}`);
  const stored = value ?? name;
  return stored === undefined || addressFault(stored) !== undefined ? undefined : childId(dir, stored);
}

/** The ids that a batch tells; undefined when it tells none. */
export function decodeIds(json: unknown, dir: DirId): readonly EntryId[] | undefined {
  const told = unwrap(json);
  if (!Array.isArray(told)) return undefined;
  const ids = told.map((one) => decodeId(one, dir));
  return ids.every((id) => id !== undefined) && ids.length > 0 ? ids : undefined;
}

/** Bytes left, or undefined when unlimited or not told. */
export function decodeRoom(json: unknown): number | undefined {
  const told = unwrap(json);
  const found = roomSchema.safeParse(Array.isArray(told) ? told[0] : told);
  if (!found.success) throw new WireFault('it does not tell the room left');
  const { free, total, used } = found.data;
  if (free === -1 || total === -1) return undefined;
  if (free !== undefined) return Math.max(0, free);
  return total !== undefined && used !== undefined ? Math.max(0, total - used) : undefined;
}

/** Epoch milliseconds; undefined when it is no date. A date without a zone is UTC. */
export function decodeDate(date: string | number): number | undefined {
  if (typeof date === 'number')
    return date >= 0 && date <= MOST_DATE ? (date < 1e11 ? date * 1000 : date) : undefined;
  const iso = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)\s*(Z|[+-]\d\d:?\d\d)?$/i.exec(date);
  const ms = Date.parse(iso === null ? date : `${iso[1]}T${iso[2]}${iso[3] ?? 'Z'}`);
  return Number.isNaN(ms) || (iso === null && !/GMT|UTC|Z$/.test(date)) ? undefined : ms;
}

function entryOf(row: Row, dir: DirId): Entry {
  const prefix = dir === TOP ? '/' : `${dir}/`;
  const name = row.id.slice(prefix.length);
  if (!row.id.startsWith(prefix) || name === '' || name.includes('/')) {
    throw new WireFault(`${JSON.stringify(row.id)} does not lie in ${JSON.stringify(dir)}`);
  }
  const told = row.value ?? row.name;
  if (told !== undefined && told !== null && told !== name) {
    throw new WireFault(`${JSON.stringify(row.id)} is called ${JSON.stringify(told)}`);
  }
  const why = addressFault(name);
  if (why !== undefined) return { kind: 'odd', name, why };
  const id = row.id as EntryId;
  if (row.type === 'folder' || row.type === 'directory')
    return { kind: 'folder', id, name, count: row.count ?? undefined };
  if (row.type !== 'file')
    return { kind: 'odd', name, why: `it is a ${JSON.stringify(row.type)}, neither file nor folder` };
  return { kind: 'file', id, name, size: sizeOf(row), date: dateOf(row) };
}

function sizeOf(row: Row): number | undefined {
  if (row.size === undefined || row.size === null) return undefined;
  if (Number.isSafeInteger(row.size) && row.size >= 0) return row.size;
  throw new WireFault(`${JSON.stringify(row.id)} has the size ${row.size}`);
}

function dateOf(row: Row): number | undefined {
  const told = row.date ?? row.mtime;
  if (told === undefined || told === null || told === '') return undefined;
  const date = decodeDate(told);
  if (date === undefined)
    throw new WireFault(`${JSON.stringify(row.id)} has the date ${JSON.stringify(told)}`);
  return date;
}

/** What is inside `{data: …}` or `{result: …}`, however often wrapped. */
export function unwrap(json: unknown): unknown {
  return layers(json).at(-1);
}

/** The answer, what is wrapped in it, and so on; the last is the thing itself. */
function layers(json: unknown): readonly unknown[] {
  const all = [json];
  for (let at = json; isRecord(at) && all.length <= MOST_WRAPPINGS; all.push(at)) {
    if ('data' in at) at = at.data;
    else if ('result' in at) at = at.result;
    else break;
  }
  return all;
}

function rowsOf(json: unknown): unknown {
  const told = unwrap(json);
  return isRecord(told) && Array.isArray(told.files) ? told.files : told;
}

/** Paging may be told on any level of the wrapping. What cannot be understood may mean that there is more. */
function cursorOf(json: unknown): string | undefined {
  for (const layer of layers(json).filter(isRecord)) {
    for (const told of [layer.meta, layer]) {
      if (!isRecord(told)) continue;
      const page = pageSchema.safeParse(told);
      if (!page.success) throw new WireFault('it does not tell plainly whether there is more');
      const { hasMore, nextCursor } = page.data;
      const cursor = nextCursor === undefined || nextCursor === null ? '' : String(nextCursor);
      if (cursor !== '' && hasMore !== false) return cursor;
      if (hasMore === true) throw new WireFault('it says that there is more, but not where');
    }
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
