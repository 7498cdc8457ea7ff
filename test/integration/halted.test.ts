/** A service whose folder or workspace is not known again: it says so once, stays up, and goes on when it may. */
import { cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keepPair } from '../../src/app/keep.ts';
import { openServer } from '../../src/app/link.ts';
import { loadConfig } from '../../src/config.ts';
import { watchPair } from '../../src/engine/watch.ts';
import { watchFiles } from '../../src/engine/watcher.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { type PairWorld, withWorld as withWorldOf } from '../support/pair-world.ts';

const FILES = { 'a.txt': 'a', 'd/b.txt': 'b', 'd/c.txt': 'c' };
const LIMIT = { timeout: 20_000, interval: 20 };

interface PatientClock extends Clock {
  /** No pause ends while this is true: a request on its way would seem to take as long. */
  isBusy(): boolean;
  /** Long pauses end only by this: so many, one after the other, each as long as it was meant to be. */
  pauses(count: number): Promise<void>;
  /** As many as are taken until this text is read. */
  pausesUntil(read: () => Promise<string>, text: string): Promise<void>;
}

/** Short waits take their time: the disk is real. */
function patient(): PatientClock {
  const real = systemClock();
  let ahead = 0;
  let nap: { readonly ms: number; readonly wake: () => void } | undefined;
  const end = (): void => {
    if (clock.isBusy()) return;
    const ended = nap;
    nap = undefined;
    ahead += ended?.ms ?? 0;
    ended?.wake();
  };
  const clock: PatientClock = {
    isBusy: () => false,
    now: () => real.now() + ahead,
    monotonic: () => real.monotonic() + ahead,
    sleep: (ms, signal) => {
      if (ms < 5_000) return real.sleep(ms, signal);
      return new Promise<void>((wake, reject) => {
        const mine = { ms, wake };
        nap = mine;
        const onAbort = (): void => {
          if (nap === mine) nap = undefined;
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
    pauses: async (count) => {
      for (let left = count; left > 0; left -= 1) {
        await expect.poll(() => nap !== undefined && !clock.isBusy(), { ...LIMIT, interval: 1 }).toBe(true);
        end();
      }
    },
    pausesUntil: (read, text) => {
      const look = async (): Promise<string> => {
        end();
        return read().catch(() => 'nothing');
      };
      return expect.poll(look, LIMIT).toBe(text);
    },
  };
  return clock;
}

interface PatientWorld extends PairWorld {
  readonly clock: PatientClock;
}

/** Of one time for both sides: what a pause here made later would seem dated too early by a server that knew of none. */
async function withWorld(story: (world: PatientWorld) => Promise<void>): Promise<void> {
  const clock = patient();
  await withWorldOf({ clock }, (world) => story({ ...world, clock }));
}

interface Service {
  /** Errors and warnings so far. */
  readonly said: string[];
  readonly pauses: PatientClock['pauses'];
  readonly pausesUntil: PatientClock['pausesUntil'];
  /** Resolves once there is nothing to do. */
  rest(): Promise<void>;
  stop(): Promise<void>;
}

async function startService(world: PatientWorld, pollMs: number): Promise<Service> {
  const { clock } = world;
  const stop = new AbortController();
  const said: string[] = [];
  const pairs = [{ folder: world.here.root, workspace: world.test.slug, settleMs: 0 }];
  const file = join(world.home, 'service.json');
  await writeFile(file, JSON.stringify({ pairs }));
  const { config } = await loadConfig({ file, stateDir: world.stateDir, env: world.env, cwd: world.home });
  const [pairConfig] = config.pairs;
  if (pairConfig === undefined) throw new Error('no pair');
  const link = await openServer(config, { env: world.env, clock });
  let phase: string | undefined;
  clock.isBusy = () => phase === 'working';
  const observer = {
    on: (event: { kind: string; level?: string; message?: string; phase?: string }) => {
      if (event.kind === 'phase') phase = event.phase;
      if (event.kind === 'notice' && event.level !== 'info') said.push(event.message ?? '');
    },
  };
  const run = { clock, observer, mode: 'normal', dryRun: false, signal: stop.signal } as const;
  const running = keepPair({ config, link, pairConfig, run }, (pair) =>
    watchPair(
      pair,
      {
        ...{ pollMs, limitPerMinute: undefined, rescanMs: 20 * pollMs },
        startWatching: (hint) => watchFiles(pair, hint),
      },
      stop.signal,
    ),
  );
  running.catch((error: unknown) => said.push(`ended: ${String(error)}`));
  return {
    said,
    pauses: clock.pauses,
    pausesUntil: clock.pausesUntil,
    rest: () => expect.poll(() => phase, LIMIT).toBe('idle'),
    stop: async () => {
      // A deed that is broken off would be looked into by the next run.
      await expect.poll(() => phase, LIMIT).not.toBe('working');
      stop.abort();
      await running.catch(() => undefined);
      await link.close();
    },
  };
}

async function withService(
  world: PatientWorld,
  story: (service: Service) => Promise<void>,
  pollMs = 200,
): Promise<void> {
  const service = await startService(world, pollMs);
  try {
    await story(service);
  } finally {
    await service.stop();
  }
}

async function agreed(world: PairWorld): Promise<void> {
  await world.here.fill(FILES);
  expect((await world.sync()).code).toBe(0);
}

const arrives = (read: Promise<string>): Promise<string> => read.catch(() => 'nothing');

async function atWork(world: PairWorld): Promise<void> {
  await world.here.write('before.txt', 'before');
  await expect.poll(() => arrives(world.there.read('before.txt')), LIMIT).toBe('before');
}

describe('a service that has waited', () => {
  it('knows what it sends then for its own by its date', () =>
    withWorld(async (world) => {
      await agreed(world);
      await withService(
        world,
        async (service) => {
          await atWork(world);
          await service.rest();
          await service.pauses(1);
          await world.here.write('new.txt', 'after');
          await expect.poll(() => arrives(world.there.read('new.txt')), LIMIT).toBe('after');
        },
        30_000,
      );
      await world.expectQuiet();
    }));
});

describe('a service whose folder has lost its mark', () => {
  it('says so once, asks the server for nothing, and goes on afresh when that is approved', () =>
    withWorld(async (world) => {
      await agreed(world);
      await withService(world, async (service) => {
        await atWork(world);
        await rm(world.here.at('.rtsync/pair.json'));
        await rm(world.here.at('d/c.txt'));
        await expect.poll(() => service.said.length, LIMIT).toBe(1);
        const mark = world.server.requests.mark();
        await service.pauses(60);
        expect(world.server.requests.since(mark)).toEqual([]);
        expect(service.said).toEqual([expect.stringMatching(/has lost its mark.*--afresh.*stays up/)]);
        expect((await world.cli('approve', '--afresh', world.here.root)).code).toBe(0);
        await service.pausesUntil(() => world.here.read('d/c.txt'), 'c');
        await world.here.write('new.txt', 'after');
        await expect.poll(() => arrives(world.there.read('new.txt')), LIMIT).toBe('after');
        expect(service.said).toHaveLength(1);
      });
      await world.expectQuiet();
    }));

  it('before it was started stays up as well, until the right folder is back', () =>
    withWorld(async (world) => {
      await agreed(world);
      const aside = join(world.home, 'aside');
      await rename(world.here.root, aside);
      await world.here.makeFolder('d');
      await withService(world, async (service) => {
        await expect.poll(() => service.said.length, LIMIT).toBe(1);
        const mark = world.server.requests.mark();
        await service.pauses(60);
        expect(world.server.requests.since(mark)).toEqual([]);
        await rm(world.here.root, { recursive: true });
        await service.pauses(2);
        await rename(aside, world.here.root);
        await world.here.write('new.txt', 'after');
        await service.pauses(1);
        await expect.poll(() => arrives(world.there.read('new.txt')), LIMIT).toBe('after');
      });
      expect(await world.there.paths()).toEqual(['a.txt', 'd/', 'd/b.txt', 'd/c.txt', 'new.txt']);
      await world.expectQuiet();
    }));

  it('before it was started goes on afresh when that is approved', () =>
    withWorld(async (world) => {
      await agreed(world);
      await rm(world.here.at('.rtsync/pair.json'));
      await rm(world.here.at('a.txt'));
      await withService(world, async (service) => {
        await expect.poll(() => service.said.length, LIMIT).toBe(1);
        await service.pauses(10);
        expect((await world.cli('approve', '--afresh', world.here.root)).code).toBe(0);
        await service.pausesUntil(() => world.here.read('a.txt'), 'a');
        expect(service.said).toHaveLength(1);
      });
      await world.expectQuiet();
    }));
});

describe('a service whose folder is replaced while it runs', () => {
  it('does not take a copy for it, mark and all, until a person says so; then it watches the new one', () =>
    withWorld(async (world) => {
      await agreed(world);
      const copy = join(world.home, 'copy');
      await withService(world, async (service) => {
        await atWork(world);
        await cp(world.here.root, copy, { recursive: true });
        await rename(world.here.root, join(world.home, 'aside'));
        await rm(join(copy, 'a.txt'));
        await rename(copy, world.here.root);
        await expect.poll(() => service.said.length, LIMIT).toBe(1);
        await service.pauses(20);
        expect(await world.there.read('a.txt')).toBe('a');
        await world.cli('approve', '--afresh', world.here.root);
        await service.pausesUntil(() => world.here.read('a.txt'), 'a');
        // What is edited while both sides are still compared afresh is a conflict.
        await service.rest();
        await world.here.write('d/b.txt', 'edited');
        await expect.poll(() => arrives(world.there.read('d/b.txt')), LIMIT).toBe('edited');
      });
      await world.expectQuiet();
    }));
});

describe('a service whose folder is a symlink', () => {
  it('goes on with where it leads to, when what it led to is gone', () =>
    withWorld(async (world) => {
      await agreed(world);
      const { root } = world.here;
      const [old, fresh] = [join(world.home, 'old disk'), join(world.home, 'new disk')];
      await rename(root, old);
      await symlink(old, root);
      await withService(world, async (service) => {
        await atWork(world);
        await mkdir(fresh);
        await rm(root);
        await rm(old, { recursive: true });
        await symlink(fresh, root);
        await expect.poll(() => service.said.length, LIMIT).toBe(1);
        await service.pausesUntil(() => world.here.read('a.txt'), 'a');
        // What is edited while both sides are still compared afresh is a conflict.
        await service.rest();
        await world.here.write('d/b.txt', 'edited');
        await expect.poll(() => arrives(world.there.read('d/b.txt')), LIMIT).toBe('edited');
      });
      expect(await world.there.paths()).toContain('d/c.txt');
    }));
});

describe('a service whose workspace is gone before it was started', () => {
  it('says so, stays up, and goes on when the workspace is back', () =>
    withWorld(async (world) => {
      await agreed(world);
      const aside = join(world.home, 'aside');
      await rename(world.test.folder, aside);
      await withService(world, async (service) => {
        await expect.poll(() => service.said.length, LIMIT).toBe(1);
        expect(service.said).toEqual([expect.stringMatching(/"project".* is gone.*stays up/)]);
        await rename(aside, world.test.folder);
        await world.here.write('new.txt', 'after');
        await service.pausesUntil(() => world.there.read('new.txt'), 'after');
        expect(service.said).toHaveLength(1);
      });
      await world.expectQuiet();
    }));
});

describe('a service whose workspace was emptied, mark and all', () => {
  it('asks less and less, and goes on when its files are back', () =>
    withWorld(async (world) => {
      await agreed(world);
      await withService(
        world,
        async (service) => {
          await atWork(world);
          const kept = join(world.home, 'kept');
          await cp(world.there.root, kept, { recursive: true, preserveTimestamps: true });
          await world.there.empty({ all: true });
          // Nobody looked while it was emptied.
          await service.pauses(1);
          await expect.poll(() => service.said.length, LIMIT).toBe(1);
          await service.pauses(100);
          const mark = world.server.requests.mark();
          await service.pauses(60);
          expect(world.server.requests.since(mark).length).toBeLessThan(12);
          expect(service.said).toHaveLength(1);
          expect(await world.here.read('a.txt')).toBe('a');
          await cp(kept, world.there.root, { recursive: true, preserveTimestamps: true });
          await world.here.write('new.txt', 'after');
          await service.pausesUntil(() => world.there.read('new.txt'), 'after');
        },
        60_000,
      );
      await world.expectEqual();
    }));
});
