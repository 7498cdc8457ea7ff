/**
 * What people did, and so what must be there: every content that was written, who gave which one up, who touched which
 * file where since everything was last in sync. Knows nothing of rtsync.
 */
import { createHash } from 'node:crypto';

/** `A` and `B` are machines, `W` is the workspace on the server's disk. */
export type Place = 'A' | 'B' | 'W';
/** `arrive` and `leave` are the two ends of a rename; `folder`: it was made under that name. */
export type Touch = 'write' | 'arrive' | 'leave' | 'delete' | 'folder';

export interface Version {
  readonly digest: string;
  /** One number for all versions of one file, whatever its name. */
  readonly lineage: number;
  readonly by: Place;
  readonly path: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

export interface Event {
  readonly at: number;
  readonly round: number;
  readonly place: Place | '';
  readonly text: string;
  readonly paths: readonly string[];
  readonly lineage: number | undefined;
}

export interface Ledger {
  round: number;
  readonly edits: number;
  /** Every content that was ever written, by digest. */
  readonly versions: ReadonlyMap<string, Version>;
  /** Base names that people gave, composed. */
  readonly names: ReadonlySet<string>;
  write(place: Place, path: string, content: Buffer, over?: string): void;
  /** A person deleted or overwrote this content, seeing it. */
  giveUp(place: Place, path: string, digest: string): void;
  move(place: Place, from: string, to: string, digest: string): void;
  name(path: string): void;
  /** A folder came to stand there: a file at that name is in its way. */
  folder(place: Place, path: string, text: string): void;
  note(place: Place | '', text: string, paths?: readonly string[]): void;
  /** Contents that must be live. */
  expected(): readonly Version[];
  gaveUpAt(place: Place, digest: string): boolean;
  /** All names that this content's file ever had, composed. */
  pathsOf(digest: string): ReadonlySet<string>;
  /** Places that touched the file or the path since `inSync`, by how. */
  touches(path: string, lineage: number | undefined): ReadonlyMap<Place, ReadonlySet<Touch>>;
  inSync(): void;
  forget(digest: string): void;
  story(path: string, digest: string | undefined): readonly string[];
}

export function digestOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

export function createLedger(): Ledger {
  const versions = new Map<string, Version>();
  const names = new Set<string>();
  const givenUp = new Map<string, Set<Place>>();
  const excused = new Set<string>();
  const events: Event[] = [];
  const startedAt = Date.now();
  let touched = new Map<string, Map<Place, Set<Touch>>>();
  let lineages = 0;
  let edits = 0;

  const lineageOf = (digest: string | undefined): number | undefined =>
    digest === undefined ? undefined : versions.get(digest)?.lineage;
  const touch = (place: Place, path: string, lineage: number | undefined, how: Touch): void => {
    for (const key of [`path ${composed(path)}`, ...(lineage === undefined ? [] : [`file ${lineage}`])]) {
      const places = entry(touched, key, () => new Map<Place, Set<Touch>>());
      entry(places, place, () => new Set<Touch>()).add(how);
    }
  };
  const tell = (event: Pick<Event, 'place' | 'text' | 'paths' | 'lineage'>): void => {
    events.push({ ...event, at: Date.now() - startedAt, round: ledger.round });
  };
  const namesOf = (lineage: number): Set<string> => {
    const own = events.filter((event) => event.lineage === lineage);
    return new Set(own.flatMap(({ paths }) => paths.map(composed)));
  };
  const name = (path: string): void => {
    for (const part of path.split('/')) names.add(composed(part));
  };

  const ledger: Ledger = {
    round: 0,
    get edits() {
      return edits;
    },
    versions,
    names,
    write(place, path, content, over) {
      edits += 1;
      const digest = digestOf(content);
      const lineage = lineageOf(over) ?? ++lineages;
      versions.set(digest, { digest, lineage, by: place, path, at: Date.now() });
      name(path);
      touch(place, path, lineage, 'write');
      const what = `${over === undefined ? 'creates' : `edits ${short(over)} of`} ${JSON.stringify(path)}`;
      tell({ place, text: `${what}: ${short(digest)}, ${content.length} bytes`, paths: [path], lineage });
    },
    giveUp(place, path, digest) {
      edits += 1;
      entry(givenUp, digest, () => new Set<Place>()).add(place);
      touch(place, path, lineageOf(digest), 'delete');
      const text = `gives up ${short(digest)} at ${JSON.stringify(path)}`;
      tell({ place, text, paths: [path], lineage: lineageOf(digest) });
    },
    move(place, from, to, digest) {
      edits += 1;
      name(to);
      const lineage = lineageOf(digest);
      touch(place, from, lineage, 'leave');
      touch(place, to, undefined, 'arrive');
      const text = `moves ${short(digest)} from ${JSON.stringify(from)} to ${JSON.stringify(to)}`;
      tell({ place, text, paths: [from, to], lineage });
    },
    name,
    folder(place, path, text) {
      name(path);
      // The folders above it may be new as well.
      const parts = path.split('/');
      for (let n = 1; n <= parts.length; n += 1)
        touch(place, parts.slice(0, n).join('/'), undefined, 'folder');
      tell({ place, text, paths: [path], lineage: undefined });
    },
    note: (place, text, paths = []) => tell({ place, text, paths, lineage: undefined }),
    expected: () =>
      [...versions.values()].filter(({ digest }) => !givenUp.has(digest) && !excused.has(digest)),
    gaveUpAt: (place, digest) => givenUp.get(digest)?.has(place) ?? false,
    pathsOf: (digest) => {
      const lineage = lineageOf(digest);
      return lineage === undefined ? new Set() : namesOf(lineage);
    },
    touches(path, lineage) {
      const all = new Map<Place, Set<Touch>>();
      const files = [...related(events, path, lineage)].map((one) => `file ${one}`);
      for (const key of [`path ${composed(path)}`, ...files])
        for (const [place, hows] of touched.get(key) ?? [])
          for (const how of hows) entry(all, place, () => new Set<Touch>()).add(how);
      // A folder in the file's place, before somebody moved both with a folder around them.
      for (const name of lineage === undefined ? [] : namesOf(lineage))
        for (const [place, hows] of touched.get(`path ${name}`) ?? [])
          if (hows.has('folder')) entry(all, place, () => new Set<Touch>()).add('folder');
      return all;
    },
    inSync() {
      touched = new Map();
      tell({ place: '', text: 'all in sync', paths: [], lineage: undefined });
    },
    forget: (digest) => void excused.add(digest),
    story: (path, digest) => storyOf(events, path, lineageOf(digest)),
  };
  return ledger;
}

export function short(digest: string): string {
  return digest.slice(0, 8);
}

export function composed(path: string): string {
  return path.normalize('NFC');
}

/** This file and all that ever had this name: what is deleted and written anew is another file, for people the same. */
function related(
  events: readonly Event[],
  path: string,
  lineage: number | undefined,
): ReadonlySet<number | undefined> {
  const there = events.filter(({ paths }) => paths.some((one) => composed(one) === composed(path)));
  return new Set([lineage, ...there.map((event) => event.lineage)].filter((one) => one !== undefined));
}

/** The events of a file and its names, with the processes' starts and ends from the first of its last rounds on. */
function storyOf(events: readonly Event[], path: string, lineage: number | undefined): readonly string[] {
  const files = related(events, path, lineage);
  const about = (event: Event): boolean =>
    (event.lineage !== undefined && files.has(event.lineage)) ||
    event.paths.some((one) => composed(one) === composed(path));
  const own = events.filter(about).slice(-16);
  const since = (own.at(-1)?.round ?? 0) - 3;
  const wanted = new Set<Event>([
    ...own,
    ...events.filter(
      (event) => event.lineage === undefined && event.paths.length === 0 && event.round >= since,
    ),
  ]);
  return events
    .filter((event) => wanted.has(event))
    .slice(-80)
    .map(({ at, round, place, text }) => `${(at / 1000).toFixed(3)} s, round ${round}: ${place} ${text}`);
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
