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
  /** Uploads, downloads and compares. */
  readonly files: number;
  readonly requests: number;
  readonly bytes: number;
  readonly up: number;
  readonly down: number;
}

export function forecast(plan: Plan): Forecast {
  const { operations, bytes } = summarise(plan);
  const files = operations.upload + operations.download + operations.compare;
  return { files, requests: forecastRequests(plan), bytes: bytes.up + bytes.down, ...bytes };
}

/** What holds a run to its pace; undefined: nothing that is known. */
export interface Limits {
  readonly requestsPerMinute?: number | undefined;
  /** Bytes a second. */
  readonly up?: number | undefined;
  readonly down?: number | undefined;
}

export interface Estimate {
  readonly seconds: number;
  /** Which limit makes it so. */
  readonly by: keyof Limits;
}

/** How long it takes at these limits at least; undefined where there are none. */
export function estimate(
  left: Pick<Forecast, 'requests' | 'up' | 'down'>,
  limits: Limits,
): Estimate | undefined {
  const { requestsPerMinute, up, down } = limits;
  const all: readonly Estimate[] = [
    ...(requestsPerMinute === undefined
      ? []
      : [{ seconds: (left.requests * 60) / requestsPerMinute, by: 'requestsPerMinute' as const }]),
    ...(up === undefined ? [] : [{ seconds: left.up / up, by: 'up' as const }]),
    ...(down === undefined ? [] : [{ seconds: left.down / down, by: 'down' as const }]),
  ];
  return all.reduce<Estimate | undefined>(
    (longest, one) => (longest === undefined || one.seconds > longest.seconds ? one : longest),
    undefined,
  );
}

/** What one operation costs by itself, without the looks that a folder's operations share. */
export function ownRequests({ kind }: Operation): number {
  return REQUESTS[kind];
}

/**
 * Transfers cost one request each; around them a folder costs a list before and a list after for each batch, and a
 * batch move when old versions are retired. A folder that is new there costs no look.
 */
export function forecastRequests({ operations }: Plan): number {
  let requests = 0;
  const made = new Set<string>();
  for (const one of operations) if (one.kind === 'makeFolderRemote') made.add(one.place.path);
  const groups = { fresh: new Map(), replaced: new Map(), read: new Map(), removed: new Map() } as const;
  for (const operation of operations) {
    const own = REQUESTS[operation.kind];
    requests += own;
    const group = groupOf(operation);
    if (group === undefined || !('place' in operation)) continue;
    const dir = parentOf(operation.place.path);
    if (group === 'fresh' && made.has(dir)) continue;
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
