import { describe, expect, it } from 'vitest';
import type { LocalDir } from '../../../src/core/path.ts';
import { createTriggers } from '../../../src/engine/triggers.ts';
import { virtualClock } from '../../support/clock.ts';

const dir = (text: string): LocalDir => text as LocalDir;

describe('triggers', () => {
  it('gather hints until they stand still, then give each folder once', async () => {
    const clock = virtualClock();
    const triggers = createTriggers(clock);
    const waiting = triggers.wait(Number.POSITIVE_INFINITY, new AbortController().signal);
    triggers.hint([dir('a')]);
    await clock.advance(40);
    triggers.hint([dir('a'), dir('b')]);
    await clock.advance(60);
    expect(await waiting).toEqual(['a', 'b']);
    expect(clock.monotonic()).toBe(100);
  });

  it('lose patience with hints that never stop', async () => {
    const clock = virtualClock();
    const triggers = createTriggers(clock);
    let ended = false;
    const waiting = triggers.wait(Number.POSITIVE_INFINITY, new AbortController().signal).then(() => {
      ended = true;
    });
    for (let ms = 0; ms < 1_000; ms += 50) {
      triggers.hint([dir('busy')]);
      await clock.advance(50);
      if (ms < 900) expect(ended).toBe(false);
    }
    await clock.advance(60);
    await waiting;
    expect(ended).toBe(true);
  });

  it('run by time when nothing happens, with nothing to scan', async () => {
    const clock = virtualClock();
    const waiting = createTriggers(clock).wait(500, new AbortController().signal);
    await clock.advance(500);
    expect(await waiting).toEqual([]);
  });

  it('ask for a whole scan when the watcher lost track or too many folders changed', async () => {
    const clock = virtualClock();
    const triggers = createTriggers(clock);
    const { signal } = new AbortController();
    triggers.hint('all');
    const first = triggers.wait(Number.POSITIVE_INFINITY, signal);
    await clock.advance(60);
    expect(await first).toBe('all');
    triggers.hint(Array.from({ length: 401 }, (_, i) => dir(`d${i}`)));
    const second = triggers.wait(Number.POSITIVE_INFINITY, signal);
    await clock.advance(60);
    expect(await second).toBe('all');
  });

  it('end when stopped', async () => {
    const triggers = createTriggers(virtualClock());
    const stop = new AbortController();
    const stopped = triggers.wait(Number.POSITIVE_INFINITY, stop.signal);
    stop.abort();
    expect(await stopped).toEqual([]);
  });
});
