/** Copies of versions that are about to be overwritten, in the trash. */
import type { RtsyncError } from '../../lib/errors.ts';
import { attempt, type Context, failed } from './context.ts';
import type { EntryId } from './ids.ts';
import { finish, type Item } from './item.ts';
import { refusePart } from './trash.ts';
import type { Entry } from './wire.ts';

/** Keeps the old versions. Those whose copy is not surely there are told so and left alone. */
export async function copyToTrash(
  ctx: Context,
  items: readonly Item[],
  folder: EntryId,
  signal?: AbortSignal,
): Promise<readonly Item[]> {
  if (items.length === 0) return [];
  const copied = await attempt(async () => {
    const ids = items.map((item) => item.id);
    const told = await ctx.client.batch('copy', ids, folder, { signal });
    // A server that does not tell what it copied is not believed either.
    refusePart(told ?? [], ids);
  });
  if (copied.ok) return items;
  const kept = await attempt(() => ctx.looks.fresh(folder, signal));
  const entries: ReadonlyMap<string, Entry> = kept.ok ? kept.value.entries : new Map();
  const whole = (item: Item): boolean => {
    const entry = entries.get(item.name);
    return entry?.kind === 'file' && entry.size === item.write.expect?.size;
  };
  await give(
    copied.error,
    items.filter((item) => !whole(item)),
  );
  return items.filter(whole);
}

async function give(error: RtsyncError, items: readonly Item[]): Promise<void> {
  await Promise.all(items.map((item) => finish(item, failed(error))));
}
