import { describe, expect, test, vi } from 'vitest';
import { copyPlace, rootDir } from '../../../src/core/dir.ts';
import { write } from '../../support/people.ts';
import { emptyWorld } from '../../support/world.ts';

const numbered = (name: string, taken: (name: string) => boolean): string => {
  for (let count = 1; ; count += 1) if (!taken(`${name} ${count}`)) return `${name} ${count}`;
};

describe('the place of a conflict copy', () => {
  test('has a name that no side has, however it is cased, and no other copy', () => {
    const world = emptyWorld();
    write(world, 'local', 'a', 'x');
    write(world, 'local', 'A 1', 'x');
    write(world, 'remote', 'a 3', 'x');
    const dir = rootDir(world.base, world.local, world.remote);
    expect([copyPlace(dir, 'a', numbered), copyPlace(dir, 'a', numbered)]).toMatchObject([
      { path: 'a 2', local: 'a 2', remote: 'a 2' },
      { path: 'a 4', local: 'a 4', remote: 'a 4' },
    ]);
  });

  test('is found without reading the folder once for each copy', () => {
    const world = emptyWorld();
    write(world, 'local', 'a', 'x');
    const dir = rootDir(world.base, world.local, world.remote);
    const read = vi.spyOn(dir.localChildren, 'keys');
    for (let count = 0; count < 5; count += 1) copyPlace(dir, 'a', numbered);
    expect(read).toHaveBeenCalledTimes(1);
  });
});
