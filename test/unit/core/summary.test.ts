import { expect, test } from 'vitest';
import { estimate, forecast, forecastRequests, summarise } from '../../../src/core/summary.ts';
import { remove, write } from '../../support/people.ts';
import { planFor, syncedWorld } from '../../support/planning.ts';

test('a summary counts operations, the files in what is removed, and bytes', () => {
  const world = syncedWorld({ 'd/a': 'a1', 'd/e/b': 'b1', c: 'c1' });
  remove(world, 'local', 'd');
  write(world, 'local', 'up', 'x0');
  write(world, 'remote', 'down', 'y1');
  const summary = summarise(planFor(world));
  expect(summary.operations).toMatchObject({ removeRemote: 1, upload: 1, download: 1, removeLocal: 0 });
  expect(summary.filesRemoved).toEqual({ local: 0, remote: 2 });
  expect(summary.bytes).toEqual({ up: 1, down: 2 });
  expect(forecast(planFor(world)).bytes).toBe(3);
});

test('a plan without operations costs no request', () => {
  expect(forecastRequests(planFor(syncedWorld({ a: 'a1' })))).toBe(0);
});

test('a hundred uploads into one folder cost hardly more than a hundred requests', () => {
  const world = syncedWorld({ quiet: 'q1' });
  for (let index = 0; index < 100; index += 1) write(world, 'local', `f${index}`, `c${index}`);
  const requests = forecastRequests(planFor(world));
  expect(requests).toBeGreaterThan(100);
  expect(requests).toBeLessThan(110);
});

test('a folder that is new there is filled without a look', () => {
  const world = syncedWorld({ quiet: 'q1' });
  for (let index = 0; index < 20; index += 1) write(world, 'local', `new/f${index}`, `c${index}`);
  expect(forecastRequests(planFor(world))).toBe(21);
});

test('the time that a plan takes is that of the limit which takes longest', () => {
  const left = { requests: 100, up: 1000, down: 9000 };
  expect(estimate(left, {})).toBeUndefined();
  expect(estimate(left, { requestsPerMinute: 300 })).toEqual({ seconds: 20, by: 'requestsPerMinute' });
  expect(estimate(left, { requestsPerMinute: 300, up: 10 })).toEqual({ seconds: 100, by: 'up' });
  expect(estimate(left, { requestsPerMinute: 300, up: 100, down: 10 })).toEqual({ seconds: 900, by: 'down' });
});
