/** rtsync, and the bare floor: both against the same kind of server, behind the same wire. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Contestant, JOBS, type Sample } from '../contestant.ts';
import { type Ran, run } from '../measure.ts';
import { openShop, type Shop, type ShopOptions } from '../product.ts';
import { applyChanges, firstDifference, makeTree, type TreeSize, undoChanges } from '../trees.ts';

type Options = Omit<ShopOptions, 'home'> & { readonly home: string; readonly size: TreeSize };

export async function createRtsync(options: Options): Promise<Contestant> {
  const { size } = options;
  let shop: Shop | undefined;
  const open = async (): Promise<Shop> => {
    shop = await openShop(options);
    makeTree(shop.tree, size);
    return shop;
  };
  return {
    name: 'rtsync',
    jobs: JOBS,
    begin: async () => {
      if (shop === undefined) await open();
      else {
        shop.forget();
        undoChanges(shop.tree, size);
      }
    },
    tree: () => shop?.tree ?? '',
    measure: async (job) => {
      const place = shop ?? (await open());
      if (job === '1 % + 1 %') {
        applyChanges(place.tree, size, 'here');
        applyChanges(place.served, size, 'there');
      }
      const sample = await counted(place, () => place.run(job === 'first push' ? 'push' : 'sync'));
      const different = firstDifference(place.tree, place.served);
      if (different !== undefined) throw new Error(`rtsync left ${different} unequal after "${job}"`);
      return sample;
    },
    end: async () => {
      await shop?.stop();
      shop = undefined;
    },
  };
}

export async function createFloor(options: Options): Promise<Contestant> {
  const { size } = options;
  const shop = await openShop(options);
  makeTree(shop.tree, size);
  const program = fileURLToPath(new URL('../programs/floor.ts', import.meta.url));
  const state = join(shop.home, 'floor.db');
  return {
    name: 'floor',
    jobs: ['first push', 'nothing changed'],
    begin: async () => {
      shop.forget();
      for (const end of ['', '-wal', '-shm']) rmSync(state + end, { force: true });
    },
    tree: () => shop.tree,
    measure: (job) =>
      counted(shop, async () => {
        const verb = job === 'first push' ? 'push' : 'look';
        const ran = await run(process.execPath, [program, verb, shop.origin, 'w', shop.tree, state]);
        if (ran.code !== 0) throw new Error(`the floor ended with ${ran.code}: ${ran.stderr}`);
        return ran;
      }),
    end: () => shop.stop(),
  };
}

async function counted(shop: Shop, job: () => Promise<Ran>): Promise<Sample> {
  await shop.wire?.reset();
  const { seconds, cpu, peakMb } = await job();
  return { seconds, cpu, peakMb, requests: (await shop.wire?.requests()) ?? Number.NaN };
}
