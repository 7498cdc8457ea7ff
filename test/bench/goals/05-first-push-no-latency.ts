import type { Bench } from '../bench.ts';
import { median } from '../measure.ts';
import { createFloor, createRtsync } from '../peers/rtsync.ts';
import { type Figure, ratio } from './goal.ts';

/** Without the wire: at this speed it would cost more than it tells. */
export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const options = { app: bench.app, latencyMs: undefined, size: bench.size };
  const floor = await createFloor({ ...options, home: bench.folder() });
  const rtsync = await createRtsync({ ...options, home: bench.folder() });
  const seconds = { floor: [] as number[], rtsync: [] as number[] };
  try {
    for (let run = 0; run < bench.runs; run += 1) {
      await floor.begin();
      seconds.floor.push((await floor.measure('first push')).seconds);
      await rtsync.begin();
      seconds.rtsync.push((await rtsync.measure('first push')).seconds);
    }
  } finally {
    await floor.end();
    await rtsync.end();
  }
  return ratio('wall / floor, 0 ms', median(seconds.rtsync), median(seconds.floor), {
    must: bench.size.name === 'T3' ? undefined : 2,
    stretch: 1.4,
  });
}
