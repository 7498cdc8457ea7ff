import type { Bench } from '../bench.ts';
import { bySize, type Figure, ratio } from './goal.ts';

export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const rounds = await bench.rounds();
  const of = (who: string): number | undefined => rounds.of(who, '1 % + 1 %', 'seconds');
  const ours = of('rtsync') ?? Number.NaN;
  return [
    { label: 'wall', value: ours, unit: 's' },
    ...ratio('wall / rclone bisync', ours, of('rclone'), {
      must: bySize(bench, { T2: 1 / 15, T3: 1 / 25 }),
      stretch: bySize(bench, { T3: 1 / 40 }),
    }),
    ...ratio('wall / rclone bisync, no spacing', ours, of('rclone, no spacing')),
    ...ratio('wall / Nextcloud', ours, of('nextcloud'), { must: bySize(bench, { T2: 0.6 }) }),
  ];
}
