import { describe, expect, it } from 'vitest';
import { createOutlook, forecastInWords, standingInWords } from '../../../src/cli/outlook.ts';
import { createProgress, createProgressLines } from '../../../src/cli/progress.ts';
import type { Operation, Plan } from '../../../src/core/plan.ts';
import { forecast, type Limits } from '../../../src/core/summary.ts';
import { write } from '../../support/people.ts';
import { planFor, syncedWorld } from '../../support/planning.ts';

/** So many new files of a hundred kilobytes in one folder. */
function uploads(count: number): Plan {
  const world = syncedWorld({ quiet: 'q1' });
  for (let index = 0; index < count; index += 1) write(world, 'local', `f${index}`, `c${index}`);
  const plan = planFor(world);
  const large = (operation: Operation): Operation =>
    operation.kind === 'upload' ? { ...operation, local: { ...operation.local, size: 100_000 } } : operation;
  return { ...plan, operations: plan.operations.map(large) };
}

function run(plan: Plan, limits: Limits) {
  const state = { requests: 18, now: 0 };
  const parts = { requests: () => state.requests, now: () => state.now, limits: () => limits };
  const finish = (on: ReturnType<typeof createOutlook>['on'], from: number, to: number, ms: number): void => {
    for (const operation of plan.operations.slice(from, to)) {
      state.requests += 1;
      state.now += ms;
      on({ kind: 'operation', operation, result: 'done' });
    }
  };
  return { state, parts, finish, planned: { kind: 'planned', plan, held: [] } as const };
}

describe('the outlook of a run', () => {
  it('says how far it is, what is to go, and how long that takes at the limit in force', () => {
    const { parts, finish, planned } = run(uploads(250), { requestsPerMinute: 300 });
    const outlook = createOutlook(parts);
    expect(outlook.standing).toBeUndefined();
    outlook.on(planned);
    expect(standingInWords(outlook.standing ?? never())).toBe(
      '0 of 250 files, 0 of 25.0 MB, 252 requests to go, about 51 s at 300 requests a minute',
    );
    finish(outlook.on, 0, 40, 1);
    expect(standingInWords(outlook.standing ?? never())).toBe(
      '40 of 250 files, 4.0 of 25.0 MB, 212 requests to go, about 43 s at 300 requests a minute',
    );
    finish(outlook.on, 40, 250, 1);
    expect(outlook.standing).toMatchObject({ files: 250, bytes: 25_000_000 });
  });

  it('goes by the limit that takes longest, or by what was seen', () => {
    const slow = run(uploads(250), { requestsPerMinute: 1000, up: 100_000 });
    const outlook = createOutlook(slow.parts);
    outlook.on(slow.planned);
    expect(standingInWords(outlook.standing ?? never())).toContain('about 5 min at 100 kB a second');
    const free = run(uploads(250), {});
    const other = createOutlook(free.parts);
    other.on(free.planned);
    expect(standingInWords(other.standing ?? never())).toMatch(/252 requests to go$/);
    free.finish(other.on, 0, 50, 200);
    expect(standingInWords(other.standing ?? never())).toContain('about 41 s at this pace');
  });

  it('never promises fewer requests than the operations that are left cost', () => {
    const { state, parts, finish, planned } = run(uploads(10), {});
    const outlook = createOutlook(parts);
    outlook.on(planned);
    state.requests += 100;
    finish(outlook.on, 0, 4, 1);
    expect(outlook.standing?.requestsToGo).toBe(6);
  });

  it('has a sentence for a dry run', () => {
    const costs = { ...forecast(uploads(250)), looks: 12, limits: { requestsPerMinute: 300 } };
    expect(forecastInWords(costs)).toBe('about 252 requests, 12 of them to look, 25.0 MB');
    expect(forecastInWords({ ...costs, seconds: 51, by: 'requestsPerMinute' })).toBe(
      'about 252 requests, 12 of them to look, 25.0 MB, about 51 s at 300 requests a minute',
    );
  });
});

describe('progress', () => {
  it('is a line that is written over on a terminal', () => {
    let written = '';
    const output = { isTTY: true, columns: 200, write: (text: string) => (written += text) };
    const { parts, finish, planned, state } = run(uploads(250), { requestsPerMinute: 300 });
    const progress = createProgress(output, parts);
    progress.on({ kind: 'phase', phase: 'listing' });
    progress.on(planned);
    progress.on({ kind: 'phase', phase: 'working' });
    state.now += 1000;
    // What was written last goes first.
    finish(progress.on, 0, 1, 0);
    expect(written.split('\r\x1b[2K')).toEqual([
      '',
      'listing · 18 requests',
      'working · 0 of 250 files, 0 of 25.0 MB, 252 requests to go, about 51 s at 300 requests a minute',
      'working · 1 of 250 files, 0.1 of 25.0 MB, 251 requests to go, about 51 s at 300 requests a minute · → f249',
    ]);
  });

  it('is a line now and then in a log, with its figures, and none for what is quick', () => {
    const told: unknown[] = [];
    const tell = (figures: unknown, sentence: string): unknown =>
      told.push([figures, sentence.split(',')[0]]);
    const slow = run(uploads(250), { requestsPerMinute: 300 });
    const lines = createProgressLines(slow.parts, tell);
    lines.on(slow.planned);
    slow.finish(lines.on, 0, 250, 200);
    expect(told).toEqual([
      [
        { files: 0, ofFiles: 250, bytes: 0, ofBytes: 25_000_000, requestsToGo: 252, seconds: 51 },
        '0 of 250 files',
      ],
      [
        { files: 150, ofFiles: 250, bytes: 15_000_000, ofBytes: 25_000_000, requestsToGo: 102, seconds: 21 },
        '150 of 250 files',
      ],
    ]);
    const quick = run(uploads(10), { requestsPerMinute: 300 });
    const none = createProgressLines(quick.parts, (_, sentence) => told.push(sentence));
    none.on(quick.planned);
    quick.finish(none.on, 0, 10, 200);
    expect(told).toHaveLength(2);
  });
});

function never(): never {
  throw new Error('a plan is under way');
}
