/** One folder's entries as the disk gives them: names that are text, names that are not, spellings that clash. */
import { keyOf } from '../core/path.ts';
import type { Disk, DiskEntry } from './disk.ts';

export interface Listing {
  readonly entries: readonly DiskEntry[];
  /** Printable forms of names that are not valid UTF-8. Such an entry cannot be addressed. */
  readonly undecodable: readonly string[];
  /** Names that lose against another spelling of the same key: the exact one, or none. */
  readonly clashing: ReadonlyMap<string, Clash>;
}
/** `spare`: another entry has exactly the key. `tie`: several spellings, none exact. */
export type Clash = 'spare' | 'tie';

const NO_CLASH: ReadonlyMap<string, Clash> = new Map();

/** Throws what readdir throws. */
export function list(disk: Disk, folder: string): Listing {
  const entries = disk.readdirSync(folder);
  // U+FFFD is what a byte that is not UTF-8 decodes to; a name may also really hold it, so only the bytes can tell.
  if (!entries.some(({ name }) => name.includes('\uFFFD'))) {
    return { entries, undecodable: [], clashing: clashes(entries) };
  }
  const undecodable: string[] = [];
  const garbled = new Set<string>();
  for (const bytes of disk.readdirBytesSync(folder)) {
    const name = bytes.toString('utf8');
    if (Buffer.from(name, 'utf8').equals(bytes)) continue;
    garbled.add(name);
    undecodable.push(printable(bytes));
  }
  const readable = entries.filter(({ name }) => !garbled.has(name));
  return { entries: readable, undecodable, clashing: clashes(readable) };
}

/** Two names share a key only when one of them is not spelled as the key. */
function clashes(entries: readonly DiskEntry[]): ReadonlyMap<string, Clash> {
  const odd = entries.filter(({ name }) => keyOf(name) !== name);
  if (odd.length === 0) return NO_CLASH;
  const exact = new Set(entries.map(({ name }) => name));
  const found = new Map<string, Clash>();
  for (const [key, group] of Map.groupBy(odd, ({ name }) => keyOf(name))) {
    if (exact.has(key)) for (const { name } of group) found.set(name, 'spare');
    else if (group.length > 1) for (const { name } of group) found.set(name, 'tie');
  }
  return found;
}

function printable(bytes: Buffer): string {
  return Array.from(bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('');
}
