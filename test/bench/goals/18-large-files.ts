import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { median, type Ran, run } from '../measure.ts';
import { rcloneEnv, rcloneHere, serveByRclone } from '../peers/rclone.ts';
import { type Figure, ratio } from './goal.ts';

const MIB = 1024 * 1024;

/** T4: 20 files of 50 MiB, no wire in between. */
export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const [files, bytes] = bench.smoke ? [2, MIB] : bench.size.name === 'T0' ? [4, 8 * MIB] : [20, 50 * MIB];
  const shop = await bench.shop({ latencyMs: undefined });
  mkdirSync(join(shop.tree, 'large'));
  for (let i = 0; i < files; i += 1)
    writeFileSync(join(shop.tree, 'large', `f${i}.bin`), Buffer.alloc(bytes, `large ${i} `));
  const ours: Ran[] = [];
  const theirs: Ran[] = [];
  for (let turn = 0; turn < bench.runs; turn += 1) {
    shop.forget();
    ours.push(await shop.run('push'));
    if (statSync(join(shop.served, 'large', `f${files - 1}.bin`)).size !== bytes)
      throw new Error('a large file is not whole');
    const copied = await rcloneCopy(bench, shop.tree);
    if (copied !== undefined) theirs.push(copied);
  }
  await shop.stop();
  const rclone = theirs.length === 0 ? undefined : median(theirs.map(({ seconds }) => seconds));
  return [
    { label: 'wall', value: median(ours.map(({ seconds }) => seconds)), unit: 's' },
    ...ratio('wall / rclone', median(ours.map(({ seconds }) => seconds)), rclone, { must: 1.1, stretch: 1 }),
    {
      label: 'peak',
      value: Math.max(...ours.map(({ peakMb }) => peakMb)),
      unit: 'MB',
      must: 130,
      stretch: 110,
    },
  ];
}

async function rcloneCopy(bench: Bench, tree: string): Promise<Ran | undefined> {
  if (rcloneHere().version === undefined) {
    bench.say('rclone is not installed: its rows are left out');
    return undefined;
  }
  const home = bench.folder();
  mkdirSync(join(home, 'served'), { recursive: true });
  const server = await serveByRclone(join(home, 'served'));
  try {
    const env = rcloneEnv(home, `http://127.0.0.1:${server.port}`);
    const ran = await run('rclone', ['copy', tree, 'bench:', '--exclude', '.rtsync/**'], { env });
    if (ran.code !== 0) throw new Error(`rclone copy ended with ${ran.code}: ${ran.stderr}`);
    return ran;
  } finally {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  }
}
