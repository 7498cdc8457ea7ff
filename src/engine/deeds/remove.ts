/** Deletes, last of all. What is given up goes to the trash of its side. */
import type { RemoveLocal, RemoveRemote } from '../../core/plan.ts';
import { RtsyncError } from '../../lib/errors.ts';
import type { Work } from '../work.ts';

export async function removeRemote(work: Work, operations: readonly RemoveRemote[]): Promise<void> {
  if (operations.length === 0) return;
  for (const operation of operations) {
    const { path } = operation.place;
    const { remote } = operation;
    const detail = 'kind' in remote ? {} : { remote };
    work.ledger.intend(operation, { kind: 'removeRemote', path, detail });
  }
  await work.pair.remote.remove(
    operations.map((operation) => ({
      path: operation.place.remote,
      expect: operation.remote,
      done: async (outcome) => {
        if (!outcome.ok) return work.ledger.failed(operation, outcome.error);
        const { path } = operation.place;
        work.ledger.deed({
          operation,
          result: 'done',
          base: [{ kind: 'forget', path }],
          remote: [{ path, node: undefined }],
          journal: { kind: 'removeRemote', path },
        });
      },
    })),
    work.signal,
  );
}

export async function removeLocal(work: Work, operation: RemoveLocal): Promise<void> {
  const { path, local } = operation.place;
  const seen = operation.local;
  work.ledger.intend(operation, { kind: 'removeLocal', path, detail: 'kind' in seen ? {} : { local: seen } });
  if ('kind' in seen) {
    const { complete } = await work.pair.local.removeFolder(local, seen);
    if (!complete) throw new RtsyncError('changed', `"${path}" holds something new and was not removed`);
  } else {
    await work.pair.local.removeFile(local, seen);
  }
  const trash = work.pair.trashed?.take(local);
  work.ledger.deed({
    operation,
    result: 'done',
    base: [{ kind: 'forget', path }],
    local: [{ path, node: undefined }],
    journal: { kind: 'removeLocal', path, ...(trash === undefined ? {} : { trash }) },
  });
}
