/**
 * The waiting rooms before the gate: one p-queue per lane and kind of growth, each paused for good, so that it keeps
 * order and priorities but starts nothing by itself; `release` lets exactly one request through.
 */
import PQueue from 'p-queue';
import type { Lane, RequestTicket } from '../lib/gate.ts';

export interface WaitingLane {
  readonly lane: Lane;
  readonly growth: boolean;
  readonly queue: PQueue;
  /** How many wait with each priority. */
  readonly priorities: Map<number, number>;
  /** Sequence number of the latest release: equal lanes take turns. */
  served: number;
  /** Why the lane was emptied the last time. */
  refusal: Error | undefined;
}

export interface Lanes {
  of(ticket: RequestTicket): WaitingLane;
  /** Lanes where something waits and a slot is free; the one that goes first, first. */
  ready(): readonly WaitingLane[];
  release(lane: WaitingLane): void;
  /** Rejects all that wait in the lane. */
  refuse(lane: WaitingLane, error: Error): void;
  readonly waiting: number;
}

const KINDS: readonly (readonly [Lane, boolean])[] = [
  ['control', false],
  ['control', true],
  ['metadata', false],
  ['metadata', true],
  ['transfer', false],
  ['transfer', true],
];

/** `onChange` is called when a request has left a lane, started or not, or has ended. */
export function createLanes(concurrency: number, onChange: () => void): Lanes {
  const lanes = KINDS.map(([lane, growth]): WaitingLane => {
    const queue = new PQueue({ autoStart: false });
    queue.addEventListener('next', onChange);
    return { lane, growth, queue, priorities: new Map(), served: 0, refusal: undefined };
  });
  const caps = capsOf(concurrency);
  let releases = 0;

  const running = (lane: Lane) =>
    lanes.reduce((sum, one) => sum + (one.lane === lane ? one.queue.pending : 0), 0);

  function hasSlot(lane: Lane): boolean {
    const transfers = running('transfer');
    const others = transfers + running('metadata');
    if (others + running('control') >= concurrency) return false;
    if (lane === 'control') return true;
    if (others >= caps.others) return false;
    return lane === 'metadata' || transfers < caps.transfer;
  }

  return {
    of({ lane, growth }) {
      const found = lanes.find((one) => one.lane === lane && one.growth === growth);
      if (found === undefined) throw new RangeError(`no such lane: ${lane}`);
      return found;
    },
    ready: () => lanes.filter((one) => one.queue.size > 0 && hasSlot(one.lane)).sort(byTurn),
    release(lane) {
      releases += 1;
      lane.served = releases;
      lane.queue.concurrency = lane.queue.pending + 1;
      lane.queue.start();
      lane.queue.pause();
    },
    refuse(lane, error) {
      lane.refusal = error;
      lane.queue.clear();
    },
    get waiting() {
      return lanes.reduce((sum, one) => sum + one.queue.size, 0);
    },
  };
}

/** Long transfers leave slots for the small requests, and both leave one for control. */
function capsOf(concurrency: number): { readonly others: number; readonly transfer: number } {
  return concurrency < 4
    ? { others: concurrency, transfer: concurrency }
    : { others: concurrency - 1, transfer: concurrency - 2 };
}

function byTurn(a: WaitingLane, b: WaitingLane): number {
  const control = Number(b.lane === 'control') - Number(a.lane === 'control');
  return control || topPriority(b) - topPriority(a) || a.served - b.served;
}

function topPriority(lane: WaitingLane): number {
  return lane.priorities.size === 0 ? 0 : Math.max(...lane.priorities.keys());
}

/** Counts one more (or, with -1, one less) waiting request of a priority. */
export function countPriority(lane: WaitingLane, priority: number, change: 1 | -1): void {
  const count = (lane.priorities.get(priority) ?? 0) + change;
  if (count > 0) lane.priorities.set(priority, count);
  else lane.priorities.delete(priority);
}
