/**
 * Clears away what an earlier run of this very pair left in our own folder when it was killed, or when its last request
 * failed: scratch folders of probes and staged uploads, whose content still stands here. Names carry their owner, so
 * that what another machine is staging at this moment is left alone.
 */
import type { StorageClient } from './client.ts';
import { attempt, chunks, endsTheRun } from './context.ts';
import { childId, type DirId, type EntryId, OWN_NAME, TOP } from './ids.ts';

/** A name in our own folder that says whose it is. */
export function ownedName(owner: string, random: string): string {
  return `${owner}-${random}`;
}

/** Gives the number of leftovers. What cannot be cleared now is left for the next time. */
export async function tidy(client: StorageClient, owner: string, signal?: AbortSignal): Promise<number> {
  const own = childId(TOP, OWN_NAME);
  const scratch = await foldersIn(client, own, `probe-${owner}-`, signal);
  const staged = await foldersIn(client, childId(own, 'staging'), `${owner}-`, signal);
  const left = [...scratch, ...staged];
  for (const some of chunks(left, 250)) {
    const removed = await attempt(() => client.remove(some, { signal }));
    if (!removed.ok && endsTheRun(removed.error)) throw removed.error;
  }
  return left.length;
}

async function foldersIn(
  client: StorageClient,
  dir: DirId,
  prefix: string,
  signal?: AbortSignal,
): Promise<EntryId[]> {
  const listed = await attempt(() => client.list(dir, { signal, retries: 0 }));
  if (!listed.ok) {
    if (endsTheRun(listed.error)) throw listed.error;
    return [];
  }
  return [...listed.value.entries.values()].flatMap((entry) =>
    entry.kind === 'folder' && entry.name.startsWith(prefix) ? [entry.id] : [],
  );
}
