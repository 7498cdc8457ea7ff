/** A simulated server for a test: time that only the test moves, hands that act at once or when told, a client. */
import type { Gate } from '../../../src/lib/gate.ts';
import type { Http } from '../../../src/remote/http.ts';
import { createStorageClient, type StorageClient } from '../../../src/remote/runtools/client.ts';
import { createChance } from '../../../src/simulation/chance.ts';
import type { HandKind, Hands } from '../../../src/simulation/hands.ts';
import type { SimFault } from '../../../src/simulation/server/faults.ts';
import { createSimServer, type SimServer, type SimServerOptions } from '../../../src/simulation/server.ts';
import { type HandClock, handClock, openGate } from '../remote/support.ts';

export const WORKSPACE = '00000000-0000-4000-8000-000000000001';
export const START = Date.UTC(2026, 0, 5, 12, 0, 0, 123);

export interface SteppedHands extends Hands {
  /** What waits, such as `request PUT /files`, oldest first. */
  readonly waiting: readonly string[];
  /** Does the oldest deed, and lets promises go on. */
  step(): Promise<void>;
  /** Steps until nothing waits. */
  run(): Promise<void>;
}

/** Deeds happen when the test says so. */
export function steppedHands(): SteppedHands {
  const queue: { readonly what: string; readonly run: () => void }[] = [];
  const drained = () => new Promise<void>((resolve) => setImmediate(resolve));
  const step = async (): Promise<void> => {
    await drained();
    queue.shift()?.run();
    await drained();
  };
  return {
    later: (kind: HandKind, what, deed) =>
      new Promise((resolve) => {
        queue.push({ what: `${kind} ${what}`, run: () => resolve(deed()) });
      }),
    point: () => undefined,
    now: () => START,
    get waiting() {
      return queue.map(({ what }) => what);
    },
    step,
    run: async () => {
      do await step();
      while (queue.length > 0);
    },
  };
}

export const handsAtOnce = (): Hands => ({
  later: async (_kind, _what, deed) => deed(),
  point: () => undefined,
  now: () => START,
});

export interface SimBench {
  readonly clock: HandClock;
  readonly server: SimServer;
  /** Faults of the clients that were made by `client`; may be changed at any time. */
  readonly faults: { rate: number; kinds: SimFault[]; readonly chance: ReturnType<typeof createChance> };
  /** Deeds that the server put off, by their times. */
  readonly scheduled: { readonly at: number; readonly deed: () => void }[];
  /** Moves the clock and does what becomes due. */
  pass(ms: number): Promise<void>;
  http(hands?: Hands): Http;
  client(hands?: Hands, gate?: Gate): StorageClient;
}

export function simBench(
  options: Partial<SimServerOptions> & { readonly seed?: string | number } = {},
): SimBench {
  const clock = handClock(START);
  const scheduled: SimBench['scheduled'] = [];
  const server = createSimServer({
    now: () => clock.now(),
    schedule: (at, deed) => scheduled.push({ at, deed }),
    workspaceId: WORKSPACE,
    ...options,
  });
  const faults: SimBench['faults'] = { rate: 0, kinds: [], chance: createChance(options.seed ?? 1) };
  const http = (hands = handsAtOnce()) => server.http(hands, faults);
  return {
    ...{ clock, server, faults, scheduled, http },
    pass: async (ms) => {
      clock.pass(ms);
      const due = scheduled.filter(({ at }) => at <= clock.now());
      for (const one of due) {
        scheduled.splice(scheduled.indexOf(one), 1);
        one.deed();
      }
      await new Promise((resolve) => setImmediate(resolve));
    },
    client: (hands, gate = openGate()) =>
      createStorageClient({
        ...{ http: http(hands), gate, clock },
        ...{ origin: 'http://127.0.0.1:1', key: 'rt_test_sim', workspaceId: WORKSPACE },
      }),
  };
}

export const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();
