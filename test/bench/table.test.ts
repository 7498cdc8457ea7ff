import { describe, expect, it } from 'vitest';
import { median, percentile } from './measure.ts';
import { readOptions } from './options.ts';
import { chart } from './svg.ts';
import { lines, markOf, type Result } from './table.ts';

describe('a figure', () => {
  it.each([
    [1, 2, 1, 'stretch'],
    [1.5, 2, 1, 'reached'],
    [2.1, 2, 1, 'missed'],
    [Number.NaN, 2, 1, 'missed'],
    [Number.POSITIVE_INFINITY, undefined, 1, 'missed'],
    [5, undefined, 1, 'no bound'],
    [5, undefined, undefined, 'no bound'],
    [0, 0, undefined, 'reached'],
  ])('of %d with the bound %s and the stretch %s is "%s"', (value, must, stretch, mark) => {
    expect(markOf(value, must, stretch)).toBe(mark);
  });

  it('is the middle of its samples, and a percentile is one of them', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([1, 2, 3, 10])).toBe(2.5);
    expect(percentile([5, 1, 4, 2, 3], 95)).toBe(5);
    expect(percentile([5, 1, 4, 2, 3], 50)).toBe(3);
  });
});

const row = { tree: 'T1', job: 'first push', runs: 3, cpuSeconds: 1, peakMb: 100, requests: 10_501 };
const result: Result = {
  version: 1,
  node: '24',
  latencyMs: 20,
  contests: [
    { ...row, who: 'rtsync', seconds: 2 },
    { ...row, who: 'a <peer> & more', seconds: 14, requests: null },
  ],
  figures: [
    {
      ...{ goal: 4, title: 'wall', tree: 'T1', label: 'wall / floor', value: 1.4, unit: '×' },
      ...{ must: 1.5, stretch: 1.15, mark: 'reached' },
    },
  ],
  failed: [],
  notes: ['a peer is not installed'],
};

describe('a result', () => {
  it('tells how many times as long each peer took, each goal with its bound, and what was left out', () => {
    const text = lines(result).join('\n');
    expect(text).toContain("7 × rtsync's time");
    expect(text).toMatch(/1\.4 ×\s+must 1\.5\s+stretch 1\.15\s+REACHED/);
    expect(text).toContain('10501 requests');
    expect(text).toContain('note: a peer is not installed');
  });

  it('is drawn with longer bars for longer times, and whatever a name holds', () => {
    const svg = chart(result);
    const widths = [...svg.matchAll(/<rect[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(widths).toHaveLength(2);
    expect(widths[1]).toBeGreaterThan(widths[0] ?? 0);
    expect(svg).toContain('a &lt;peer&gt; &amp; more');
  });
});

describe('the command line', () => {
  it('takes goals, sizes and numbers, and refuses what is none in a sentence', () => {
    expect(readOptions(['--only', '1,21', '--size', 'T1,T2'])?.goals.map(({ number }) => number)).toEqual([
      1, 21,
    ]);
    expect(() => readOptions(['--only', '22'])).toThrow('--only must be numbers from 1 to 21, not "22"');
    expect(() => readOptions(['--size', 'T9'])).toThrow('--size must be of T0, T1, T2, T3, not "T9"');
    expect(() => readOptions(['--runs', '0'])).toThrow('--runs must be a whole number from 1, not "0"');
  });
});
