/** What somebody wrote to a version while a killed run took its name: only the base knows where that was. */
import type { LocalPath } from '../../core/path.ts';
import { spell, walk } from '../../core/tree.ts';
import type { Pair } from '../pair.ts';

export async function giveBack({ local, state }: Pick<Pair, 'local' | 'state'>): Promise<void> {
  await local.giveBack(({ ino, size, mtimeMs }) => {
    const base = state.base();
    for (const [path, node] of walk(base)) {
      if (node.kind !== 'file') continue;
      const { stamp } = node;
      if (stamp.ino === ino && stamp.size === size && stamp.mtimeMs === mtimeMs)
        return spell(base, path) as LocalPath;
    }
    return undefined;
  });
}
