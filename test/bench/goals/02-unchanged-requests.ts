import type { Bench } from '../bench.ts';
import { pause, until } from '../measure.ts';
import { makeTree } from '../trees.ts';
import type { Figure } from './goal.ts';

export async function measure(bench: Bench): Promise<readonly Figure[]> {
  const { folders } = bench.size;
  const rounds = await bench.rounds();
  const requests = rounds.of('rtsync', 'nothing changed', 'requests') ?? Number.NaN;
  return [
    { label: 'requests of a full look', value: requests, unit: '', must: folders + 3, stretch: folders + 1 },
    {
      label: 'watching: requests per poll / (D + 1)',
      value: (await perPoll(bench)) / (folders + 1),
      unit: '×',
      stretch: 0.25,
    },
  ];
}

/** Requests of one poll interval while nothing changes, once the first look is over. */
async function perPoll(bench: Bench): Promise<number> {
  const shop = await bench.shop();
  makeTree(shop.tree, bench.size);
  await shop.run('push');
  // A look must fit into the interval.
  const seconds = bench.smoke ? 0.5 : Math.max(3, bench.size.folders / 250);
  const polls = bench.smoke ? 2 : bench.long ? 40 : 6;
  await shop.wire?.reset();
  const watch = await shop.watch(seconds);
  try {
    const looked = async (): Promise<boolean> => ((await shop.wire?.requests()) ?? 0) > bench.size.folders;
    await until(looked, 60_000);
    await pause(seconds * 500);
    await shop.wire?.reset();
    await pause(polls * seconds * 1000);
    return ((await shop.wire?.requests()) ?? Number.NaN) / polls;
  } finally {
    await watch.stop();
    await shop.stop();
  }
}
