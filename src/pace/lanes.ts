/**
 * The waiting rooms before the gate: one p-queue per class, lane, kind of growth and share, each paused for good, so
 * that it keeps order and priorities but starts nothing by itself; `release` lets exactly one request through.
 */
import PQueue from 'p-queue';
import type { Lane, RequestTicket } from '../lib/gate.ts';
import { classOf, isPatient, type RequestClass } from './classes.ts';

export interface WaitingLine {
  readonly class: RequestClass;
  readonly lane: Lane;
  readonly growth: boolean;
  readonly share: symbol | undefined;
  readonly queue: PQueue;
  /** How many wait with each priority. */
  readonly priorities: Map<number, number>;
  /** Sequence number of the latest release: equal lines take turns. */
  served: number;
  /** Why the line was emptied the last time. */
  refusal: Error | undefined;
}

export interface Lanes {
  of(ticket: RequestTicket): WaitingLine;
  /** Counts one more (or, with -1, one less) waiting request of a priority; to be called for each, before it is added. */
  count(line: WaitingLine, priority: number, change: 1 | -1): void;
  /** Lines where something waits and a slot is free; the one that goes first, first. */
  ready(slots: number): readonly WaitingLine[];
  /** Starts the first of the line that was not aborted. */
  release(line: WaitingLine): void;
  /** To be called by each request of the line when it starts, and when it has come to its end. */
  started(line: WaitingLine): void;
  ended(line: WaitingLine): void;
  /** Rejects all that wait in the line. */
  refuse(line: WaitingLine, error: Error): void;
  /** Whether bulk waits, but for what a full store holds. */
  bulkWaits(storeFull: boolean): boolean;
  readonly running: number;
  readonly waiting: number;
}

/** `most`: never more on their way than that. `onChange` is called when a request has left a line by an abort. */
export function createLanes(most: number, onChange: () => void): Lanes {
  const lines = new Map<string, Map<symbol | undefined, WaitingLine>>();
  const occupied = new Set<WaitingLine>();
  const turns = createTurns();
  const slots = createSlots(most);
  let releases = 0;

  const open = (of: Pick<WaitingLine, 'class' | 'lane' | 'growth' | 'share'>): WaitingLine => {
    const queue = new PQueue({ autoStart: false });
    queue.addEventListener('next', onChange);
    return { ...of, queue, priorities: new Map(), served: 0, refusal: undefined };
  };

  return {
    of(ticket) {
      const { lane, growth, share } = ticket;
      const kind = classOf(ticket);
      const key = `${kind} ${lane} ${growth}`;
      const shares = lines.get(key) ?? new Map<symbol | undefined, WaitingLine>();
      lines.set(key, shares);
      const line = shares.get(share) ?? open({ class: kind, lane, growth, share });
      shares.set(share, line);
      return line;
    },
    count(line, priority, change) {
      const count = (line.priorities.get(priority) ?? 0) + change;
      if (count > 0) line.priorities.set(priority, count);
      else line.priorities.delete(priority);
      if (line.priorities.size > 0) occupied.add(line);
      else occupied.delete(line);
    },
    ready: (now) =>
      [...occupied].filter((one) => one.queue.size > 0 && slots.isFree(one, now)).sort(turns.compare),
    release(line) {
      releases += 1;
      line.served = releases;
      turns.took(line, releases);
      line.queue.concurrency = line.queue.pending + 1;
      line.queue.start();
      line.queue.pause();
    },
    started: (line) => slots.take(line, 1),
    ended: (line) => slots.take(line, -1),
    refuse(line, error) {
      line.refusal = error;
      line.queue.clear();
    },
    bulkWaits: (storeFull) =>
      [...occupied].some((one) => one.class === 'bulk' && !(storeFull && one.growth) && one.queue.size > 0),
    get running() {
      return slots.running;
    },
    get waiting() {
      return [...occupied].reduce((sum, one) => sum + one.queue.size, 0);
    },
  };
}

interface Turns {
  took(line: WaitingLine, sequence: number): void;
  compare(a: WaitingLine, b: WaitingLine): number;
}

/** Bulk and discovery take turns, then the shares of a class, then priority decides, then the lines of a share take turns. */
function createTurns(): Turns {
  const classes = new Map<RequestClass, number>();
  const shares = new Map<RequestClass, Map<symbol | undefined, number>>();
  const lastOf = (line: WaitingLine): number => shares.get(line.class)?.get(line.share) ?? 0;

  return {
    took(line, sequence) {
      classes.set(line.class, sequence);
      const ofClass = shares.get(line.class) ?? new Map<symbol | undefined, number>();
      shares.set(line.class, ofClass);
      ofClass.set(line.share, sequence);
    },
    compare: (a, b) =>
      rank(a) - rank(b) ||
      (classes.get(a.class) ?? 0) - (classes.get(b.class) ?? 0) ||
      lastOf(a) - lastOf(b) ||
      topPriority(b) - topPriority(a) ||
      a.served - b.served,
  };
}

function rank({ class: of }: WaitingLine): number {
  return of === 'control' ? 0 : of === 'urgent' ? 1 : 2;
}

function topPriority(line: WaitingLine): number {
  return line.priorities.size === 0 ? 0 : Math.max(...line.priorities.keys());
}

interface Slots {
  take(line: WaitingLine, change: 1 | -1): void;
  /** `now`: how many there are at the moment. */
  isFree(line: WaitingLine, now: number): boolean;
  readonly running: number;
}

/** Urgent requests that may go although long transfers hold every slot. */
const URGENT_EXTRA = 2;

/** Long transfers leave slots for the small requests, patient ones for urgent ones, and all leave one for control. */
function createSlots(most: number): Slots {
  let [running, control, urgent, transfers] = [0, 0, 0, 0];
  return {
    take(line, change) {
      running += change;
      if (line.class === 'control') control += change;
      else if (line.lane === 'transfer') transfers += change;
      if (line.class === 'urgent') urgent += change;
    },
    isFree(line, now) {
      if (running >= most) return false;
      if (line.class === 'control') return running < now || control === 0;
      if (line.class === 'urgent' && urgent < URGENT_EXTRA && now >= 4) return true;
      if (running >= now) return false;
      if (now < 4) return true;
      const patient = Number(isPatient(line.class) && now >= 8);
      if (running - control >= now - 1 - patient) return false;
      return line.lane !== 'transfer' || transfers < now - 2 - patient;
    },
    get running() {
      return running;
    },
  };
}
