import { describe, expect, test } from 'vitest';
import { planBuilder } from '../../../src/core/builder.ts';
import { relPath } from '../../../src/core/path.ts';

const forgotten = (moves: readonly (readonly [string, string])[], path: string): string[] => {
  const builder = planBuilder();
  for (const [from, to] of moves) builder.moved(relPath(from), relPath(to));
  builder.forget(relPath(path));
  return builder.finish().baseChanges.flatMap((change) => (change.kind === 'forget' ? [change.path] : []));
};

describe('a base row that moves will take along', () => {
  test('is changed where it stands before all of them', () => {
    const moves = [
      ['a', 'b'],
      ['b/x', 'c'],
      ['d', 'b/x'],
    ] as const;
    expect(forgotten(moves, 'c/deep')).toEqual(['a/x/deep']);
    expect(forgotten(moves, 'b/x')).toEqual(['d']);
    expect(forgotten(moves, 'b/y')).toEqual(['a/y']);
    expect(forgotten(moves, 'elsewhere')).toEqual(['elsewhere']);
  });

  test('is found in time also among thousands of moves', { timeout: 5_000 }, () => {
    const builder = planBuilder();
    for (let index = 0; index < 20_000; index += 1) {
      builder.moved(relPath(`old/f${index}`), relPath(`new/f${index}`));
      builder.forget(relPath(`new/f${index}`));
    }
    expect(builder.finish().baseChanges[7]).toEqual({ kind: 'forget', path: 'old/f7' });
  });
});
