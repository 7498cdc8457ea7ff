import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import { run, until } from '../measure.ts';
import { endFork, forkHere } from '../wire.ts';
import type { Figure } from './goal.ts';

const BURST = fileURLToPath(new URL('../programs/burst.ts', import.meta.url));
const WITHIN_MS = 30_000;

/** The watcher with the scan that it asks for, alone; another process makes the files. */
export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const root = bench.folder();
  mkdirSync(root, { recursive: true });
  const files = bench.smoke ? 100 : 5_000;
  const { child } = await forkHere('watch-client.ts', [bench.app, root]);
  let seen = { files: 0, cpu: Number.NaN };
  const ask = async (): Promise<boolean> => {
    const answer = once(child, 'message');
    child.send('tell');
    [seen] = (await answer) as [{ files: number; cpu: number }];
    return seen.files >= files;
  };
  try {
    const made = await run(process.execPath, [BURST, root, String(files)]);
    if (made.code !== 0) throw new Error(`the burst ended with ${made.code}: ${made.stderr}`);
    await until(ask, WITHIN_MS, 50);
  } finally {
    await endFork(child);
  }
  return [
    { label: 'files missed', value: files - seen.files, unit: '', must: 0 },
    { label: 'CPU of the watcher', value: seen.cpu, unit: 's', must: 1, stretch: 0.3 },
  ];
}
