import { describe, expect, it } from 'vitest';
import {
  afterLanding,
  type Flight,
  startFlight,
  tierConcurrency,
  withMost,
} from '../../../src/pace/flight.ts';

interface Server {
  /** Requests that it serves at once; the others stand in line there. */
  readonly workers: number;
  readonly serviceMs: (inFlight: number) => number;
  readonly latencyMs: number;
}

const PLENTY: Server = { workers: 1000, serviceMs: () => 1, latencyMs: 20 };

/** Sends as much as there are slots for; gives the flight and the time at the end. */
function drive(start: Flight, server: Server, requests: number, from = 0): [Flight, number] {
  let flight = start;
  let now = from;
  let sent = 0;
  const onTheWay: { readonly sentAt: number; readonly doneAt: number }[] = [];
  const workers = new Array<number>(server.workers).fill(from);
  while (sent < requests || onTheWay.length > 0) {
    while (sent < requests && onTheWay.length < Math.floor(flight.slots)) {
      workers.sort((a, b) => a - b);
      const free = Math.max(now + server.latencyMs / 2, workers[0] ?? now);
      workers[0] = free + server.serviceMs(onTheWay.length);
      onTheWay.push({ sentAt: now, doneAt: workers[0] + server.latencyMs / 2 });
      sent += 1;
    }
    onTheWay.sort((a, b) => a.doneAt - b.doneAt);
    const first = onTheWay.shift();
    if (first === undefined) break;
    now = first.doneAt;
    const landing = { label: 'upload', sentAt: first.sentAt, trouble: false };
    flight = afterLanding(flight, { ...landing, saturated: sent < requests }, now);
  }
  return [flight, now];
}

const troubled = (flight: Flight, sentAt: number, now: number) =>
  afterLanding(flight, { label: 'list', sentAt, saturated: true, trouble: true }, now);

describe('how many requests are on their way at once', () => {
  it('starts at eight and is all that is allowed after few round trips', () => {
    expect(startFlight(32).slots).toBe(8);
    expect(startFlight(4).slots).toBe(4);
    expect(drive(startFlight(32), PLENTY, 64)[0].slots).toBe(32);
  });

  it.each([
    ['20 ms', PLENTY],
    ['no latency', { ...PLENTY, workers: 1, serviceMs: () => 0.1, latencyMs: 0.2 }],
  ])('is as quick as 32 from the start with %s', (_name, server) => {
    const fixed: Flight = { ...startFlight(32), slots: 32 };
    const best = drive(fixed, server, 1000)[1];
    expect(drive(startFlight(32), server, 1000)[1]).toBeLessThan(best * 1.08);
    expect(drive(startFlight(32), server, 10_000)[1]).toBeLessThan(drive(fixed, server, 10_000)[1] * 1.01);
  });

  it('comes down where requests only stand in line over there, and stays', () => {
    const narrow: Server = { workers: 4, serviceMs: () => 40, latencyMs: 20 };
    const [flight, took] = drive(startFlight(32), narrow, 3000);
    expect(flight.slots).toBeLessThanOrEqual(16);
    const fixed: Flight = { ...startFlight(32), slots: 32 };
    expect(took).toBeLessThan(drive(fixed, narrow, 3000)[1] * 1.01);
  });

  it('goes back up when fewer turn out to bring less', () => {
    // Slow now and then without any line: fewer at once only means less.
    let turn = 0;
    const uneven: Server = { ...PLENTY, serviceMs: () => (turn++ % 2 === 0 ? 1 : 400) };
    const [flight] = drive(startFlight(32), uneven, 5000);
    expect(flight.slots).toBeGreaterThanOrEqual(30);
  });

  it('does not grow while there is nothing more to send', () => {
    const landing = { label: 'list', sentAt: 0, saturated: false, trouble: false };
    let flight = startFlight(32);
    for (let i = 0; i < 100; i += 1) flight = afterLanding(flight, landing, 20 + i);
    expect(flight.slots).toBe(8);
  });

  it('halves once for a burst of trouble, never below two, and comes back slowly', () => {
    let [flight, now] = drive(startFlight(32), PLENTY, 100);
    for (let i = 0; i < 30; i += 1) flight = troubled(flight, now, now + 10 + i);
    expect(flight.slots).toBe(16);
    for (let i = 0; i < 10; i += 1) {
      now += 100;
      flight = troubled(flight, now, now + 10);
    }
    expect(flight.slots).toBe(2);
    const [soon, then] = drive(flight, PLENTY, 20, now);
    expect(soon.slots).toBeLessThan(10);
    expect(drive(soon, PLENTY, 1000, then)[0].slots).toBe(32);
  });

  it('keeps to the tier of the service that the stated limit belongs to', () => {
    expect([60, 300, 1000, 500, undefined].map(tierConcurrency)).toEqual([5, 20, 100, Infinity, Infinity]);
    const [flight] = drive(startFlight(32), PLENTY, 100);
    expect(withMost(flight, 20).slots).toBe(20);
    expect(withMost(startFlight(1), 1).slots).toBe(1);
  });
});
