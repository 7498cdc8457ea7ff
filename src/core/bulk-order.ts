/**
 * In which order much is carried over: what was edited last comes first, large files come last, and the files of a
 * folder stay together, since they share a look. Only the order of transfers changes; what one waits for comes before it.
 */
import { parentOf } from './path.ts';
import type { Compare, Download, Operation, Upload } from './plan.ts';

/** From this size on a file waits until the small ones are over: others would wait for it. */
const LARGE_BYTES = 4 * 1024 * 1024;

type Transfer = Upload | Download | Compare;

export function isTransfer(operation: Operation): operation is Transfer {
  return operation.kind === 'upload' || operation.kind === 'download' || operation.kind === 'compare';
}

export function isLarge(operation: Transfer): boolean {
  return sizeOf(operation) >= LARGE_BYTES;
}

/** Transfers of one stage that are carried out together have the same text. */
export function transferGroup(operation: Transfer): string {
  const way = operation.kind === 'upload' ? 'up' : 'down';
  return `${way}${isLarge(operation) ? ' large' : ''} ${parentOf(operation.place.remote)}`;
}

/** The same operations with the same ids, in another order; of the stage `fill` alone. */
export function inBulkOrder(operations: readonly Operation[]): readonly Operation[] {
  const groups = new Map<string, Group>();
  for (const operation of operations) {
    if (operation.stage !== 'fill' || !isTransfer(operation)) continue;
    const key = transferGroup(operation);
    const group = groups.get(key) ?? { large: isLarge(operation), newest: 0, members: [] };
    groups.set(key, group);
    group.members.push(operation);
    group.newest = Math.max(group.newest, editedAt(operation));
  }
  if (groups.size === 0) return operations;
  const byId = new Map(operations.map((operation) => [operation.id, operation]));
  const ordered = new Set<Operation>();
  const add = (operation: Operation): void => {
    for (const id of operation.after) {
      const earlier = byId.get(id);
      if (earlier !== undefined && earlier.stage === 'fill' && !ordered.has(earlier)) add(earlier);
    }
    ordered.add(operation);
  };
  const sorted = [...groups.values()].sort(
    (a, b) => Number(a.large) - Number(b.large) || b.newest - a.newest,
  );
  for (const { members } of sorted)
    for (const member of members.sort((a, b) => editedAt(b) - editedAt(a))) add(member);
  for (const operation of operations) add(operation);
  return [...ordered];
}

interface Group {
  readonly large: boolean;
  newest: number;
  readonly members: Transfer[];
}

/** Each side's own clock: it only says what comes first. */
function editedAt(operation: Transfer): number {
  if (operation.kind === 'upload') return operation.local.mtimeMs;
  const { date } = operation.remote;
  return typeof date === 'number' ? date : date[1];
}

function sizeOf(operation: Transfer): number {
  return operation.kind === 'upload' ? operation.local.size : operation.remote.size;
}
