/** The shapes of answers: errors in every known shape, rows and dates in both dialects. */
import type { Behaviour } from './behaviour.ts';

/** Anything that ends a request with an error. The message is shown to the caller. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'bad_request', message);
}

export function taken(id: string): ApiError {
  return new ApiError(409, 'already_exists', `${id} exists already`);
}

export function missing(behaviour: Behaviour, id: string): ApiError {
  return new ApiError(behaviour.statusForMissing, 'not_found', `${id} does not exist`);
}

/** Whether the error means "nothing is there", whatever status this server gives it. */
export function isMissing(thrown: unknown): thrown is ApiError {
  return thrown instanceof ApiError && thrown.code === 'not_found';
}

export interface ErrorAnswer {
  readonly type: string;
  readonly body: string;
}

export function errorAnswer(shape: Behaviour['errorShape'], error: ApiError, requestId: string): ErrorAnswer {
  if (shape === 'text') return { type: 'text/plain; charset=utf-8', body: error.message };
  const value =
    shape === 'plain-string'
      ? { error: error.message }
      : { error: { code: error.code, message: error.message, requestId } };
  return { type: 'application/json; charset=utf-8', body: JSON.stringify(value) };
}

/** One entry of a folder's list. Times in epoch milliseconds. */
export interface Row {
  readonly id: string;
  readonly name: string;
  readonly kind: 'file' | 'folder';
  readonly mtimeMs: number;
  readonly size: number;
  readonly count: number;
}

export function listAnswer(behaviour: Behaviour, rows: readonly Row[], cursor: string | undefined): unknown {
  const items = rows.map((row) => rowAnswer(behaviour, row));
  const size = behaviour.filePageSize;
  if (size !== undefined) {
    const { page, meta } = pageOf(items, size, cursor);
    return { data: page, meta };
  }
  return wrap(behaviour, items);
}

function rowAnswer(behaviour: Behaviour, row: Row): unknown {
  const honest = row.kind === 'file' || behaviour.folderHints === 'honest';
  const date = formatDate(behaviour, honest ? row.mtimeMs : 0);
  const rest = row.kind === 'file' ? { size: row.size } : { lazy: true, count: honest ? row.count : 0 };
  if (behaviour.dialect === 'documented') {
    return { id: row.id, value: row.name, type: row.kind, date, ...rest };
  }
  const type = row.kind === 'file' ? 'file' : 'directory';
  return { id: row.id, name: row.name, type, mtime: date, ...rest };
}

function formatDate(behaviour: Behaviour, ms: number): string {
  const iso = new Date(ms + behaviour.dateSkewMs).toISOString();
  return behaviour.dateFormat === 'iso' ? iso : iso.slice(0, 19).replace('T', ' ');
}

/** A storage answer: bare, or as the second set of pages has it. */
export function wrap(behaviour: Behaviour, value: unknown): unknown {
  return behaviour.dialect === 'documented' ? value : { data: value };
}

/** What a deed answers about the entry that it made. */
export interface Made {
  readonly id: string;
  readonly name: string;
}

export function resultAnswer(behaviour: Behaviour, made: Made): unknown {
  return behaviour.dialect === 'documented' ? { result: made } : { data: made };
}

export function putAnswer(behaviour: Behaviour, made: readonly Made[]): unknown {
  if (behaviour.putAnswer === 'empty') return {};
  return behaviour.dialect === 'documented' ? { result: made } : { data: made };
}

export interface PageMeta {
  readonly hasMore: boolean;
  readonly nextCursor: string | null;
}

/** A page of at most `size` items; the cursor is the position of its first item. */
export function pageOf<T>(
  items: readonly T[],
  size: number,
  cursor: string | undefined,
): { page: readonly T[]; meta: PageMeta } {
  const start = cursor === undefined ? 0 : Number(cursor);
  if (!Number.isInteger(start) || start < 0) throw badRequest('the cursor is not one of ours');
  const end = start + size;
  const hasMore = end < items.length;
  return { page: items.slice(start, end), meta: { hasMore, nextCursor: hasMore ? String(end) : null } };
}
