import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { requestsOf } from '../beyond.ts';
import type { Figure } from './goal.ts';

export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const shop = await bench.shop();
  mkdirSync(join(shop.tree, 'before'));
  for (let i = 0; i < (bench.smoke ? 20 : 1_000); i += 1)
    writeFileSync(join(shop.tree, 'before', `f${i}.txt`), `content ${i}\n`);
  await shop.run('push');
  const look = await requestsOf(shop);
  renameSync(join(shop.tree, 'before'), join(shop.tree, 'after'));
  const renamed = await requestsOf(shop);
  await shop.stop();
  return [
    {
      label: 'requests beyond the look',
      value: renamed.requests - look.requests,
      unit: '',
      must: 3,
      stretch: 1,
    },
    { label: 'bytes of content', value: renamed.bytes, unit: '', must: 0 },
  ];
}
