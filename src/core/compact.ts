/**
 * Trees at rest in about a quarter of the memory: the files of a folder as columns of numbers instead of three objects
 * each. What a compact folder answers is the same as before; its files are made anew whenever they are asked for, so
 * that only folders can be known again by being the same object.
 */
import type { BaseStamp } from './base.ts';
import type { Digest, FileNode, FolderNode, LocalStamp, Node, RemoteStamp, Tree } from './tree.ts';

/** A folder with fewer files costs more in columns than in objects. */
const FEWEST = 4;

/** How a stamp lies in its row. */
interface Layout<S> {
  /** Numbers in a row. */
  readonly width: number;
  /** The numbers of a stamp; undefined for one that is more than these and a digest. */
  readonly row: (stamp: S) => readonly number[] | undefined;
  readonly stamp: (numbers: readonly number[], at: number, digest: Digest | undefined) => S;
}

const LOCAL: Layout<LocalStamp> = {
  width: 5,
  row: ({ size, ino, mtimeMs, ctimeMs, mode, young }) =>
    young === undefined ? [mtimeMs, ctimeMs, size, ino, mode] : undefined,
  stamp: (numbers, at, digest) => ({
    size: numbers[at + 2] as number,
    ino: numbers[at + 3] as number,
    mtimeMs: numbers[at] as number,
    ctimeMs: numbers[at + 1] as number,
    mode: numbers[at + 4] as number,
    ...(digest === undefined ? {} : { digest }),
  }),
};

const BASE: Layout<BaseStamp> = {
  width: 5,
  row: ({ size, ino, mtimeMs, ctimeMs, date }) =>
    typeof date === 'number' ? [mtimeMs, ctimeMs, size, ino, date] : undefined,
  stamp: (numbers, at, digest) => ({
    digest: digest as Digest,
    size: numbers[at + 2] as number,
    ino: numbers[at + 3] as number,
    mtimeMs: numbers[at] as number,
    ctimeMs: numbers[at + 1] as number,
    date: numbers[at + 4] as number,
  }),
};

const REMOTE: Layout<RemoteStamp> = {
  width: 2,
  row: ({ size, date }) => (typeof date === 'number' ? [date, size] : undefined),
  stamp: (numbers, at) => ({ size: numbers[at + 1] as number, date: numbers[at] as number }),
};

/** The same tree; folders that were compact before, with all below them, stay the same objects. */
export function compactLocal(tree: Tree<LocalStamp>): Tree<LocalStamp> {
  return compactFolder(LOCAL, tree);
}

export function compactBase(tree: Tree<BaseStamp>): Tree<BaseStamp> {
  return compactFolder(BASE, tree);
}

export function compactRemote(tree: Tree<RemoteStamp>): Tree<RemoteStamp> {
  return compactFolder(REMOTE, tree);
}

/** The same for the children of one folder while a tree is made, so that it is never held as a whole in objects. */
export const compactChildren = {
  local: (children: Children<LocalStamp>): Children<LocalStamp> => inColumns(LOCAL, children),
  base: (children: Children<BaseStamp>): Children<BaseStamp> => inColumns(BASE, children),
  remote: (children: Children<RemoteStamp>): Children<RemoteStamp> => inColumns(REMOTE, children),
};

type Children<S> = ReadonlyMap<string, Node<S>>;

/** True when the rows of both hold the same files: only their `unpacked` children may differ. */
export function sameColumns(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): boolean {
  return one instanceof Columns && other instanceof Columns && one.sameAs(other);
}

/** Folders below which everything is as compact as it gets. */
const atRest = new WeakSet<FolderNode<unknown>>();

function compactFolder<S>(layout: Layout<S>, folder: FolderNode<S>): FolderNode<S> {
  if (atRest.has(folder)) return folder;
  const changed = new Map<string, FolderNode<S>>();
  for (const [key, node] of unpacked(folder.children)) {
    if (node.kind !== 'folder') continue;
    const after = compactFolder(layout, node);
    if (after !== node) changed.set(key, after);
  }
  const children = inColumns(layout, replaced(folder.children, changed));
  const result = children === folder.children ? folder : { ...folder, children };
  atRest.add(result);
  return result;
}

/** The children that are objects: all of them, or those of a compact folder that have no row. */
export function unpacked<S>(children: ReadonlyMap<string, Node<S>>): ReadonlyMap<string, Node<S>> {
  return children instanceof Columns ? (children as Columns<S>).others : children;
}

function replaced<S>(
  children: ReadonlyMap<string, Node<S>>,
  changed: ReadonlyMap<string, FolderNode<S>>,
): ReadonlyMap<string, Node<S>> {
  return changed.size === 0 ? children : new Map([...children, ...changed]);
}

function inColumns<S>(
  layout: Layout<S>,
  children: ReadonlyMap<string, Node<S>>,
): ReadonlyMap<string, Node<S>> {
  if (children instanceof Columns || children.size < FEWEST) return children;
  const files: [string, FileNode<S>, readonly number[]][] = [];
  const others = new Map<string, Node<S>>();
  for (const [key, node] of children) {
    const row = node.kind === 'file' && node.name === undefined ? layout.row(node.stamp) : undefined;
    if (row === undefined) others.set(key, node);
    else files.push([key, node as FileNode<S>, row]);
  }
  if (files.length < FEWEST) return children;
  files.sort(([one], [other]) => (one < other ? -1 : 1));
  return new Columns(
    layout,
    heldOnce(files.map(([key]) => key)),
    numbersOf(files.map(([, , row]) => row)),
    digestsOf(files.map(([, node]) => node.stamp as { readonly digest?: Digest })),
    others.size === 0 ? NOTHING : others,
  );
}

/** Most folders hold files alone, and even an empty map takes its place. */
const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

/** Exactly as long as needed. The first number of a row is no small integer: so all are kept as plain doubles. */
function numbersOf(rows: readonly (readonly number[])[]): readonly number[] {
  const width = rows[0]?.length ?? 0;
  const numbers = new Array<number>(rows.length * width);
  let at = 0;
  for (const row of rows) for (const value of row) numbers[at++] = value;
  return numbers;
}

type Keys = readonly string[];
/** Stands in no key. */
const BETWEEN = '/';
const known = new Map<string, WeakRef<Keys>>();
const dropped = new FinalizationRegistry<string>((joined) => {
  if (known.get(joined)?.deref() === undefined) known.delete(joined);
});

/** The same list for the same keys: a folder has mostly the same names on both sides and in the base. */
function heldOnce(keys: Keys): Keys {
  const joined = flat(keys.join(BETWEEN));
  const held = known.get(joined)?.deref();
  if (held !== undefined) return held;
  const own = keys.map(flat);
  known.set(joined, new WeakRef(own));
  dropped.register(own, joined);
  return own;
}

/** A string of its own: a part of another would keep all of it in memory. */
function flat(text: string): string {
  const copy = Buffer.from(text).toString();
  return copy === text ? copy : text;
}

/** Bytes of a digest, each a character of its own. */
const DIGEST = 32;
const NO_DIGEST = '\0'.repeat(DIGEST);

function digestsOf(stamps: readonly { readonly digest?: Digest }[]): string {
  if (stamps.every(({ digest }) => digest === undefined)) return '';
  const texts = stamps.map(({ digest }) =>
    digest === undefined ? NO_DIGEST : Buffer.from(digest, 'hex').toString('latin1'),
  );
  return Buffer.from(texts.join(''), 'latin1').toString('latin1');
}

/** A class, since a hundred thousand folders would each hold eight functions of their own. */
class Columns<S> implements ReadonlyMap<string, Node<S>> {
  readonly #layout: Layout<S>;
  /** Sorted by their UTF-16 units. */
  readonly #keys: readonly string[];
  readonly #numbers: readonly number[];
  readonly #digests: string;
  /** What has no row. */
  readonly others: ReadonlyMap<string, Node<S>>;

  constructor(
    layout: Layout<S>,
    keys: readonly string[],
    numbers: readonly number[],
    digests: string,
    others: ReadonlyMap<string, Node<S>>,
  ) {
    this.#layout = layout;
    this.#keys = keys;
    this.#numbers = numbers;
    this.#digests = digests;
    this.others = others;
  }

  get size(): number {
    return this.#keys.length + this.others.size;
  }

  get(key: string): Node<S> | undefined {
    const row = this.#rowOf(key);
    return row < 0 ? this.others.get(key) : this.#file(row);
  }

  has(key: string): boolean {
    return this.#rowOf(key) >= 0 || this.others.has(key);
  }

  *entries(): MapIterator<[string, Node<S>]> {
    for (const [row, key] of this.#keys.entries()) yield [key, this.#file(row)];
    yield* this.others;
  }

  *keys(): MapIterator<string> {
    yield* this.#keys;
    yield* this.others.keys();
  }

  *values(): MapIterator<Node<S>> {
    for (const [, node] of this.entries()) yield node;
  }

  forEach(told: (node: Node<S>, key: string, map: ReadonlyMap<string, Node<S>>) => void): void {
    for (const [key, node] of this.entries()) told(node, key, this);
  }

  [Symbol.iterator](): MapIterator<[string, Node<S>]> {
    return this.entries();
  }

  sameAs(other: Columns<unknown>): boolean {
    return (
      (this.#layout as unknown) === other.#layout &&
      this.#digests === other.#digests &&
      sameList(this.#keys, other.#keys) &&
      sameList(this.#numbers, other.#numbers)
    );
  }

  /** Below 0: none. */
  #rowOf(key: string): number {
    let [low, high] = [0, this.#keys.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.#keys[middle] as string;
      if (found === key) return middle;
      if (found < key) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #file(row: number): FileNode<S> {
    const { stamp, width } = this.#layout;
    return { kind: 'file', stamp: stamp(this.#numbers, row * width, this.#digest(row)) };
  }

  #digest(row: number): Digest | undefined {
    if (this.#digests === '') return undefined;
    const bytes = this.#digests.slice(row * DIGEST, (row + 1) * DIGEST);
    return bytes === NO_DIGEST ? undefined : Buffer.from(bytes, 'latin1').toString('hex');
  }
}

function sameList<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((value, at) => value === other[at]);
}
