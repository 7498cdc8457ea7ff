import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { heldFingerprint } from '../../../src/core/guard.ts';
import { relPath } from '../../../src/core/path.ts';
import type { Held } from '../../../src/core/plan.ts';
import { AFRESH, approvalsBeside } from '../../../src/state/approvals.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rtsync-approvals-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const held: Held = { path: relPath('d/a'), side: 'remote', files: 3, reason: 'a test says so' };

test('an approval names exactly what was held, and expires', () => {
  const file = join(folder, 'pair.db');
  const name = heldFingerprint(held);
  approvalsBeside(file).approve([name], 1_000);
  expect(approvalsBeside(file).approved(999)).toEqual(new Set([name]));
  expect(approvalsBeside(file).approved(1_000)).toEqual(new Set());
  for (const other of [{ files: 4 }, { side: 'local' as const }, { path: relPath('d') }])
    expect(heldFingerprint({ ...held, ...other })).not.toBe(name);
});

test('what is held is remembered until nothing is, and a damaged note is none', () => {
  const file = join(folder, 'pair.db');
  approvalsBeside(file).saveHeld([held]);
  expect(approvalsBeside(file).readHeld()).toEqual([held]);
  approvalsBeside(file).saveHeld([]);
  expect(approvalsBeside(file).readHeld()).toEqual([]);
  writeFileSync(`${file}.held`, '[{');
  writeFileSync(`${file}.approved`, '{"until": "never"}');
  expect(approvalsBeside(file).readHeld()).toEqual([]);
  expect(approvalsBeside(file).approved(0)).toEqual(new Set());
});

test('an approval to compare afresh counts for the halt that stood when it was given, and for no other', () => {
  const file = join(folder, 'pair.db');
  const service = approvalsBeside(file);
  const person = approvalsBeside(file);
  person.approve([AFRESH], 1_000);
  service.halted('the disk is not mounted');
  expect(service.take(AFRESH, 0)).toBe(false);
  expect(person.readHalt()).toBe('the disk is not mounted');
  person.approve([AFRESH, 'other'], 1_000);
  service.halted('the mark is lost');
  expect(service.approved(0)).toEqual(new Set([AFRESH, 'other']));
  expect(service.recovered(0)).toBe(true);
  expect([person.readHalt(), service.recovered(0)]).toEqual([undefined, false]);
  service.halted('the disk is not mounted');
  expect(service.approved(0)).toEqual(new Set(['other']));
  person.approve([AFRESH], 1_000);
  expect([service.take(AFRESH, 0), service.take(AFRESH, 0)]).toEqual([true, false]);
  expect(service.recovered(0)).toBe(false);
});
