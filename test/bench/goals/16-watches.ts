import type { Bench } from '../bench.ts';
import { idle } from '../idle.ts';
import type { Figure } from './goal.ts';

/** The root, and rtsync's own folders below it. */
const CONSTANT = 10;

export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const { watches } = await idle(bench);
  return [{ label: 'inotify watches', value: watches, unit: '', must: bench.size.folders + CONSTANT }];
}
