import { describe, expect, test } from 'vitest';
import { heldFingerprint } from '../../../src/core/guard.ts';
import { relPath } from '../../../src/core/path.ts';
import type { Held } from '../../../src/core/plan.ts';
import { regressionReason } from '../../../src/core/regressions.ts';
import { tellVoided } from '../../../src/core/voided.ts';
import { syncedWorld } from '../../support/planning.ts';

const item = (path: string, files = 1, side: Held['side'] = 'remote'): Held => ({
  ...{ path: relPath(path), side, files },
  reason: 'much',
});

/** All that was approved is still there, unless it is `done`. */
function reasons(
  held: readonly Held[],
  approved: readonly Held[],
  done: readonly Held[] = [],
): readonly string[] {
  const files = Object.fromEntries(approved.map(({ path, files }) => [files > 1 ? `${path}/f` : path, 'x']));
  const { base } = syncedWorld(files);
  return tellVoided(held, new Set([...approved, ...done].map(heldFingerprint)), base).map(
    ({ reason }) => reason,
  );
}

describe('what is held again', () => {
  test('says which folder of it was approved, and that it changed since', () => {
    const voided = 'much; "d" (60 files) was approved, but changed since, so look again';
    expect(reasons([item('d/a'), item('d/e/b'), item('d', 61), item('da')], [item('d', 60)])).toEqual([
      ...[voided, voided, voided],
      'much',
    ]);
  });

  test('says so of a file and of names with colons and line ends', () => {
    expect(reasons([item('a:1:b\n/c', 2)], [item('a:1:b\n', 1)])).toEqual([
      'much; "a:1:b\n" (1 file) was approved, but changed since, so look again',
    ]);
  });

  test('says when only parts of it were approved', () => {
    expect(reasons([item('d', 60), item('e', 2)], [item('d/x/a'), item('d/b')])).toEqual([
      'much; only parts of it were approved, so look again',
      'much',
    ]);
  });

  test('says nothing of what was approved on the other side, or not at all', () => {
    const held = [item('d/a'), item('e', 2)];
    expect(reasons(held, [item('d', 60, 'local')])).toEqual(['much', 'much']);
    expect(reasons(held, [])).toEqual(['much', 'much']);
    expect(tellVoided(held, new Set(['afresh']), syncedWorld({ 'd/a': 'x' }).base)).toEqual(held);
  });

  test('says nothing of what was approved and then done', () => {
    expect(reasons([item('d', 1)], [], [item('d/a'), item('d', 60)])).toEqual(['much']);
  });

  test('an older version that was not approved says nothing more than its question', () => {
    const older = { ...item('o', 0, 'local'), reason: regressionReason(60, 100) };
    expect(reasons([older], [item('o', 1, 'local')])).toEqual([older.reason]);
  });
});
