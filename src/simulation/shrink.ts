/** Makes a failing scenario smaller: drops edits, starts, deaths and faults one by one for as long as it still fails. */
import type { MachinePlan, Scenario } from './scenario.ts';

/** Worlds played at most. */
const MOST_TRIES = 400;

/** `failing` gives the name of the promise that does not hold, or undefined. The answer fails in the same way. */
export async function shrink(
  scenario: Scenario,
  failing: (scenario: Scenario) => Promise<string | undefined>,
): Promise<Scenario> {
  const wanted = await failing(scenario);
  let best = scenario;
  let tries = 0;
  for (let progress = true; progress && tries < MOST_TRIES; ) {
    progress = false;
    for (const smaller of smallerOnes(best)) {
      tries += 1;
      if (tries >= MOST_TRIES) break;
      if ((await failing(smaller)) !== wanted) continue;
      best = smaller;
      progress = true;
      break;
    }
  }
  return best;
}

function* smallerOnes(scenario: Scenario): Generator<Scenario> {
  const { faults, outages, machines, edits, behaviour, limitPerMinute } = scenario;
  if (faults.rate > 0) {
    yield { ...scenario, faults: { rate: 0, kinds: [] } };
    for (const kind of faults.kinds)
      if (faults.kinds.length > 1)
        yield { ...scenario, faults: { ...faults, kinds: faults.kinds.filter((one) => one !== kind) } };
  }
  for (let at = 0; at < outages.length; at += 1)
    yield { ...scenario, outages: outages.filter((_, index) => index !== at) };
  if (scenario.wide !== undefined) {
    yield { ...scenario, wide: undefined };
    const { files, pokes } = scenario.wide;
    for (let size = Math.ceil(pokes.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
      for (let at = 0; at < pokes.length; at += size)
        yield {
          ...scenario,
          wide: { ...scenario.wide, pokes: [...pokes.slice(0, at), ...pokes.slice(at + size)] },
        };
    if (files > 1) yield { ...scenario, wide: { ...scenario.wide, files: Math.ceil(files / 2) } };
  }
  if (scenario.scribbler) yield { ...scenario, scribbler: false };
  if (scenario.remotePath !== undefined) yield { ...scenario, remotePath: undefined };
  if (limitPerMinute !== undefined) yield { ...scenario, limitPerMinute: undefined };
  for (const key of Object.keys(behaviour)) {
    const { [key as keyof typeof behaviour]: _dropped, ...rest } = behaviour;
    yield { ...scenario, behaviour: rest };
  }
  if (machines.length > 1) yield { ...scenario, machines: machines.slice(0, 1) };
  for (let size = Math.ceil(edits.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = 0; at < edits.length; at += size)
      yield { ...scenario, edits: [...edits.slice(0, at), ...edits.slice(at + size)] };
  for (const [index, machine] of machines.entries())
    for (const smaller of smallerMachines(machine))
      yield { ...scenario, machines: machines.with(index, smaller) };
}

function* smallerMachines(machine: MachinePlan): Generator<MachinePlan> {
  const { starts } = machine;
  if (machine.skewMs !== 0) yield { ...machine, skewMs: 0 };
  if (machine.grainMs > 1) yield { ...machine, grainMs: 1 };
  if (machine.scribbler) yield { ...machine, scribbler: false };
  if (!machine.hardLinks) yield { ...machine, hardLinks: true };
  for (let at = 0; at < starts.length; at += 1)
    yield { ...machine, starts: starts.filter((_, index) => index !== at) };
  for (const [at, start] of starts.entries()) {
    if (start.forgets) yield { ...machine, starts: starts.with(at, { ...start, forgets: false }) };
    if (start.powerCut) yield { ...machine, starts: starts.with(at, { ...start, powerCut: false }) };
    if (start.fuse !== undefined)
      yield { ...machine, starts: starts.with(at, { ...start, fuse: undefined }) };
    if (start.mode === 'watch') yield { ...machine, starts: starts.with(at, { ...start, mode: 'sync' }) };
  }
}
