/**
 * Room in the workspace's storage. While it is full, what would grow it waits until it fits by what the server told last,
 * the smallest first, and goes at once when it does; nothing is sent in vain to find that out, since one question tells.
 * Where the server tells nothing, or refuses what should fit, one path at a time goes ahead. Pure but for its memory;
 * times are monotonic milliseconds, sizes bytes.
 */
import type { RelPath } from '../core/path.ts';
import type { MakeFolder, Operation, Plan, Problem, Upload } from '../core/plan.ts';
import { RtsyncError } from '../lib/errors.ts';

/** How often the server is asked: an eighth of the time for which it was full so far, within these. */
const ASK_MS = 15_000;
const ASK_MOST_MS = 45_000;
const ASK_PART = 8;
/** The same where a path has to go ahead, which costs an upload. */
const AHEAD_MS = 60_000;
/** Pauses of a path that was refused although it should fit. */
const PAUSE_MS = 60_000;
const PAUSE_MOST_MS = 300_000;
/** From this size on a path does not go ahead every minute. */
const LARGE_BYTES = 4 * 1024 * 1024;
/** A count that changed is told again after this, when it changed by half. */
const NEWS_MS = 600_000;
const MUCH = 1.5;

export const WAITS_FOR_ROOM = "the workspace's storage is full";

/** What would grow the storage. */
export type Growth = Upload | MakeFolder;

export function grows(operation: Operation): operation is Growth {
  return operation.kind === 'upload' || operation.kind === 'makeFolderRemote';
}

export interface Waiting {
  readonly files: number;
  readonly folders: number;
  readonly bytes: number;
}

export interface Room {
  /** A cycle begins; `gateIsFull`: something was refused, maybe to another pair. True when the server is to be asked now. */
  begins(gateIsFull: boolean, now: number): boolean;
  /** The answer; undefined when the server does not tell, `unheard` when none came: what was told before still counts. */
  told(free: number | undefined | 'unheard', now: number): void;
  /** The plan without what must wait, which becomes problems. */
  fit(plan: Plan, now: number): Plan;
  /** `sent`: the server itself said so, and not the gate. */
  refused(operation: Growth, sent: boolean, now: number): void;
  /** It went through, or may have. */
  stored(operation: Growth, certain: boolean): void;
  /** Something was deleted there, by us or by others: it may be worth asking before it is time. */
  freed(now: number): void;
  /** The cycle is over. Gives what is to be told to people, if anything; all zero when nothing waits any more. */
  ended(gateIsFull: boolean, now: number): Waiting | undefined;
  /** How many paths wait, as the latest cycle left it. */
  readonly waiting: number;
  /** When a cycle is wanted; undefined while one is under way, or nothing waits. */
  readonly wakeAt: number | undefined;
}

interface Full {
  readonly since: number;
  /** By a refusal of ours, just now: nothing need go ahead to find that out. */
  readonly found: boolean;
  askAt: number;
  answered: boolean;
  /** As it was told, less what was sent since; undefined when it was not told. */
  free: number | undefined;
  /** The server refused what should fit. */
  doubted: boolean;
  /** Nothing is told; one may go ahead, or (`open`) one did and went through. */
  ahead: boolean;
  open: boolean;
  readonly paused: Map<RelPath, { readonly delayMs: number; readonly until: number }>;
}

export function createRoom(): Room {
  let full: Full | undefined;
  let held: readonly Growth[] = [];
  let refusedNow: Growth[] = [];
  let reopened = false;
  let wakeAt: number | undefined;
  const news = createNews();

  return {
    get waiting() {
      return held.length + refusedNow.length;
    },
    get wakeAt() {
      return wakeAt;
    },
    begins: (gateIsFull, now) => {
      wakeAt = undefined;
      refusedNow = [];
      reopened = false;
      if (gateIsFull) full ??= startFull(now);
      return full !== undefined && (now >= full.askAt || (gateIsFull && expectsRoom(full)));
    },
    told: (answer, now) => {
      if (full === undefined) return;
      const free = answer === 'unheard' ? full.free : answer;
      const pace = Math.min(ASK_MOST_MS, Math.max(ASK_MS, (now - full.since) / ASK_PART));
      const askAt = now + (free === undefined || full.doubted ? AHEAD_MS : pace);
      const ahead = full.answered || !full.found;
      Object.assign(full, { free, askAt, answered: true, ahead });
    },
    fit: (plan, now) => {
      held = [];
      const state = full;
      if (state === undefined) return plan;
      const all = plan.operations.filter(grows).sort((a, b) => sizeOf(a) - sizeOf(b) || a.id - b.id);
      if (all.length > 0 && !all.some((one) => fits(state, 0, one))) state.doubted = false;
      const going = goingNow(state, all, now);
      held = all.filter((one) => !going.has(one));
      if (held.length === 0) return plan;
      const waits = new Set<Operation>(held);
      return {
        ...plan,
        operations: plan.operations.filter((operation) => !waits.has(operation)),
        problems: [...plan.problems, ...held.map(({ place }) => problemAt(place.path))],
      };
    },
    refused: (operation, sent, now) => {
      refusedNow.push(operation);
      if (full === undefined) full = startFull(now, sent);
      else if (sent && full.answered) contradicted(full, operation, now);
    },
    stored: (operation, certain) => {
      if (full === undefined) return;
      if (full.free !== undefined) full.free = Math.max(0, full.free - sizeOf(operation));
      if (!certain || operation.kind !== 'upload' || !full.answered) return;
      full.paused.delete(operation.place.path);
      const known = full.free !== undefined;
      reopened ||= known ? full.doubted : !full.open;
      Object.assign(full, { doubted: false, open: !known });
    },
    freed: (now) => {
      if (full !== undefined) full.askAt = Math.min(full.askAt, now);
    },
    ended: (gateIsFull, now) => {
      if (full === undefined) return undefined;
      const waiting = waitingIn([...held, ...refusedNow]);
      const none = waiting.files + waiting.folders === 0;
      // What waits behind the one that went through follows it.
      wakeAt = none ? undefined : reopened && refusedNow.length === 0 ? now : full.askAt;
      const { answered } = full;
      if (none && !gateIsFull) full = undefined;
      return answered ? news.after(waiting, now) : undefined;
    },
  };
}

function startFull(now: number, found = false): Full {
  return {
    ...{ since: now, found, askAt: now, answered: false, free: undefined },
    ...{ doubted: false, ahead: false, open: false, paused: new Map() },
  };
}

/** What was told leaves room, so that a gate that is full was closed by the refusal of another pair. */
function expectsRoom({ answered, doubted, open, free = 0 }: Full): boolean {
  return answered && !doubted && (open || free > 0);
}

function fits({ free }: Full, used: number, one: Growth): boolean {
  return free === undefined || (free > 0 && used + sizeOf(one) <= free);
}

/** `all`: in the order in which they may go. */
function goingNow(state: Full, all: readonly Growth[], now: number): ReadonlySet<Growth> {
  if (!state.answered) return new Set();
  const mayTry = ({ place }: Growth): boolean => (state.paused.get(place.path)?.until ?? now) <= now;
  const able = all.filter((one) => mayTry(one) && fits(state, 0, one));
  if (state.free === undefined ? !state.open : state.doubted)
    return state.ahead ? oneAhead(all, able) : new Set();
  const going = new Set<Growth>();
  let used = 0;
  for (const one of able) {
    if (!fits(state, used, one)) break;
    used += sizeOf(one);
    going.add(one);
  }
  return going;
}

/** The server refused what should fit, or what went ahead: there may be room for it before anything tells. */
function contradicted(state: Full, operation: Growth, now: number): void {
  const { path } = operation.place;
  const wentAhead = state.free === undefined && !state.open && state.ahead;
  const before = state.paused.get(path)?.delayMs;
  const longer = before === undefined ? PAUSE_MS : Math.min(PAUSE_MOST_MS, before * 2);
  const delayMs = !wentAhead ? longer : sizeOf(operation) < LARGE_BYTES ? 0 : PAUSE_MOST_MS;
  state.paused.set(path, { delayMs, until: now + delayMs });
  const askAt = Math.max(state.askAt, now + AHEAD_MS);
  Object.assign(state, { askAt, doubted: state.free !== undefined, ahead: false, open: false });
}

/** The first file that may, with the folders that it needs; a folder where no file waits. */
function oneAhead(all: readonly Growth[], able: readonly Growth[]): ReadonlySet<Growth> {
  const first = able.find(({ kind }) => kind === 'upload') ?? able[0];
  if (first === undefined) return new Set();
  const byId = new Map(all.map((one) => [one.id, one]));
  const going = new Set<Growth>();
  const add = (one: Growth): void => {
    going.add(one);
    for (const id of one.after) {
      const earlier = byId.get(id);
      if (earlier !== undefined && !going.has(earlier)) add(earlier);
    }
  };
  add(first);
  return going;
}

/** Folders take next to nothing, and go first. */
function sizeOf(operation: Growth): number {
  return operation.kind === 'upload' ? operation.local.size : 0;
}

export function problemAt(path: RelPath): Problem {
  return { path, code: 'waiting', message: WAITS_FOR_ROOM };
}

export function noRoom(): RtsyncError {
  return new RtsyncError(
    'storage-full',
    'the storage is full, and no room was made in the time this run may wait',
  );
}

function waitingIn(all: readonly Growth[]): Waiting {
  const files = all.filter(({ kind }) => kind === 'upload').length;
  return { files, folders: all.length - files, bytes: all.reduce((sum, one) => sum + sizeOf(one), 0) };
}

/** Once when it begins, when much changed, and when it is over. */
function createNews() {
  let said: { readonly count: number; readonly at: number } | undefined;
  return {
    after: (waiting: Waiting, now: number): Waiting | undefined => {
      const count = waiting.files + waiting.folders;
      if (count === 0) {
        const over = said === undefined ? undefined : waiting;
        said = undefined;
        return over;
      }
      const much = said === undefined || count >= said.count * MUCH || count <= said.count / MUCH;
      if (said !== undefined && (!much || now - said.at < NEWS_MS)) return undefined;
      said = { count, at: now };
      return waiting;
    },
  };
}
