import { expect, it } from 'vitest';
import type { Found } from '../../../src/app/found.ts';
import { distrustAfterPowerCut } from '../../../src/app/power-cut.ts';
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
  bootedAt,
  unclean,
}: {
  readonly bootedAt: number;
  readonly unclean: boolean;
}): readonly string[] {
  const clock = virtualClock({ now: BOOT });
  const identity = { folder: '/f', storage: 'https://s', workspaceId: 'w', remotePath: '' };
  const state = openPairState({ file: ':memory:', identity, clock });
  const start = (booted: number, dirty: boolean): void =>
    distrustAfterPowerCut(
      { state, run: { clock, dryRun: false }, bootedAt: booted } as unknown as Found,
      dirty,
    );
  start(BOOT, false);
  settledAt(state, 'old.txt', DONE - 600_000);
  settledAt(state, 'young.txt', DONE - 5_000);
  settledAt(state, 'last.txt', DONE);
  start(bootedAt, unclean);
  return [...state.base().children.keys()];
}

it('what was settled shortly before a power cut is not believed, what is older is', () => {
  expect(nextStart({ bootedAt: BOOT + 7_200_000, unclean: true })).toEqual(['old.txt']);
});

it('a process that was killed on a machine that stayed up has lost nothing', () => {
  expect(nextStart({ bootedAt: BOOT + 3, unclean: true })).toHaveLength(3);
});

it('a machine that was started anew after a clean end has lost nothing', () => {
  expect(nextStart({ bootedAt: BOOT + 7_200_000, unclean: false })).toHaveLength(3);
});
