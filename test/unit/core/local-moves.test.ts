import { describe, expect, test } from 'vitest';
import { pairNames } from '../../../src/core/local-moves.ts';
import { type RelPath, relPath } from '../../../src/core/path.ts';

function paired(from: readonly string[], to: readonly string[]): string[] {
  const pairs: string[] = [];
  pairNames(from.map(relPath), to.map(relPath), (_entry, was, now) => pairs.push(`${was} -> ${now}`));
  return pairs;
}

describe('files of one content', () => {
  test('pair up by their names, and the last one without a choice', () => {
    expect(paired(['x/a', 'x/b', 'x/c'], ['y/b', 'y/a', 'y/d'])).toEqual([
      'x/a -> y/a',
      'x/b -> y/b',
      'x/c -> y/d',
    ]);
  });

  test('stay apart where a name is not unique, or more than one is left', () => {
    expect(paired(['x/a', 'z/a'], ['y/a'])).toEqual([]);
    expect(paired(['x/a'], ['y/a', 'z/a'])).toEqual([]);
    expect(paired(['x/a', 'x/b'], ['y/c', 'y/d'])).toEqual([]);
  });

  test('are not looked at when nothing appeared', () => {
    const from = new Proxy<RelPath[]>([relPath('a')], {
      get: (target, key) => {
        if (key === 'length') return target.length;
        throw new Error('it was looked at');
      },
    });
    expect(() => pairNames(from, [], () => undefined)).not.toThrow();
  });

  test('pair up in time also when they are many', { timeout: 5_000 }, () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `f${index}`);
    const pairs = paired(
      names.map((name) => `old/${name}`),
      names.map((name) => `new/${name}`),
    );
    expect(pairs).toHaveLength(20_000);
  });
});
