/** What is never sent to the server, whatever a caller's types claim. */
import { RtsyncError } from '../../lib/errors.ts';
import { type DirId, type EntryId, idName, isIdWithin, parseEntryId } from './ids.ts';

/** The documented most for copy, move and delete. */
export const BATCH = 250;

/** The type says it already; this stands in the way of a cast. */
export function refuseTop(ids: readonly string[]): void {
  if (ids.length === 0 || ids.length > BATCH || ids.some((id) => parseEntryId(id) === undefined)) {
    throw new RtsyncError(
      'bug',
      'refused to send a delete that is empty, too long, or names the whole workspace',
    );
  }
}

export function refuseNesting(operation: string, ids: readonly EntryId[], target: DirId): void {
  refuseTop(ids);
  if (ids.some((id) => isIdWithin(target, id))) {
    throw new RtsyncError('bug', `refused to ${operation} a folder into itself`);
  }
  if (new Set(ids.map(idName)).size !== ids.length) {
    throw new RtsyncError('bug', `refused to ${operation} two entries of one name into one folder`);
  }
}
