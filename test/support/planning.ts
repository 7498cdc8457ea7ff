/** Plans for model worlds: one place that fills in a decision's input, and cycles until a world is quiet. */
import { conflictName } from '../../src/core/conflict-name.ts';
import type { DecideInput } from '../../src/core/input.ts';
import type { Plan } from '../../src/core/plan.ts';
import { decide } from '../../src/core/reconcile.ts';
import type { VerdictTable } from '../../src/core/rules.ts';
import { applyPlan, type Pick } from './model.ts';
import { write } from './people.ts';
import { emptyWorld, observedLocal, type World } from './world.ts';

export type Setting = Partial<Omit<DecideInput, 'base' | 'local' | 'remote'>> & {
  readonly verdicts?: VerdictTable;
  /** What the look at the world gives, when that is not the world itself. */
  readonly look?: (world: World) => { readonly local: World['local']; readonly remote: World['remote'] };
};

export function planFor(world: World, { verdicts, look, ...setting }: Setting = {}): Plan {
  const { local, remote } = look?.(world) ?? world;
  const input: DecideInput = {
    base: world.base,
    local: observedLocal(world, local),
    remote,
    direction: 'both',
    mode: 'normal',
    policyFor: () => 'keep-both',
    copyName: (name, taken) => conflictName(name, { date: new Date(2026, 0, 2), host: 'desk', taken }),
    clockOffsetMs: 0,
    localCaseInsensitive: false,
    remoteGrain: world.grain,
    ...setting,
  };
  return verdicts === undefined ? decide(input) : decide(input, verdicts);
}

/** Runs cycles until nothing is planned; throws when the world does not come to rest. */
export function sync(world: World, setting: Setting = {}, pick: Pick = () => 0, most = 5): void {
  for (let cycle = 0; cycle <= most; cycle += 1) {
    const plan = planFor(world, setting);
    if (plan.operations.length === 0 && plan.baseChanges.length === 0) return;
    applyPlan(world, plan, pick);
  }
  throw new Error(`not quiet after ${most} cycles: ${JSON.stringify(planFor(world, setting))}`);
}

/** A world whose two sides agree on these files. */
export function syncedWorld(files: Readonly<Record<string, string>>, grain = 1): World {
  const world = emptyWorld(grain);
  for (const [path, content] of Object.entries(files)) write(world, 'local', path, content);
  sync(world);
  world.trash.clear();
  world.renamed.clear();
  // Away from whole seconds, so that dates tell versions apart on a fine server.
  world.clock += 2 * grain;
  return world;
}

/** Operations in words: `upload a`, `moveRemote a -> b`. */
export function told({ operations }: Plan): string[] {
  return operations.map((operation) => {
    if ('from' in operation) return `${operation.kind} ${operation.from.path} -> ${operation.to.path}`;
    return `${operation.kind} ${operation.place.path}`;
  });
}

export function problemsOf({ problems }: Plan): string[] {
  return problems.map(({ code, path }) => `${code} ${path}`).sort();
}
