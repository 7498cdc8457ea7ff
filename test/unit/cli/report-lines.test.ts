import { describe, expect, it } from 'vitest';
import { heldBySide, heldInWords, reportLines } from '../../../src/cli/report-lines.ts';
import type { RelPath } from '../../../src/core/path.ts';
import type { Held } from '../../../src/core/plan.ts';
import { regressionReason } from '../../../src/core/regressions.ts';
import { noOperations, type PlannedStep, type RunReport } from '../../../src/engine/report.ts';
import { problemAt } from '../../../src/engine/room.ts';

const plain = { style: (_style: unknown, text: string) => text };

function reportWith(what: Partial<RunReport>): RunReport {
  return {
    version: 1,
    pair: 'p',
    direction: 'both',
    dryRun: false,
    inSync: false,
    durationMs: 0,
    requests: { total: 0, byKind: {} },
    bytes: { up: 0, down: 0 },
    operations: noOperations(),
    conflicts: [],
    problems: [],
    held: [],
    ...what,
  };
}

/** The lines after the headline. */
function linesOf(what: Partial<RunReport>, trash = { remote: true }): readonly string[] {
  return reportLines(reportWith(what), plain, { trash, approve: 'rtsync approve /f' }).slice(1);
}

describe('a problem', () => {
  it.each([
    ['f', 'too many files', 'f: too many files'],
    ['f', '"f" is still being written here', '"f" is still being written here'],
    ['f', '"d/f" is still being written here', 'f: "d/f" is still being written here'],
    ['a\\b', `${JSON.stringify('a\\b')} was not sent`, '"a\\\\b" was not sent'],
    ['', 'the folder cannot be listed', 'the folder cannot be listed'],
  ])('of %j names its path, once: %s', (path, message, line) => {
    expect(linesOf({ problems: [{ path, code: 'failed', message }] })).toEqual([`  failed ${line}`]);
  });
});

describe('what stands in the way of many paths', () => {
  it('is told once, with the first of them', () => {
    const message = '"/.rtsync/trash" in the workspace is no folder';
    const blocked = ['a', 'b', 'c', 'd', 'e', 'f'].map(
      (path) => ({ path, code: 'in-the-way', message }) as const,
    );
    const failed = { path: 'g', code: 'failed', message } as const;
    expect(linesOf({ problems: [...blocked, failed, failed] })).toEqual([
      `  in-the-way 6 paths: ${message} (a, b, c, d, e, … (1 more))`,
      `  failed g: ${message}`,
      `  failed g: ${message}`,
    ]);
    expect(linesOf({ problems: blocked.slice(0, 1) })).toEqual([`  in-the-way a: ${message}`]);
  });
});

it('what waits for room is counted, with the first of it', () => {
  const problems = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((path) => problemAt(path as RelPath));
  expect(linesOf({ problems })).toEqual([
    "  waiting 7 paths: the workspace's storage is full (a, b, c, d, e, … (2 more))",
  ]);
});

describe('a conflict', () => {
  it('says where the other version is', () => {
    const conflicts = [{ path: 'f1' }, { path: 'f2', copy: 'f2 (conflict)' }];
    expect(linesOf({ conflicts })).toEqual([
      '  conflict f1: the other version is in the trash',
      '  conflict f2: the version from here is now f2 (conflict)',
    ]);
  });

  it('promises no trash that is switched off', () => {
    expect(linesOf({ conflicts: [{ path: 'f1' }] }, { remote: false })).toEqual([
      '  conflict f1: the other version is in the trash if it was the local one; the remote trash is switched off',
    ]);
  });
});

describe('what is held', () => {
  const item = (path: string, files: number, reason = 'much', side: Held['side'] = 'local') =>
    ({ path, side, files, reason }) as Held;
  const back = regressionReason(60, 100);

  it('is told reason by reason, older versions apart from deletes, with the way out', () => {
    const older = ['o1', 'o2', 'o3', 'o4', 'o5', 'o6'].map((path) => item(path, 0, back));
    expect(linesOf({ held: [item('a', 1), item('d', 30), ...older] })).toEqual([
      '  held 2 deletes here (31 files, gone in the workspace), since much: a, d',
      `  held 6 older versions, since ${back} o1, o2, o3, o4, o5, … (1 more)`,
      '  2 deletes (31 files) and 6 older versions wait; to let exactly these pass: rtsync approve /f',
    ]);
  });

  it('is told apart by the side that would lose it', () => {
    const held = [item('a', 1), item('b', 1, 'much', 'remote'), item('d', 30, 'much', 'remote')];
    expect(linesOf({ held }).slice(0, 2)).toEqual([
      '  held 1 delete here (gone in the workspace), since much: a',
      '  held 2 deletes in the workspace (31 files, gone here), since much: b, d',
    ]);
    expect(heldBySide(held)).toBe(
      '1 delete here (gone in the workspace) and 2 deletes in the workspace (31 files, gone here)',
    );
  });

  it('is told in the singular, too', () => {
    expect(linesOf({ held: [item('o', 0, back)] }).at(-1)).toBe(
      '  1 older version waits; to let exactly this pass: rtsync approve /f',
    );
  });

  it.each([
    [[], ''],
    [[1], '1 delete'],
    [[1, 1], '2 deletes'],
    [[30, 270], '2 deletes (300 files)'],
    [[0], '1 delete (no files)'],
    [[0, 0, 1], '3 deletes (1 file)'],
  ])('counts deletes of %j files as %j', (files, words) => {
    expect(heldInWords(files.map((count, index) => item(`f${index}`, count)))).toBe(words);
  });
});

describe('a dry run', () => {
  const upload = (path: string): PlannedStep => ({ kind: 'upload', path });

  it('names each operation, and apart from them the deletes that are held', () => {
    const plan: readonly PlannedStep[] = [
      { kind: 'moveRemote', path: 'a', other: 'b' },
      { kind: 'setAside', path: 'c', other: 'c (conflict)' },
      { kind: 'makeFolderLocal', path: 'd' },
      { kind: 'removeLocal', path: 'e' },
      upload('f\u001b'),
    ];
    const held = [{ path: 'g', side: 'remote', files: 1, reason: 'much' }] as unknown as RunReport['held'];
    expect(linesOf({ dryRun: true, plan, held })).toEqual([
      '  → a is now b',
      '  conflict: c steps aside as c (conflict)',
      '  ← d/',
      '  ← delete e',
      '  → f\\x1b',
      '  held 1 delete in the workspace (gone here), since much: g',
      '  1 delete would wait; to let exactly this pass after a run without --dry-run: rtsync approve /f',
    ]);
  });

  it('names the first hundred operations and counts the rest', () => {
    const plan = Array.from({ length: 103 }, (_, index) => upload(`f${index}`));
    const lines = linesOf({ dryRun: true, plan });
    expect(lines).toHaveLength(101);
    expect(lines.slice(-2)).toEqual(['  → f99', '  … and 3 more (--json lists all)']);
    expect(linesOf({ dryRun: true, plan: plan.slice(0, 100) }).at(-1)).toBe('  → f99');
  });
});
