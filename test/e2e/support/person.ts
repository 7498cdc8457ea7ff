/**
 * A person, or an agent, who edits a folder: at random, and telling the ledger exactly what was seen and given up. All
 * calls to the disk of one edit stand back to back, so that hardly anything can come between the look and the deed.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf, type Ledger, type Place } from './ledger.ts';
import { createNames, type Names } from './odd-names.ts';

export interface Person {
  /** One edit; the name of what was done, undefined when nothing could be. */
  edit(): string | undefined;
}

export interface PersonOptions {
  readonly place: Place;
  readonly root: string;
  /** A folder on the same disk, outside of what is synced. */
  readonly bin: string;
  readonly ledger: Ledger;
  readonly random: () => number;
  /** Files that the folder shall have, about. */
  readonly size: { readonly least: number; readonly most: number };
}

/** What an edit works with. `contents` never repeats. */
interface Hands extends PersonOptions {
  readonly names: Names;
  readonly files: readonly string[];
  readonly folders: readonly string[];
  pick(list: readonly string[]): string;
  content(bytes: number): Buffer;
  at(path: string): string;
}

type Edit = readonly [weight: number, name: string, run: (hands: Hands) => void];

const EDITS: readonly Edit[] = [
  [20, 'create', (h) => create(h, join(h.pick(h.folders), h.names.fresh()), small(h))],
  [9, 'create a common name', (h) => save(h, h.names.common(), small(h))],
  [3, 'create large', (h) => create(h, join(h.pick(h.folders), h.names.fresh()), large(h))],
  [14, 'append', (h) => editInPlace(h, h.pick(h.files), true)],
  [10, 'rewrite', (h) => editInPlace(h, h.pick(h.files), false)],
  [12, 'save', (h) => save(h, h.pick(h.files), small(h))],
  [10, 'rename', (h) => moveFile(h, h.pick(h.files), join(h.pick(h.folders), h.names.fresh()))],
  [2, 'rename over another', (h) => moveFile(h, h.pick(h.files), h.pick(h.files))],
  [8, 'delete', (h) => deleteFile(h, h.pick(h.files))],
  [5, 'new folder', (h) => create(h, join(h.pick(h.folders), h.names.fresh(), h.names.fresh()), small(h))],
  [2, 'empty folder', (h) => void makeFolder(h, join(h.pick(h.folders), h.names.fresh()))],
  [4, 'rename folder', (h) => moveFolder(h, h.pick(h.folders), h.names.fresh())],
  [2, 'delete folder', (h) => deleteFolder(h, h.pick(h.folders))],
  [1, 'file becomes folder', turnIntoFolder],
  [1, 'delete and write again', (h) => deleteAndWrite(h, h.pick(h.files))],
];

export function createPerson(options: PersonOptions): Person {
  const { place, root, random, size, ledger } = options;
  const names = createNames(place, random);
  let written = 0;
  const content = (bytes: number): Buffer => {
    written += 1;
    const head = Buffer.from(`version ${written} by ${place}, round ${ledger.round}, ${random()}\n`);
    return Buffer.concat([head, Buffer.alloc(bytes, `${random()} padding of ${place}${written}\n`)]);
  };
  return {
    edit() {
      const { files, folders } = below(root);
      const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)] ?? '';
      const hands: Hands = {
        ...options,
        names,
        files,
        folders,
        pick,
        content,
        at: (path) => join(root, path),
      };
      const fits = EDITS.filter(([, name]) => {
        if (name.includes('delete')) return files.length > size.least;
        if (name.includes('create') || name.includes('new')) return files.length < size.most;
        return files.length > 0;
      });
      const chosen = byWeight(fits, random());
      if (chosen === undefined) return undefined;
      try {
        chosen[2](hands);
        return chosen[1];
      } catch (error) {
        // What was seen a moment ago is gone: rtsync, or the other hand, was faster.
        if (error instanceof Error && 'code' in error && EXPECTED.has(String(error.code))) return undefined;
        throw error;
      }
    },
  };
}

const EXPECTED = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENOTEMPTY', 'EINVAL']);

function byWeight(edits: readonly Edit[], chance: number): Edit | undefined {
  let left = chance * edits.reduce((sum, [weight]) => sum + weight, 0);
  return edits.find(([weight]) => {
    left -= weight;
    return left < 0;
  });
}

/** Relative paths, sorted, so that the same seed picks the same ones. The root is the folder ''. */
export function below(root: string): { readonly files: string[]; readonly folders: string[] } {
  const [files, folders]: [string[], string[]] = [[], ['']];
  const walk = (dir: string): void => {
    for (const found of readdirSync(join(root, dir), { withFileTypes: true })) {
      const path = join(dir, found.name);
      if (found.isFile() && !found.name.includes('.tmp-save')) files.push(path);
      if (!found.isDirectory() || found.name === '.rtsync') continue;
      folders.push(path);
      try {
        walk(path);
      } catch {
        // Moved away while it was walked.
      }
    }
  };
  walk('');
  return { files: files.sort(), folders: folders.sort() };
}

const small = (h: Hands): Buffer => h.content(Math.floor(h.random() * 3_000));
const large = (h: Hands): Buffer => h.content(1_000_000 + Math.floor(h.random() * 4_000_000));

function makeFolder(h: Hands, path: string): void {
  mkdirSync(h.at(path), { recursive: true });
  h.ledger.folder(h.place, path, `makes the folder ${JSON.stringify(path)}`);
}

function create(h: Hands, path: string, content: Buffer): void {
  if (dirname(path) !== '.' && !existsSync(h.at(dirname(path)))) makeFolder(h, dirname(path));
  writeFileSync(h.at(path), content, { flag: 'wx' });
  h.ledger.write(h.place, path, content);
}

/** As editors do: a new file takes the name. */
function save(h: Hands, path: string, content: Buffer): void {
  const temporary = h.at(join(dirname(path), '.saving.tmp-save'));
  writeFileSync(temporary, content);
  let old: Buffer | undefined;
  try {
    old = existsSync(h.at(path)) ? readFileSync(h.at(path)) : undefined;
    renameSync(temporary, h.at(path));
  } finally {
    rmSync(temporary, { force: true });
  }
  const over = old === undefined ? undefined : digestOf(old);
  h.ledger.write(h.place, path, content, over);
  if (over !== undefined) h.ledger.giveUp(h.place, path, over);
}

function editInPlace(h: Hands, path: string, append: boolean): void {
  const fresh = small(h);
  const fd = openSync(h.at(path), 'r+');
  try {
    const old = Buffer.alloc(fstatSync(fd).size);
    readSync(fd, old, 0, old.length, 0);
    const content = append ? Buffer.concat([old, fresh]) : fresh;
    if (append) writeSync(fd, fresh, 0, fresh.length, old.length);
    else {
      ftruncateSync(fd, 0);
      writeSync(fd, fresh, 0, fresh.length, 0);
    }
    h.ledger.write(h.place, path, content, digestOf(old));
    h.ledger.giveUp(h.place, path, digestOf(old));
  } finally {
    closeSync(fd);
  }
}

function moveFile(h: Hands, from: string, to: string): void {
  if (from === to) return;
  const over = existsSync(h.at(to)) ? digestOf(readFileSync(h.at(to))) : undefined;
  renameSync(h.at(from), h.at(to));
  h.ledger.move(h.place, from, to, digestOf(readFileSync(h.at(to))));
  if (over !== undefined) h.ledger.giveUp(h.place, to, over);
}

/** Moved out first: what is given up is exactly what stood there at that instant. */
function deleteFile(h: Hands, path: string): void {
  const away = join(h.bin, `${h.place}-deleted`);
  renameSync(h.at(path), away);
  h.ledger.giveUp(h.place, path, digestOf(readFileSync(away)));
  rmSync(away);
}

function deleteFolder(h: Hands, path: string): void {
  if (path === '') return;
  if (h.files.length - h.files.filter((file) => file.startsWith(`${path}/`)).length < h.size.least) return;
  const away = join(h.bin, `${h.place}-deleted-folder`);
  renameSync(h.at(path), away);
  h.ledger.note(h.place, `deletes the folder ${JSON.stringify(path)}`, [path]);
  for (const file of below(away).files)
    h.ledger.giveUp(h.place, join(path, file), digestOf(readFileSync(join(away, file))));
  rmSync(away, { recursive: true });
}

function moveFolder(h: Hands, from: string, fresh: string): void {
  if (from === '') return;
  const into = h.pick(h.folders.filter((folder) => `${folder}/`.startsWith(`${from}/`) === false));
  const to = join(h.random() < 0.5 ? dirname(from) : into, fresh);
  renameSync(h.at(from), h.at(to));
  h.ledger.note(h.place, `renames away the folder ${JSON.stringify(from)}`, [from]);
  h.ledger.folder(h.place, to, `renames the folder ${JSON.stringify(from)} to ${JSON.stringify(to)}`);
  for (const file of below(h.at(to)).files)
    h.ledger.move(h.place, join(from, file), join(to, file), digestOf(readFileSync(h.at(join(to, file)))));
}

function turnIntoFolder(h: Hands): void {
  const path = h.pick(h.files);
  deleteFile(h, path);
  create(h, join(path, h.names.fresh()), small(h));
}

function deleteAndWrite(h: Hands, path: string): void {
  deleteFile(h, path);
  create(h, path, small(h));
}
