import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../../src/lib/nearest.ts';

describe('the nearest word', () => {
  it('counts insertions, deletions, replacements and swaps of neighbours', () => {
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('fodler', 'folder')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('same', 'same')).toBe(0);
  });

  it('is given only when it may have been meant', () => {
    expect(nearest('Folder', ['workspace', 'folder'])).toBe('folder');
    expect(nearest('xyzzy', ['workspace', 'folder'])).toBeUndefined();
    expect(nearest('a', [])).toBeUndefined();
  });
});
