/**
 * Remote content to the disk, a folder's worth at a time: into a temporary first, and only when it is whole and the
 * server still lists the same version, to its place. `compare` rides along: the same fetch, then a verdict.
 */
import { agreed, sameFingerprint } from '../../core/base.ts';
import { nameOf, type RemoteDir } from '../../core/path.ts';
import type { Compare, Download, Upload } from '../../core/plan.ts';
import type { Digest, LocalStamp, RemoteStamp } from '../../core/tree.ts';
import { RtsyncError } from '../../lib/errors.ts';
import type { LocalTemporary } from '../../local/local.ts';
import type { Read } from '../../remote/remote.ts';
import type { IntentDetail } from '../../state/state.ts';
import { contentOf } from '../digests.ts';
import type { Deed } from '../ledger.ts';
import { baseFileAt, fileNode, type Work } from '../work.ts';
import { uploadAll } from './upload.ts';

interface Received {
  readonly temporary: LocalTemporary;
  readonly digest: Digest;
  readonly stamp: RemoteStamp;
}

export async function downloadAll(
  work: Work,
  dir: RemoteDir,
  operations: readonly (Download | Compare)[],
): Promise<void> {
  const uploads: Upload[] = [];
  const reads = operations.map((operation) => asRead(work, operation, (upload) => uploads.push(upload)));
  await work.pair.remote.read(dir, reads, work.signal);
  if (uploads.length > 0) await uploadAll(work, dir, uploads);
}

type Send = (upload: Upload) => void;

function asRead(work: Work, operation: Download | Compare, send: Send): Read {
  let temporary: LocalTemporary | undefined;
  let digest: Digest | undefined;
  return {
    path: operation.place.remote,
    expect: operation.remote,
    receive: async (body) => {
      temporary ??= await work.pair.local.temporary(operation.remote.size);
      const got = await temporary.receive(body, operation.remote.size);
      digest = got.digest;
      return { size: got.size };
    },
    done: async (outcome) => {
      try {
        if (!outcome.ok) throw outcome.error;
        if (temporary === undefined || digest === undefined)
          throw new RtsyncError('bug', `"${operation.place.path}" was read without a byte received`);
        await land(work, operation, { temporary, digest, stamp: outcome.value }, send);
      } catch (error) {
        work.ledger.failed(operation, error);
      } finally {
        await temporary?.discard();
      }
    },
  };
}

async function land(work: Work, operation: Download | Compare, got: Received, send: Send): Promise<void> {
  const { local } = operation;
  const here = local?.size === got.stamp.size ? await localContent(work, operation, local) : undefined;
  if (here?.digest === got.digest) {
    intend(work, operation, got, { landed: here });
    return work.ledger.deed(agreement(operation, got, here, 'adopted'));
  }
  if (operation.kind === 'download') return replace(work, operation, got, local);
  if (onlyTouched(work, operation, got)) return send(asUpload(operation, got, false));
  switch (operation.ifDifferent) {
    case 'remote':
      return replace(work, operation, got, operation.local);
    case 'local':
      return send(asUpload(operation, got, true));
    case 'keep-both':
      return keepBoth(work, operation, got);
    case 'hold':
      work.ledger.totals.problems.push({
        path: operation.place.path,
        code: 'conflict-held',
        message: `"${operation.place.path}" differs on both sides and its conflict policy is "hold"`,
      });
      return work.ledger.skipped(operation);
  }
}

/** The server's content is still the agreed one: then the local edit is no conflict, and goes up where it may. */
function onlyTouched(work: Work, compare: Compare, got: Received): boolean {
  if (work.pair.options.direction === 'pull') return false;
  return baseFileAt(work, compare.place.path)?.digest === got.digest;
}

function asUpload(compare: Compare, got: Received, conflict: boolean): Upload {
  const { id, stage, after, place, local } = compare;
  return { kind: 'upload', id, stage, after, place, local, remote: got.stamp, conflict };
}

/** What comes is known by its digest before it has its name, and what it looks like there as soon as it has. */
function intend(work: Work, operation: Download | Compare, got: Received, more: IntentDetail): void {
  const { kind, place, local } = operation;
  const before = local === undefined ? {} : { local };
  work.ledger.intend(operation, {
    ...{ kind, path: place.path, digest: got.digest, size: got.stamp.size },
    ...(kind === 'compare' ? { other: operation.copy.path } : {}),
    detail: { ...before, remote: got.stamp, ...more },
  });
}

async function put(
  work: Work,
  operation: Download | Compare,
  got: Received,
  local: LocalStamp | undefined,
): Promise<LocalStamp> {
  const landed = await work.pair.local.place(got.temporary, operation.place.local, local);
  work.ledger.learn(operation, { detail: { landed } });
  return landed;
}

async function replace(
  work: Work,
  operation: Download | Compare,
  got: Received,
  local: LocalStamp | undefined,
): Promise<void> {
  intend(work, operation, got, {});
  const stamp = await put(work, operation, got, local);
  const { path } = operation.place;
  const lost = operation.kind === 'compare' || operation.conflict;
  work.ledger.deed({
    ...agreement(operation, got, stamp, 'done', local && work.pair.trashed?.take(operation.place.local)),
    ...(lost ? { conflict: { path, copy: undefined, resolution: 'remote' } } : {}),
  });
}

/** The local version takes the copy's name first; a crash right here leaves a plain download to do. */
async function keepBoth(work: Work, compare: Compare, got: Received): Promise<void> {
  const { place, copy } = compare;
  intend(work, compare, got, {});
  const moved = await work.pair.local.move(place.local, copy.local, compare.local);
  const stamp = await put(work, compare, got, undefined);
  const deed = agreement(compare, got, stamp, 'done');
  const aside = moved ?? compare.local;
  work.ledger.deed({
    ...deed,
    local: [
      { path: copy.path, node: fileNode(aside, nameOf(copy.local), nameOf(copy.path)) },
      ...(deed.local ?? []),
    ],
    journal: {
      kind: 'conflict',
      path: place.path,
      other: copy.path,
      digest: got.digest,
      size: got.stamp.size,
    },
    conflict: { path: place.path, copy: copy.path, resolution: 'keep-both' },
    followUp: true,
  });
}

function agreement(
  operation: Download | Compare,
  got: Received,
  local: LocalStamp,
  result: 'done' | 'adopted',
  trash?: string,
): Deed {
  const { place } = operation;
  const { path } = place;
  const key = nameOf(path);
  const deed: Deed = {
    operation,
    result,
    base: [{ kind: 'file', path, stamp: agreed(local, got.digest, got.stamp.date) }],
    local: [{ path, node: fileNode({ ...local, digest: got.digest }, nameOf(place.local), key) }],
    remote: [{ path, node: fileNode(got.stamp, nameOf(place.remote), key) }],
    bytes: { down: got.stamp.size },
  };
  if (result === 'adopted') return deed;
  const kept = trash === undefined ? {} : { trash };
  return { ...deed, journal: { kind: 'download', path, digest: got.digest, size: got.stamp.size, ...kept } };
}

async function localContent(
  work: Work,
  { place }: Download | Compare,
  local: LocalStamp,
): Promise<LocalStamp> {
  const base = baseFileAt(work, place.path);
  if (base !== undefined && sameFingerprint(base, local)) return { ...local, digest: base.digest };
  const found = await contentOf(
    work.pair,
    { path: place.path, spelled: place.local, stamp: local },
    work.signal,
  );
  if (found === undefined) throw new RtsyncError('changed', `"${place.path}" changed while it was compared`);
  return found;
}
