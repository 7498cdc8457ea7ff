/**
 * Two machines, their persons and one workspace with an agent in it, for random tests: starts everything, brings all to
 * rest without faults, judges, and tells the story of each violation once.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomFrom } from '../../support/edits.ts';
import { answerWasLost, haveMet } from './excuses.ts';
import { createInspector } from './inspect.ts';
import { createLedger, type Ledger, type Place } from './ledger.ts';
import { createMachine, type End, type Machine } from './machine.ts';
import { createPerson, type Person } from './person.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { createJudge, type Judge, type Kind, type Violation } from './verdict.ts';

export interface Arena {
  readonly home: string;
  readonly ledger: Ledger;
  readonly machines: readonly [Machine, Machine];
  readonly people: Readonly<Record<Place, Person>>;
  readonly server: ServerProcess;
  readonly judge: Judge;
  /** How long a process takes until it works, on this machine. */
  readonly startMs: number;
  /** Violations so far, by kind. */
  readonly violations: ReadonlyMap<Kind, number>;
  /** What would be a violation, but for a moment in which no client can know better. */
  readonly excused: ReadonlyMap<Excuse, number>;
  report(violations: readonly Violation[]): void;
  /** Faults off, sync on both in turns until neither does anything, judge, faults on again. */
  checkpoint(): Promise<void>;
  /** Requests, faults, conflicts, excuses, lost and leftovers, and the violations by kind, in words. */
  figures(): string;
  /** Removes everything, unless something was violated. */
  close(): Promise<void>;
}

/**
 * `overtaken`: two uploads to one name met, and what the later one replaced is in a trash. `after a lost answer`: a
 * conflict copy of what was uploaded without ever being told so.
 */
export type Excuse = 'overtaken' | 'after a lost answer';

export interface ArenaOptions {
  readonly seed: number;
  /** Switches of the server: always, and but for checkpoints. */
  readonly behaviour: readonly string[];
  readonly faults: readonly string[];
  readonly keep: boolean;
}

/** Runs of both machines in turns after which rest should have come. */
const MOST_TURNS = 12;
const LONGEST_RUN_MS = 120_000;

export async function openArena({ seed, behaviour, faults, keep }: ArenaOptions): Promise<Arena> {
  const home = mkdtempSync(join(tmpdir(), 'rtsync-torture-'));
  const [data, bin] = [join(home, 'data'), join(home, 'bin')];
  for (const folder of [join(data, 'project'), bin]) mkdirSync(folder, { recursive: true });
  const always = behaviour.flatMap((one) => ['--behaviour', one]);
  const played = (nth: number): readonly string[] =>
    faults.length === 0 ? [] : ['--fault-seed', `${nth}`, ...faults.flatMap((one) => ['--fault', one])];
  const server = await startServer({ data, home, always, switches: [] });
  const origin = (): string => server.origin;
  const machines = [
    createMachine({ name: 'A', home, origin }),
    createMachine({ name: 'B', home, origin }),
  ] as const;
  const roots = { A: join(home, 'A'), B: join(home, 'B'), W: join(data, 'project') };
  const ledger = createLedger();
  const judge = createJudge({ roots, ledger, inspector: createInspector() });
  const person = (place: Place, nth: number): Person =>
    createPerson({
      ...{ place, root: roots[place], bin, ledger, random: randomFrom(seed * 10 + nth) },
      size: { least: 15, most: 40 },
    });
  const startMs = await warmUp(machines);
  await server.restart(played(seed));
  const book = createBook({ ledger, server });
  return {
    ...{ home, ledger, machines, server, judge, startMs, ...book },
    people: { A: person('A', 1), B: person('B', 2), W: person('W', 3) },
    async checkpoint() {
      await server.restart([]);
      const rested = await settle(machines, ledger);
      book.report(rested === undefined ? [] : [rested]);
      book.report(judge.judge());
      await server.restart(played(seed * 1_000 + ledger.round));
    },
    figures: () => inWords(server, judge, book),
    async close() {
      await server.stop();
      if (book.violations.size > 0 || keep) console.log(`everything is kept in ${home}`);
      else rmSync(home, { recursive: true, force: true });
    },
  };
}

type Book = Pick<Arena, 'violations' | 'excused' | 'report'>;

function createBook({ ledger, server }: Pick<Arena, 'ledger' | 'server'>): Book {
  const violations = new Map<Kind, number>();
  const excused = new Map<Excuse, number>();
  const excuseOf = ({ kind, path, digest, kept, at }: Violation): Excuse | undefined => {
    const version = digest === undefined ? undefined : ledger.versions.get(digest);
    if (version === undefined) return undefined;
    const paths = new Set([path, ...ledger.pathsOf(version.digest)]);
    if (kind === 'lost' && kept === true && haveMet(server.requests(), paths, version.at)) return 'overtaken';
    if (kind !== 'conflict without cause' || at === undefined) return undefined;
    return answerWasLost(server.requests(), paths, at) ? 'after a lost answer' : undefined;
  };
  const report = (found: readonly Violation[]): void => {
    for (const violation of found) {
      const { kind, text, path, digest } = violation;
      const excuse = excuseOf(violation);
      if (excuse !== undefined) {
        excused.set(excuse, (excused.get(excuse) ?? 0) + 1);
        console.log(`excused, ${excuse}: ${text}`);
        continue;
      }
      violations.set(kind, (violations.get(kind) ?? 0) + 1);
      console.log(`VIOLATION, ${kind}: ${text}`);
      for (const line of ledger.story(path, digest)) console.log(`     ${line}`);
    }
  };
  return { violations, excused, report };
}

function inWords(server: ServerProcess, judge: Judge, { violations, excused }: Book): string {
  const requests = server.requests();
  const faults = requests.filter(({ fault }) => fault !== undefined).length;
  const all = [...violations].map(([kind, n]) => `${kind} ${n}`).join(', ');
  return (
    `${requests.length} requests, ${faults} faults, ${judge.conflicts} conflicts ` +
    `(${excused.get('after a lost answer') ?? 0} after a lost answer), ${excused.get('overtaken') ?? 0} overtaken, ` +
    `${violations.get('lost') ?? 0} lost, ${violations.get('left over') ?? 0} leftovers` +
    `${all === '' ? '' : `; VIOLATIONS: ${all}`}`
  );
}

/** The first runs compile and try the server out; the last one tells how long a start takes. */
async function warmUp(machines: readonly Machine[]): Promise<number> {
  let tookMs = 0;
  for (const machine of [...machines, ...machines]) {
    const startedAt = performance.now();
    const end = await machine.sync();
    tookMs = performance.now() - startedAt;
    if (end.code !== 0) throw new Error(`a sync of nothing ended with ${end.code}: ${end.text}`);
  }
  return tookMs;
}

/** Undefined when both did nothing in turn. */
async function settle(machines: readonly Machine[], ledger: Ledger): Promise<Violation | undefined> {
  let idle = 0;
  let last: End | undefined;
  for (let turn = 0; turn < MOST_TURNS && idle < 2; turn += 1) {
    const machine = machines[turn % 2] as Machine;
    last = await atMost(machine);
    const done = Object.values(last.report?.operations ?? { none: 1 }).reduce((sum, n) => sum + n, 0);
    idle = done === 0 && last.code === 0 ? idle + 1 : 0;
    ledger.note(machine.name as Place, `sync for rest: ${inBrief(last)}`);
    if (last.code !== 0 && last.code !== 4 && last.code !== 75) break;
  }
  if (idle >= 2) return undefined;
  const text = `no rest after ${MOST_TURNS} runs or a bad end: ${last === undefined ? '' : inBrief(last)}; ${last?.logFile}`;
  return { kind: 'never ends', text, path: '', digest: undefined };
}

async function atMost(machine: Machine): Promise<End> {
  const run = machine.launch('sync');
  const timer = setTimeout(() => run.kill(), LONGEST_RUN_MS);
  const end = await run.ended;
  clearTimeout(timer);
  return end;
}

export function inBrief({ code, signal, report, text }: End): string {
  if (report === undefined)
    return `exit ${code ?? signal} ${signal === null && code !== 0 ? text.trim().slice(-600) : ''}`;
  const done = Object.entries(report.operations).filter(([, n]) => n > 0);
  const problems = report.problems.map(({ path, code: name }) => `${name} ${JSON.stringify(path)}`);
  return `exit ${code}, ${done.map(([kind, n]) => `${kind} ${n}`).join(', ') || 'nothing done'}${problems.length === 0 ? '' : `, ${problems.slice(0, 5).join(', ')}`}`;
}
