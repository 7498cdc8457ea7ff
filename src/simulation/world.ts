/**
 * One simulated world from its first to its last event, and the verdict: which promises did not hold. First people,
 * crashes and faults, all at once; then calm, in which everything must come to rest and both sides be equal.
 */
import type { EngineEvent } from '../engine/events.ts';
import { createChance } from './chance.ts';
import { createChecks, type Violation } from './checks.ts';
import type { Chance } from './hands.ts';
import { WORKSPACE } from './life.ts';
import { createMachine, EPOCH, type Machine } from './machine.ts';
import { createOutages } from './outages.ts';
import { ANCHOR, act, type Person, scribble, writeOneOfWide, writeWide } from './people.ts';
import { agentPlace, diskPlace, inPair, inWorkspace } from './places.ts';
import { baseOf, CALM_AT, type Edit, type Scenario } from './scenario.ts';
import { createScribbler, createStriker, type Strike } from './scribbler.ts';
import { createSimServer, type SimServer } from './server.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import { createTruth, type Truth } from './truth.ts';
import { type Twins, watchForTwins } from './twins.ts';

export interface WorldResult {
  readonly violations: readonly Violation[];
  /** What happened, line by line; empty unless asked for. */
  readonly story: readonly string[];
  readonly figures: WorldFigures;
}

export interface WorldFigures {
  readonly events: number;
  readonly edits: number;
  readonly crashes: number;
  readonly powerCuts: number;
  readonly faults: number;
  readonly requests: number;
  readonly conflicts: number;
  /** Contents that met a gap of the API which the README names. */
  readonly gaps: number;
}

/** Rounds of `sync` on each machine after which all must be at rest. */
const CALM_ROUNDS = 8;
/** Virtual milliseconds that one run may take in calm. */
const CALM_RUN_MS = 4 * 3_600_000;

interface World {
  readonly scenario: Scenario;
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly truth: Truth;
  readonly server: SimServer;
  readonly machines: readonly Machine[];
  readonly faults: { rate: number };
  readonly checks: ReturnType<typeof createChecks>;
  readonly twins: Twins;
  readonly tell: (line: () => string) => void;
  readonly count: { edits: number; crashes: number; powerCuts: number; conflicts: number };
}

export async function playWorld(scenario: Scenario, withStory = false): Promise<WorldResult> {
  const story: string[] = [];
  const world = createWorld(scenario, withStory ? story : undefined);
  const { timeline, checks } = world;
  await stormyPart(world);
  if (checks.violations.length === 0) await calmPart(world);
  const result = {
    violations: [...checks.violations],
    story: [...story],
    figures: {
      ...world.count,
      events: timeline.events,
      faults: Object.values(world.server.played).reduce((sum, count) => sum + count, 0),
      requests: world.server.requestTimes.length,
      gaps: world.truth.gaps,
    },
  };
  for (const machine of world.machines) machine.close();
  return result;
}

function createWorld(scenario: Scenario, story: string[] | undefined): World {
  const chance = createChance(`${scenario.seed}/world`);
  const timeline = createTimeline(chance.fork('latency'));
  const truth = createTruth(() => timeline.now);
  const tell = (line: () => string): void => {
    story?.push(`${timeline.now.toFixed(1).padStart(9)} ${line()}`);
  };
  const server = createSimServer({
    now: () => Math.floor(EPOCH + timeline.now),
    behaviour: scenario.behaviour,
    workspaceId: WORKSPACE,
    schedule: (atMs, deed) => timeline.at(atMs - EPOCH, deed),
    ...(scenario.limitPerMinute === undefined ? {} : { limitPerMinute: scenario.limitPerMinute }),
  });
  const outages = createOutages(scenario.outages, { timeline, server, tell });
  const faults = { chance: chance.fork('faults'), ...scenario.faults, ...outages };
  const twins = watchForTwins(server, truth, scenario.limitPerMinute !== undefined);
  const anchor = truth.fresh(10, 'anchor');
  truth.wrote(anchor);
  server.agent.write(inWorkspace(baseOf(scenario), ANCHOR), anchor);
  const count = { edits: 0, crashes: 0, powerCuts: 0, conflicts: 0 };
  const heard = (name: string) => (event: EngineEvent) => {
    if (event.kind === 'conflict') count.conflicts += 1;
    checks.heard(name, event);
    tell(() => `${name} ${describe(event)}`);
  };
  const machines = scenario.machines.map((plan, index) => {
    const name = `m${index}`;
    const scribbler = createScribbler(chance.fork(`scribbler ${name}`));
    return createMachine({
      ...(plan.scribbler ? { between: (call) => doScribble(world, machines[index], scribbler(call)) } : {}),
      name,
      plan,
      timeline,
      chance: chance.fork(name),
      limitPerMinute: scenario.limitPerMinute,
      bandwidth: scenario.bandwidth,
      remotePath: baseOf(scenario),
      server,
      faults,
      tell,
      heard: heard(name),
      ended: (ending) => checks.ended(name, ending),
    });
  });
  for (const machine of machines) machine.disk.person.write(ANCHOR, anchor);
  const checks = createChecks({ scenario, truth, server, machines, tell });
  const world: World = {
    chance: chance.fork('scribbles'),
    scenario,
    timeline,
    truth,
    server,
    machines,
    faults,
    checks,
    twins,
    tell,
    count,
  };
  unleash(world, chance);
  return world;
}

/** Those who write into what has just got its name on a machine, and into what a request on its way names. */
function unleash(world: World, chance: Chance): void {
  const { scenario, timeline, machines, server } = world;
  const strike = (one: Strike | undefined, deed: (path: string) => void): void => {
    if (one !== undefined) timeline.at(timeline.now + one.inMs, () => deed(one.path));
  };
  for (const [index, machine] of machines.entries()) {
    if (scenario.machines[index]?.scribbler !== true) continue;
    const striker = createStriker(chance.fork(`striker ${machine.name}`), 0.3, [2, 10, 40]);
    machine.disk.onChange(({ path, after }) =>
      strike(striker(after === undefined ? [] : [path]), (at) => doScribble(world, machine, at)),
    );
  }
  if (!scenario.scribbler) return;
  const striker = createStriker(chance.fork('striker agent'), 0.08, [5, 40, 40, 3_000, 30_000]);
  server.onRequest((paths) =>
    strike(striker(paths), (at) => doScribble(world, undefined, inPair(baseOf(scenario), at))),
  );
}

function describe(event: EngineEvent): string {
  if (event.kind === 'operation')
    return `${event.operation.kind} ${'place' in event.operation ? event.operation.place.path : event.operation.from.path}: ${event.result}`;
  if (event.kind === 'planned') return `plans ${event.plan.operations.length} operations`;
  if (event.kind === 'notice') return `says ${event.message}`;
  if (event.kind === 'room')
    return `says that ${event.files} files and ${event.folders} folders wait for room`;
  return event.kind === 'phase' ? `is ${event.phase}` : `finds a conflict at ${event.path}`;
}

async function stormyPart(world: World): Promise<void> {
  const { scenario, timeline, machines, checks } = world;
  for (const edit of scenario.edits) timeline.at(edit.at, () => doEdit(world, edit));
  for (const { at, ...write } of scenario.wide?.writes ?? [])
    timeline.at(at, () => tellOf(world, () => doWide(world, write)));
  for (const { at, file } of scenario.wide?.pokes ?? [])
    timeline.at(at, () => tellOf(world, () => writeOneOfWide(personAt(world, undefined), file)));
  for (const [index, plan] of scenario.machines.entries()) {
    const machine = machines[index] as Machine;
    for (const start of plan.starts) timeline.at(start.at, () => startProcess(world, machine, start));
  }
  const over = (): boolean => timeline.now >= CALM_AT || checks.violations.length > 0;
  timeline.at(CALM_AT, () => undefined);
  while (!over()) {
    const ended = await timeline.play(
      () => over() || machines.some(({ process }) => process?.alive === false),
      CALM_AT,
    );
    for (const machine of machines) if (machine.process?.alive === false) endLife(world, machine);
    if (ended === 'stuck' || ended === 'time') break;
  }
}

type Start = Scenario['machines'][number]['starts'][number];
const deaths = new WeakMap<Machine, Start>();

function startProcess(world: World, machine: Machine, start: Start): void {
  if (machine.process !== undefined) return;
  deaths.set(machine, start);
  world.tell(() => `${machine.name} starts ${start.mode}`);
  machine.start(start);
  world.timeline.at(start.stopAt, () => {
    if (deaths.get(machine) === start) machine.stop();
  });
}

function endLife(world: World, machine: Machine): void {
  const powerCut = deaths.get(machine)?.powerCut === true;
  world.count.crashes += 1;
  if (powerCut) world.count.powerCuts += 1;
  world.tell(() => `${machine.name} ${powerCut ? 'loses its power' : 'is killed'}`);
  machine.crash(powerCut);
  world.checks.died(machine.name, powerCut);
}

function doEdit(world: World, edit: Edit): void {
  const machine = edit.who === 'agent' ? undefined : world.machines[edit.who];
  if (edit.who !== 'agent' && machine === undefined) return;
  tellOf(world, () => act(personAt(world, machine), edit));
}

function doWide(
  world: World,
  { who, first }: { readonly who: Edit['who']; readonly first: number },
): string | undefined {
  const machine = who === 'agent' ? undefined : world.machines[who];
  return writeWide(personAt(world, machine), first, world.scenario.wide?.files ?? 0);
}

/** Nobody is about when all must come to rest. */
function doScribble(world: World, machine: Machine | undefined, path: string | undefined): void {
  if (path === undefined || path.startsWith('.rtsync') || world.timeline.now >= CALM_AT) return;
  tellOf(world, () => scribble(personAt(world, machine), path, world.chance.next()));
}

/** A person's deed; gives what was done in words, or that there was nothing to do. */
function tellOf(world: World, deed: () => string | undefined): void {
  const done = world.twins.around(deed);
  if (done === undefined) return;
  world.count.edits += 1;
  world.tell(() => done);
}

function personAt(world: World, machine: Machine | undefined): Person {
  const { truth, server, scenario, timeline, twins, checks } = world;
  const place =
    machine === undefined ? agentPlace(server, baseOf(scenario), checks.moved) : diskPlace(machine.disk);
  return {
    place,
    truth,
    name: machine?.name ?? 'agent',
    own: scenario.shared ? '' : `${machine?.name ?? 'agent'}-`,
    dots: scenario.behaviour.showHidden !== 'ignored',
    later: (ms, deed) => timeline.at(timeline.now + ms, () => twins.around(deed)),
    touched: (path) => {
      checks.touched(path, place.read(path));
      if (machine !== undefined) timeline.at(timeline.now + 5, () => machine.hint(path));
    },
  };
}

async function calmPart(world: World): Promise<void> {
  const { timeline, machines, faults, checks, tell } = world;
  faults.rate = 0;
  for (const machine of machines) if (machine.process !== undefined) endLife(world, machine);
  // Deeds that are still on their way, and what people have begun, come to their end.
  await timeline.play(() => false, timeline.now + 600_000);
  for (let round = 1; round <= CALM_ROUNDS; round += 1) {
    tell(() => `calm round ${round}`);
    let idle = true;
    for (const machine of machines) {
      if (!(await runInCalm(world, machine))) return;
      if (machine.approve()) tell(() => `a person approves what ${machine.name} holds`);
      idle = checks.wasIdle(machine) && idle;
    }
    if (idle && round > 1) {
      checks.atRest();
      return;
    }
  }
  checks.violated('it-ends', `not at rest after ${CALM_ROUNDS} rounds: ${checks.difference()}`);
}

async function runInCalm({ timeline, checks, tell }: World, machine: Machine): Promise<boolean> {
  machine.start({ mode: 'sync', fuse: undefined, powerCut: false, forgets: false });
  const ended = await timeline.play(() => machine.process === undefined, timeline.now + CALM_RUN_MS);
  if (ended !== 'done') {
    checks.violated(
      'it-ends',
      `a run of ${machine.name} in calm ${ended === 'stuck' ? 'hangs' : 'does not end'}`,
    );
    return false;
  }
  tell(() => `${machine.name} ended: ${JSON.stringify(machine.last).slice(0, 1200)}`);
  return checks.violations.length === 0;
}
