/**
 * Clears away what an earlier run of this very pair left in our own folder when it was killed, or when its last request
 * failed: scratch folders of probes and staged uploads, whose content still stands here. Names carry their owner, so
 * that what another machine is staging at this moment is left alone.
 */

import { isCode } from '../../lib/errors.ts';
import type { StorageClient } from './client.ts';
import { attempt, chunks, endsTheRun } from './context.ts';
import { childId, type DirId, type EntryId, idName, OWN_NAME, TOP } from './ids.ts';

/** A name in our own folder that says whose it is. */
export function ownedName(owner: string, random: string): string {
  return `${owner}-${random}`;
}

/** How many leftovers were seen; `clear` when none of them is left. What cannot be cleared now is for the next time. */
export interface Tidied {
  readonly found: number;
  readonly clear: boolean;
}

export async function tidy(client: StorageClient, owner: string, signal?: AbortSignal): Promise<Tidied> {
  const own = childId(TOP, OWN_NAME);
  const folders = await foldersIn(client, own, signal);
  if (folders === undefined) return { found: 0, clear: false };
  const scratch = folders.filter((id) => idName(id).startsWith(`probe-${owner}-`));
  const staging = folders.find((id) => idName(id) === 'staging');
  const staged = staging === undefined ? [] : await foldersIn(client, staging, signal);
  const left = [...scratch, ...(staged ?? []).filter((id) => idName(id).startsWith(`${owner}-`))];
  let clear = staged !== undefined;
  for (const some of chunks(left, 250)) {
    const removed = await attempt(() => client.remove(some, { signal }));
    if (removed.ok) continue;
    if (endsTheRun(removed.error)) throw removed.error;
    clear = false;
  }
  return { found: left.length, clear };
}

/** Undefined when it cannot be told. */
async function foldersIn(
  client: StorageClient,
  dir: DirId,
  signal?: AbortSignal,
): Promise<EntryId[] | undefined> {
  const listed = await attempt(() => client.list(dir, { signal, retries: 0 }));
  if (!listed.ok) {
    if (endsTheRun(listed.error)) throw listed.error;
    return isCode(listed.error, 'not-found') ? [] : undefined;
  }
  return [...listed.value.entries.values()].flatMap((entry) => (entry.kind === 'folder' ? [entry.id] : []));
}
