import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { at, type Bench, bench, codes, dirAt, type HandClock, handClock, readAll } from '../support.ts';

let server: TestServer;
let clock: HandClock;
let far: Bench;

beforeEach(async () => {
  clock = handClock();
  server = await startTestServer({ clock });
  far = bench(server, clock);
});
afterEach(async () => {
  await far.close();
  await server.close();
});

async function place(name: string, text: string): Promise<RemoteStamp> {
  const full = join(server.folder, name);
  await writeFile(full, text);
  await utimes(full, new Date(clock.now()), new Date(clock.now()));
  return { size: text.length, date: clock.now() };
}

describe('a download', () => {
  test('that is cut off is tried once more', async () => {
    const stamp = await place('a', 'content');
    server.server.faults.next('download', { kind: 'cut' });
    const { texts, outcomes } = await readAll(far.remote({}), '', { a: stamp });
    expect([texts.a, codes(outcomes)]).toEqual(['content', { a: 'ok' }]);
  });

  test('that is cut off again fails, and never counts as whole', async () => {
    const stamp = await place('a', 'content');
    server.server.faults.next('download', { kind: 'cut' }, 2);
    expect(codes((await readAll(far.remote({}), '', { a: stamp })).outcomes)).toEqual({ a: 'network' });
  });

  test('of a file that changed meanwhile is told as changed', async () => {
    const stamp = await place('a', 'content');
    server.server.faults.next('download', {
      kind: 'after',
      run: async () => {
        clock.pass(5000);
        await place('a', 'CONTENT');
      },
    });
    expect(codes((await readAll(far.remote({}), '', { a: stamp })).outcomes)).toEqual({ a: 'changed' });
  });

  test('that brings another length than is listed is told as changing', async () => {
    const stamp = await place('a', 'content');
    let told = '';
    await far.remote({}).read(dirAt(''), [
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
    server.server.behaviour.dateFormat = 'seconds';
    const stamp = await place('a', 'content');
    const over = Number(stamp.date) + 1000;
    const begun: number[] = [];
    server.server.faults.next('download', {
      kind: 'before',
      run: () => {
        begun.push(clock.now());
      },
    });
    const remote = far.remote({ dateGrain: 1000 });
    expect(codes((await readAll(remote, '', { a: stamp })).outcomes)).toEqual({ a: 'ok' });
    expect(begun[0]).toBeGreaterThanOrEqual(over);
    expect(begun[0]).toBeLessThanOrEqual(over + 1000);
    const waited = clock.monotonic();
    await readAll(remote, '', { a: stamp });
    expect(clock.monotonic()).toBe(waited);
  });

  test('that alone is refused does not condemn the key', async () => {
    const stamp = await place('a', 'content');
    const read = async () => codes((await readAll(far.remote({}), '', { a: stamp })).outcomes);
    server.server.faults.next('download', { kind: 'status', status: 403 });
    expect(await read()).toEqual({ a: 'forbidden' });
    expect(await read()).toEqual({ a: 'ok' });
    server.server.faults.next('download', { kind: 'status', status: 403 });
    expect(await read()).toEqual({ a: 'bad-request' });
  });

  test('of many files costs one list for each sixty-four', async () => {
    const stamps: Record<string, RemoteStamp> = {};
    for (let i = 0; i < 65; i += 1) stamps[`f${i}`] = await place(`f${i}`, 'x');
    const { outcomes } = await readAll(far.remote({}), '', stamps);
    expect(new Set(Object.values(codes(outcomes)))).toEqual(new Set(['ok']));
    expect(far.gate.counts.byLabel).toEqual({ download: 65, list: 2 });
  });
});
