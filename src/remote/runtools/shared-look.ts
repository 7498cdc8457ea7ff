/** One look for many uploads of a folder; when it has grown too old, the first who needs it makes it again for all. */
import type { Context } from './context.ts';
import type { DirId } from './ids.ts';
import type { Listing } from './wire.ts';

/** The latest look; with `again`, one that an upload may rely on now. */
export type SharedLook = (again: boolean) => Promise<Listing>;

export function sharedLook(
  ctx: Context,
  of: { readonly dir: DirId; readonly exact: boolean; readonly first: Listing },
  signal?: AbortSignal,
): SharedLook {
  let latest = Promise.resolve(of.first);
  return async (again) => {
    const mine = latest;
    const listing = await mine.catch(() => undefined);
    if (listing !== undefined && (!again || ctx.looks.trusts(listing))) return listing;
    // Another one may have begun a look while we waited for the old one.
    if (latest === mine) latest = ctx.looks.at(of.dir, of.exact, signal);
    return latest;
  };
}
