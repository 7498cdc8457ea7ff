import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BaseStamp } from '../../../src/core/base.ts';
import {
  compactBase,
  compactLocal,
  compactRemote,
  sameColumns,
  unpacked,
} from '../../../src/core/compact.ts';
import type { RelPath } from '../../../src/core/path.ts';
import {
  emptyTree,
  type FolderNode,
  type LocalStamp,
  type Node,
  nodeAt,
  type RemoteStamp,
  type Tree,
  withChanges,
} from '../../../src/core/tree.ts';

const time = fc.double({ min: 1e12, max: 2e12, noNaN: true });
const whole = fc.nat({ max: 2 ** 31 });
const digest = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const date = fc.oneof({ weight: 8, arbitrary: time }, { weight: 1, arbitrary: fc.tuple(time, time) });
const local: fc.Arbitrary<LocalStamp> = rarely(
  fc.record(
    {
      size: whole,
      ino: whole,
      mtimeMs: time,
      ctimeMs: fc.oneof(time, fc.constant(-1)),
      mode: fc.nat({ max: 0o7777 }),
      digest,
    },
    { requiredKeys: ['size', 'ino', 'mtimeMs', 'ctimeMs', 'mode'], noNullPrototype: true },
  ),
  { young: true },
);
const base: fc.Arbitrary<BaseStamp> = fc.record(
  { digest, size: whole, ino: whole, mtimeMs: time, ctimeMs: time, date },
  { noNullPrototype: true },
);
const remote: fc.Arbitrary<RemoteStamp> = fc.record({ size: whole, date }, { noNullPrototype: true });

/** With something more one time in nine. */
function rarely<T>(plain: fc.Arbitrary<T>, more: object): fc.Arbitrary<T> {
  const other = plain.map((one) => ({ ...one, ...more }));
  return fc.oneof({ weight: 8, arbitrary: plain }, { weight: 1, arbitrary: other });
}

/** Trees two folders deep, with names of every script and nodes of every kind. */
function trees<S>(stamp: fc.Arbitrary<S>): fc.Arbitrary<Tree<S>> {
  const name = fc.oneof(
    fc.string({ minLength: 1, unit: 'grapheme' }),
    fc.constantFrom('é', 'É', '__proto__', '0'),
  );
  const plain = stamp.map((one): Node<S> => ({ kind: 'file', stamp: one }));
  const file = rarely(plain, { name: 'Spelled' });
  const odd: fc.Arbitrary<Node<S>> = fc.constantFrom(
    { kind: 'untracked', why: 'ignored' },
    { kind: 'unknown', why: 'not listed' },
  );
  const folder = (child: fc.Arbitrary<Node<S>>): fc.Arbitrary<FolderNode<S>> =>
    fc
      .array(fc.tuple(name, child), { maxLength: 14, size: 'max' })
      .map((children) => ({ kind: 'folder', children: new Map(children), ino: 7 }));
  const leaf = fc.oneof({ weight: 8, arbitrary: file }, { weight: 1, arbitrary: odd });
  return folder(fc.oneof({ weight: 4, arbitrary: leaf }, { weight: 1, arbitrary: folder(leaf) }));
}

function objects<S>(node: Node<S>): unknown {
  if (node.kind !== 'folder') return node;
  const sorted = [...node.children].sort(([one], [other]) => (one < other ? -1 : 1));
  return { ...node, children: sorted.map(([key, child]) => [key, objects(child)]) };
}

function answersTheSame<S>(tree: Tree<S>, compact: Tree<S>): void {
  expect(objects(compact)).toEqual(objects(tree));
  for (const [key, node] of tree.children) {
    expect(compact.children.has(key)).toBe(true);
    expect(objects(compact.children.get(key) as Node<S>)).toEqual(objects(node));
  }
  expect(compact.children.size).toBe(tree.children.size);
  expect([...compact.children.keys()]).toEqual([...compact.children].map(([key]) => key));
  expect([...compact.children.values()]).toEqual([...compact.children].map(([, node]) => node));
  const told: string[] = [];
  compact.children.forEach((_node, key) => void told.push(key));
  expect(told).toEqual([...compact.children.keys()]);
  expect(compact.children.has('no such name')).toBe(false);
  expect(compact.children.get('no such name')).toBeUndefined();
}

function dir(sizes: Readonly<Record<string, number>>): Tree<RemoteStamp> {
  const changes = Object.entries(sizes).map(([path, size]) => ({
    path: path as RelPath,
    node: { kind: 'file', stamp: { size, date: 1.5e12 } } as const,
  }));
  return withChanges(emptyTree<RemoteStamp>(), changes);
}

const FIVE = { 'd/a': 1, 'd/b': 2, 'd/c': 3, 'd/d': 4, 'd/e': 5 };

describe('a compact tree', () => {
  it('answers like the tree that it was made of, on either side and in the base', () => {
    fc.assert(fc.property(trees(local), (tree) => answersTheSame(tree, compactLocal(tree))));
    fc.assert(fc.property(trees(base), (tree) => answersTheSame(tree, compactBase(tree))));
    fc.assert(fc.property(trees(remote), (tree) => answersTheSame(tree, compactRemote(tree))));
  });

  it('stays the same object when it is made compact again, and with it every folder that nothing changed', () => {
    const tree = compactRemote(withChanges(dir(FIVE), [{ path: 'other/x' as RelPath, node: emptyTree() }]));
    expect(compactRemote(tree)).toBe(tree);
    const path = 'new' as RelPath;
    const changed = compactRemote(withChanges(tree, [{ path, node: emptyTree<RemoteStamp>() }]));
    expect(nodeAt(changed, 'd' as RelPath)).toBe(nodeAt(tree, 'd' as RelPath));
    expect(nodeAt(changed, 'other' as RelPath)).toBe(nodeAt(tree, 'other' as RelPath));
  });

  it('makes a folder compact again after a change in it, below what is compact itself', () => {
    const tree = compactRemote(dir({ ...FIVE, 'd/deep/1': 1, 'd/deep/2': 1, 'd/deep/3': 1, 'd/deep/4': 1 }));
    const node: Node<RemoteStamp> = { kind: 'file', stamp: { size: 9, date: 1.6e12 } };
    const changed = compactRemote(withChanges(tree, [{ path: 'd/deep/2' as RelPath, node }]));
    const folder = nodeAt(changed, 'd/deep' as RelPath) as FolderNode<RemoteStamp>;
    expect(unpacked(folder.children).size).toBe(0);
    expect(folder.children.get('2')).toEqual(node);
    expect(folder.children.get('3')).toEqual(nodeAt(tree, 'd/deep/3' as RelPath));
  });

  it('tells by its rows alone whether two folders hold the same files', () => {
    const folder = (sizes: Readonly<Record<string, number>>): FolderNode<RemoteStamp>['children'] =>
      (nodeAt(compactRemote(dir(sizes)), 'd' as RelPath) as FolderNode<RemoteStamp>).children;
    expect(sameColumns(folder(FIVE), folder(FIVE))).toBe(true);
    expect(sameColumns(folder(FIVE), folder({ ...FIVE, 'd/c': 4 }))).toBe(false);
    expect(sameColumns(folder(FIVE), folder({ ...FIVE, 'd/f': 4 }))).toBe(false);
    const { 'd/e': _gone, ...four } = FIVE;
    expect(sameColumns(folder(FIVE), folder({ ...four, 'd/f': 5 }))).toBe(false);
    expect(sameColumns(folder(FIVE), new Map())).toBe(false);
    expect(sameColumns(new Map(), new Map())).toBe(false);
  });
});
