/**
 * Many simulated worlds, one after the other, from one seed: counts what happened, and of a world in which a promise
 * did not hold tells the story of the smallest one that still fails, with the command that plays it again.
 */
import type { Violation } from './checks.ts';
import { drawScenario, type Scenario } from './scenario.ts';
import { shrink } from './shrink.ts';
import { playWorld, type WorldFigures } from './world.ts';

export interface SelftestOptions {
  /** World `n` of seed `s` is `s-n`. */
  readonly seed: string;
  /** How many worlds; the first is number `from`. */
  readonly runs: number;
  readonly from?: number;
  /** Told after each world. */
  readonly onRun?: (figures: SelftestFigures) => void;
  /** Told of each failing world as soon as it is explained. */
  readonly onFailure?: (failure: Failure) => void;
  readonly signal?: AbortSignal;
  /** Stop after so many failing worlds: 1. */
  readonly failures?: number;
}

export interface SelftestFigures extends WorldFigures {
  readonly runs: number;
}

export interface Failure {
  /** The whole seed of the world. */
  readonly seed: string;
  readonly violations: readonly Violation[];
  readonly scenario: Scenario;
  /** Of the smallest scenario. */
  readonly story: readonly string[];
}

export interface SelftestResult {
  readonly figures: SelftestFigures;
  readonly failures: readonly Failure[];
}

export const NOTHING: SelftestFigures = {
  runs: 0,
  events: 0,
  edits: 0,
  crashes: 0,
  powerCuts: 0,
  faults: 0,
  requests: 0,
  conflicts: 0,
  gaps: 0,
};

export async function selftest(options: SelftestOptions): Promise<SelftestResult> {
  const failures: Failure[] = [];
  let figures = NOTHING;
  const from = options.from ?? 1;
  for (let n = from; n < from + options.runs && options.signal?.aborted !== true; n += 1) {
    const seed = worldSeed(options.seed, n);
    const result = await playWorld(drawScenario(seed));
    figures = addFigures(figures, { runs: 1, ...result.figures });
    options.onRun?.(figures);
    if (result.violations.length === 0) continue;
    const failure = await explain(seed);
    failures.push(failure);
    options.onFailure?.(failure);
    if (failures.length >= (options.failures ?? 1)) break;
  }
  return { figures, failures };
}

export function worldSeed(seed: string, n: number): string {
  return `${seed}-${n}`;
}

export function addFigures(a: SelftestFigures, b: SelftestFigures): SelftestFigures {
  const keys = Object.keys(NOTHING) as (keyof SelftestFigures)[];
  return Object.fromEntries(keys.map((key) => [key, a[key] + b[key]])) as unknown as SelftestFigures;
}

async function explain(seed: string): Promise<Failure> {
  const scenario = await shrink(
    drawScenario(seed),
    async (smaller) => (await playWorld(smaller)).violations[0]?.promise,
  );
  const { story, violations } = await playWorld(scenario, true);
  return { seed, violations, scenario, story };
}
