/**
 * What somebody wrote to a version while a killed run took its name: the base knows where that was, or, where the version
 * was not agreed on or is not believed any more, what that run intended.
 */
import type { LocalPath } from '../../core/path.ts';
import { walk } from '../../core/tree.ts';
import type { Intent } from '../../state/state.ts';
import type { Pair } from '../pair.ts';

/** They take a name here from what had it. */
const GIVES_UP: ReadonlySet<Intent['kind']> = new Set(['download', 'compare', 'removeLocal']);

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
    const isIt = ({ detail: { local: was } }: Intent): boolean =>
      was?.ino === ino && was.size === size && was.mtimeMs === mtimeMs;
    const taken = state.intents().find((intent) => GIVES_UP.has(intent.kind) && isIt(intent));
    return taken?.path as string | undefined as LocalPath | undefined;
  });
}
