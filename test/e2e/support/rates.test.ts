import { describe, expect, it } from 'vitest';
import { createLog } from '../../../src/serve/log.ts';
import { labelsIn, MINUTE_MS, minutesOf, mostInMinute, refused, useOf } from './rates.ts';

/** A log as the server writes it: in the order of the ends. */
function logOf(times: readonly number[]) {
  const log = createLog(10_000);
  for (const at of times) log.open(at, 'GET', 'list');
  return log.entries();
}

const every = (ms: number, count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i * ms);

describe('the figures of a rate', () => {
  it('find the fullest minute wherever it begins, and in whatever order the log stands', () => {
    const times = [...every(1_000, 40), ...every(100, 200, 50_000)];
    // From 10 s to 70 s: 30 of the slow ones and all of the quick.
    expect(mostInMinute(logOf(times))).toBe(230);
    expect(mostInMinute(logOf([...times].reverse()))).toBe(230);
  });

  it('count a request a whole minute later into the next minute', () => {
    expect(mostInMinute(logOf([0, MINUTE_MS - 1]))).toBe(2);
    expect(mostInMinute(logOf([0, MINUTE_MS]))).toBe(1);
  });

  it('see that half of the rate was left unused, whatever went in a burst at first', () => {
    const times = [...every(0, 300), ...every(400, 750, MINUTE_MS)];
    expect(useOf(logOf(times), 300).part).toBeCloseTo((300 + 4 * 150) / 1_500);
    expect(useOf(logOf(every(200, 1_501)), 300).part).toBe(1);
    expect(useOf(logOf(every(200, 100)), 300).part).toBeNaN();
  });

  it('compare with the shortest time that a sliding minute allows', () => {
    expect(useOf(logOf([...every(0, 300), ...every(0, 300, MINUTE_MS), 2 * MINUTE_MS]), 300).shortest).toBe(
      1,
    );
    expect(useOf(logOf([...every(0, 300), 2 * MINUTE_MS]), 300).shortest).toBe(0.5);
  });

  it('count each minute by what was asked, and what was refused', () => {
    const entries = logOf([0, 10, MINUTE_MS, 3 * MINUTE_MS]).map((entry, i) => ({
      ...entry,
      label: i === 1 ? ('upload' as const) : entry.label,
      status: i === 1 ? 429 : 200,
    }));
    const minutes = minutesOf(entries, 0);
    expect(minutes.map(({ total }) => total)).toEqual([2, 1, 0, 1]);
    expect(labelsIn(minutes[0] ?? {})).toBe('list 1, upload 1');
    expect(refused(entries)).toBe(1);
  });
});
