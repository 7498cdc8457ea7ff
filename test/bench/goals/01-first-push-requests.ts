import type { Bench } from '../bench.ts';
import { type Figure, ratio } from './goal.ts';

/** The most that finding out how a server behaves may cost. */
const PROBE = 18;

export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const rounds = await bench.rounds();
  const { files, folders } = bench.size;
  const bound = 1 + folders + files;
  const ours = rounds.of('rtsync', 'first push', 'requests') ?? Number.NaN;
  const theirs = rounds.of('rclone', 'first push', 'requests');
  return [
    {
      label: 'requests',
      value: ours,
      unit: '',
      must: Math.floor(1.01 * bound) + PROBE,
      stretch: bound + PROBE,
    },
    ...ratio('requests / rclone', ours, theirs, { must: 0.37 }),
  ];
}
