import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { median, until } from '../measure.ts';
import { saidBy } from '../peers/installed.ts';
import { createUnison } from '../peers/unison.ts';
import { makeTree } from '../trees.ts';
import { type Figure, ratio } from './goal.ts';

const WITHIN_MS = 300_000;

/** From the start of the process until a file that was written while it was down is on the server. */
export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const shop = await bench.shop();
  makeTree(shop.tree, bench.size);
  await shop.run('push');
  const seconds: number[] = [];
  for (let turn = 0; turn < bench.runs; turn += 1) {
    const name = join('d0', `while-down-${turn}.txt`);
    writeFileSync(join(shop.tree, name), `${turn}\n`);
    const startedAt = performance.now();
    const watch = await shop.watch(3_600);
    const arrived = await until(() => existsSync(join(shop.served, name)), WITHIN_MS);
    seconds.push(arrived === Number.POSITIVE_INFINITY ? arrived : (performance.now() - startedAt) / 1000);
    await watch.stop();
  }
  await shop.stop();
  const large = bench.size.name === 'T3';
  return [
    {
      label: 'start until an edit made meanwhile is sent',
      value: median(seconds),
      unit: 's',
      must: 2.5,
      stretch: 1.5,
    },
    ...ratio('the same / Unison, nothing changed', median(seconds), await unisonSeconds(bench), {
      must: large ? 1.5 : undefined,
    }),
  ];
}

async function unisonSeconds(bench: Bench): Promise<number | undefined> {
  if (saidBy('unison', ['-version']) === undefined) {
    bench.say('Unison is not installed: its rows are left out');
    return undefined;
  }
  const unison = await createUnison(bench.folder(), bench.size);
  await unison.begin();
  const { seconds } = await unison.measure('nothing changed');
  await unison.end();
  return seconds;
}
