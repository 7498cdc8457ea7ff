import { describe, expect, it } from 'vitest';
import { relPath } from '../../../src/core/path.ts';
import { emptyTree, nodeAt, type Tree, withChanges } from '../../../src/core/tree.ts';
import { afterDeeds } from '../../../src/engine/remembered.ts';

const file = (stamp: string) => ({ kind: 'file', stamp }) as const;

function tree(files: Readonly<Record<string, string>>): Tree<string> {
  return withChanges(
    emptyTree<string>(),
    Object.entries(files).map(([path, stamp]) => ({ path: relPath(path), node: file(stamp) })),
  );
}

describe('the remembered tree', () => {
  it('takes along what a moved folder holds', () => {
    const after = afterDeeds(tree({ 'a/x': '1', 'a/y': '2' }), [
      { from: relPath('a'), to: relPath('b'), spelled: 'b' },
    ]);
    expect(nodeAt(after, relPath('a'))).toBeUndefined();
    expect(nodeAt(after, relPath('b/x'))).toEqual(file('1'));
    expect(nodeAt(after, relPath('b/y'))).toEqual(file('2'));
  });

  it('finds a file that is moved out of a folder that was moved just before', () => {
    const after = afterDeeds(tree({ 'a/x': '1' }), [
      { from: relPath('a'), to: relPath('b'), spelled: 'b' },
      { from: relPath('b/x'), to: relPath('c'), spelled: 'c' },
    ]);
    expect(nodeAt(after, relPath('c'))).toEqual(file('1'));
    expect(nodeAt(after, relPath('b'))).toMatchObject({ kind: 'folder' });
    expect(nodeAt(after, relPath('b/x'))).toBeUndefined();
  });

  it('calls unknown, not absent, what was moved without being known', () => {
    const after = afterDeeds(tree({}), [{ from: relPath('a'), to: relPath('b'), spelled: 'b' }]);
    expect(nodeAt(after, relPath('b'))).toMatchObject({ kind: 'unknown' });
  });

  it('keeps the order of moves and other deeds', () => {
    const after = afterDeeds(tree({ a: '1' }), [
      { path: relPath('a'), node: file('2') },
      { from: relPath('a'), to: relPath('b'), spelled: 'b' },
      { path: relPath('a'), node: file('3') },
    ]);
    expect(nodeAt(after, relPath('a'))).toEqual(file('3'));
    expect(nodeAt(after, relPath('b'))).toEqual(file('2'));
  });

  it('makes no folder for what is gone already', () => {
    const before = tree({ a: '1' });
    const after = afterDeeds(before, [
      { path: relPath('gone/x'), node: undefined },
      { from: relPath('lost/x'), to: relPath('b'), spelled: 'b' },
    ]);
    expect([...after.children.keys()]).toEqual(['a', 'b']);
    expect([...before.children.keys()]).toEqual(['a']);
  });

  it('follows thousands of moves in one folder without copying it for each', { timeout: 5_000 }, () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `f${index}`);
    const before = tree(Object.fromEntries(names.map((name) => [`d/${name}`, name])));
    const moves = names.map((name) => ({
      from: relPath(`d/${name}`),
      to: relPath(`d/${name}.old`),
      spelled: `d/${name}.old`,
    }));
    const after = nodeAt(afterDeeds(before, moves), relPath('d'));
    expect(after?.kind === 'folder' && after.children.size).toBe(20_000);
    expect(after?.kind === 'folder' && after.children.get('f7.old')).toEqual(file('f7'));
  });

  it('remembers how the side spells the new name', () => {
    const after = afterDeeds(tree({ a: '1' }), [
      { from: relPath('a'), to: relPath('\u00e9'), spelled: 'e\u0301' },
    ]);
    expect(nodeAt(after, relPath('\u00e9'))).toEqual({ ...file('1'), name: 'e\u0301' });
  });
});
