import type { Bench } from '../bench.ts';
import { quarterOf } from '../trees.ts';
import { type Figure, ratio } from './goal.ts';

export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const rounds = await bench.rounds();
  const quarter = quarterOf(bench.size);
  // A look; uploads and downloads of edits and additions; one batch of deletes; each rename here one request, each
  // rename there one download that proves it.
  const bound = bench.size.folders + 1 + 4 * quarter + 1 + 2 * quarter;
  const ours = rounds.of('rtsync', '1 % + 1 %', 'requests');
  const theirs = rounds.of('rclone', '1 % + 1 %', 'requests');
  return [
    ...ratio('requests / bound', ours, bound, { must: 1.1 }),
    ...ratio('requests / rclone bisync', ours, theirs, { must: 0.35, stretch: 0.15 }),
  ];
}
