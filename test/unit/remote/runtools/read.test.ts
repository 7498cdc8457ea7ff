import { describe, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import { at, codes, dirAt, readAll } from '../support.ts';
import { testSite } from './site.ts';

const site = testSite();
const { place } = site;

describe('a download', () => {
  test('that is cut off is tried once more', async () => {
    const stamp = await place('a', 'content');
    site.faults.next('download', { kind: 'cut' });
    const { texts, outcomes } = await readAll(site.far.remote({}), '', { a: stamp });
    expect([texts.a, codes(outcomes)]).toEqual(['content', { a: 'ok' }]);
  });

  test('that is cut off again fails, and never counts as whole', async () => {
    const stamp = await place('a', 'content');
    site.faults.next('download', { kind: 'cut' }, 2);
    expect(codes((await readAll(site.far.remote({}), '', { a: stamp })).outcomes)).toEqual({ a: 'network' });
  });

  test('of a file that changed meanwhile is told as changed', async () => {
    const stamp = await place('a', 'content');
    site.faults.next('download', {
      kind: 'after',
      run: async () => {
        site.clock.pass(5000);
        await place('a', 'CONTENT');
      },
    });
    expect(codes((await readAll(site.far.remote({}), '', { a: stamp })).outcomes)).toEqual({ a: 'changed' });
  });

  test('that brings another length than is listed is told as changing', async () => {
    const stamp = await place('a', 'content');
    let told = '';
    await site.far.remote({}).read(dirAt(''), [
      {
        path: at('a'),
        expect: stamp,
        receive: async (body) => {
          for await (const _ of body);
          return { size: 3 };
        },
        done: async (outcome) => {
          told = outcome.ok ? 'ok' : outcome.error.code;
        },
      },
    ]);
    expect(told).toBe('changing');
  });

  test('waits until the second of its version is over where dates are coarse', async () => {
    site.behaviour.dateFormat = 'seconds';
    const stamp = await place('a', 'content');
    const over = Number(stamp.date) + 1000;
    const begun: number[] = [];
    site.faults.next('download', {
      kind: 'before',
      run: () => {
        begun.push(site.clock.now());
      },
    });
    const remote = site.far.remote({ dateGrain: 1000 });
    expect(codes((await readAll(remote, '', { a: stamp })).outcomes)).toEqual({ a: 'ok' });
    expect(begun[0]).toBeGreaterThanOrEqual(over);
    expect(begun[0]).toBeLessThanOrEqual(over + 1000);
    const waited = site.clock.monotonic();
    await readAll(remote, '', { a: stamp });
    expect(site.clock.monotonic()).toBe(waited);
  });

  test('that alone is refused does not condemn the key', async () => {
    const stamp = await place('a', 'content');
    const read = async () => codes((await readAll(site.far.remote({}), '', { a: stamp })).outcomes);
    site.faults.next('download', { kind: 'status', status: 403 });
    expect(await read()).toEqual({ a: 'forbidden' });
    expect(await read()).toEqual({ a: 'ok' });
    site.faults.next('download', { kind: 'status', status: 403 });
    expect(await read()).toEqual({ a: 'bad-request' });
  });

  test('of many files costs one list for each sixty-four', async () => {
    const stamps: Record<string, RemoteStamp> = {};
    for (let i = 0; i < 65; i += 1) stamps[`f${i}`] = await place(`f${i}`, 'x');
    const { outcomes } = await readAll(site.far.remote({}), '', stamps);
    expect(new Set(Object.values(codes(outcomes)))).toEqual(new Set(['ok']));
    expect(site.far.gate.counts.byLabel).toEqual({ download: 65, list: 2 });
  });
});
