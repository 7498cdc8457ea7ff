import { describe, expect, it } from 'vitest';
import { compactRemote } from '../../../src/core/compact.ts';
import type { RelPath } from '../../../src/core/path.ts';
import {
  type DateWitness,
  emptyTree,
  type RemoteStamp,
  type RemoteTree,
  withChanges,
} from '../../../src/core/tree.ts';
import { remoteChanges } from '../../../src/engine/remote-changes.ts';

const file = (path: string, date: DateWitness, size = 1) => ({
  path: path as RelPath,
  node: { kind: 'file' as const, stamp: { size, date } },
});

function treeOf(date: DateWitness): RemoteTree {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const changes = ['', 'one/', 'two/'].flatMap((dir) => names.map((name) => file(`${dir}${name}`, date)));
  return withChanges(emptyTree<RemoteStamp>(), changes);
}

describe('what changed on the remote side', () => {
  it('is the folder of an edit alone, also where trees are at rest', () => {
    const before = compactRemote(treeOf(5));
    const after = compactRemote(withChanges(before, [file('one/c', 9)]));
    expect(remoteChanges(before, after)).toEqual({ fresh: [], gone: [], changed: ['one'] });
  });

  it('is nothing when a list dates what we uploaded ourselves, and something when the date is not ours', () => {
    const before = treeOf([10, 20]);
    expect(remoteChanges(before, treeOf(15)).changed).toEqual([]);
    expect(remoteChanges(before, withChanges(before, [file('two/b', 21)])).changed).toEqual(['two']);
    expect(remoteChanges(before, withChanges(before, [file('two/b', 15, 2)])).changed).toEqual(['two']);
  });

  it('is also a name that is spelled in another way', () => {
    const before = treeOf(5);
    const spelled = { ...file('one/a', 5).node, name: 'A' };
    const after = withChanges(before, [{ path: 'one/a' as RelPath, node: spelled }]);
    expect(remoteChanges(before, after).changed).toEqual(['one']);
  });
});

it('a folder of more folders than a call takes arguments is found new, and gone', () => {
  const inner = { kind: 'folder' as const, children: new Map<string, never>() };
  const many = Array.from({ length: 150_000 }, (_, i) => [`d${i}`, inner] as const);
  const one = (): RemoteTree => ({
    kind: 'folder',
    children: new Map([['top', { kind: 'folder', children: new Map(many) }]]),
  });
  const none = emptyTree<RemoteStamp>();
  expect(remoteChanges(none, one()).fresh).toHaveLength(150_001);
  expect(remoteChanges(one(), none).gone).toHaveLength(150_001);
});
