import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { pause, percentile, until } from '../measure.ts';
import { makeTree, SIZES } from '../trees.ts';
import type { Figure } from './goal.ts';

const LIMIT = 300;
const WITHIN_MS = 90_000;
/** No more edits after that, however slow they were. */
const ENOUGH_MS = 240_000;

/** A first push of T1 at 300 a minute takes minutes: meanwhile a new file appears every few seconds. */
export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const shop = await bench.shop({ limit: LIMIT });
  const size = (bench.smoke ? undefined : SIZES.find(({ name }) => name === 'T1')) ?? bench.size;
  makeTree(shop.tree, size);
  const watch = await shop.watch(30);
  const delays: number[] = [];
  try {
    // The first window goes at once; what is asked for is how it is when the rate is used up.
    await pause(bench.smoke ? 500 : 8_000);
    const startedAt = performance.now();
    for (let i = 0; i < (bench.smoke ? 1 : 20) && performance.now() - startedAt < ENOUGH_MS; i += 1) {
      const name = join('d0', `fresh-${i}.txt`);
      writeFileSync(join(shop.tree, name), `fresh ${i}\n`);
      delays.push(await until(() => existsSync(join(shop.served, name)), WITHIN_MS));
      await pause(bench.smoke ? 0 : 2_000);
    }
  } finally {
    await watch.stop();
    await shop.stop();
  }
  return [
    { label: 'p50', value: percentile(delays, 50) / 1000, unit: 's' },
    { label: 'p95', value: percentile(delays, 95) / 1000, unit: 's', must: 2, stretch: 1 },
  ];
}
