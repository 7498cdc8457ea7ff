import type { Bench } from '../bench.ts';
import { idle, watched } from '../idle.ts';
import { memoryOf } from '../measure.ts';
import type { Figure } from './goal.ts';

const SMALL = { name: 'small', files: 20, folders: 2 };

export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const { memoryMb, peakMb, syncthing } = await idle(bench);
  const growthKb = ((memoryMb - (await smallMb(bench))) * 1000) / (bench.size.files - SMALL.files + 1);
  return [
    { label: 'idle', value: memoryMb, unit: 'MB', must: 130, stretch: syncthing?.memoryMb },
    { label: 'peak of a cycle', value: peakMb, unit: 'MB', must: 180, stretch: 146 },
    // A few hundred files drown in what a process of Node differs by from start to start.
    {
      label: 'growth per file',
      value: growthKb,
      unit: 'KB',
      must: bench.size.files < 10_000 ? undefined : 0.6,
    },
    ...(syncthing === undefined
      ? []
      : [{ label: 'idle / Syncthing', value: memoryMb / syncthing.memoryMb, unit: '×' }]),
  ];
}

async function smallMb(bench: Bench): Promise<number> {
  const { shop, watch } = await watched(bench, SMALL);
  const { nowMb } = memoryOf(watch.pid);
  await watch.stop();
  await shop.stop();
  return nowMb;
}
