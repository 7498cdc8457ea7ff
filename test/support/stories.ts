/** Random stories: one tree that both sides agree on, edited on each side, and an order for the deeds. */
import fc from 'fast-check';
import type { Pick } from './model.ts';
import { type Edit, edit } from './people.ts';
import { sync } from './planning.ts';
import { contentsOf, emptyWorld, type World } from './world.ts';

const edits = (most: number): fc.Arbitrary<Edit[]> =>
  fc.array(
    fc.record({
      what: fc.constantFrom<Edit['what']>(
        'write',
        'write',
        'edit',
        'touch',
        'delete',
        'folder',
        'rename',
        'rename',
        'copy',
      ),
      a: fc.nat(60),
      b: fc.nat(60),
    }),
    { maxLength: most },
  );

export interface Story {
  readonly start: readonly Edit[];
  readonly here: readonly Edit[];
  readonly there: readonly Edit[];
  readonly order: number;
  readonly grain: number;
}

export const stories: fc.Arbitrary<Story> = fc.record({
  start: edits(14),
  here: edits(6),
  there: edits(6),
  order: fc.nat(),
  grain: fc.constantFrom(1, 1000),
});

function picker(seed: number): Pick {
  let state = seed % 2147483647;
  return (below) => {
    state = (state * 48271 + 11) % 2147483647;
    return below === 0 ? 0 : state % below;
  };
}

export interface Told {
  readonly world: World;
  readonly pick: Pick;
  /** Contents that somebody has and nobody gave up. */
  readonly precious: Set<string>;
}

/** One tree, agreed on by both sides, then edited on each. */
export function tell({ start, here, there, order, grain }: Story): Told {
  const world = emptyWorld(grain);
  const pick = picker(order);
  edit(world, 'local', start);
  sync(world, {}, pick);
  world.trash.clear();
  // A coarse server tells an edit from what it replaced only when a tick lies between; a scan waits for that.
  world.clock += 2 * grain;
  const given = new Set([...edit(world, 'local', here), ...edit(world, 'remote', there)]);
  const precious = new Set(
    [...contentsOf(world.local), ...contentsOf(world.remote)].filter((each) => !given.has(each)),
  );
  return { world, pick, precious };
}
