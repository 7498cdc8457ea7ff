import type { Bench } from '../bench.ts';
import { type Figure, ratio } from './goal.ts';

/** The start of the process counts: with a small tree it is most of it. */
export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const rounds = await bench.rounds();
  const of = (who: string): number | undefined => rounds.of(who, 'first push', 'cpu');
  const ours = of('rtsync') ?? Number.NaN;
  return [
    { label: 'CPU per file', value: (ours / bench.size.files) * 1000, unit: 'ms', must: 0.4 },
    ...ratio('CPU / Nextcloud', ours, of('nextcloud'), { must: 1 / 5, stretch: 1 / 8 }),
    ...ratio('CPU / rclone', ours, of('rclone')),
    ...ratio('CPU / floor', ours, of('floor')),
  ];
}
