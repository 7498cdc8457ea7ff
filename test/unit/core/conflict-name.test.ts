import { describe, expect, test } from 'vitest';
import { conflictName } from '../../../src/core/conflict-name.ts';

const date = new Date(2026, 10, 22, 14, 3, 5);
const name = (of: string, taken: readonly string[] = [], host = 'desk'): string =>
  conflictName(of, { date, host, taken: (each) => taken.includes(each) });

describe('the name of a conflict copy', () => {
  test.each([
    ['notes.txt', 'notes (conflict 2026-11-22 14.03.05 desk).txt'],
    ['notes', 'notes (conflict 2026-11-22 14.03.05 desk)'],
    ['.env', '.env (conflict 2026-11-22 14.03.05 desk)'],
    ['.env.local', '.env (conflict 2026-11-22 14.03.05 desk).local'],
    ['a.tar.gz', 'a (conflict 2026-11-22 14.03.05 desk).tar.gz'],
    ['.tar.gz', '.tar (conflict 2026-11-22 14.03.05 desk).gz'],
    ['v1.2 plan.md', 'v1.2 plan (conflict 2026-11-22 14.03.05 desk).md'],
  ])('of %s is %s', (of, expected) => expect(name(of)).toBe(expected));

  test('replaces the mark of a copy', () => {
    expect(name('a (conflict 2020-01-01 01.01.01 old).txt')).toBe(name('a.txt'));
    expect(name('a (conflict 2020-01-01 01.01.01 old) 2.txt')).toBe(name('a.txt'));
  });

  test('counts on while the name is taken', () => {
    const first = name('a.txt');
    const second = name('a.txt', [first]);
    expect(second).toBe('a (conflict 2026-11-22 14.03.05 desk) 2.txt');
    expect(name('a.txt', [first, second])).toBe('a (conflict 2026-11-22 14.03.05 desk) 3.txt');
  });

  test('fits into 255 bytes without cutting a character', () => {
    const long = name(`${'\u{1F4C4}'.repeat(62)}.txt`);
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(255);
    expect(Buffer.byteLength(long)).toBeGreaterThan(250);
    expect(long.isWellFormed()).toBe(true);
    expect(long.endsWith(' (conflict 2026-11-22 14.03.05 desk).txt')).toBe(true);
  });

  test('holds no character of the host that a path or the mark could not bear', () => {
    expect(name('a', [], 'my (old)/mac')).toBe('a (conflict 2026-11-22 14.03.05 my-old-mac)');
  });
});
