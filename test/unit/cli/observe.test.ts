import { expect, it } from 'vitest';
import { observeWith } from '../../../src/cli/observe.ts';
import type { RelPath } from '../../../src/core/path.ts';
import type { Held } from '../../../src/core/plan.ts';
import { regressionReason } from '../../../src/core/regressions.ts';
import type { EngineEvent } from '../../../src/engine/events.ts';
import { createLog } from '../../../src/lib/log.ts';

function warningsFor(held: readonly Held[]): string {
  return saidOf({ kind: 'planned', plan: { operations: [], baseChanges: [], problems: [] }, held });
}

function saidOf(event: EngineEvent): string {
  let written = '';
  const write = (text: string): void => {
    written += text;
  };
  const log = createLog({ level: 'info', pretty: false, write });
  const progress = { on: () => undefined, clear: () => undefined };
  const observer = observeWith({ log, progress, approve: 'rtsync approve /f' });
  observer.on(event);
  return written;
}

function heldDeletes(count: number, files = 1): readonly Held[] {
  return Array.from(
    { length: count },
    (_, index): Held => ({ path: `f${index}` as RelPath, side: 'local', files, reason: 'much' }),
  );
}

function olderVersions(count: number): readonly Held[] {
  const reason = regressionReason(count, 100);
  return heldDeletes(count, 0).map((item) => ({ ...item, reason }));
}

const WAY_OUT = '(to let exactly that pass: rtsync approve /f)';

it('held deletes are counted in singular and plural, with the way out', () => {
  expect(warningsFor([])).toBe('');
  expect(warningsFor(heldDeletes(1))).toContain(
    `"1 delete here (gone in the workspace) is held: much ${WAY_OUT}"`,
  );
  expect(warningsFor(heldDeletes(2))).toContain(
    `"2 deletes here (gone in the workspace) are held: much ${WAY_OUT}"`,
  );
});

it('held folders are counted with the files in them', () => {
  expect(warningsFor(heldDeletes(10, 30))).toContain(
    '"10 deletes here (300 files, gone in the workspace) are held: much',
  );
});

it('older versions that are held are not called deletes', () => {
  expect(warningsFor(olderVersions(60))).toContain(
    `"60 older versions are held: ${regressionReason(60, 100)} ${WAY_OUT}"`,
  );
  expect(warningsFor([...heldDeletes(12), ...olderVersions(60)])).toContain(
    '"12 deletes here (gone in the workspace) and 60 older versions are held: much; 60 of 100 files',
  );
});

it('what waits for room is told in numbers, and that nothing does any more', () => {
  const room = (files: number, folders: number, bytes: number) =>
    saidOf({ kind: 'room', files, folders, bytes });
  const full = "the workspace's storage is full: ";
  expect(room(101, 3, 1.2e9)).toContain(`"${full}101 files (1.2 GB) wait for room"`);
  expect(room(1, 0, 5)).toContain(`"${full}1 file (5 B) waits for room"`);
  expect(room(0, 2, 0)).toContain(`"${full}2 folders wait for room"`);
  expect(room(0, 0, 0)).toContain('nothing waits for room any more');
});
