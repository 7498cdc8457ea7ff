import type { Bench } from '../bench.ts';
import { bySize, type Figure, ratio } from './goal.ts';

export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const rounds = await bench.rounds();
  const of = (who: string): number | undefined => rounds.of(who, 'nothing changed', 'seconds');
  return [
    ...ratio('wall / rclone bisync', of('rtsync'), of('rclone'), {
      must: bySize(bench, { T1: 1 / 2, T2: 1 / 7, T3: 1 / 10 }),
    }),
    ...ratio('wall / rclone bisync, no spacing', of('rtsync'), of('rclone, no spacing')),
    ...ratio('wall / floor', of('rtsync'), of('floor'), { stretch: bySize(bench, { T3: 1.15 }) }),
    ...ratio('wall / Nextcloud', of('rtsync'), of('nextcloud')),
  ];
}
