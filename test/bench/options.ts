/** The command line of the benchmark. */
import { parseArgs } from 'node:util';
import type { Goal } from './goals/goal.ts';
import { GOALS } from './goals.ts';
import { SIZES, type TreeSize } from './trees.ts';

export const HELP = `npm run bench -- [options]

  --size T1,T2     trees: T1 1,000 files in 100 folders, T2 10,000 in 500, T3 100,000 in 5,000, T0 200 in 20 (T1)
  --runs N         alternating runs, of which medians are taken (3)
  --latency MS     on the way to every server (20)
  --only 1,4,8     these goals alone
  --long           also what needs minutes in which only time passes, and peers' first pushes of the largest tree
  --smoke          everything once with tiny trees: whether it works, not how fast it is
  --json FILE      the result as JSON
  --svg FILE       the result as a chart
`;

export interface Wanted {
  readonly sizes: readonly TreeSize[];
  readonly goals: readonly Goal[];
  readonly runs: number;
  readonly latencyMs: number;
  readonly long: boolean;
  readonly smoke: boolean;
  readonly json: string | undefined;
  readonly svg: string | undefined;
}

const SMOKE: TreeSize = { name: 'smoke', files: 20, folders: 4 };

/** Throws a RangeError with a sentence for the user. Undefined: help is wanted. */
export function readOptions(args: readonly string[]): Wanted | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: { type: 'string', default: 'T1' },
      runs: { type: 'string', default: '3' },
      latency: { type: 'string', default: '20' },
      only: { type: 'string' },
      long: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      json: { type: 'string' },
      svg: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { long, smoke, json, svg } = values;
  return {
    sizes: smoke ? [SMOKE] : values.size.split(',').map(sizeOf),
    goals: values.only === undefined ? GOALS : values.only.split(',').map(goalOf),
    runs: smoke ? 1 : whole('--runs', values.runs, 1),
    latencyMs: whole('--latency', values.latency, 0),
    ...{ long, smoke, json, svg },
  };
}

function sizeOf(name: string): TreeSize {
  const size = SIZES.find((one) => one.name === name.trim());
  if (size === undefined)
    throw new RangeError(`--size must be of ${SIZES.map((one) => one.name).join(', ')}, not "${name}"`);
  return size;
}

function goalOf(text: string): Goal {
  const goal = GOALS.find(({ number }) => String(number) === text.trim());
  if (goal === undefined)
    throw new RangeError(`--only must be numbers from 1 to ${GOALS.length}, not "${text}"`);
  return goal;
}

function whole(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new RangeError(`${option} must be a whole number from ${least}, not "${text}"`);
  return value;
}
