/**
 * The promises as checks on a simulated world. Some are asked at each deed (half a file, a version that is nowhere any
 * more), the others when everything has come to rest. A check that cannot tell says nothing; what the README names as a
 * gap of the API is counted, not excused silently.
 */
import { PAIR_DEFAULTS } from '../config/schema.ts';
import type { EngineEvent } from '../engine/events.ts';
import type { Disposition } from '../lib/errors.ts';
import {
  atRest,
  difference,
  isKept,
  isStray,
  lookBack,
  moveBack,
  type Taken,
  takenAgain,
} from './at-rest.ts';
import { watchCopies } from './copied.ts';
import { createCutShort } from './cut-short.ts';
import type { Ending } from './life.ts';
import { EPOCH, type Machine } from './machine.ts';
import { inWorkspace } from './places.ts';
import { baseOf, type Scenario } from './scenario.ts';
import { createSecondNames } from './second-names.ts';
import type { SimServerChange } from './server/changes.ts';
import type { SimServer } from './server.ts';
import { watchForSwaps } from './swapped.ts';
import { isHeld, keyOf, labelOf, type Truth } from './truth.ts';
import { isUnseen, isYoung } from './young.ts';

export interface Violation {
  readonly promise:
    | 'nothing-is-lost'
    | 'never-half-a-file'
    | 'nothing-unseen'
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
  /** A process says something: that it halts, it must not in these worlds. */
  heard(name: string, event: EngineEvent): void;
  /** A person's deed on a side left this content under the path; undefined: none. */
  touched(path: string, content: Uint8Array | undefined): void;
  /** A person moved a file or folder of the workspace, by its paths there. */
  moved(from: string, to: string): void;
  /** A process was killed, or its machine has lost its power. */
  died(name: string, powerCut: boolean): void;
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

export function createChecks(of: ChecksOf): Checks {
  const violations: Violation[] = [];
  const { machines, server, tell } = of;
  const violated: Checks['violated'] = (promise, what) => {
    tell(() => `VIOLATION ${promise}: ${what}`);
    violations.push({ promise, what });
  };
  const left = new Map<string, Taken>();
  const sentUp = new Set<string>();
  const [cutShort, copied] = [createCutShort(of.truth), watchCopies(of)];
  const swapped = watchForSwaps(server, (client) => machines.find((one) => one.client === client)?.name);
  /** What processes took from their names: in the trash until the end. */
  const retired = new Map<string, { readonly label: string; readonly moment: number }>();
  const retire = (
    side: { readonly holds: Machine['disk']['holds'] },
    before: Uint8Array | undefined,
    after: Uint8Array | undefined,
  ): void => {
    if (after !== undefined) retired.delete(keyOf(after));
    if (before === undefined || before.length === 0 || of.truth.know(before) !== 'whole') return;
    const key = keyOf(before);
    for (const { path, bytes } of side.holds())
      if (!path.startsWith('.rtsync/') && keyOf(bytes) === key) return;
    retired.set(key, { label: labelOf(before), moment: of.truth.moment() });
  };
  const secondNames = new Map(machines.map(({ name }) => [name, createSecondNames(of.truth)]));
  for (const machine of machines)
    machine.disk.onChange((change) => {
      const { path, before, after, what } = change;
      const undone = secondNames.get(machine.name)?.isUndone(change) === true;
      if (!undone) retire(machine.disk, before, after);
      cutShort.replaced(machine, path, before, what);
      if (isStray(path) && before === undefined && after !== undefined)
        cutShort.setAside(inWorkspace(baseOf(of.scenario), path).normalize('NFC'), keyOf(after));
      tell(() => `${machine.name} ${what}: ${path} was ${shown(before)}, is ${shown(after)}`);
      const fault =
        halfFile(of, after) ??
        (undone ? undefined : lost(of, before, after, machine.disk.holds())) ??
        (machines.length === 1 && TAKES_NAME.test(what) && !isLive(machine, before)
          ? unasked(of, path, before, after)
          : undefined);
      if (fault !== undefined) violated(fault[0], `${machine.name}:${path} ${fault[1]} (${what})`);
    });
  server.onBlindRetry((request) =>
    violated('nothing-unseen', `sent again without a look, though its answer was lost: ${request}`),
  );
  server.onList((list) => lookBack(server, left.values(), list));
  server.onMove((move) => moveBack(server, left, move));
  server.onChange((change) => {
    retire(server, change.before, change.after);
    const sender = machines.find(({ client }) => client === change.client);
    if (isStray(change.path) && change.after !== undefined) {
      if (change.givenUp) cutShort.storedUnheard(change.path.normalize('NFC'), keyOf(change.after));
      else if (sender !== undefined)
        cutShort.stored(sender, change.path.normalize('NFC'), keyOf(change.after));
    }
    if (change.uploadSentAt !== undefined && change.after !== undefined) sentUp.add(keyOf(change.after));
    if (change.before !== undefined && change.after === undefined) {
      const key = keyOf(change.before);
      left.set(key, takenAgain(left.get(key), change) ?? takenBy(change));
    }
    tell(
      () => `server ${change.request}: ${change.path} was ${shown(change.before)}, is ${shown(change.after)}`,
    );
    const fault = onServer(of, change);
    if (fault !== undefined) violated(fault[0], `server:${change.path} ${fault[1]} (${change.request})`);
  });
  /** A person may have overwritten it in the place where a power cut had brought it back. */
  const mayBeGone = (content: Buffer, moment: number): boolean =>
    of.truth.excused(content) || of.truth.gaveUpSince(content, moment);
  return {
    violations,
    violated,
    ended: (name, ending) => {
      cutShort.ended(name);
      if (ending.kind !== 'failed' || !OUT_OF_PLACE.includes(ending.error.disposition)) return;
      const { cause, code, message } = ending.error;
      const where = cause instanceof Error ? cause.stack : ending.error.stack;
      violated('no-bug', `${name} ended with ${code}: ${message} ${where}`);
    },
    died: (name, powerCut) => {
      secondNames.get(name)?.died();
      cutShort.died(name, powerCut);
    },
    moved: (from, to) => {
      swapped.moved(from, to);
      cutShort.carried(from.normalize('NFC'), to.normalize('NFC'), (path) => {
        const there = server.agent.read(path);
        return there === undefined ? undefined : keyOf(there);
      });
    },
    touched: (path, content) => {
      if (content !== undefined)
        cutShort.named(inWorkspace(baseOf(of.scenario), path).normalize('NFC'), keyOf(content));
    },
    heard: (name, event) => {
      cutShort.heard(name, event);
      if (event.kind === 'notice' && event.level === 'error')
        violated('no-bug', `${name} halts without a cause: ${event.message}`);
    },
    wasIdle: ({ last }) =>
      last?.kind === 'report' &&
      last.report.inSync &&
      Object.values(last.report.operations).every((count) => count === 0),
    atRest: () => {
      atRest(of, violated, { left, wasSent: (content) => sentUp.has(content), cutShort, copied, swapped });
      for (const [key, { label, moment }] of retired)
        if (!isKept(of, key) && !mayBeGone(Buffer.from(key, 'latin1'), moment))
          violated('nothing-is-lost', `"${label}" was given up by a process and is in no trash`);
    },
    difference: () => difference(of),
  };
}

/** A name on a machine is given up. */
const TAKES_NAME = /-> \.rtsync\/(trash\/|tmp\/held-)/;
const TRASH = /"target":"\/(\.rtsync\/trash\/[^"]+)"/;
const IDS = /"ids":\[("[^\]]+")/;

function takenBy(change: SimServerChange): Taken {
  const { path, request, client, at } = change;
  const trash = TRASH.exec(request)?.[1];
  return {
    path: path.normalize('NFC'),
    ...(trash === undefined || !isUnseen(change)
      ? {}
      : { unseen: { client, trash, at, named: namedBy(request, path), nameTaken: false } }),
  };
}

/** What the request names of those at and around the path. */
function namedBy(request: string, path: string): string | undefined {
  const quoted = IDS.exec(request)?.[1]?.split(',') ?? [];
  const names = path.split('/');
  const around = names.map((_, i) => names.slice(0, i + 1).join('/'));
  return around.find((one) => quoted.includes(JSON.stringify(`/${one}`)));
}

const OUT_OF_PLACE: readonly Disposition[] = ['bug', 'fix', 'halt'];

type Fault = readonly [Violation['promise'], string];

/** Gone here, though the server shows it under that very name. */
function unasked(
  { server, scenario }: ChecksOf,
  path: string,
  before: Uint8Array | undefined,
  after: Uint8Array | undefined,
): Fault | undefined {
  if (before === undefined || before.length === 0 || after !== undefined) return undefined;
  const there = server.agent.read(inWorkspace(baseOf(scenario), path));
  return there === undefined || keyOf(there) !== keyOf(before)
    ? undefined
    : ['nothing-is-lost', `was removed here, though it stands on the server: ${shown(before)}`];
}

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

/** Taken sooner than it can have stood still: half of a file that somebody is writing looks no different. */
function unsettled({ truth, scenario }: ChecksOf, change: SimServerChange): Fault | undefined {
  const { after, uploadSentAt, growing } = change;
  const since = after === undefined ? undefined : truth.since(after);
  if (after === undefined || after.length === 0 || since === undefined) return undefined;
  if (uploadSentAt === undefined || growing) return undefined;
  const stood = uploadSentAt - EPOCH - since;
  // Times are told no finer than this, so that an age may seem so much longer than it is.
  const tick = 1 + Math.max(...scenario.machines.map(({ grainMs }) => grainMs));
  return stood >= PAIR_DEFAULTS.settleMs - tick
    ? undefined
    : ['never-half-a-file', `was sent ${Math.round(stood)} ms after it was written: ${shown(after)}`];
}

/** What this very process sent up, and the folder it came from still shows: an upload that was given another name. */
function isOwnStray({ machines }: ChecksOf, change: SimServerChange): boolean {
  const { path, before, after, client, wroteBy } = change;
  if (!isStray(path) || before === undefined || after !== undefined || wroteBy !== client) return false;
  return machines.some((machine) => isLive(machine, before));
}

/** Whether some name of its folder shows this content. An interrupted move that is taken back leaves it the old name. */
function isLive({ disk }: Machine, content: Uint8Array | undefined): boolean {
  return isHeld(
    [...disk.holds()].filter(({ path }) => !path.startsWith('.rtsync/')),
    content,
  );
}

/** What came to stand under a name after its folder was last listed, nobody could see: the API has no conditional write. */
function onServer(of: ChecksOf, change: SimServerChange): Fault | undefined {
  const { before, after } = change;
  const half = halfFile(of, after) ?? unsettled(of, change);
  if (half !== undefined) return half;
  if (isUnseen(change) && isYoung(of, change)) {
    if (before !== undefined && after !== undefined && keyOf(before) === keyOf(after)) return undefined;
    // What a late request takes away lies in the trash; who sent it is long gone, and cannot put it back.
    const late = change.at - change.sentAt > LATE_MS;
    if (late || !isHeld(of.server.holds(), before)) of.truth.inGap(before, change.request);
    return undefined;
  }
  return isOwnStray(of, change) ? undefined : lost(of, before, after, of.server.holds());
}
