/**
 * `npm run bench:scale [-- SEED]`: many daemons that share one key, in virtual time; prints a table of Markdown, the
 * one in docs/scale.md. Nothing here depends on the machine but the seconds that it takes.
 */
import { percentile } from './measure.ts';
import { play, type WorldFigures, type WorldOptions } from './scale/world.ts';

const LIMITS = [60, 300, 1000] as const;
const DAEMONS = [1, 10, 100, 1000] as const;
/** Requests that a world plays at most, about: what decides how long it takes. */
const REQUESTS = 14_000;

const seed = Number(process.argv[2] ?? 1);
const startedAt = performance.now();
console.log(`Seed ${seed}. Times in seconds.\n`);
for (const headers of [true, false]) {
  console.log(
    headers ? 'With rate headers:\n' : 'Without rate headers, the limit configured in each daemon:\n',
  );
  console.log(
    '| limit | daemons | minutes | staleness p50 / p95 | edit p50 / p95 | fairness | used | push of 2,000 | 429 at first | 429 a minute later |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  for (const limit of LIMITS) for (const daemons of DAEMONS) await row({ limit, daemons, headers });
  console.log('');
}
console.error(`${((performance.now() - startedAt) / 1000).toFixed(0)} s`);

async function row(some: Pick<WorldOptions, 'limit' | 'daemons' | 'headers'>): Promise<void> {
  const minutes = Math.max(36, Math.round(REQUESTS / some.limit));
  const figures = await play({ ...some, folders: 10, files: 2000, minutes, seed });
  const cells = [some.limit, some.daemons, minutes, ...shown(figures, minutes)];
  console.log(`| ${cells.join(' | ')} |`);
}

function shown(figures: WorldFigures, minutes: number): readonly string[] {
  const { ages, edits, fairness, used, drained, pushed, atStart, later } = figures;
  const both = (all: readonly number[]) =>
    `${percentile([...all], 50).toFixed(1)} / ${percentile([...all], 95).toFixed(1)}`;
  return [
    both(ages),
    both(edits),
    fairness.toFixed(2),
    `${(100 * used).toFixed(0)} %`,
    drained === undefined ? `${pushed} files` : drained.toFixed(0),
    `${atStart[0]} of ${atStart[1]}`,
    `${(later[0] / (0.75 * minutes)).toFixed(2)} (${((100 * later[0]) / later[1]).toFixed(2)} %)`,
  ];
}
