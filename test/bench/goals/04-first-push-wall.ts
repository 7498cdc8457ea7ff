import type { Bench } from '../bench.ts';
import { bySize, type Figure, ratio } from './goal.ts';

export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const rounds = await bench.rounds();
  const of = (who: string): number | undefined => rounds.of(who, 'first push', 'seconds');
  return [
    ...ratio('wall / floor', of('rtsync'), of('floor'), {
      must: bySize(bench, { T1: 1.5, T2: 1.3, T3: 1.3 }),
      stretch: 1.15,
    }),
    ...ratio('wall / Nextcloud', of('rtsync'), of('nextcloud'), {
      must: bySize(bench, { T1: 1 / 7, T2: 1 / 11 }),
    }),
    ...ratio('wall / rclone', of('rtsync'), of('rclone')),
    ...ratio('wall / rclone, no spacing', of('rtsync'), of('rclone, no spacing')),
  ];
}
