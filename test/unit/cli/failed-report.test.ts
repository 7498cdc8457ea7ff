import { expect, it } from 'vitest';
import { countDone, failedReport } from '../../../src/cli/failed-report.ts';
import { relPath } from '../../../src/core/path.ts';
import type { Operation } from '../../../src/core/plan.ts';
import { RtsyncError } from '../../../src/lib/errors.ts';

const place = { path: relPath('a.txt'), local: 'a.txt', remote: 'a.txt' };
const upload = { kind: 'upload', place, local: { size: 7 } } as unknown as Operation;
const removal = { kind: 'removeRemote', place, remote: { size: 7, date: 1 } } as unknown as Operation;

it('counts what was done before the run failed, hides secrets, and keeps the documented shape', () => {
  const done = countDone();
  done.on({ kind: 'operation', operation: upload, result: 'done' });
  done.on({ kind: 'operation', operation: upload, result: 'failed' });
  done.on({ kind: 'operation', operation: removal, result: 'done' });
  done.on({ kind: 'conflict', path: 'b', copy: 'b (conflict)' });
  done.on({ kind: 'conflict', path: 'c', copy: undefined });
  const facts = {
    ...({ pair: 'docs', direction: 'push', dryRun: false, durationMs: 1.6, done } as const),
    requests: { total: 3, byKind: { list: 3 } },
  };
  const error = new RtsyncError('halted', 'the folder is strange, said rt_live_0123456789');
  const operations = { download: 0, compare: 0, makeFolder: 0, moveRemote: 0, moveLocal: 0, removeLocal: 0 };
  expect(failedReport(facts, error)).toEqual({
    ...{ version: 1, pair: 'docs', direction: 'push', dryRun: false, inSync: false, durationMs: 2, held: [] },
    requests: facts.requests,
    bytes: { up: 7, down: 0 },
    operations: { ...operations, upload: 1, removeRemote: 1, conflict: 2 },
    conflicts: [{ path: 'b', copy: 'b (conflict)' }, { path: 'c' }],
    problems: [{ path: '', code: 'halted', message: 'the folder is strange, said rt_live_[hidden]' }],
  });
});
