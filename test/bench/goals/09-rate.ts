import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import { run } from '../measure.ts';
import type { Shop } from '../product.ts';
import { makeTree } from '../trees.ts';
import { type Figure, ratio } from './goal.ts';

const TIERS = [60, 300, 1_000] as const;
const MINUTE_MS = 60_000;
/** A fifth of a minute: in much shorter ones the work between the waits would count. */
const SCALED_MS = 12_000;

const CLIENT = fileURLToPath(new URL('../programs/scaled-client.ts', import.meta.url));

/**
 * A first push that needs two and a half windows and so must wait out two, which is the bound. With `--long` in real
 * minutes by the command line, else in windows of twelve seconds.
 */
export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const limit of bench.smoke ? [30] : TIERS) figures.push(...(await push(bench, limit)));
  return figures;
}

async function push(bench: Bench, limit: number): Promise<readonly Figure[]> {
  const windowMs = bench.smoke ? 1_000 : bench.long ? MINUTE_MS : SCALED_MS;
  const scaled = windowMs === MINUTE_MS ? {} : { windowMs };
  const shop = await bench.shop({ limit, ...scaled });
  try {
    const files = Math.round(2.2 * limit);
    makeTree(shop.tree, { name: 'rate', files, folders: Math.ceil(files / 20) });
    const seconds = await (bench.long && !bench.smoke ? minutes(shop) : windows(shop, windowMs));
    const requests = (await shop.wire?.requests()) ?? Number.NaN;
    const refused = (await shop.wire?.refused()) ?? Number.NaN;
    const bound = (Math.floor((requests - refused - 1) / limit) * windowMs) / 1000;
    return [
      ...ratio(`wall / bound at ${limit}`, seconds, bound, { must: 1.03, stretch: 1.01 }),
      { label: `answers 429 at ${limit}`, value: refused, unit: '', must: 1 },
    ];
  } finally {
    await shop.stop();
  }
}

async function minutes(shop: Shop): Promise<number> {
  return (await shop.run('push')).seconds;
}

/** Its own time, without the start of the process, which would be a large part of a short window. */
async function windows(shop: Shop, windowMs: number): Promise<number> {
  const args = [CLIENT, shop.tree, join(shop.home, 'scaled'), String(windowMs)];
  const ran = await run(process.execPath, args, { env: shop.env });
  if (ran.code !== 0) throw new Error(`the scaled push ended with ${ran.code}: ${ran.stderr}`);
  const { seconds, inSync } = JSON.parse(ran.stdout) as { seconds: number; inSync: boolean };
  if (!inSync) throw new Error('the scaled push did not bring everything over');
  return seconds;
}
