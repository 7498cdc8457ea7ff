/** Copies of versions that are about to be overwritten, in the trash. */
import { isCode, type RtsyncError } from '../../lib/errors.ts';
import { attempt, type Context } from './context.ts';
import { childId, type EntryId } from './ids.ts';
import type { Item } from './item.ts';
import { refusePart } from './trash.ts';
import type { Entry } from './wire.ts';

export interface Kept {
  readonly kept: readonly Item[];
  /** Those whose copy is not surely there, and why. */
  readonly missing: readonly Item[];
  readonly error: RtsyncError | undefined;
}

/**
 * Keeps what stands at these names now. Throws `superseded` when it was called back; then nothing was copied.
 * RACE: of a file that is moved away and back around this, with another of its size there meanwhile, it keeps the other;
 * the look that follows shows the file as before.
 */
export async function copyToTrash(
  ctx: Context,
  items: readonly Item[],
  folder: EntryId,
  signal?: AbortSignal,
): Promise<Kept> {
  if (items.length === 0) return { kept: [], missing: [], error: undefined };
  const copied = await attempt(async () => {
    const ids = items.map((item) => item.id);
    const told = await ctx.client.batch('copy', ids, folder, { signal });
    // A server that does not tell what it copied is not believed either.
    refusePart(told ?? [], ids);
  });
  if (copied.ok) return { kept: items, missing: [], error: undefined };
  // It was not sent, and nothing else will be.
  if (isCode(copied.error, 'superseded')) throw copied.error;
  const listed = await attempt(() => ctx.looks.after(folder, signal));
  const entries: ReadonlyMap<string, Entry> = listed.ok ? listed.value.entries : new Map();
  const whole = (item: Item): boolean => {
    const entry = entries.get(item.name);
    return entry?.kind === 'file' && entry.size === item.write.expect?.size;
  };
  return {
    kept: items.filter(whole),
    missing: items.filter((item) => !whole(item)),
    error: copied.error,
  };
}

/** Takes the copies of these away again: what was to be written over them was never sent, and the next try copies anew. */
export async function dropCopies(
  ctx: Context,
  items: readonly Item[],
  folder: EntryId,
  signal?: AbortSignal,
): Promise<void> {
  if (items.length === 0) return;
  const ids = items.map(({ name }) => childId(folder, name));
  await ctx.trash.destroy(ids, { signal, concludes: true });
}
