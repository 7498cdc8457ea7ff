/** What a service looks at next while much waits to be done, at 300 requests a minute; in virtual time. */
import { describe, expect, it } from 'vitest';
import type { RelPath } from '../../../src/core/path.ts';
import { emptyTree, type LocalStamp, type RemoteStamp, withChanges } from '../../../src/core/tree.ts';
import type { CycleRequest, CycleResult, Memory } from '../../../src/engine/cycle.ts';
import type { Pair } from '../../../src/engine/pair.ts';
import { createSchedule } from '../../../src/engine/schedule.ts';
import { virtualClock } from '../../support/clock.ts';

const FOLDERS = 1_000;

function memoryOf(): Memory {
  const changes = Array.from({ length: FOLDERS }, (_, i) => ({
    path: `d${i}/x` as RelPath,
    node: { kind: 'file' as const, stamp: { size: 1, date: 1 } },
  }));
  const rules = { fingerprint: '', ignores: () => false } as unknown as Memory['local']['rules'];
  return {
    local: { tree: emptyTree<LocalStamp>(), problems: [], rules },
    remote: { tree: withChanges(emptyTree<RemoteStamp>(), changes), problems: [] },
    sweptAt: 0,
  };
}

/** A cycle that was called back in the middle of its work. */
function interrupted(memory: Memory, swept = false): CycleResult {
  const totals = { superseded: true, replan: new Set(), followUp: new Set(), done: new Map([['upload', 1]]) };
  const rest = { plan: {}, held: [], partial: false, wanted: [], problems: [] };
  return { memory, swept, totals, ...rest } as unknown as CycleResult;
}

function setting() {
  const clock = virtualClock();
  const pair = {
    clock,
    gate: { limitPerMinute: 300 },
    backoff: { nextAt: () => undefined },
    room: { wakeAt: undefined },
  } as unknown as Pair;
  const schedule = createSchedule(pair, { pollMs: 30_000, limitPerMinute: 300, rescanMs: 3_600_000 });
  const memory = memoryOf();
  schedule.done(schedule.request([], 0), interrupted(memory, true));
  const next = (): CycleRequest => schedule.request([], clock.monotonic());
  const done = (request: CycleRequest): void => schedule.done(request, interrupted(memory));
  return { clock, schedule, next, done };
}

describe('a service that goes on with what an earlier one knew', () => {
  it('believes it once each folder was listed, and then asks whether it is still the same workspace', async () => {
    const { clock, schedule, next } = setting();
    schedule.remember(memoryOf());
    const quiet = {
      ...interrupted(memoryOf()),
      totals: { replan: new Set(), followUp: new Set(), done: new Map() },
    };
    const requests: CycleRequest[] = [];
    for (let all = false; !all; all = requests.at(-1)?.unproven !== true) {
      await clock.advance(2_000);
      const request = next();
      requests.push(request);
      schedule.done(request, { ...quiet, memory: schedule.memory } as unknown as CycleResult);
    }
    const listed = new Set(requests.flatMap(({ remote }) => (remote === 'sweep' ? [] : remote)));
    expect(listed.size).toBe(FOLDERS + 1);
    expect(requests.at(-1)).toMatchObject({ checks: true });
  });
});

describe('a service with much to do', () => {
  it('looks at more at once the longer it has worked, and goes on with the work', async () => {
    const { clock, next, done } = setting();
    await clock.advance(30_000);
    const request = next();
    expect(request).toMatchObject({ local: [] });
    expect(request.remote).toHaveLength(20);
    done(request);
    expect(next().remote).toEqual([]);
  });

  it('leaves a look that an edit called back until later, but not for ever', async () => {
    const { clock, schedule, next, done } = setting();
    done(next());
    for (let minutes = 0; minutes < 4; minutes += 1) {
      await clock.advance(60_000);
      const request = next();
      expect(request.remote).toHaveLength(20);
      schedule.superseded(request);
      expect(next().remote).toEqual([]);
      done({ local: [], remote: [] });
    }
    await clock.advance(120_000);
    const request = next();
    schedule.superseded(request);
    expect(next().remote).toEqual(expect.arrayContaining([...request.remote]));
  });
});
