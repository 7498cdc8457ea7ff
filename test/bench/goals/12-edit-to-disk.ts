import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { pause, percentile, until } from '../measure.ts';
import type { Shop } from '../product.ts';
import { makeTree, SIZES } from '../trees.ts';
import type { Figure } from './goal.ts';

const RATE = 300;

/** A folder is hot when something was changed in it shortly before. */
export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const size = (bench.smoke ? undefined : SIZES.find(({ name }) => name === 'T1')) ?? bench.size;
  const shop = await bench.shop();
  shop.configure({});
  makeTree(shop.tree, size);
  await shop.run('push');
  // The limit comes after the push, which would take minutes under it.
  shop.configure({}, { limitPerMinute: RATE });
  const watch = await shop.watch(1);
  const sweep = (2 * (size.folders + 1) * 60) / RATE;
  const hot: number[] = [];
  const anywhere: number[] = [];
  const edits = bench.smoke ? 1 : 10;
  try {
    await arrival(shop, join('d0', 'hot.txt'), 'first', sweep);
    for (let i = 0; i < edits; i += 1) {
      await pause(bench.smoke ? 0 : 700 + 310 * (i % 5));
      hot.push(await arrival(shop, join('d0', 'hot.txt'), `hot ${i}`, sweep));
    }
    for (let i = 0; i < edits; i += 1) {
      await pause(bench.smoke ? 0 : 1_300 + 710 * (i % 5));
      const folder = `d${(i * 31 + 7) % size.folders}`;
      anywhere.push(await arrival(shop, join(folder, 'cold.txt'), `cold ${i}`, sweep));
    }
  } finally {
    await watch.stop();
    await shop.stop();
  }
  const worst = Math.max(...anywhere) / sweep;
  return [
    { label: 'hot folder, p95', value: percentile(hot, 95), unit: 's', must: 10, stretch: 5 },
    { label: 'anywhere, slowest / sweep bound', value: worst, unit: '×', must: 1.1 },
  ];
}

/** Seconds until what was written on the server's disk is on ours. */
async function arrival(shop: Shop, name: string, text: string, sweep: number): Promise<number> {
  const here = join(shop.tree, name);
  writeFileSync(join(shop.served, name), text);
  const arrived = (): boolean => existsSync(here) && readFileSync(here, 'utf8') === text;
  return (await until(arrived, 60_000 + sweep * 5_000)) / 1000;
}
