import { describe, expect, it } from 'vitest';
import { dateMatches } from '../../../../src/core/base.ts';
import { createFileClock, type FileClock } from '../../../../src/remote/runtools/file-clock.ts';

/** The server's clock is this much ahead of our monotonic one. */
const STILL = { now: () => 0, monotonic: () => 0 };

const AHEAD = 1_700_000_000_000;

const sending = (sentAt: number, tookMs: number) => ({ sentAt, answeredAt: sentAt + tookMs });
const listed = (sentAt: number, tookMs: number, date: number) => ({ ...sending(sentAt, tookMs), date });

function fits(clock: FileClock, sentAt: number, tookMs: number, date: number): boolean {
  const span = clock.span(sending(sentAt, tookMs));
  return span !== undefined && dateMatches(span, date);
}

describe("the clock of the server's files", () => {
  it('is unknown before anything of ours was listed', () => {
    expect(createFileClock(1, STILL).span(sending(0, 20))).toBeUndefined();
  });

  it('tells our upload from an edit of a tenth of a second later', () => {
    const clock = createFileClock(1, STILL);
    clock.learn([listed(1_000, 20, AHEAD + 1_010)]);
    expect(fits(clock, 5_000, 20, AHEAD + 5_012)).toBe(true);
    expect(fits(clock, 5_000, 20, AHEAD + 5_120)).toBe(false);
    expect(fits(clock, 5_000, 20, AHEAD + 4_900)).toBe(false);
  });

  it('says which of many dates was written by somebody else', () => {
    const clock = createFileClock(1, STILL);
    const samples = [0, 1, 2, 3, 4].map((i) => listed(i * 100, 20, AHEAD + i * 100 + 10));
    samples[3] = listed(300, 20, AHEAD + 700);
    expect(clock.learn(samples)).toEqual([true, true, true, false, true]);
    expect(fits(clock, 900, 20, AHEAD + 905)).toBe(true);
  });

  it.each([
    ['before', 0],
    ['after', 1],
  ])("takes the later of two that contradict for somebody else's: it was sent %s ours", (_, at) => {
    const clock = createFileClock(1, STILL);
    const samples = [listed(0, 20, AHEAD + 10), listed(300, 20, AHEAD + 310)];
    samples[at] = listed(at * 300, 20, AHEAD + at * 300 + 190);
    expect(clock.learn(samples)).toEqual([at !== 0, at !== 1]);
    expect(fits(clock, 900, 20, AHEAD + 905)).toBe(true);
  });

  it('takes slow and quick requests together for what they are: all ours', () => {
    const clock = createFileClock(1, STILL);
    const samples = [listed(0, 300, AHEAD + 290), listed(10, 8, AHEAD + 13), listed(5, 200, AHEAD + 8)];
    expect(clock.learn(samples)).toEqual([true, true, true]);
  });

  it('is known better with every short request, and never better than it can be', () => {
    const clock = createFileClock(1, STILL);
    clock.learn([listed(0, 400, AHEAD + 390)]);
    clock.learn([listed(500, 400, AHEAD + 510)]);
    expect(fits(clock, 2_000, 10, AHEAD + 2_005)).toBe(true);
    expect(fits(clock, 2_000, 10, AHEAD + 2_150)).toBe(false);
  });

  it('counts as unknown when all that was seen was slow, or long ago', () => {
    const clock = createFileClock(1, STILL);
    clock.learn([listed(0, 2_000, AHEAD + 1_000)]);
    expect(clock.span(sending(3_000, 10))).toBeUndefined();
    clock.learn([listed(4_000, 10, AHEAD + 4_005)]);
    expect(clock.span(sending(5_000, 10))).toBeDefined();
    expect(clock.span(sending(4_010 + 600_001, 10))).toBeUndefined();
  });

  it('allows for whole seconds where the server has nothing finer', () => {
    const clock = createFileClock(1_000, STILL);
    clock.learn([listed(1_200, 20, AHEAD + 1_000)]);
    expect(fits(clock, 7_900, 20, AHEAD + 7_000)).toBe(true);
    expect(fits(clock, 7_900, 20, AHEAD + 10_000)).toBe(false);
  });

  it('believes the new time after a clock was set', () => {
    const clock = createFileClock(1, STILL);
    clock.learn([listed(0, 20, AHEAD + 10)]);
    clock.learn([
      listed(1_000, 20, AHEAD + 61_010),
      listed(1_100, 20, AHEAD + 61_110),
      listed(1_200, 20, AHEAD + 61_210),
    ]);
    expect(fits(clock, 2_000, 20, AHEAD + 62_010)).toBe(true);
  });
});
