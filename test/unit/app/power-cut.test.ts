import { describe, expect, it } from 'vitest';
import type { Found } from '../../../src/app/found.ts';
import { distrustAfterPowerCut, watchUnwritten } from '../../../src/app/power-cut.ts';
import { agreed } from '../../../src/core/base.ts';
import { relPath } from '../../../src/core/path.ts';
import { type OpenPairState, openPairState } from '../../../src/state/pair-state.ts';
import { virtualClock } from '../../support/clock.ts';

const BOOT = Date.UTC(2026, 0, 5, 8);
const DONE = BOOT + 3_600_000;

function settledAt(state: OpenPairState, path: string, at: number): void {
  const local = { size: 1, ino: 7, mtimeMs: at, ctimeMs: at, mode: 0o644 };
  state.settle({
    changes: [{ kind: 'file', path: relPath(path), stamp: agreed(local, 'ab'.repeat(32), at) }],
    journal: [{ at, cycle: 1, kind: 'upload', path }],
  });
}

/** A state with a deed of long ago and one of just before the end; then the next start. */
function nextStart({
  first = 'a',
  boot,
  unclean,
}: {
  readonly first?: string;
  readonly boot: string;
  readonly unclean: boolean;
}): readonly string[] {
  const clock = virtualClock({ now: BOOT });
  const identity = { folder: '/f', storage: 'https://s', workspaceId: 'w', remotePath: '' };
  const state = openPairState({ file: ':memory:', identity, clock });
  const start = (booted: string, dirty: boolean): void =>
    distrustAfterPowerCut({ state, run: { clock, dryRun: false }, boot: booted } as unknown as Found, dirty);
  start(first, false);
  settledAt(state, 'old.txt', DONE - 600_000);
  settledAt(state, 'young.txt', DONE - 5_000);
  settledAt(state, 'last.txt', DONE);
  start(boot, unclean);
  return [...state.base().children.keys()];
}

it('what was settled shortly before a power cut is not believed, what is older is', () => {
  expect(nextStart({ boot: 'b', unclean: true })).toEqual(['old.txt']);
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
  function run(deeds: boolean, { unclean = false, flushed = true } = {}) {
    const clock = virtualClock({ now: BOOT });
    const identity = { folder: '/f', storage: 'https://s', workspaceId: 'w', remotePath: '' };
    const state = openPairState({ file: ':memory:', identity, clock });
    settledAt(state, 'old.txt', DONE - 600_000);
    const asked: string[] = [];
    const disk = { flushSync: (folder: string) => asked.push(folder) > 0 && flushed };
    const isWritten = watchUnwritten({ state, root: '/f', disk } as unknown as Found, unclean);
    if (deeds) settledAt(state, 'young.txt', DONE);
    return { written: isWritten(), asked };
  }

  it('waits for the disk when something was agreed on', () => {
    expect(run(true)).toEqual({ written: true, asked: ['/f'] });
    expect(run(true, { flushed: false })).toEqual({ written: false, asked: ['/f'] });
  });

  it('waits for what a run before it, that was killed, may have left in memory', () => {
    expect(run(false, { unclean: true })).toEqual({ written: true, asked: ['/f'] });
  });

  it('costs nothing when nothing was done', () => {
    expect(run(false)).toEqual({ written: true, asked: [] });
  });
});
