/**
 * The promises as checks on a simulated world. Some are asked at each deed (half a file, a version that is nowhere any
 * more), the others when everything has come to rest. A check that cannot tell says nothing; what the README names as a
 * gap of the API is counted, not excused silently.
 */
import type { Disposition } from '../lib/errors.ts';
import type { Ending } from './life.ts';
import type { Machine } from './machine.ts';
import type { Scenario, Start } from './scenario.ts';
import type { SimServerChange } from './server/changes.ts';
import type { SimServer } from './server.ts';
import { keyOf, labelOf, type Truth } from './truth.ts';

export interface Violation {
  readonly promise:
    | 'nothing-is-lost'
    | 'never-half-a-file'
    | 'it-ends'
    | 'no-false-conflict'
    | 'no-leftovers'
    | 'budget'
    | 'no-bug';
  readonly what: string;
}

export interface Checks {
  readonly violations: readonly Violation[];
  violated(promise: Violation['promise'], what: string): void;
  /** A process ended that was not killed: nothing in these worlds is a bug, a halt or for the user to mend. */
  ended(name: string, ending: Ending): void;
  /** Its last run found both sides equal and did nothing. */
  wasIdle(machine: Machine): boolean;
  /** Everything stands still: is all as promised? */
  atRest(): void;
  /** How the sides differ, in words. */
  difference(): string;
}

export interface ChecksOf {
  readonly scenario: Scenario;
  readonly truth: Truth;
  readonly server: SimServer;
  readonly machines: readonly Machine[];
  readonly tell: (line: () => string) => void;
}

/** A request that takes longer than this from its sender to the server has been given up by its sender. */
const LATE_MS = 1_000;

type Tree = ReadonlyMap<string, string | 'folder'>;
const FOLDER = 'a folder';

export function createChecks(of: ChecksOf): Checks {
  const violations: Violation[] = [];
  const { machines, server, tell } = of;
  const violated: Checks['violated'] = (promise, what) => {
    tell(() => `VIOLATION ${promise}: ${what}`);
    violations.push({ promise, what });
  };
  for (const machine of machines)
    machine.disk.onChange(({ path, before, after, what }) => {
      tell(() => `${machine.name} ${what}: ${path} was ${shown(before)}, is ${shown(after)}`);
      const fault = halfFile(of, after) ?? lost(of, before, after, machine.disk.holds());
      if (fault !== undefined) violated(fault[0], `${machine.name}:${path} ${fault[1]} (${what})`);
    });
  server.onChange((change) => {
    tell(
      () => `server ${change.request}: ${change.path} was ${shown(change.before)}, is ${shown(change.after)}`,
    );
    const fault = onServer(of, change);
    if (fault !== undefined) violated(fault[0], `server:${change.path} ${fault[1]} (${change.request})`);
  });
  return {
    violations,
    violated,
    ended: (name, ending) => {
      if (ending.kind !== 'failed' || !OUT_OF_PLACE.includes(ending.error.disposition)) return;
      const { cause, code, message } = ending.error;
      const where = cause instanceof Error ? cause.stack : ending.error.stack;
      violated('no-bug', `${name} ended with ${code}: ${message} ${where}`);
    },
    wasIdle: ({ last }) =>
      last?.kind === 'report' &&
      last.report.inSync &&
      Object.values(last.report.operations).every((count) => count === 0),
    atRest: () => atRest(of, violated),
    difference: () => difference(of),
  };
}

const OUT_OF_PLACE: readonly Disposition[] = ['bug', 'fix', 'halt'];

type Fault = readonly [Violation['promise'], string];

function shown(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'nothing' : `"${labelOf(bytes)}" (${bytes.length})`;
}

function halfFile({ truth, scenario }: ChecksOf, after: Uint8Array | undefined): Fault | undefined {
  if (after === undefined || truth.know(after) !== undefined) return undefined;
  // What another program's upload shows of itself while it arrives looks like a file to everybody.
  if (scenario.behaviour.growingUploads === true) return undefined;
  return ['never-half-a-file', `shows ${shown(after)}, which nobody wrote`];
}

function lost(
  { truth }: ChecksOf,
  before: Uint8Array | undefined,
  after: Uint8Array | undefined,
  holds: Iterable<{ readonly bytes: Uint8Array }>,
): Fault | undefined {
  if (before === undefined || before.length === 0 || truth.know(before) !== 'whole') return undefined;
  const key = keyOf(before);
  if ((after !== undefined && keyOf(after) === key) || truth.excused(before)) return undefined;
  if (isHeld(holds, before)) return undefined;
  return ['nothing-is-lost', `held ${shown(before)}, which is nowhere any more`];
}

function isHeld(holds: Iterable<{ readonly bytes: Uint8Array }>, content: Uint8Array | undefined): boolean {
  if (content === undefined) return true;
  const key = keyOf(content);
  for (const { bytes } of holds) if (keyOf(bytes) === key) return true;
  return false;
}

/** What came to stand under a name after its folder was last listed, nobody could see: the API has no conditional write. */
function onServer(of: ChecksOf, change: SimServerChange): Fault | undefined {
  const { before, after, agentWroteAt, lastListedAt } = change;
  const half = halfFile(of, after);
  if (half !== undefined) return half;
  if (agentWroteAt !== undefined && (lastListedAt === undefined || agentWroteAt >= lastListedAt)) {
    if (before !== undefined && after !== undefined && keyOf(before) === keyOf(after)) return undefined;
    // What a late request takes away lies in the trash; who sent it is long gone, and cannot put it back.
    const late = change.at - change.sentAt > LATE_MS;
    if (late || !isHeld(of.server.holds(), before)) of.truth.inGap(before, change.request);
    return undefined;
  }
  return lost(of, before, after, of.server.holds());
}

function treeOf(
  entries: readonly { readonly path: string; readonly kind: string }[],
  read: (path: string) => Uint8Array | undefined,
): Tree {
  const tree = new Map<string, string>();
  for (const { path, kind } of entries) {
    const bytes = kind === 'file' ? read(path) : undefined;
    tree.set(path.normalize('NFC'), bytes === undefined ? FOLDER : keyOf(bytes));
  }
  return tree;
}

function serverTree({ server }: ChecksOf): Tree {
  return treeOf(server.agent.list(), (path) => server.agent.read(path));
}

function machineTree({ disk }: Machine): Tree {
  return treeOf(disk.person.list(), (path) => disk.person.read(path));
}

function differences(here: Tree, there: Tree, passed: (path: string) => boolean = () => false): string[] {
  const label = (content: string | undefined): string =>
    content === undefined
      ? 'missing'
      : content === FOLDER
        ? content
        : labelOf(Buffer.from(content, 'latin1'));
  return [...new Set([...here.keys(), ...there.keys()])]
    .filter((path) => here.get(path) !== there.get(path) && !passed(path))
    .map((path) => `${path}: here ${label(here.get(path))}, on the server ${label(there.get(path))}`);
}

function difference(of: ChecksOf): string {
  const there = serverTree(of);
  const parts = of.machines.flatMap((machine) => [
    ...differences(machineTree(machine), there).map((line) => `${machine.name} ${line}`),
    `${machine.name} said ${JSON.stringify(machine.last).slice(0, 900)}`,
  ]);
  return parts.join('; ');
}

/** Without a base, or after a deed that came late or was torn by a kill, what one person wrote meets itself. */
function mayConflict({ shared, machines, faults, behaviour }: Scenario): boolean {
  const torn = behaviour.growingUploads === true && anyStart(machines, ({ fuse }) => fuse !== undefined);
  return torn || shared || anyStart(machines, ({ forgets }) => forgets) || faults.kinds.includes('late');
}

function anyStart(machines: Scenario['machines'], is: (start: Start) => boolean): boolean {
  return machines.some(({ starts }) => starts.some(is));
}

/** Names carry their owner, which is lost with the database. */
const OWN_LEFTOVER = /^\.rtsync\/(staging|moving|probe)/;
const STRAY = /\.new\b|\.[0-9a-f]{8}$/;

/**
 * A request that arrives late, or after its process was killed and another has done the same, or twice, leaves a second
 * name on servers that never refuse one.
 */
function straysExpected({ behaviour, faults, machines }: Scenario): boolean {
  const late = faults.kinds.includes('late') || anyStart(machines, ({ fuse }) => fuse !== undefined);
  const twice = late || faults.kinds.includes('repeated');
  return (behaviour.takenFolder === 'stray' && twice) || (behaviour.takenName === 'rename' && late);
}

function isKept({ machines, server }: ChecksOf, key: string): boolean {
  const content = Buffer.from(key, 'latin1');
  return [server, ...machines.map(({ disk }) => disk)].some((side) => isHeld(side.holds(), content));
}

function atRest(of: ChecksOf, violated: Checks['violated']): void {
  const { truth, machines, server, scenario } = of;
  const there = serverTree(of);
  for (const machine of machines) {
    const apart = differences(
      machineTree(machine),
      there,
      (path) => truth.isTwin(there.get(path)) || (straysExpected(scenario) && STRAY.test(path)),
    );
    if (apart.length > 0)
      violated('it-ends', `${machine.name} differs though it says that all is in sync: ${apart.join('; ')}`);
    for (const { path } of machine.disk.holds())
      if (path.includes('/.rtsync/tmp/')) violated('no-leftovers', `${machine.name} keeps ${path}`);
  }
  // Two uploads that grow into one file at once make something of both; each machine keeps its own in the trash.
  const overlapping = scenario.behaviour.growingUploads === true && machines.length > 1;
  const live = new Set(there.values());
  for (const [key, label] of truth.owed())
    if (!live.has(key) && !(overlapping && isKept(of, key)))
      violated('nothing-is-lost', `"${label}" is not live, and nobody gave it up`);
  for (const { path } of server.holds())
    if (OWN_LEFTOVER.test(path) && !anyStart(scenario.machines, ({ forgets }) => forgets))
      violated('no-leftovers', `the server keeps ${path}`);
  for (const path of there.keys()) {
    if (path.includes('(conflict') && !mayConflict(scenario))
      violated('no-false-conflict', `${path}, though nobody shares a path`);
    if (STRAY.test(path) && !straysExpected(scenario)) violated('no-leftovers', `the stray name ${path}`);
  }
}
