/**
 * What a simulated world is made of, drawn from its seed: the server's manners, the machines, when their processes
 * start and die, and what people do meanwhile. Plain data, so that a failing one can be made smaller piece by piece.
 */
import { createChance } from './chance.ts';
import type { Chance } from './hands.ts';
import type { SimBehaviour } from './server/behaviour.ts';
import { type SimFault, USUAL_FAULTS } from './server/faults.ts';

export interface Scenario {
  readonly seed: string;
  readonly behaviour: Partial<SimBehaviour>;
  readonly limitPerMinute: number | undefined;
  /** The pair's folder of the workspace, such as `proj/sub`; undefined: all of it. */
  readonly remotePath?: string | undefined;
  /** Bytes a second of each process, in each way; undefined: no limit. */
  readonly bandwidth?: number | undefined;
  readonly faults: { readonly rate: number; readonly kinds: readonly SimFault[] };
  /** Folders of which every list fails for a while. */
  readonly outages: readonly Outage[];
  /** A folder of many files, and who writes all of it anew when; undefined in most worlds. */
  readonly wide: Wide | undefined;
  /** An agent writes into files at the very moment that requests about them are on their way. */
  readonly scribbler: boolean;
  /** May several people edit the same paths? When not, no conflict copy may ever appear. */
  readonly shared: boolean;
  readonly machines: readonly MachinePlan[];
  readonly edits: readonly Edit[];
}

export interface Wide {
  readonly files: number;
  /** `first`: number of the first file. */
  readonly writes: readonly { readonly at: number; readonly who: Edit['who']; readonly first: number }[];
  /** An agent writes the file of this number, whether it is there or not. */
  readonly pokes: readonly { readonly at: number; readonly file: number }[];
}

export interface Outage {
  /** Virtual milliseconds. */
  readonly at: number;
  readonly forMs: number;
  /** Which of the folders there are at that moment, the top among them, in [0, 1). */
  readonly where: number;
  readonly how: SimFault;
}

export interface MachinePlan {
  /** Milliseconds by which its clock is ahead of the world's. */
  readonly skewMs: number;
  readonly caseInsensitive: boolean;
  readonly hardLinks: boolean;
  /** A program writes into files at the very moment that a process works on them. */
  readonly scribbler: boolean;
  /** Its disk tells times no finer than this, in milliseconds. */
  readonly grainMs: number;
  readonly starts: readonly Start[];
}

export interface Start {
  /** Virtual milliseconds. Passed over while another process of the machine runs. */
  readonly at: number;
  readonly mode: 'sync' | 'watch';
  /** The process dies at this many of its own calls. */
  readonly fuse: number | undefined;
  /** The death is a power cut: what was not made durable may be gone. */
  readonly powerCut: boolean;
  /** The database was lost before. */
  readonly forgets: boolean;
  /** A service that did not die is told to stop at this time. */
  readonly stopAt: number;
}

export const EDITS = [
  'create',
  'create',
  'create',
  'write',
  'write',
  'write',
  'replace',
  'replace',
  'slow',
  'touch',
  'remove',
  'remove',
  'removeTree',
  'rename',
  'rename',
  'renameOver',
  'renameFolder',
  'swap',
  'mkdir',
  'turn',
] as const;
export type EditKind = (typeof EDITS)[number];

export interface Edit {
  readonly at: number;
  /** A machine's number, or `agent`: somebody else who uses the API. */
  readonly who: number | 'agent';
  readonly kind: EditKind;
  /** Which of the entries there are at that moment, in [0, 1). */
  readonly where: number;
  /** Which other entry or free name. */
  readonly other: number;
  readonly size: number;
}

/** People stop, and processes with them, at this time. */
export const CALM_AT = 90_000;

export function drawScenario(seed: string): Scenario {
  const chance = createChance(seed);
  const machines = chance.hits(0.35) ? 2 : 1;
  const mayShare = chance.hits(0.6);
  const drawnLimit = chance.hits(0.08) ? chance.pick([300, 1000]) : undefined;
  // So slow that a service looks at a few folders at a time, and goes round.
  const usualLimit = chance.fork('slow').hits(0.1) ? 60 : drawnLimit;
  const wide = drawWide(chance.fork('wide'));
  const shared = mayShare || wide !== undefined;
  return {
    seed,
    behaviour: drawBehaviour(chance.fork('server')),
    limitPerMinute: wide === undefined ? usualLimit : 60,
    remotePath: chance.fork('remote folder').hits(0.1) ? 'proj/sub' : undefined,
    wide,
    bandwidth: chance.fork('bandwidth').hits(0.05) ? 3_000 : undefined,
    faults: drawFaults(chance.fork('faults')),
    outages: drawOutages(chance.fork('outages')),
    scribbler: chance.fork('scribbler').hits(0.2),
    shared,
    machines: Array.from({ length: machines }, (_, index) => {
      const plan = drawMachine(chance.fork(`machine ${index}`));
      return wide === undefined ? plan : { ...plan, starts: ONE_SERVICE };
    }),
    edits: drawEdits(chance.fork('edits'), machines),
  };
}

/** The pair's folder of the workspace; '' for all of it. */
export function baseOf({ remotePath }: Scenario): string {
  return remotePath ?? '';
}

function drawBehaviour(chance: Chance): Partial<SimBehaviour> {
  return {
    takenName: chance.pick(['overwrite', 'overwrite', 'rename', 'refuse'] as const),
    takenMove: chance.fork('moves').hits(0.1)
      ? chance.fork('move').pick(['overwrite', 'rename', 'refuse'] as const)
      : undefined,
    dateGrainMs: chance.hits(0.2) ? 1000 : 1,
    growingUploads: chance.hits(0.15),
    streamedDownloads: chance.hits(0.3),
    ranges: chance.fork('ranges').hits(0.4)
      ? chance.fork('range').pick(['honoured', 'honoured', 'ignored', 'wrong'] as const)
      : undefined,
    moveDate: chance.hits(0.2) ? 'new' : 'kept',
    showHidden: chance.hits(0.1) ? 'ignored' : 'honoured',
    missingFolder: chance.pick([404, 404, 500, 'empty'] as const),
    putAnswer: chance.hits(0.15) ? 'empty' : 'result',
    badBatch: chance.hits(0.2) ? 'skips' : 'stops',
    deleteMissing: chance.hits(0.2) ? 404 : 200,
    dialect: chance.hits(0.1) ? 'alternative' : 'documented',
    takenFolder: chance.hits(0.1) ? 'stray' : 'fine',
  };
}

function drawFaults(chance: Chance): Scenario['faults'] {
  if (chance.hits(0.35)) return { rate: 0, kinds: [] };
  const kinds = chance.hits(0.5) ? USUAL_FAULTS : USUAL_FAULTS.filter(() => chance.hits(0.3));
  return { rate: kinds.length === 0 ? 0 : chance.pick([0.02, 0.05, 0.15]), kinds };
}

/** It needs more than a minute to send so many files at its rate. */
const ONE_SERVICE: readonly Start[] = [
  { at: 500, mode: 'watch', fuse: undefined, powerCut: false, forgets: false, stopAt: CALM_AT },
];

/** At a slow rate, so that what was looked at grows old before its turn comes. */
function drawWide(chance: Chance): Wide | undefined {
  if (!chance.hits(0.02)) return undefined;
  const files = 40 + chance.below(40);
  const writes = Array.from({ length: 1 + chance.below(2) }, () => ({
    at: 2_000 + chance.below(40_000),
    who: chance.hits(0.2) ? ('agent' as const) : 0,
    first: chance.below(3) * files,
  }));
  const pokes = Array.from({ length: chance.below(30) }, () => ({
    at: chance.below(CALM_AT),
    file: chance.below(files * 3),
  }));
  return { files, writes: [{ at: 1, who: 0, first: 0 }, ...writes], pokes };
}

/** Long enough for every look of a run to meet it, and the second look before a delete. */
function drawOutages(chance: Chance): readonly Outage[] {
  if (!chance.hits(0.2)) return [];
  return Array.from({ length: 1 + chance.below(3) }, () => ({
    at: chance.below(CALM_AT - 20_000),
    forMs: 2_000 + chance.below(25_000),
    where: chance.next(),
    how: chance.pick(['500', '503', 'html', 'half-list', 'lost-before', 'lost-after'] as const),
  }));
}

function drawMachine(chance: Chance): MachinePlan {
  const skewMs = chance.hits(0.3) ? (chance.next() - 0.5) * 7_200_000 : 0;
  const deadly = chance.hits(0.6);
  const powerCut = chance.hits(0.4);
  const hardLinks = !chance.hits(0.05);
  const starts: Start[] = [];
  for (let at = chance.below(3_000); at < CALM_AT - 5_000; ) {
    const mode = chance.hits(0.35) ? 'watch' : 'sync';
    const stopAt = at + 5_000 + chance.below(40_000);
    const fuse = deadly && chance.hits(0.6) ? Math.floor(2 ** (chance.next() * 10.5)) : undefined;
    starts.push({
      at,
      mode,
      fuse,
      powerCut: powerCut && chance.hits(0.5),
      forgets: chance.hits(0.015),
      stopAt,
    });
    at += 1_500 + chance.below(22_000);
  }
  return {
    skewMs: Math.floor(skewMs),
    caseInsensitive: chance.fork('case').hits(0.08),
    hardLinks,
    scribbler: hardLinks && chance.hits(0.25),
    grainMs: chance.pick([1, 1, 1, 10, 40]),
    starts,
  };
}

/** In bursts, since what is rare alone is common together. */
function drawEdits(chance: Chance, machines: number): readonly Edit[] {
  const edits: Edit[] = [];
  const count = 4 + chance.below(28);
  for (let first = 2 + chance.below(8); first > 0; first -= 1)
    edits.push(drawEdit(chance, { at: first, machines, kinds: ['create', 'create', 'mkdir'] }));
  let at = 100;
  while (edits.length < 10 + count && at < CALM_AT - 10_000) {
    at += chance.hits(0.6) ? chance.below(60) : chance.below(9_000);
    edits.push(drawEdit(chance, { at, machines, kinds: EDITS }));
  }
  return edits;
}

function drawEdit(
  chance: Chance,
  {
    at,
    machines,
    kinds,
  }: { readonly at: number; readonly machines: number; readonly kinds: readonly EditKind[] },
): Edit {
  return {
    at,
    who: chance.hits(0.4) ? 'agent' : chance.below(machines),
    kind: chance.pick(kinds),
    where: chance.next(),
    other: chance.next(),
    size: chance.hits(0.01) ? 100_000 : chance.pick([10, 10, 10, 10, 24, 24, 300]),
  };
}
