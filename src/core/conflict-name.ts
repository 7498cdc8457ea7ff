/** The name of a conflict copy: `stem (conflict 2026-11-22 14.03.05 host).ext`. */

export interface CopyNaming {
  readonly date: Date;
  readonly host: string;
  /** True for names that stand or will stand on either side. */
  readonly taken: (name: string) => boolean;
}

/** What common file systems and servers hold, in UTF-8 bytes. */
const MAX_BYTES = 255;
const MARK = / \(conflict \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d [^()]*\)(?: \d+)?(?=\.|$)/;
/** Endings that belong together. */
const COMPOUND = /\.(?:tar|cpio|d|min|test|spec|user)\.[^.]{1,8}$/i;

/** A free name for the copy. A copy of a copy replaces the mark, so that marks never pile up. */
export function conflictName(name: string, { date, host, taken }: CopyNaming): string {
  const [stem, extension] = split(name.replace(MARK, ''));
  const mark = ` (conflict ${stampOf(date)} ${cleanHost(host)})`;
  for (let counter = 1; ; counter += 1) {
    const tail = `${mark}${counter === 1 ? '' : ` ${counter}`}${extension}`;
    const candidate = shorten(stem, MAX_BYTES - bytes(tail)) + tail;
    if (!taken(candidate)) return candidate;
  }
}

/** A leading dot belongs to the stem (`.env` has no ending), and an ending that is a whole name in length is none. */
function split(name: string): readonly [stem: string, extension: string] {
  const compound = COMPOUND.exec(name);
  const dot = compound !== null && compound.index > 0 ? compound.index : name.lastIndexOf('.');
  if (dot <= 0 || bytes(name.slice(dot)) > 64) return [name, ''];
  return [name.slice(0, dot), name.slice(dot)];
}

function stampOf(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}.${two(date.getMinutes())}.${two(date.getSeconds())}`;
}

function cleanHost(host: string): string {
  const clean = host.replace(/[^\p{L}\p{N}._-]+/gu, '-');
  return shorten(clean === '' ? 'host' : clean, 40);
}

/** The longest beginning of whole code points that fits. */
function shorten(text: string, limit: number): string {
  let used = 0;
  let kept = '';
  for (const point of text) {
    used += bytes(point);
    if (used > limit) break;
    kept += point;
  }
  return kept;
}

function bytes(text: string): number {
  let count = 0;
  for (const point of text) {
    const code = point.codePointAt(0) ?? 0;
    count += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return count;
}
