import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { Bandwidth, Transfer } from '../../../../src/lib/bandwidth.ts';
import type { Outcome } from '../../../../src/remote/remote.ts';
import { slowedSource } from '../../../../src/remote/runtools/slowed.ts';
import { at, codes, dirAt, readAll, writeAll } from '../support.ts';
import { testSite } from './site.ts';

const site = testSite();

/** Notes what passes; pieces of `piece` bytes, or each transfer whole. */
function noted(rate: number, piece?: number) {
  const [jobs, passed]: [Transfer[], number[]] = [[], []];
  const bandwidth: Bandwidth = {
    rate: () => rate,
    transfer: (job, run) => {
      jobs.push(job);
      const pass = async (bytes: number): Promise<void> => {
        passed.push(bytes);
      };
      return run(piece === undefined ? undefined : { piece, pass });
    },
  };
  return { bandwidth, jobs, passed };
}

describe('under a limit of bandwidth', () => {
  test('an upload passes piece by piece and arrives whole', async () => {
    const { bandwidth, jobs, passed } = noted(1e6, 4);
    const outcomes = await writeAll(site.far.remote({}, { bandwidth }), '', { a: { text: 'ten  bytes' } });
    expect(codes(outcomes)).toEqual({ a: 'ok' });
    expect(await site.disk('a')).toBe('ten  bytes');
    expect([passed, jobs.map(({ way, size }) => [way, size])]).toEqual([[4, 4, 2], [['up', 10]]]);
  });

  test('a download passes as it comes', async () => {
    const stamp = await site.place('a', 'ten  bytes');
    const { bandwidth, jobs, passed } = noted(1e6, 4);
    const { texts, outcomes } = await readAll(site.far.remote({}, { bandwidth }), '', { a: stamp });
    expect([codes(outcomes), texts.a, passed]).toEqual([{ a: 'ok' }, 'ten  bytes', [10]]);
    expect(jobs.map(({ way, size }) => [way, size])).toEqual([['down', 10]]);
  });

  test('what would be on its way for long is uploaded aside and moved in', async () => {
    await site.place('a', 'old');
    const { bandwidth } = noted(40_000);
    const write = async (path: string, size: number) => {
      const before = site.far.gate.tickets.length;
      const done = async (): Promise<void> => {};
      const open = async () => ({ size, body: () => Buffer.alloc(size) });
      await site.far
        .remote({}, { bandwidth })
        .write(dirAt(''), [{ path: at(path), expect: undefined, size, open, done }]);
      return site.far.gate.tickets.slice(before).filter(({ label }) => label === 'move').length;
    };
    expect([await write('short', 79_000), await write('long', 81_000)]).toEqual([0, 1]);
  });

  test.each([
    ['up', 'before it begins'],
    ['up', 'between its pieces'],
    ['down', 'before it begins'],
    ['down', 'between its pieces'],
  ] as const)('what goes %s and is told to stop %s is stopped, and no fault of ours', async (way, when) => {
    const abort = new AbortController();
    const stop = async (): Promise<never> => {
      abort.abort(new Error('told to stop'));
      throw abort.signal.reason;
    };
    const bandwidth: Bandwidth = {
      rate: () => 1e6,
      transfer: (_, run) => (when === 'before it begins' ? stop() : run({ piece: 4, pass: stop })),
    };
    const remote = site.far.remote({}, { bandwidth });
    const told: string[] = [];
    const done = async (outcome: Outcome<unknown>): Promise<void> => {
      told.push(outcome.ok ? 'ok' : outcome.error.code);
    };
    const one = { path: at('a'), done };
    if (way === 'up') {
      const open = async () => ({ size: 10, body: () => Buffer.alloc(10) });
      await remote.write(dirAt(''), [{ ...one, expect: undefined, size: 10, open }], abort.signal);
    } else {
      const receive = async (body: AsyncIterable<Uint8Array>) => {
        for await (const part of body) return { size: part.length };
        return { size: 0 };
      };
      const expect = await site.place('a', 'ten  bytes');
      await remote.read(dirAt(''), [{ ...one, expect, receive }], abort.signal);
    }
    expect(told).toEqual(['stopped']);
  });

  test('a stream is closed when whoever takes it gives up', async () => {
    const content = Readable.from([Buffer.alloc(8), Buffer.alloc(8)]);
    const source = { size: 16, body: () => content };
    const body = slowedSource(source, { piece: 4, pass: async () => {} }).body();
    for await (const _ of body) break;
    expect(content.destroyed).toBe(true);
  });
});
