import { describe, expect, test } from 'vitest';
import { judgeMark, type MarkFacts } from '../../../src/core/mark.ts';
import { emptyTree } from '../../../src/core/tree.ts';
import { hide, remove, write } from '../../support/people.ts';
import { syncedWorld } from '../../support/planning.ts';
import type { World } from '../../support/world.ts';

const four = (): World => syncedWorld({ a: '1', 'd/b': '2', 'd/c': '3', 'e/f': '4' });

function judged(world: World, facts: Partial<MarkFacts> = {}): string {
  return judgeMark({ mark: 'missing', seenBefore: true, base: world.base, remote: world.remote, ...facts });
}

describe('a workspace without its mark', () => {
  test('is the same while at least half of what was in sync stands there as it was', () => {
    const world = four();
    expect(judged(world)).toBe('renew');
    remove(world, 'remote', 'a');
    write(world, 'remote', 'e/f', 'edited');
    expect(judged(world)).toBe('renew');
    remove(world, 'remote', 'd/b');
    expect(judged(world)).toBe('foreign');
  });

  test('is another one when it is empty, or holds other files under the same names', () => {
    const world = four();
    expect(judged(world, { remote: emptyTree() })).toBe('foreign');
    for (const path of ['a', 'd/b', 'd/c', 'e/f']) write(world, 'remote', path, 'something else');
    expect(judged(world)).toBe('foreign');
  });

  test('is no question without a base', () => {
    const world = four();
    expect(judged(world, { base: emptyTree() })).toBe('fine');
    expect(judged(world, { base: emptyTree(), remote: emptyTree() })).toBe('fine');
  });

  test('gets one when it never had one, whatever it holds', () => {
    expect(judged(four(), { seenBefore: false, remote: emptyTree() })).toBe('renew');
  });

  test('is not judged by what could not be seen or is left out', () => {
    const world = four();
    remove(world, 'remote', 'e');
    remove(world, 'remote', 'a');
    expect(judged(world)).toBe('renew');
    hide(world, 'remote', 'd', 'unknown');
    expect(judged(world)).toBe('foreign');
    hide(world, 'remote', 'e', 'untracked');
    hide(world, 'remote', 'a', 'unknown');
    expect(judged(world)).toBe('fine');
  });
});

test('the mark settles it, and the mark of another pair is never renewed', () => {
  const world = four();
  expect(judged(world, { mark: 'ours', remote: emptyTree() })).toBe('fine');
  expect(judged(world, { mark: 'other' })).toBe('fine');
  expect(judged(world, { mark: 'other', remote: emptyTree() })).toBe('foreign');
});
