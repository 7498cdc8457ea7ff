import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { approvalsOf, stateFile } from '../../../src/app/state.ts';
import { run } from '../../../src/cli/main.ts';
import { loadConfig } from '../../../src/config.ts';
import { heldFingerprint } from '../../../src/core/guard.ts';
import type { RelPath } from '../../../src/core/path.ts';
import type { Held } from '../../../src/core/plan.ts';
import { regressionReason } from '../../../src/core/regressions.ts';
import { AFRESH, type Approvals } from '../../../src/state/approvals.ts';

let folder: string;
let approvals: Approvals;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'rtsync-approve-'));
  const { config } = await loadConfig({
    stateDir: path.join(folder, 'state'),
    env: { HOME: folder },
    cwd: folder,
  });
  await mkdir(config.stateDir);
  await writeFile(stateFile(config, await realpath(folder)), '');
  approvals = await approvalsOf(config, folder, folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function approve(...args: readonly string[]) {
  let stdout = '';
  let stderr = '';
  const code = await run(['approve', folder, '--state-dir', path.join(folder, 'state'), ...args], {
    signal: new AbortController().signal,
    io: {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      env: { HOME: folder },
      cwd: folder,
    },
  });
  return { code, stdout, stderr };
}

const deleted = (name: string, files: number): Held => ({
  path: name as RelPath,
  side: files > 1 ? 'remote' : 'local',
  files,
  reason: 'much',
});
const older = (name: string): Held => ({
  path: name as RelPath,
  side: 'local',
  files: 0,
  reason: regressionReason(60, 100),
});

describe('approve', () => {
  it('tells deletes from older versions, in its sum and line by line, and lets all of them pass', async () => {
    const held = [deleted('a', 1), deleted('d', 30), older('o1'), older('o2')];
    approvals.saveHeld(held);
    const { code, stdout } = await approve();
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n')).toEqual([
      '2 deletes (31 files) and 2 older versions are approved for an hour; the next cycle does them:',
      '  a (1 file, to be deleted here)',
      '  d (30 files, to be deleted in the workspace)',
      '  o1 (the older version of the workspace comes here)',
      '  o2 (the older version of the workspace comes here)',
    ]);
    expect(approvals.approved(Date.now())).toEqual(new Set(held.map(heldFingerprint)));
  });

  it('of older versions alone speaks of no delete', async () => {
    approvals.saveHeld([older('o')]);
    const { stdout } = await approve();
    expect(stdout).toContain('1 older version is approved for an hour; the next cycle does that:');
    expect(stdout).not.toContain('delete');
  });

  it('with --dry-run says what waits and approves nothing', async () => {
    approvals.saveHeld([deleted('a', 1), older('o')]);
    const { code, stdout } = await approve('--dry-run');
    expect(code).toBe(0);
    expect(stdout).toContain('1 delete and 1 older version wait; would be approved:');
    expect(approvals.approved(Date.now())).toEqual(new Set());
  });

  it('refuses a folder that is no pair, so that no approval lands beside it', async () => {
    await rm(path.join(folder, 'state'), { recursive: true });
    for (const more of [[], ['--afresh']]) {
      const { code, stderr } = await approve(...more);
      expect(code).toBe(2);
      expect(stderr).toContain('has never been synced with the state in');
    }
  });

  it('to compare afresh needs a halt, and is bound to it', async () => {
    const refused = await approve('--afresh');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('this pair is not halted, so there is nothing to approve with --afresh');
    approvals.halted('the folder has lost its mark');
    expect(approvals.approved(Date.now())).toEqual(new Set());
    expect((await approve('--afresh', '--dry-run')).code).toBe(0);
    expect(approvals.approved(Date.now())).toEqual(new Set());
    expect((await approve('--afresh')).code).toBe(0);
    expect(approvals.approved(Date.now())).toEqual(new Set([AFRESH]));
  });

  it('has nothing to do when nothing is held, which is no error', async () => {
    const nothing = 'nothing is held for this pair, so there is nothing to approve';
    expect(await approve()).toEqual({ code: 0, stderr: '', stdout: `${nothing}\n` });
    const json = await approve('--json');
    expect(json.code).toBe(0);
    expect(JSON.parse(json.stdout)).toEqual({ version: 1, dryRun: false, approved: [] });
    expect(approvals.approved(Date.now())).toEqual(new Set());
    approvals.halted('/f has lost its mark');
    expect(await approve()).toEqual({
      ...{ code: 0, stderr: '' },
      stdout: `${nothing}; but it is halted: /f has lost its mark\n`,
    });
  });
});
