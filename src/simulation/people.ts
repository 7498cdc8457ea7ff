/**
 * The people of a simulated world: they edit a folder on their machine, or, as agents, the workspace. They see what
 * stands there at that moment, act at once, and tell the truth about what they wrote and gave up.
 */
import type { Edit } from './scenario.ts';
import type { Truth } from './truth.ts';

/** A side as people see it: no rtsync between. Paths are relative, `a/b`. Our own folders are not shown. */
export interface Place {
  list(): readonly PlaceEntry[];
  read(path: string): Uint8Array | undefined;
  /** Every content, the trash included. */
  holds(): Iterable<{ readonly path: string; readonly bytes: Uint8Array }>;
  /** Into the same file. */
  write(path: string, bytes: Uint8Array): void;
  /** A new file takes the name at once. */
  replace(path: string, bytes: Uint8Array): void;
  /** Writes `first` now and `whole` when called back; false when the file is no longer under its name by then. */
  startWrite(path: string, first: Uint8Array): (whole: Uint8Array) => boolean;
  remove(path: string): void;
  removeTree(path: string): void;
  /** What stands at `to` is overwritten. */
  rename(from: string, to: string): void;
  mkdir(path: string): void;
}

export interface PlaceEntry {
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'other';
}

export interface Person {
  readonly place: Place;
  readonly truth: Truth;
  /** In front of the name of what is written. */
  readonly name: string;
  /** Only names that begin so are touched: '' for all. */
  readonly own: string;
  /** May names begin with a dot? */
  readonly dots: boolean;
  /** Does `deed` so many virtual milliseconds later. */
  later(ms: number, deed: () => void): void;
  /** Told which path was touched. */
  touched(path: string): void;
}

/** Nobody touches it, so that no side is ever emptied: that would be a question to a person. */
export const ANCHOR = 'anchor';
const OWN_FOLDER = '.rtsync/';
const NAMES = ['a.txt', 'b.txt', 'c', 'Übung é.md', 'e f.md', 'g%20h', '.env', 'k.txt', 'l.bin'];
const FOLDERS = ['d', 'src', 'x y', 'lib', 'm'];

/** Says what was done, for the story of a run; undefined when there was nothing to do it to. */
export function act(person: Person, edit: Edit): string | undefined {
  const entries = person.place.list().filter(({ path }) => path !== ANCHOR && path.startsWith(person.own));
  const files = entries.filter(({ kind }) => kind === 'file').map(({ path }) => path);
  const folders = entries.filter(({ kind }) => kind === 'folder').map(({ path }) => path);
  const scene: Scene = {
    person,
    edit,
    file: at(files, edit.where),
    folder: at(folders, edit.where),
    second: at(files, edit.other),
    free: freeName(person, folders, edit),
  };
  const done = DEEDS[edit.kind](scene);
  return done === undefined ? undefined : `${person.name} ${done}`;
}

const WIDE = 'wide';

/** Writes so many files of one folder, from this number on. */
export function writeWide(person: Person, first: number, files: number): string {
  const folder = `${person.own}${WIDE}`;
  if (kindAt(person.place, folder) === undefined) person.place.mkdir(folder);
  if (kindAt(person.place, folder) !== 'folder') return `${person.name} finds ${folder} taken`;
  for (let n = first; n < first + files; n += 1) writeOneOfWide(person, n);
  return `${person.name} writes ${files} files in ${folder}`;
}

export function writeOneOfWide(person: Person, file: number): string | undefined {
  const path = `${person.own}${WIDE}/${file}`;
  const kind = kindAt(person.place, path);
  if (kindAt(person.place, parentOf(path)) !== 'folder' || (kind !== undefined && kind !== 'file'))
    return undefined;
  return `${person.name} ${overwrite(person, { path, how: 'write', size: 24 })}`;
}

/** Somebody writes into a file that is there, or into one of a folder, at this very moment; its size stays. */
export function scribble(person: Person, named: string, which: number): string | undefined {
  const { place, own } = person;
  const inside = place.list().filter(({ path, kind }) => kind === 'file' && parentOf(path) === named);
  const path = inside[Math.floor(which * inside.length)]?.path ?? named;
  const there = place.read(path);
  if (there === undefined || path === ANCHOR || !path.startsWith(own)) return undefined;
  return `${person.name} ${overwrite(person, { path, how: 'write', size: there.length })}`;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

interface Scene {
  readonly person: Person;
  readonly edit: Edit;
  readonly file: string | undefined;
  readonly folder: string | undefined;
  readonly second: string | undefined;
  readonly free: { readonly file: string; readonly folder: string };
}

function at(paths: readonly string[], where: number): string | undefined {
  return paths[Math.floor(where * paths.length)];
}

/** In one of the folders or at the top, now and then a name that is taken. */
function freeName(person: Person, folders: readonly string[], edit: Edit): Scene['free'] {
  const spot = Math.floor(edit.other * 997);
  const parent = folders.length > 0 && spot % 3 > 0 ? folders[spot % folders.length] : undefined;
  const names = NAMES.filter((name) => person.dots || !name.startsWith('.'));
  const put = (pool: readonly string[]): string => {
    const name = pool[spot % pool.length] as string;
    return parent === undefined ? `${person.own}${name}` : `${parent}/${name}`;
  };
  return { file: put(names), folder: put(FOLDERS) };
}

function gaveUpBelow({ place, truth }: Person, path: string): void {
  for (const entry of place.list())
    if (entry.kind === 'file' && (entry.path === path || entry.path.startsWith(`${path}/`)))
      truth.gaveUp(place.read(entry.path));
}

function put({ person, edit }: Scene, path: string, how: 'write' | 'replace'): string {
  return overwrite(person, { path, how, size: edit.size });
}

function overwrite(
  person: Person,
  { path, how, size }: { readonly path: string; readonly how: 'write' | 'replace'; readonly size: number },
): string {
  const { place, truth, name } = person;
  const bytes = truth.fresh(size, name);
  truth.gaveUp(place.read(path));
  truth.wrote(bytes);
  place[how](path, bytes);
  person.touched(path);
  return `${how === 'write' ? 'writes' : 'replaces'} ${path}`;
}

const kindAt = (place: Place, path: string): PlaceEntry['kind'] | undefined =>
  place.list().find((entry) => entry.path === path)?.kind;

const DEEDS: Readonly<Record<Edit['kind'], (scene: Scene) => string | undefined>> = {
  create: (scene) => {
    const { place } = scene.person;
    const kind = kindAt(place, scene.free.file);
    return kind === 'folder' || kind === 'other' ? undefined : put(scene, scene.free.file, 'write');
  },
  write: (scene) => (scene.file === undefined ? undefined : put(scene, scene.file, 'write')),
  replace: (scene) => (scene.file === undefined ? undefined : put(scene, scene.file, 'replace')),
  slow: (scene) => {
    const { person, edit, file } = scene;
    if (file === undefined) return undefined;
    const { place, truth, name } = person;
    const whole = truth.fresh(Math.max(edit.size, 20), name);
    const first = whole.subarray(0, Math.floor(whole.length / 2));
    truth.gaveUp(place.read(file));
    truth.began(first);
    const finish = place.startWrite(file, first);
    person.touched(file);
    person.later(5 + Math.floor(edit.other * 1_500), () => {
      const before = new Map([...place.holds()].map(({ path, bytes }) => [path, Uint8Array.from(bytes)]));
      const stillThere = finish(whole);
      truth.wrote(whole);
      // Through an open descriptor into a file that has lost its name: nobody can keep that live.
      if (!stillThere) truth.inGap(whole, 'written late into a file that was replaced');
      // Two people who write into one file at once make a third content of it, and it is theirs: in the trash too.
      for (const { path, bytes } of place.holds()) {
        const old = before.get(path);
        if (old === undefined || Buffer.compare(old, bytes) === 0) continue;
        truth.gaveUp(old);
        if (!path.startsWith(OWN_FOLDER)) truth.wrote(bytes);
      }
      person.touched(file);
    });
    return `begins to write ${file}`;
  },
  touch: ({ person, file }) => {
    const bytes = file === undefined ? undefined : person.place.read(file);
    if (file === undefined || bytes === undefined) return undefined;
    person.place.write(file, bytes);
    person.touched(file);
    return `touches ${file}`;
  },
  remove: ({ person, file }) => {
    if (file === undefined) return undefined;
    person.truth.gaveUp(person.place.read(file));
    person.place.remove(file);
    person.touched(file);
    return `removes ${file}`;
  },
  removeTree: ({ person, folder }) => {
    if (folder === undefined) return undefined;
    gaveUpBelow(person, folder);
    person.place.removeTree(folder);
    person.touched(folder);
    return `removes the folder ${folder}`;
  },
  rename: ({ person, file, free }) => {
    if (file === undefined || kindAt(person.place, free.file) !== undefined) return undefined;
    person.truth.moved(person.name, person.place.read(file), file, free.file);
    person.place.rename(file, free.file);
    person.touched(file);
    person.touched(free.file);
    return `renames ${file} to ${free.file}`;
  },
  renameOver: ({ person, file, second }) => {
    if (file === undefined || second === undefined || file === second) return undefined;
    person.truth.gaveUp(person.place.read(second));
    person.place.rename(file, second);
    person.touched(file);
    person.touched(second);
    return `renames ${file} over ${second}`;
  },
  renameFolder: ({ person, folder, free }) => {
    if (folder === undefined || `${free.folder}/`.startsWith(`${folder}/`)) return undefined;
    if (kindAt(person.place, free.folder) !== undefined) return undefined;
    person.place.rename(folder, free.folder);
    person.touched(folder);
    person.touched(free.folder);
    return `renames the folder ${folder} to ${free.folder}`;
  },
  swap: ({ person, file, second }) => {
    if (file === undefined || second === undefined || file === second) return undefined;
    const { place } = person;
    const between = `${person.own}swap.tmp1`;
    if (kindAt(place, between) !== undefined) return undefined;
    person.truth.moved(person.name, place.read(file), file, second);
    person.truth.moved(person.name, place.read(second), second, file);
    place.rename(file, between);
    place.rename(second, file);
    place.rename(between, second);
    person.touched(file);
    person.touched(second);
    return `swaps ${file} and ${second}`;
  },
  mkdir: ({ person, free }) => {
    if (kindAt(person.place, free.folder) !== undefined) return undefined;
    person.place.mkdir(free.folder);
    person.touched(free.folder);
    return `makes the folder ${free.folder}`;
  },
  turn: (scene) => {
    const { person, file } = scene;
    if (file === undefined || scene.edit.other < 0.5) return undefined;
    person.truth.gaveUp(person.place.read(file));
    person.place.remove(file);
    person.place.mkdir(file);
    const inside = put(scene, `${file}/a.txt`, 'write');
    return `turns ${file} into a folder and ${inside}`;
  },
};
