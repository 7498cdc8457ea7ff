/**
 * The one clock of a simulated world. Everything that happens is an event at a virtual time; the earliest goes first,
 * and before the next one all promises that the last one set free have run. How long a deed takes is drawn from the
 * seed, which is what interleaves processes, people and the server; so a run is the same each time it is played.
 */
import type { Clock } from '../lib/clock.ts';
import { type Chance, Died, type HandKind, type Hands } from './hands.ts';

export interface Timeline {
  /** Virtual milliseconds since the world began. */
  readonly now: number;
  /** A deed of the world itself, which no process's death takes back. */
  at(ms: number, deed: () => void): void;
  /** A new process, on a machine whose wall clock shows `epochMs` at the world's beginning. */
  process(options: ProcessOptions): Process;
  /** Plays events until `done` says so or `untilMs` has come; `stuck` when nothing is left that could happen. */
  play(done: () => boolean, untilMs: number): Promise<'done' | 'time' | 'stuck'>;
  /** Events played. */
  readonly events: number;
}

export interface ProcessOptions {
  readonly epochMs: number;
  /** It dies at this many of its own calls. */
  readonly fuse?: number | undefined;
  /** Told before each of its synchronous calls: between any two of them others may act. */
  readonly onPoint?: (what: string) => void;
  readonly onDeath?: () => void;
}

export interface Process {
  readonly hands: Hands;
  readonly clock: Clock;
  readonly alive: boolean;
  /** kill -9, now. */
  kill(): void;
  /** The fuse is taken out. */
  spare(): void;
  /** Calls so far. */
  readonly calls: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  /** Nobody waits for it any more: it is passed over, and time does not go on for it. */
  readonly stale: () => boolean;
}

const NEVER_STALE = (): boolean => false;

/** Shortest and longest time of a deed in milliseconds; one in sixteen takes the longest twice over. */
const TAKES: Readonly<Record<HandKind, readonly [number, number]>> = {
  disk: [0.02, 1],
  request: [1, 25],
  answer: [1, 25],
};

export function createTimeline(chance: Chance): Timeline {
  const events = createHeap();
  let now = 0;
  let orders = 0;
  let played = 0;

  const push: World['push'] = (at, run, stale = NEVER_STALE) => {
    orders += 1;
    events.push({ at: Math.max(now, at), order: orders, run, stale });
  };
  const takes = (kind: HandKind): number => {
    const [least, most] = TAKES[kind];
    const usual = least + chance.next() * (most - least);
    return chance.below(16) === 0 ? usual + most * 2 : usual;
  };

  return {
    get now() {
      return now;
    },
    get events() {
      return played;
    },
    at: (ms, deed) => {
      push(ms, deed);
    },
    process: (options) => startProcess(options, { now: () => now, push, takes }),
    play: async (done, untilMs) => {
      await settled();
      while (!done()) {
        const event = events.peek();
        if (event === undefined) return 'stuck';
        if (event.stale()) {
          events.pop();
          continue;
        }
        if (event.at > untilMs) return 'time';
        events.pop();
        now = event.at;
        played += 1;
        event.run();
        await settled();
      }
      return 'done';
    },
  };
}

/** All promises that can go on have gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

interface World {
  now(): number;
  push(at: number, run: () => void, stale?: () => boolean): void;
  takes(kind: HandKind): number;
}

function startProcess(options: ProcessOptions, world: World): Process {
  let alive = true;
  let calls = 0;
  let fuse = options.fuse ?? Number.POSITIVE_INFINITY;
  const kill = (): void => {
    if (!alive) return;
    alive = false;
    options.onDeath?.();
  };
  const count = (): boolean => {
    calls += 1;
    if (alive && calls >= fuse) kill();
    return alive;
  };
  const hands: Hands = {
    now: () => options.epochMs + world.now(),
    point: (_kind, what) => {
      if (!count()) throw new Died();
      options.onPoint?.(what);
    },
    later: (kind, _what, deed) => {
      if (!count()) return never();
      return new Promise((resolve, reject) => {
        const run = (): void => {
          try {
            resolve(deed());
          } catch (error) {
            reject(error);
          }
        };
        world.push(world.now() + world.takes(kind), run, () => !alive);
      });
    },
  };
  return {
    hands,
    clock: processClock(options.epochMs, world, () => alive),
    get alive() {
      return alive;
    },
    get calls() {
      return calls;
    },
    kill,
    spare: () => {
      fuse = Number.POSITIVE_INFINITY;
    },
  };
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}

function processClock(epochMs: number, world: World, alive: () => boolean): Clock {
  return {
    now: () => Math.floor(epochMs + world.now()),
    monotonic: () => world.now(),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(signal.reason);
          return;
        }
        let over = false;
        const onAbort = (): void => {
          if (over || !alive()) return;
          over = true;
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        const wake = (): void => {
          over = true;
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        world.push(world.now() + Math.max(0, ms), wake, () => over || !alive());
      }),
  };
}

interface Heap {
  push(event: Event): void;
  peek(): Event | undefined;
  pop(): void;
}

/** A binary heap by time, then by order of arrival. */
function createHeap(): Heap {
  const items: Event[] = [];
  const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
  const swap = (i: number, j: number): void => {
    [items[i], items[j]] = [items[j] as Event, items[i] as Event];
  };
  const sink = (): void => {
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < items.length && before(items[child] as Event, items[least] as Event)) least = child;
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  };
  return {
    peek: () => items[0],
    push: (event) => {
      items.push(event);
      for (let at = items.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1;
        if (!before(items[at] as Event, items[parent] as Event)) return;
        swap(at, parent);
        at = parent;
      }
    },
    pop: () => {
      const last = items.pop();
      if (items.length === 0 || last === undefined) return;
      items[0] = last;
      sink();
    },
  };
}
