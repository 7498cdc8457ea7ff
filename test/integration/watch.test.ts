/** The service in this process, on a real disk and a real server; each story waits for what the engine tells. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openServer } from '../../src/app/link.ts';
import { openPair } from '../../src/app.ts';
import { completeBandwidth } from '../../src/config/bandwidth.ts';
import { completePair } from '../../src/config/pairs.ts';
import type { EngineEvent } from '../../src/engine/events.ts';
import { watchPair } from '../../src/engine/watch.ts';
import { watchFiles } from '../../src/engine/watcher.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type PairWorld, withWorld } from '../support/pair-world.ts';
import { TEST_KEY } from '../support/server.ts';

interface Service {
  /** Resolves when the engine tells a deed of this kind at this path, from now on or before. */
  deed(kind: string, path: string): Promise<void>;
  events: EngineEvent[];
  stop(): Promise<void>;
}

async function startService(world: PairWorld, pollMs = 100): Promise<Service> {
  const config = {
    server: {
      apiUrl: world.test.origin,
      storageUrl: world.test.origin,
      auth: 'auto' as const,
      limitPerMinute: undefined,
      concurrency: 8,
    },
    pairs: [],
    bandwidth: completeBandwidth(),
    stateDir: world.stateDir,
    logLevel: 'silent' as const,
    apiKeyFile: undefined,
    apiKeyCommand: undefined,
  };
  const clock = systemClock();
  const stop = new AbortController();
  const events: EngineEvent[] = [];
  const waiting = new Set<() => void>();
  const on = (event: EngineEvent): void => {
    events.push(event);
    for (const look of waiting) look();
  };
  const link = await openServer(config, { env: { RUNTOOLS_API_KEY: TEST_KEY }, clock });
  const pairConfig = completePair(
    { folder: world.here.root, workspace: world.test.slug, settleMs: 0 },
    { base: world.home, home: world.home, label: 'pair' },
  );
  const { pair, close } = await openPair(config, link, pairConfig, {
    clock,
    observer: { on },
    mode: 'normal',
    dryRun: false,
    signal: stop.signal,
  });
  const running = watchPair(
    pair,
    {
      pollMs,
      limitPerMinute: undefined,
      rescanMs: 600_000,
      startWatching: (hint) => watchFiles(pair, hint),
    },
    stop.signal,
  );
  const happened = (kind: string, path: string): boolean =>
    events.some((event) => {
      if (event.kind !== 'operation' || event.result !== 'done' || event.operation.kind !== kind)
        return false;
      const { operation } = event;
      return ('place' in operation ? operation.place.path : operation.to.path) === path;
    });
  return {
    events,
    deed: (kind, path) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!happened(kind, path)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        running.catch(reject);
        look();
      }),
    stop: async () => {
      stop.abort();
      await running;
      close();
      await link.close();
    },
  };
}

describe('the service', () => {
  it('carries edits, renames and deletes of both sides, and ends cleanly', () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'docs/a.txt': 'a', 'docs/b.txt': 'b' });
      const service = await startService(world);
      await service.deed('upload', 'docs/b.txt');
      await world.here.write('docs/new folder/c.txt', 'c');
      await service.deed('upload', 'docs/new folder/c.txt');
      await world.there.write('docs/agent.txt', 'agent');
      await service.deed('download', 'docs/agent.txt');
      await world.here.rename('docs', 'papers');
      await service.deed('moveRemote', 'papers');
      await world.there.remove('papers/a.txt');
      await service.deed('removeLocal', 'papers/a.txt');
      await service.stop();
      expect(await world.here.paths()).toEqual([
        'papers/',
        'papers/agent.txt',
        'papers/b.txt',
        'papers/new folder/',
        'papers/new folder/c.txt',
      ]);
      await world.expectQuiet();
    }));

  it('that starts again sends what changed here before it has looked at everything there', () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'a/x.txt': 'x', 'b/y.txt': 'y', 'c/z.txt': 'z' });
      await world.sync();
      await world.here.write('a/x.txt', 'edited while it was off');
      const mark = world.server.requests.mark();
      const service = await startService(world, 60_000);
      await service.deed('upload', 'a/x.txt');
      const before = world.server.requests.since(mark);
      expect(before.filter(({ label, path }) => label === 'list' && path === '/c')).toEqual([]);
      await service.stop();
      await world.expectQuiet();
    }));

  it('outlives a server that is in trouble for a while', () =>
    withWorld({}, async (world) => {
      await world.here.write('a.txt', 'a');
      const service = await startService(world);
      await service.deed('upload', 'a.txt');
      world.server.faults.next('list', { kind: 'status', status: 500 }, 3);
      world.server.faults.next('upload', { kind: 'status', status: 500 }, 1);
      await world.here.write('b.txt', 'b');
      await service.deed('upload', 'b.txt');
      await service.stop();
      await world.expectQuiet();
    }));

  it('never believes an emptied folder that lost its mark', () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'a.txt': 'a', 'b.txt': 'b' });
      await world.sync();
      const aside = join(world.home, 'unmounted');
      const service = await startService(world);
      const { rename, mkdir, rmdir } = await import('node:fs/promises');
      await rename(world.here.root, aside);
      await mkdir(world.here.root);
      await expect
        .poll(() => service.events.some((event) => event.kind === 'notice' && event.level === 'error'), {
          timeout: 20_000,
        })
        .toBe(true);
      await service.stop();
      expect(await world.there.paths()).toEqual(['a.txt', 'b.txt']);
      await rmdir(world.here.root);
      await rename(aside, world.here.root);
      await world.expectQuiet();
    }));
});
