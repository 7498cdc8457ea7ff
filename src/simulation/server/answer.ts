/** The shapes of answers: errors in every known shape, rows and dates in both dialects. */
import type { SimBehaviour } from './behaviour.ts';
import type { SimFile, SimFolder, SimNode } from './store.ts';

/** An answer on its way. */
export interface SimAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
  /** The file that a download goes on reading while its answer is on its way. */
  readonly source?: { readonly bytes: Uint8Array };
}

/** What a deed answers about the entry that it made. */
export interface Made {
  readonly id: string;
  readonly name: string;
}

/** Ends a request with an error answer. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function badRequest(message: string): Refusal {
  return new Refusal(400, 'bad_request', message);
}

export function taken(name: string): Refusal {
  return new Refusal(409, 'already_exists', `${name} exists already`);
}

export function missing(behaviour: SimBehaviour, id: string): Refusal {
  return new Refusal(behaviour.statusForMissing, 'not_found', `${id} does not exist`);
}

export function storageFull({ quotaError }: SimBehaviour): Refusal {
  return new Refusal(quotaError.status, quotaError.code, 'The storage quota is used up.');
}

export function internal(): Refusal {
  return new Refusal(500, 'internal_error', 'The server could not do it.');
}

export function json(value: unknown): SimAnswer {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

export function refused(behaviour: SimBehaviour, { status, code, message }: Refusal): SimAnswer {
  if (behaviour.errorShape === 'text')
    return { status, headers: { 'content-type': 'text/plain' }, body: message };
  const error = behaviour.errorShape === 'plain-string' ? message : { code, message };
  return { ...json({ error }), status };
}

/** Bare, or as the second set of pages has it. */
export function wrap(behaviour: SimBehaviour, value: unknown): unknown {
  return behaviour.dialect === 'documented' ? value : { data: value };
}

export function resultOf(behaviour: SimBehaviour, made: unknown): unknown {
  return behaviour.dialect === 'documented' ? { result: made } : { data: made };
}

export function putResult(behaviour: SimBehaviour, made: readonly Made[]): unknown {
  return behaviour.putAnswer === 'empty' ? {} : resultOf(behaviour, made);
}

/** One level of a folder, sorted by name, in the page that the cursor names. */
export function listed(
  behaviour: SimBehaviour,
  of: { readonly folder: SimFolder; readonly path: string; readonly hidden: boolean },
  cursor: string | undefined,
): unknown {
  const names = [...of.folder.entries.keys()].filter((name) => isVisible(name, of.hidden)).sort(byUnits);
  const prefix = of.path === '' ? '/' : `/${of.path}/`;
  const row = (name: string) => {
    const node = of.folder.entries.get(name) as SimNode;
    return node.kind === 'file'
      ? fileRow(behaviour, prefix + name, name, node)
      : folderRow(behaviour, { id: prefix + name, name, folder: node, hidden: of.hidden });
  };
  const size = behaviour.filePageSize;
  if (size === undefined) return wrap(behaviour, names.map(row));
  const start = cursor === undefined ? 0 : Number(cursor);
  if (!Number.isInteger(start) || start < 0) throw badRequest('the cursor is not one of ours');
  const hasMore = start + size < names.length;
  const meta = { hasMore, nextCursor: hasMore ? String(start + size) : null };
  return { data: names.slice(start, start + size).map(row), meta };
}

export function isVisible(name: string, hidden: boolean): boolean {
  return hidden || !name.startsWith('.');
}

function byUnits(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function fileRow(behaviour: SimBehaviour, id: string, name: string, file: SimFile): unknown {
  const date = dateText(behaviour, file.date);
  const size = file.bytes.length;
  return behaviour.dialect === 'documented'
    ? { id, value: name, type: 'file', date, size }
    : { id, name, type: 'file', mtime: date, size };
}

function folderRow(
  behaviour: SimBehaviour,
  of: { readonly id: string; readonly name: string; readonly folder: SimFolder; readonly hidden: boolean },
): unknown {
  const { id, name, folder } = of;
  const honest = behaviour.folderHints === 'honest';
  const date = dateText(behaviour, honest ? folder.date : 0);
  let count = 0;
  if (honest) for (const child of folder.entries.keys()) if (isVisible(child, of.hidden)) count += 1;
  return behaviour.dialect === 'documented'
    ? { id, value: name, type: 'folder', date, lazy: true, count }
    : { id, name, type: 'directory', mtime: date, lazy: true, count };
}

/** Dates are asked for again with every list, and writing one is what costs most. */
const WRITTEN = new Map<number, string>();

function dateText(behaviour: SimBehaviour, date: number): string {
  const ms = date + behaviour.dateSkewMs;
  let iso = WRITTEN.get(ms);
  if (iso === undefined) {
    if (WRITTEN.size > 5_000) WRITTEN.clear();
    iso = new Date(ms).toISOString();
    WRITTEN.set(ms, iso);
  }
  return behaviour.dateGrainMs === 1 ? iso : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}
