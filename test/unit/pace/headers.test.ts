import { describe, expect, it } from 'vitest';
import { rateFacts } from '../../../src/pace/headers.ts';

const NOW = Date.UTC(2026, 4, 1, 12, 0, 0);
const seconds = (ms: number) => String(Math.floor(ms / 1000));

describe('what an answer says about the rate', () => {
  it('is nothing when there are no such headers', () => {
    expect(rateFacts({ 'content-type': 'text/plain' }, NOW)).toEqual({});
  });

  it.each([
    ['epoch seconds, rounded up', seconds(NOW + 30_000), 31_000],
    ['epoch milliseconds', String(NOW + 30_000), 31_000],
    ['an HTTP date', new Date(NOW + 30_000).toUTCString(), 31_000],
    ['seconds from now', '30', 30_000],
    ['milliseconds from now', '30000', 30_000],
    ['a long time ahead, cut to an hour', seconds(NOW + 86_400_000), 3_600_000],
    ['far too many milliseconds, cut to an hour', '90000000', 3_600_000],
    ['the past, which is a lie', seconds(NOW - 60_000), undefined],
    ['words', 'soon', undefined],
    ['a negative number', '-5', undefined],
  ])('reads a reset given as %s', (_name, reset, expected) => {
    expect(rateFacts({ 'x-ratelimit-reset': reset }, NOW).resetInMs).toBe(expected);
  });

  it('measures points in time by the clock of the server, when it tells it', () => {
    const ahead = NOW + 600_000;
    const headers = { date: new Date(ahead).toUTCString(), 'x-ratelimit-reset': seconds(ahead + 10_000) };
    expect(rateFacts(headers, NOW).resetInMs).toBe(11_000);
  });

  it.each([
    ['120', 120_000],
    ['7200', 7_200_000],
    [new Date(NOW + 90_000).toUTCString(), 90_000],
    [seconds(NOW + 90_000), 90_000],
    ['0', 0],
    [new Date(NOW - 90_000).toUTCString(), 0],
    ['later', undefined],
  ])('reads Retry-After %s', (text, expected) => {
    expect(rateFacts({ 'retry-after': text }, NOW).retryAfterMs).toBe(expected);
  });

  it('takes the first of repeated or listed values and refuses a limit of nothing', () => {
    expect(rateFacts({ 'x-ratelimit-limit': ['60', '70'], 'x-ratelimit-remaining': '5, 9' }, NOW)).toEqual({
      limit: 60,
      remaining: 5,
    });
    expect(rateFacts({ 'x-ratelimit-limit': '0', 'x-ratelimit-remaining': '-1' }, NOW)).toEqual({});
  });
});
