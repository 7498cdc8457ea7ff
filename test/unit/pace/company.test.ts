import { describe, expect, it } from 'vitest';
import {
  afterRefusal,
  afterSent,
  afterStale,
  afterSuccess,
  type Company,
} from '../../../src/pace/company.ts';
import { play } from '../../bench/scale/world.ts';

const SIGHT = { ours: 5, limit: 60, stated: 60, remaining: 40, windowMs: 60_000 };
const ALONE = { ...SIGHT, remaining: 55 };
const company = (rate: number): Company => ({ rate, gain: 0.1, dueAt: 0, seenAt: 0 });

describe('a key that others use too', () => {
  it('is noticed by what is missing from the window, and forgotten a window after it was last seen', () => {
    expect(afterSuccess(undefined, ALONE, 0)).toBeUndefined();
    const joined = afterSuccess(undefined, SIGHT, 0);
    expect(joined?.rate).toBe(20);
    expect(afterSuccess(joined, ALONE, 60_000)).toBeDefined();
    expect(afterSuccess(joined, ALONE, 60_001)).toBeUndefined();
  });

  it('leaves more to those who have less', () => {
    const tight = { ...SIGHT, remaining: 20 };
    const change = (rate: number) => (afterSuccess(company(rate), tight, 0)?.rate ?? 0) / rate - 1;
    expect(change(0.5)).toBeGreaterThan(0);
    expect(change(45)).toBeLessThan(0);
    expect(change(0.5)).toBeGreaterThan(change(5));
    expect(afterSuccess(company(3), { ...SIGHT, remaining: 2 }, 0)?.rate).toBeLessThan(3);
  });

  it('halves the rate at a refusal that others caused, and not at one that we caused ourselves', () => {
    const told = { ...SIGHT, remaining: 0 };
    expect(afterRefusal(undefined, { ...told, ours: 60 }, 0)).toBeUndefined();
    expect(afterRefusal(undefined, { ...told, ours: 20 }, 0)?.rate).toBe(10);
    expect(afterRefusal(company(0.5), { ...told, ours: 1 }, 0)?.rate).toBe(0.25);
  });

  it('keeps a distance that differs by chance, and edits put it off by one distance only', () => {
    const patient = { windowMs: 60_000, patient: true, look: false };
    expect(afterSent(company(6), { ...patient, random: 0 }, 10_000).dueAt).toBe(5000);
    expect(afterSent(company(6), { ...patient, random: 1 }, 10_000).dueAt).toBe(15_000);
    let one = company(0.5);
    for (let i = 0; i < 10; i += 1)
      one = afterSent(one, { windowMs: 60_000, patient: false, look: false, random: 0.5 }, i);
    expect(one.dueAt).toBeLessThan(121_000);
  });
});

describe('a turn that was given up because a look had grown old', () => {
  it('is shared by the look and what relies on it, which then pays for both', () => {
    const sent = { windowMs: 60_000, patient: true, random: 0.5 };
    const stale = afterStale(company(6), 60_000, 10_000);
    const looked = afterSent(stale, { ...sent, look: true }, 10_000);
    expect(looked.dueAt).toBeLessThanOrEqual(10_000);
    const another = afterSent(looked, { ...sent, look: true }, 10_100);
    expect(another.dueAt).toBe(20_000);
    expect(afterSent(looked, { ...sent, look: false }, 10_100).dueAt).toBe(20_000);
    expect(afterSent(another, { ...sent, look: false }, 20_000).dueAt).toBe(30_000);
  });

  it('is nobody else’s a moment later', () => {
    const stale = afterStale(company(6), 60_000, 10_000);
    const late = { windowMs: 60_000, patient: true, random: 0.5, look: true };
    expect(afterSent(stale, late, 13_000).dueAt).toBe(13_000);
  });
});

describe('ten daemons that know nothing of each other', () => {
  it('share the key of a server that tells what is left about equally, and are not refused', async () => {
    const world = { daemons: 10, limit: 60, headers: true, folders: 10, files: 0, minutes: 120, seed: 4 };
    const { fairness, later, used, edits } = await play(world);
    expect(fairness).toBeGreaterThan(0.9);
    expect(later[0] / later[1]).toBeLessThan(0.01);
    expect(used).toBeGreaterThan(0.6);
    expect(edits.toSorted((a, b) => a - b).at(Math.floor(edits.length / 2))).toBeLessThan(1);
  });

  it('are seldom refused by one that tells nothing', async () => {
    const world = { daemons: 10, limit: 300, headers: false, folders: 10, files: 0, minutes: 60, seed: 4 };
    const { later, used } = await play(world);
    expect(later[0] / later[1]).toBeLessThan(0.02);
    expect(used).toBeGreaterThan(0.3);
  });
});
