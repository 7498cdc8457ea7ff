/** A virtual clock for thousands of sleepers: a heap, and one turn of the event loop per moment. */
import type { Clock } from '../../../src/lib/clock.ts';

export interface ScaleClock extends Clock {
  /** Runs until this moment; the sleepers beyond it are left asleep. */
  runUntil(at: number): Promise<void>;
}

interface Sleeper {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
  gone: boolean;
}

export function scaleClock(): ScaleClock {
  const heap: Sleeper[] = [];
  const epoch = Date.UTC(2026, 0, 1);
  let elapsed = 0;
  let orders = 0;

  return {
    now: () => epoch + elapsed,
    monotonic: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        orders += 1;
        const sleeper = { at: elapsed + Math.max(0, ms), order: orders, wake: resolve, gone: false };
        push(heap, sleeper);
        signal?.addEventListener('abort', () => {
          sleeper.gone = true;
          reject(signal.reason);
        });
      }),
    async runUntil(at) {
      await turn();
      for (let first = heap[0]; first !== undefined && first.at <= at; first = heap[0]) {
        elapsed = Math.max(elapsed, first.at);
        // All that wake in one moment do so together: nothing here depends on their order.
        for (
          let next: Sleeper | undefined = first;
          next !== undefined && next.at <= elapsed;
          next = heap[0]
        ) {
          pop(heap);
          if (!next.gone) next.wake();
        }
        await turn();
      }
      elapsed = at;
    },
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isBefore(a: Sleeper | undefined, b: Sleeper | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function swap(heap: Sleeper[], i: number, j: number): void {
  const [a, b] = [heap[i], heap[j]];
  if (a === undefined || b === undefined) return;
  heap[i] = b;
  heap[j] = a;
}

function push(heap: Sleeper[], sleeper: Sleeper): void {
  heap.push(sleeper);
  for (let i = heap.length - 1; i > 0; ) {
    const parent = (i - 1) >> 1;
    if (!isBefore(heap[i], heap[parent])) return;
    swap(heap, i, parent);
    i = parent;
  }
}

function pop(heap: Sleeper[]): void {
  swap(heap, 0, heap.length - 1);
  heap.pop();
  for (let i = 0; ; ) {
    const [left, right] = [2 * i + 1, 2 * i + 2];
    const child = isBefore(heap[right], heap[left]) ? right : left;
    if (!isBefore(heap[child], heap[i])) return;
    swap(heap, i, child);
    i = child;
  }
}
