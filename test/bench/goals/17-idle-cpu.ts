import type { Bench } from '../bench.ts';
import { idle } from '../idle.ts';
import type { Figure } from './goal.ts';

export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const { cpu, pollingCpu, syncthing } = await idle(bench);
  return [
    { label: 'idle', value: cpu, unit: '% of a core', must: 0.2, stretch: 0.1 },
    {
      label: '300 requests of looks a minute',
      value: pollingCpu,
      unit: '% of a core',
      must: 0.6,
      stretch: 0.3,
    },
    ...(syncthing === undefined
      ? []
      : [{ label: 'Syncthing, idle', value: syncthing.cpu, unit: '% of a core' }]),
  ];
}
