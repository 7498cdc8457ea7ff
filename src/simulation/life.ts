/**
 * One life of one process on a simulated machine: the real engine, put together by the very code that the command line
 * uses, over the machine's disk and the simulated server.
 */
import { type Assembled, assemble } from '../app/assemble.ts';
import type { PairConfig } from '../config/pairs.ts';
import { PAIR_DEFAULTS } from '../config/schema.ts';
import type { LocalDir } from '../core/path.ts';
import type { RunReport } from '../engine/report.ts';
import { runUntilQuiet } from '../engine/run-once.ts';
import { watchPair } from '../engine/watch.ts';
import { asRtsyncError, type RtsyncError } from '../lib/errors.ts';
import type { Disk } from '../local/disk.ts';
import { createBandwidth } from '../pace/bandwidth.ts';
import { createGate } from '../pace/queue.ts';
import type { Http } from '../remote/http.ts';
import { createStorageClient } from '../remote/runtools/client.ts';
import type { OpenPairState } from '../state/pair-state.ts';
import type { Estate } from './estate.ts';
import type { MachineParts } from './machine.ts';
import type { Process } from './timeline.ts';

export const WORKSPACE = 'ws_sim';
export const ORIGIN = 'https://storage.sim';

export type Ending =
  | { readonly kind: 'report'; readonly report: RunReport; readonly later: RtsyncError | undefined }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly error: RtsyncError };

export interface Life {
  readonly parts: MachineParts;
  readonly process: Process;
  readonly abort: AbortController;
  readonly estate: Estate;
  readonly state: OpenPairState;
  readonly root: string;
  readonly disk: Disk;
  /** Epoch milliseconds. */
  readonly boot: string;
  /** What a process keeps of its pace when it ends by itself. */
  keepPace?: () => void;
}

async function openLife(life: Life): Promise<Assembled> {
  const { parts, process, estate, state, root, disk } = life;
  const { clock, hands } = process;
  const http = told(parts, parts.server.http(hands, parts.faults));
  const gate = createGate({
    limitPerMinute: parts.limitPerMinute,
    concurrency: 6,
    clock,
    random: () => parts.chance.next(),
    maxGrowthWaitMs: 0,
    saved: estate.pace,
    onPause: (pace) => {
      if (process.alive) estate.pace = pace;
    },
  });
  life.keepPace = () => {
    if (process.alive) estate.pace = gate.snapshot();
  };
  return assemble(
    {
      gate,
      bandwidth:
        parts.bandwidth === undefined ? undefined : createBandwidth({ clock, rateAt: () => parts.bandwidth }),
      storage: (workspaceId, _traits, through = gate) =>
        createStorageClient({ http, gate: through, clock, origin: ORIGIN, key: 'rt_sim', workspaceId }),
    },
    {
      pairConfig: pairConfig(root, parts.remotePath),
      run: {
        clock,
        observer: { on: (event) => (process.alive ? parts.heard(event) : undefined) },
        mode: 'normal',
        dryRun: false,
        signal: life.abort.signal,
      },
      direction: 'both',
      root,
      workspace: { id: WORKSPACE, name: 'sim', slug: 'sim' },
      state,
      approvals: {
        readHeld: () => estate.held,
        saveHeld: (held) => {
          if (process.alive) estate.held = held;
        },
        approved: () => estate.approved,
        take: () => false,
      },
      disk,
      // Files of this world are small.
      resumeFrom: parts.server.behaviour.ranges === undefined ? undefined : 8,
      host: parts.name,
      boot: life.boot,
      hex: (digits) => parts.chance.next().toString(16).slice(2).padEnd(digits, '0').slice(0, digits),
    },
  );
}

/** The same, with each request and its answer in the story. */
function told({ name, tell }: MachineParts, http: Http): Http {
  return {
    close: () => http.close(),
    send: async (request) => {
      const what = `${name} ${request.method} ${request.path.replace(`/v1/workspaces/${WORKSPACE}`, '')}`;
      tell(() => `${what} …`);
      const answer = await http.send(request).catch((error: unknown) => {
        tell(() => `${what}: ${String(error)}`);
        throw error;
      });
      tell(() => `${what}: ${answer.status}`);
      return answer;
    },
  };
}

function pairConfig(folder: string, path: string): PairConfig {
  return {
    ...PAIR_DEFAULTS,
    name: 'sim',
    folder,
    workspace: WORKSPACE,
    path,
    ignore: [],
    conflicts: [],
    pollSeconds: 4,
  } as PairConfig;
}

export function syncOnce(life: Life): Promise<Ending> {
  return withPair(life, async (pair) => {
    const { report, later, bug } = await runUntilQuiet(pair, life.abort.signal, pair.gate.counts);
    return bug === undefined ? { kind: 'report', report, later } : { kind: 'failed', error: bug };
  });
}

/** As the product does: however the run ends, the pair is ended. A dead process never gets there. */
async function withPair(life: Life, use: (pair: Assembled) => Promise<Ending>): Promise<Ending> {
  try {
    const pair = await openLife(life);
    try {
      return await use(pair);
    } finally {
      pair.end();
    }
  } catch (error) {
    return endOf(life, error);
  } finally {
    life.keepPace?.();
  }
}

function endOf({ abort }: Life, error: unknown): Ending {
  return abort.signal.aborted ? { kind: 'stopped' } : { kind: 'failed', error: asRtsyncError(error) };
}

export function watch(
  life: Life,
  watching: (hint: (dirs: readonly LocalDir[]) => void) => void,
): Promise<Ending> {
  return withPair(life, async (pair) => {
    const options = {
      pollMs: 4_000,
      limitPerMinute: life.parts.limitPerMinute,
      rescanMs: 15_000,
      startWatching: async (hint: (dirs: readonly LocalDir[] | 'all') => void) => {
        watching(hint);
        return { follow: () => undefined, close: async () => undefined };
      },
    };
    await watchPair(pair, options, life.abort.signal);
    return { kind: 'stopped' };
  });
}
