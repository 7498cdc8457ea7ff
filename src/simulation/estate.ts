/** What outlives the processes of a simulated machine: the pair's database, what is held, the pace. */
import type { Held } from '../core/plan.ts';
import type { Disk } from '../local/disk.ts';
import { readMarker } from '../local/own.ts';
import type { SavedPace } from '../pace/queue.ts';
import { imageOf, type MemoryDatabase, memoryDatabase, wipe } from '../state/memory.ts';
import { type OpenPairState, openPairState } from '../state/pair-state.ts';
import { type Chance, Died } from './hands.ts';
import type { Process } from './timeline.ts';

export interface Estate {
  pace: SavedPace | undefined;
  held: readonly Held[];
  /** What a person let pass, as `heldFingerprint` gives it. */
  approved: ReadonlySet<string>;
  /** The state for a new process. `watchful`: a power cut may come, so what is durable must be known at each moment. */
  open(life: {
    readonly root: string;
    readonly process: Process;
    readonly disk: Disk;
    readonly watchful: boolean;
  }): OpenPairState;
  /** The process is dead. After a power cut what was not durable is there or not. */
  inherit(powerCut: boolean, chance: Chance): void;
  /** The database is lost. */
  forget(): void;
  /** The world is over. */
  close(): void;
}

export interface Identity {
  readonly storage: string;
  readonly workspaceId: string;
  readonly remotePath: string;
}

/** Durable when they return; the rest may be lost to a power cut. */
const DURABLE: ReadonlySet<string | symbol> = new Set(['settle', 'saveNote']);

export function createEstate(identity: Identity): Estate {
  let db = takeDatabase();
  let durable: Buffer | undefined;
  return {
    pace: undefined,
    held: [],
    approved: new Set(),
    open: ({ root, process, disk, watchful }) => {
      const pairId = markedId(root, disk);
      const state = openPairState({
        file: db,
        identity: { folder: root, ...identity },
        clock: process.clock,
        ...(pairId === undefined ? {} : { pairId }),
      });
      durable = watchful ? imageOf(db) : undefined;
      return guarded(state, process, () => {
        if (watchful) durable = imageOf(db);
      });
    },
    inherit: (powerCut, chance) => {
      if (!powerCut || durable === undefined || !chance.hits(0.5)) return;
      db.close();
      db = memoryDatabase(durable);
    },
    forget: () => wipe(db),
    close: () => {
      free.push(db);
    },
  };
}

/** Opening a database, and compiling what it is asked, takes longer than a small world does. */
const free: MemoryDatabase[] = [];

function takeDatabase(): MemoryDatabase {
  const db = free.pop();
  if (db === undefined) return memoryDatabase();
  wipe(db);
  return db;
}

/** A dead process writes no more. */
function guarded(state: OpenPairState, process: Process, onDurable: () => void): OpenPairState {
  return new Proxy(state, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (DURABLE.has(key)) process.hands.point('disk', `state ${String(key)}`);
        if (!process.alive) throw new Died();
        const result: unknown = Reflect.apply(value, target, args);
        if (DURABLE.has(key)) onDurable();
        return result;
      };
    },
  });
}

function markedId(root: string, disk: Disk): string | undefined {
  try {
    return readMarker(root, disk)?.pairId;
  } catch {
    return undefined;
  }
}
