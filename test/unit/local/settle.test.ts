import { describe, expect, it } from 'vitest';
import type { LocalStamp } from '../../../src/core/tree.ts';
import { settleRule } from '../../../src/local/settle.ts';
import { manualClock } from './support.ts';

const MIB = 1024 * 1024;
const START = 1_000_000;

function stampWith(size: number, changedAt: number): LocalStamp {
  return { size, ino: 1, mtimeMs: changedAt, ctimeMs: changedAt, mode: 0o644 };
}

describe('a file is taken when it stood still', () => {
  const cases: readonly (readonly [size: number, times: number])[] = [
    [0, 1],
    [MIB, 1],
    [MIB + 1, 4],
    [16 * MIB, 4],
    [16 * MIB + 1, 10],
  ];

  it.each(cases)('with %d bytes for %d times the settle time', (size, times) => {
    const clock = manualClock(START);
    const settled = settleRule(clock, 150);
    clock.advance(150 * times - 1);
    expect(settled(stampWith(size, START))).toBe(false);
    clock.advance(1);
    expect(settled(stampWith(size, START))).toBe(true);
  });

  it.each(cases)('also when its date lies in the future: %d bytes, %d times', (size, times) => {
    const clock = manualClock(START);
    const settled = settleRule(clock, 150);
    const stamp = stampWith(size, START + 3_600_000);
    expect(settled(stamp)).toBe(false);
    clock.advance(150 * times - 1);
    expect(settled(stamp)).toBe(false);
    clock.advance(1);
    expect(settled(stamp)).toBe(true);
  });

  it('of any size at once when nothing is to be waited for', () => {
    expect(settleRule(manualClock(START), 0)(stampWith(100 * MIB, START))).toBe(true);
  });
});
