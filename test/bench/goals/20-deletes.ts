import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { requestsOf } from '../beyond.ts';
import type { Figure } from './goal.ts';

const FOLDERS = 10;

export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const different = (folder: number, file: number): string => `d${folder}-f${file}.txt`;
  const equal = (_folder: number, file: number): string => `f${file}.txt`;
  return [
    {
      label: 'trash off, beyond the look',
      value: await beyondLook(bench, false, equal),
      unit: '',
      must: 4 + FOLDERS,
    },
    {
      label: 'trash on, different names',
      value: await beyondLook(bench, true, different),
      unit: '',
      must: 40,
    },
    { label: 'trash on, equal names', value: await beyondLook(bench, true, equal), unit: '', must: 40 },
  ];
}

async function beyondLook(
  bench: Bench,
  trash: boolean,
  nameOf: (folder: number, file: number) => string,
): Promise<number> {
  const shop = await bench.shop();
  const each = bench.smoke ? 3 : 100;
  const files: string[] = [];
  shop.configure({ maxDelete: false, trash: { remote: trash } });
  for (let folder = 0; folder < FOLDERS; folder += 1) {
    mkdirSync(join(shop.tree, `d${folder}`));
    for (let file = 0; file < each; file += 1)
      files.push(join(shop.tree, `d${folder}`, nameOf(folder, file)));
  }
  for (const file of files) writeFileSync(file, 'content\n');
  // A folder that lost all its files would be asked about.
  mkdirSync(join(shop.tree, 'kept'));
  writeFileSync(join(shop.tree, 'kept', 'kept.txt'), 'kept\n');
  await shop.run('push');
  const look = await requestsOf(shop);
  for (const file of files) rmSync(file);
  const deleted = await requestsOf(shop);
  await shop.stop();
  return deleted.requests - look.requests;
}
