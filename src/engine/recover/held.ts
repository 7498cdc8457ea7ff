/** What somebody wrote to a version while a killed run took its name: only the base knows where that was. */
import type { LocalPath } from '../../core/path.ts';
import { walk } from '../../core/tree.ts';
import type { Pair } from '../pair.ts';

/** Before the first scan, since what is settled after it takes the place of what the killed run saw. */
export async function giveBack({
  local,
  state,
  options,
}: Pick<Pair, 'local' | 'state' | 'options'>): Promise<void> {
  if (options.dryRun) return;
  await local.giveBack(({ ino, size, mtimeMs }) => {
    for (const [path, node] of walk(state.base())) {
      if (node.kind !== 'file') continue;
      const { stamp } = node;
      // The base holds no spelling but the key.
      if (stamp.ino === ino && stamp.size === size && stamp.mtimeMs === mtimeMs)
        return path as string as LocalPath;
    }
    return undefined;
  });
}
