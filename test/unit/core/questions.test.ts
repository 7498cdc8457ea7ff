import { describe, expect, test, vi } from 'vitest';
import { digestsWanted } from '../../../src/core/questions.ts';
import { edit, remove, rename, write } from '../../support/people.ts';
import { syncedWorld } from '../../support/planning.ts';
import type { World } from '../../support/world.ts';

const wanted = (world: World): string[] => digestsWanted(world.base, world.local).map(({ path }) => path);

describe('the digests that a decision needs', () => {
  test('are found with one look each for whether anything changed, what was touched and what moved', () => {
    const world = syncedWorld({ a: 'a1', 'd/b': 'b1' });
    rename(world, 'local', 'a', 'c');
    const read = vi.spyOn(world.local.children, Symbol.iterator);
    wanted(world);
    expect(read).toHaveBeenCalledTimes(3);
  });

  test('are none while nothing changed', () => {
    expect(wanted(syncedWorld({ a: 'a1', 'd/b': 'b1' }))).toEqual([]);
  });

  test('are those of files of the same size with another fingerprint', () => {
    const world = syncedWorld({ a: 'a1', b: 'b1' });
    edit(world, 'local', [{ what: 'touch', a: 0, b: 0 }]);
    write(world, 'local', 'b', 'b2');
    expect(wanted(world)).toEqual(['a']);
  });

  test('are those of new files that could be a vanished one', () => {
    const world = syncedWorld({ a: 'a1', b: 'b1' });
    remove(world, 'local', 'a');
    write(world, 'local', 'same size', 'x1');
    write(world, 'local', 'another size', 'x2');
    expect(wanted(world)).toEqual(['same size']);
  });

  test('are not those of the files below a renamed folder, which kept their fingerprints', () => {
    const world = syncedWorld({ a: 'a1', 'd/b': 'b1' });
    rename(world, 'local', 'd', 'e');
    expect(wanted(world)).toEqual([]);
  });

  test('are not those of empty files', () => {
    const world = syncedWorld({ a: '' });
    remove(world, 'local', 'a');
    write(world, 'local', 'b', '');
    expect(wanted(world)).toEqual([]);
  });
});
