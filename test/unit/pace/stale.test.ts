import { describe, expect, it } from 'vitest';
import { type Answered, type Pace, type RequestTicket, Stale } from '../../../src/lib/gate.ts';
import { createGate } from '../../../src/pace/queue.ts';
import { virtualClock } from '../../support/clock.ts';

const UPLOAD: RequestTicket = { lane: 'transfer', label: 'upload', growth: true };
const OK: Answered = { status: 200, headers: {} };

describe('what a request relies on', () => {
  it('is asked for at the admission, and what is stale is not sent, not counted and leaves its turn to others', async () => {
    const clock = virtualClock();
    const gate = createGate({ limitPerMinute: 2, concurrency: 1, clock, random: () => 0.5 });
    const sent: string[] = [];
    const asked: number[] = [];
    const run = (name: string, good: () => boolean) => {
      const still = ({ turnMs }: Pace) => {
        asked.push(turnMs);
        return good();
      };
      const send = async () => {
        sent.push(name);
        return OK;
      };
      return gate.run({ ...UPLOAD, still }, send).then(
        () => 'sent',
        (error: unknown) => (error instanceof Stale ? 'stale' : error),
      );
    };
    const begun = clock.monotonic();
    const young = () => clock.monotonic() - begun < 1000;
    const ends = Promise.all([run('a', young), run('b', young), run('c', young), run('d', () => true)]);
    expect(await clock.run(ends)).toEqual(['sent', 'sent', 'stale', 'sent']);
    expect(sent).toEqual(['a', 'b', 'd']);
    expect(gate.counts.total).toBe(3);
    expect(asked).toEqual([30_000, 30_000, 30_000, 30_000]);
    expect(clock.monotonic() - begun).toBeLessThan(61_000);
  });

  it('is told at which pace the gate goes, and how long ago the last pause ended', async () => {
    const clock = virtualClock();
    const gate = createGate({ limitPerMinute: 60, concurrency: 1, clock, random: () => 0 });
    const begun = clock.monotonic();
    const told: (Pace & { readonly at: number })[] = [];
    const answers: Answered[] = [{ status: 429, headers: { 'retry-after': '20' } }];
    const still = (pace: Pace) => {
      told.push({ ...pace, at: clock.monotonic() - begun });
      return true;
    };
    const run = () => gate.run({ ...UPLOAD, still }, async () => answers.shift() ?? OK);
    await clock.run(run());
    await clock.run(clock.sleep(5000).then(run));
    expect(told.map(({ at, openMs }) => at - openMs)).toEqual([Number.NEGATIVE_INFINITY, 20_000, 20_000]);
    expect(told[2]?.at).toBeGreaterThanOrEqual(25_000);
    expect(told[0]?.turnMs).toBe(1000);
  });
});
