/** Measures goals one after the other; a goal that cannot be measured is said, and the others go on. */
import { type Bench, openBench } from './bench.ts';
import { JOBS, type Job } from './contestant.ts';
import type { Figure, Goal } from './goals/goal.ts';
import type { Wanted } from './options.ts';
import { type ContestRow, contestRows, type FigureRow, markOf, type Result, round } from './table.ts';

/** Where speed is not asked for, waiting may overlap. */
const SMOKE_AT_ONCE = 6;
const MOST_WORDS = 600;

/** `tell` is given each sentence while it runs. */
export async function measureAll(wanted: Wanted, tell: (text: string) => void): Promise<Result> {
  const notes = new Set<string>();
  const figures: FigureRow[] = [];
  const contests: ContestRow[] = [];
  const failed: number[] = [];
  const say = (text: string): void => {
    if (!notes.has(text)) tell(text);
    notes.add(text);
  };
  for (const [i, size] of wanted.sizes.entries()) {
    const goals = wanted.goals.filter((goal) => goal.sized || i === 0);
    const bench = openBench({ ...wanted, size, say, progress: tell, lastJob: lastJobOf(goals) });
    try {
      const measured = await inTurn(goals, wanted.smoke ? SMOKE_AT_ONCE : 1, (goal) =>
        measureOne(bench, goal, wanted.long || wanted.smoke),
      );
      for (const [at, rows] of measured.entries()) {
        if (rows === undefined) failed.push(goals[at]?.number ?? 0);
        else figures.push(...rows);
      }
      if (goals.some(({ job }) => job !== undefined)) {
        // Why they failed was said by each goal that reads them.
        const rows = await bench.rounds().then(
          (rounds) => rounds.rows,
          () => [],
        );
        contests.push(...contestRows(size.name, rows));
      }
    } finally {
      await bench.close();
    }
  }
  const { latencyMs } = wanted;
  return { version: 1, node: process.versions.node, latencyMs, contests, figures, failed, notes: [...notes] };
}

/** Undefined: it failed. */
async function measureOne(
  bench: Bench,
  goal: Goal,
  long: boolean,
): Promise<readonly FigureRow[] | undefined> {
  if (goal.long && !long) {
    bench.say(`goal ${goal.number} (${goal.title}) needs --long`);
    return [];
  }
  const startedAt = performance.now();
  let figures: readonly Figure[];
  try {
    figures = await goal.measure(bench);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    bench.say(`goal ${goal.number} (${goal.title}) could not be measured: ${why.slice(0, MOST_WORDS)}`);
    return undefined;
  }
  const took = ((performance.now() - startedAt) / 1000).toFixed(0);
  bench.progress(`goal ${goal.number} of ${bench.size.name}: ${took} s`);
  return figures.map((figure) => rowOf(bench, goal, figure));
}

/** A tiny tree has no bounds: what it takes says nothing about speed. */
function rowOf(bench: Bench, goal: Goal, { label, value, unit, ...bounds }: Figure): FigureRow {
  const { must, stretch }: Pick<Figure, 'must' | 'stretch'> = bench.smoke ? {} : bounds;
  return {
    ...{ goal: goal.number, title: goal.title, tree: goal.sized ? bench.size.name : 'any', label },
    ...{ value: Number.isFinite(value) ? round(value) : null, unit },
    ...{ must: bound(must), stretch: bound(stretch), mark: markOf(value, must, stretch) },
  };
}

/** Some at once; the results are in the order of the items. */
async function inTurn<T, R>(
  items: readonly T[],
  atOnce: number,
  job: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [i, item] of queue) results[i] = await job(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

function bound(value: number | undefined): number | null {
  return value === undefined ? null : round(value);
}

function lastJobOf(goals: readonly Goal[]): Job {
  const wanted = goals.map(({ job }) => (job === undefined ? 0 : JOBS.indexOf(job)));
  return JOBS[Math.max(0, ...wanted)] ?? 'first push';
}
