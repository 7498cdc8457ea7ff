import { describe, expect, it } from 'vitest';
import type { Found } from '../../../src/app/found.ts';
import { distrustAfterPowerCut, watchUnwritten } from '../../../src/app/power-cut.ts';
import { agreed } from '../../../src/core/base.ts';
import { relPath } from '../../../src/core/path.ts';
import { type OpenPairState, openPairState } from '../../../src/state/pair-state.ts';
import { virtualClock } from '../../support/clock.ts';

const BOOT = Date.UTC(2026, 0, 5, 8);
const DONE = BOOT + 3_600_000;

function openAt(begin: number) {
  const time = { now: begin };
  const clock = { ...virtualClock({ now: BOOT }), now: () => time.now };
  const identity = { folder: '/f', storage: 'https://s', workspaceId: 'w', remotePath: '' };
  const state = openPairState({ file: ':memory:', identity, clock });
  const settledAt = (path: string, at: number, journaled = true): void => {
    const local = { size: 1, ino: 7, mtimeMs: at, ctimeMs: at, mode: 0o644 };
    time.now = at;
    state.settle({
      changes: [{ kind: 'file', path: relPath(path), stamp: agreed(local, 'ab'.repeat(32), at) }],
      journal: journaled ? [{ at, cycle: 1, kind: 'upload', path }] : [],
    });
  };
  return { clock, state, settledAt };
}

function startAt(state: OpenPairState, boot: string, unclean: boolean): void {
  distrustAfterPowerCut({ state, run: { dryRun: false }, boot } as unknown as Found, unclean);
}

/** A state with a deed of long ago and one of just before the end; then the next start. */
function nextStart({
  first = 'a',
  boot,
  unclean,
  journaled = true,
}: {
  readonly first?: string;
  readonly journaled?: boolean;
  readonly boot: string;
  readonly unclean: boolean;
}): readonly string[] {
  const { state, settledAt } = openAt(BOOT);
  startAt(state, first, false);
  settledAt('old.txt', DONE - 600_000);
  settledAt('young.txt', DONE - 5_000, journaled);
  settledAt('last.txt', DONE, journaled);
  startAt(state, boot, unclean);
  return [...state.base().children.keys()];
}

it('what was settled shortly before a power cut is not believed, what is older is', () => {
  expect(nextStart({ boot: 'b', unclean: true })).toEqual(['old.txt']);
});

it('what was found to be the same on both sides, and is no deed, is believed no longer either', () => {
  expect(nextStart({ boot: 'b', unclean: true, journaled: false })).toEqual(['old.txt']);
});

it('a process that was killed on a machine that stayed up has lost nothing', () => {
  expect(nextStart({ boot: 'a', unclean: true })).toHaveLength(3);
});

it('a machine that was started anew after a clean end has lost nothing', () => {
  expect(nextStart({ boot: 'b', unclean: false })).toHaveLength(3);
});

it('where a start is known by its time alone, the clock may have been set a little', () => {
  const first = String(BOOT);
  expect(nextStart({ first, boot: String(BOOT + 3), unclean: true })).toHaveLength(3);
  expect(nextStart({ first, boot: String(BOOT + 7_200_000), unclean: true })).toEqual(['old.txt']);
});

describe('the end of a run', () => {
  const MISSING = 'unflushed';

  function run({ deeds = false, journaled = true, unclean = false, noted = false, flushed = true } = {}) {
    const { state, settledAt } = openAt(BOOT);
    settledAt('old.txt', DONE - 600_000);
    if (noted) state.saveNote(MISSING, 'yes');
    const asked: string[] = [];
    const disk = { flushSync: (folder: string) => asked.push(folder) > 0 && flushed };
    const flush = watchUnwritten({ state, root: '/f', disk } as unknown as Found, unclean);
    if (deeds) settledAt('young.txt', DONE, journaled);
    flush();
    return { missing: state.note(MISSING) === 'yes', asked, state };
  }

  it('waits for the disk when something was agreed on, be it without a deed', () => {
    for (const journaled of [true, false]) {
      expect(run({ deeds: true, journaled })).toMatchObject({ missing: false, asked: ['/f'] });
      expect(run({ deeds: true, journaled, flushed: false })).toMatchObject({ missing: true, asked: ['/f'] });
    }
  });

  it('waits for what a run before it left in memory: one that was killed, or one that the disk was too busy for', () => {
    expect(run({ unclean: true })).toMatchObject({ missing: false, asked: ['/f'] });
    expect(run({ noted: true })).toMatchObject({ missing: false, asked: ['/f'] });
    expect(run({ noted: true, flushed: false })).toMatchObject({ missing: true, asked: ['/f'] });
  });

  it('costs nothing when nothing was done', () => {
    expect(run()).toMatchObject({ missing: false, asked: [] });
  });

  it('that could not be sure of the disk is not believed after a power cut, and only once', () => {
    const { state } = run({ deeds: true, flushed: false });
    startAt(state, 'a', false);
    expect(state.note(MISSING)).toBe('yes');
    startAt(state, 'b', false);
    expect([...state.base().children.keys()]).toEqual(['old.txt']);
    expect(state.note(MISSING)).toBe('');
  });
});
