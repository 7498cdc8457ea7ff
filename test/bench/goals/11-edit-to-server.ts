import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { watched } from '../idle.ts';
import { pause, percentile, until } from '../measure.ts';
import { SIZES } from '../trees.ts';
import type { Figure } from './goal.ts';

const WITHIN_MS = 20_000;

/** Edits of a file in a folder that is otherwise idle; an edit counts when the server's disk holds all of it. */
export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const size = (bench.smoke ? undefined : SIZES.find(({ name }) => name === 'T1')) ?? bench.size;
  const { shop, watch } = await watched(bench, size);
  const delays: number[] = [];
  try {
    for (let i = 0; i < (bench.smoke ? 2 : 40); i += 1) {
      const name = join(`d${i % size.folders}`, `edit-${i % 4}.txt`);
      const text = `version ${i}\n`;
      const there = join(shop.served, name);
      writeFileSync(join(shop.tree, name), text);
      delays.push(await until(() => existsSync(there) && readFileSync(there, 'utf8') === text, WITHIN_MS, 2));
      await pause(100 + 37 * (i % 7));
    }
  } finally {
    await watch.stop();
    await shop.stop();
  }
  return [
    { label: 'p50', value: percentile(delays, 50), unit: 'ms', must: 250, stretch: 150 },
    { label: 'p95', value: percentile(delays, 95), unit: 'ms', must: 400 },
  ];
}
