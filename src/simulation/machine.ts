/**
 * One simulated machine: a disk and a state that outlive its processes. Processes start, run once or watch, and end: by
 * themselves, when told, or by death.
 */
import { heldFingerprint } from '../core/guard.ts';
import type { LocalDir } from '../core/path.ts';
import type { EngineEvent } from '../engine/events.ts';
import { createSimDisk, type SimDisk } from './disk.ts';
import { createEstate } from './estate.ts';
import type { Chance } from './hands.ts';
import { type Ending, type Life, ORIGIN, syncOnce, WORKSPACE, watch } from './life.ts';
import type { MachinePlan, Start } from './scenario.ts';
import type { SimFaults } from './server/faults.ts';
import type { SimServer } from './server.ts';
import type { Process, Timeline } from './timeline.ts';

export const EPOCH = Date.UTC(2026, 0, 5, 12);

export interface Machine {
  readonly name: string;
  readonly root: string;
  readonly disk: SimDisk;
  /** Undefined while no process runs. */
  readonly process: Process | undefined;
  /** Number of its process as a client of the server, from 1. */
  readonly client: number | undefined;
  start(how: Pick<Start, 'mode' | 'fuse' | 'powerCut' | 'forgets'>): void;
  /** Tells a service to stop. */
  stop(): void;
  /** kill -9; with `powerCut` what the disk had not made durable may be gone. */
  crash(powerCut: boolean): void;
  /** The world is over. */
  close(): void;
  /** A person lets all pass that is held. Gives whether there was anything. */
  approve(): boolean;
  /** A person touched this path: a service that watches is told. */
  hint(path: string): void;
  /** How the last process ended that was not killed. */
  readonly last: Ending | undefined;
}

export interface MachineParts {
  readonly name: string;
  readonly plan: MachinePlan;
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly limitPerMinute: number | undefined;
  /** Bytes a second, in each way. */
  readonly bandwidth: number | undefined;
  /** The pair's folder of the workspace; '' for all of it. */
  readonly remotePath: string;
  readonly server: SimServer;
  readonly faults: SimFaults;
  /** Told before each synchronous call of its processes on the disk. */
  readonly between?: (what: string) => void;
  /** Told how a process ended that was not killed. */
  ended(ending: Ending): void;
  readonly tell: (line: () => string) => void;
  /** Told of everything the engine says. */
  heard(event: EngineEvent): void;
}

export function createMachine(parts: MachineParts): Machine {
  const { plan, timeline, chance, name, server } = parts;
  const root = `/home/${name}`;
  const epochMs = EPOCH + plan.skewMs;
  const disk = createSimDisk({
    root,
    now: () => Math.floor(epochMs + timeline.now),
    caseInsensitive: plan.caseInsensitive,
    hardLinks: plan.hardLinks,
    grainMs: plan.grainMs,
  });
  const estate = createEstate({ storage: ORIGIN, workspaceId: WORKSPACE, remotePath: parts.remotePath });
  let running: { readonly process: Process; readonly abort: AbortController } | undefined;
  const aborts: AbortController[] = [];
  let last: Ending | undefined;
  let boots = 0;
  let hint: (dirs: readonly LocalDir[]) => void = () => undefined;

  const crash = (powerCut: boolean): void => {
    if (running === undefined) return;
    const { process } = running;
    running = undefined;
    process.kill();
    server.died(process.hands);
    estate.inherit(powerCut, chance);
    if (powerCut) {
      disk.powerLoss(chance);
      boots += 1;
    }
    hint = () => undefined;
  };

  return {
    name,
    root,
    disk,
    get process() {
      return running?.process;
    },
    get client() {
      return running === undefined ? undefined : server.clientOf(running.process.hands);
    },
    get last() {
      return last;
    },
    start: ({ mode, fuse, powerCut, forgets }) => {
      if (running !== undefined) return;
      last = undefined;
      const process = timeline.process({
        ...{ epochMs, fuse },
        ...(parts.between === undefined ? {} : { onPoint: parts.between }),
      });
      const abort = new AbortController();
      aborts.push(abort);
      const own = disk.forProcess(process.hands);
      if (forgets) estate.forget();
      running = { process, abort };
      const state = estate.open({ root, process, disk: own, watchful: powerCut });
      const life: Life = { parts, process, abort, estate, state, root, disk: own, boot: `start ${boots}` };
      const watching = (to: (dirs: readonly LocalDir[]) => void): void => {
        hint = to;
      };
      const ended = mode === 'sync' ? syncOnce(life) : watch(life, watching);
      ended.then(
        (ending) => {
          if (!process.alive) return;
          last = ending;
          parts.ended(ending);
          estate.inherit(false, chance);
          running = undefined;
          hint = () => undefined;
          process.kill();
        },
        () => undefined,
      );
    },
    stop: () => running?.abort.abort(new Error('told to stop')),
    crash,
    close: () => {
      running?.process.kill();
      // Node keeps what waits for a signal made of others until it comes: with it all that a dead process had in hand.
      for (const abort of aborts) abort.abort(new Error('the world is over'));
      estate.close();
    },
    approve: () => {
      estate.approved = new Set([...estate.approved, ...estate.held.map(heldFingerprint)]);
      return estate.held.length > 0;
    },
    hint: (path) => {
      const slash = path.lastIndexOf('/');
      // Hints get lost: the kernel's queue overflows now and then.
      if (!chance.hits(0.05)) hint([(slash < 0 ? '' : path.slice(0, slash)) as LocalDir]);
    },
  };
}
