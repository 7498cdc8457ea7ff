/** What a plan amounts to: counts for people, and what it will cost in requests and bytes. */
import { filesOf } from './guard.ts';
import { parentOf } from './path.ts';
import type { Operation, OperationKind, Plan } from './plan.ts';

export interface Summary {
  readonly operations: Readonly<Record<OperationKind, number>>;
  /** Files in everything that is removed, folders counted by what is in them. */
  readonly filesRemoved: { readonly local: number; readonly remote: number };
  /** A compare counts as a download. */
  readonly bytes: { readonly up: number; readonly down: number };
}

/** The server takes at most this many ids in one batch. */
const BATCH = 250;

export function summarise({ operations }: Plan): Summary {
  const counts: Record<OperationKind, number> = {
    makeFolderLocal: 0,
    makeFolderRemote: 0,
    upload: 0,
    download: 0,
    compare: 0,
    setAside: 0,
    moveLocal: 0,
    moveRemote: 0,
    removeLocal: 0,
    removeRemote: 0,
  };
  const filesRemoved = { local: 0, remote: 0 };
  const bytes = { up: 0, down: 0 };
  for (const operation of operations) {
    counts[operation.kind] += 1;
    if (operation.kind === 'upload') bytes.up += operation.local.size;
    if (operation.kind === 'download' || operation.kind === 'compare') bytes.down += operation.remote.size;
    if (operation.kind === 'removeLocal') filesRemoved.local += filesOf(operation);
    if (operation.kind === 'removeRemote') filesRemoved.remote += filesOf(operation);
  }
  return { operations: counts, filesRemoved, bytes };
}

export interface Forecast {
  readonly requests: number;
  readonly bytes: number;
}

export function forecast(plan: Plan): Forecast {
  const { bytes } = summarise(plan);
  return { requests: forecastRequests(plan), bytes: bytes.up + bytes.down };
}

/**
 * Transfers cost one request each; around them a folder costs a list before and a list after for each batch, and a
 * batch move when old versions are retired.
 */
export function forecastRequests({ operations }: Plan): number {
  let requests = 0;
  const groups = { fresh: new Map(), replaced: new Map(), read: new Map(), removed: new Map() } as const;
  for (const operation of operations) {
    const own = REQUESTS[operation.kind];
    requests += own;
    const group = groupOf(operation);
    if (group === undefined || !('place' in operation)) continue;
    const dir = parentOf(operation.place.path);
    groups[group].set(dir, (groups[group].get(dir) ?? 0) + 1);
  }
  const batches = (group: ReadonlyMap<string, number>): number =>
    [...group.values()].reduce((sum, count) => sum + Math.ceil(count / BATCH), 0);
  const removed = [...groups.removed.values()].reduce((sum: number, count: number) => sum + count, 0);
  return (
    requests +
    2 * batches(groups.fresh) +
    3 * batches(groups.replaced) +
    2 * batches(groups.read) +
    groups.removed.size +
    Math.ceil(removed / BATCH)
  );
}

const REQUESTS: Readonly<Record<OperationKind, number>> = {
  makeFolderLocal: 0,
  makeFolderRemote: 1,
  upload: 1,
  download: 1,
  compare: 1,
  setAside: 0,
  moveLocal: 0,
  // A look at both ends, the deed, and a look at the result.
  moveRemote: 4,
  removeLocal: 0,
  removeRemote: 0,
};

function groupOf(operation: Operation): 'fresh' | 'replaced' | 'read' | 'removed' | undefined {
  switch (operation.kind) {
    case 'upload':
      return operation.remote === undefined ? 'fresh' : 'replaced';
    case 'download':
    case 'compare':
      return 'read';
    case 'removeRemote':
      return 'removed';
    default:
      return undefined;
  }
}
