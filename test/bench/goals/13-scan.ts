import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Bench } from '../bench.ts';
import { median, run } from '../measure.ts';
import { makeTree } from '../trees.ts';
import { type Figure, ratio } from './goal.ts';

const CLIENT = fileURLToPath(new URL('../programs/scan-client.ts', import.meta.url));
const FORMAT = '%i %s %T@ %C@ %p\\n';

export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const root = bench.folder();
  makeTree(root, bench.size);
  const find: number[] = [];
  const scans: number[] = [];
  let heldMs = 0;
  for (let turn = 0; turn < bench.runs; turn += 1) {
    await run('find', [root, '-fprintf', '/dev/null', FORMAT]);
    find.push((await run('find', [root, '-fprintf', '/dev/null', FORMAT])).seconds);
    const ran = await run(process.execPath, [CLIENT, bench.app, root, '3']);
    if (ran.code !== 0) throw new Error(`the scan ended with ${ran.code}: ${ran.stderr}`);
    const said = JSON.parse(ran.stdout) as { seconds: number[]; heldMs: number };
    scans.push(median(said.seconds));
    heldMs = Math.max(heldMs, said.heldMs);
  }
  rmSync(root, { recursive: true, force: true });
  // With a small tree `find` is all process start; the goal is for the large one.
  const bound = bench.size.name === 'T3' ? { must: 2.5, stretch: 1.7 } : {};
  return [
    ...ratio('scan / find -printf', median(scans), median(find), bound),
    { label: 'event loop held at most', value: heldMs, unit: 'ms', must: 50 },
  ];
}
