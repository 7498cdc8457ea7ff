/** A push at sixty requests a minute, where an upload waits for minutes: what the looks cost, and what they save. */
import { describe, expect, test } from 'vitest';
import { createIgnoreRules } from '../../../../src/core/ignore.ts';
import { createGate, type PacedGate } from '../../../../src/pace/queue.ts';
import type { Http, HttpRequest } from '../../../../src/remote/http.ts';
import type { Remote } from '../../../../src/remote/remote.ts';
import { createStorageClient } from '../../../../src/remote/runtools/client.ts';
import { createRunToolsRemote } from '../../../../src/remote/runtools/remote.ts';
import { type VirtualClock, virtualClock } from '../../../support/clock.ts';
import { at, carefulTraits, codes, dirAt, writeAll } from '../support.ts';

/** Id to content; a folder has none. Off no clock but the virtual one, unlike a socket. */
type Store = Map<string, { readonly text?: string; readonly date: number }>;

/** Whether it is over the rate. */
type Refuses = (request: HttpRequest) => boolean;
const RETRY = { 'retry-after': '30' };

function storeOver(store: Store, clock: VirtualClock, refuses: Refuses): Http {
  const answer = (request: HttpRequest): unknown => {
    const dir = decodeURIComponent(request.path.replace(/^\/v1\/workspaces\/w\/(files|upload)|\?.*$/g, ''));
    const body = String(request.body ?? '');
    const date = clock.now();
    if (request.method === 'GET')
      return [...store]
        .filter(([id]) => id.slice(0, id.lastIndexOf('/')) === dir)
        .map(([id, one]) =>
          one.text === undefined
            ? { id, type: 'folder' }
            : { id, type: 'file', size: one.text.length, date: one.date },
        );
    const file = /name="name"\r\n\r\n(.*)\r\n[\s\S]*octet-stream\r\n\r\n([\s\S]*)\r\n--/.exec(body);
    const name = file?.[1] ?? JSON.parse(body).name;
    store.set(`${dir}/${name}`, file?.[2] === undefined ? { date } : { text: file[2], date });
    return { id: `${dir}/${name}` };
  };
  return {
    send: async (request) => {
      await clock.sleep(25);
      if (refuses(request))
        return { status: 429, headers: RETRY, text: async () => '', bytes: async function* () {} };
      const text = JSON.stringify(answer(request));
      await clock.sleep(25);
      return { status: 200, headers: {}, text: async () => text, bytes: async function* () {} };
    },
    close: async () => {},
  };
}

interface Scene {
  readonly clock: VirtualClock;
  readonly store: Store;
  readonly gate: PacedGate;
  readonly remote: Remote;
}

function scene(limitPerMinute: number | undefined, refuses: Refuses = () => false): Scene {
  const clock = virtualClock();
  const store: Store = new Map();
  const gate = createGate({ limitPerMinute, clock, random: () => 0.5 });
  const origin = 'http://127.0.0.1:1';
  const http = storeOver(store, clock, refuses);
  const client = createStorageClient({ http, gate, clock, origin, key: 'k', workspaceId: 'w' });
  const remote = createRunToolsRemote({
    ...{ client, clock, traits: carefulTraits, root: dirAt('d'), folder: '/here' },
  });
  return { clock, store, gate, remote };
}

const files = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, { text: 'ours' }]));

async function pushFolders(remote: Remote, folders: number, each: number): Promise<string[]> {
  await remote.makeRoot();
  const names = Array.from({ length: folders }, (_, i) => `d${i}`);
  const ends = await Promise.all(
    names.map(async (name) => {
      await remote.makeFolder(at(name));
      return Object.values(codes(await writeAll(remote, name, files(each))));
    }),
  );
  return ends.flat();
}

describe('a first push', () => {
  test('of one folder costs a twentieth more at a slow rate, and what an agent made meanwhile stays', async () => {
    const { clock, store, gate, remote } = scene(60);
    const work = (async () => {
      await remote.makeRoot();
      return codes(await writeAll(remote, '', files(300)));
    })();
    const agent = (async () => {
      await clock.sleep(65_000);
      store.set('/d/f290', { text: 'agent', date: clock.now() });
    })();
    const { f290, ...others } = await clock.run(Promise.all([work, agent]).then(([outcomes]) => outcomes));
    expect(f290).toBe('changed');
    expect(store.get('/d/f290')?.text).toBe('agent');
    expect(new Set(Object.values(others))).toEqual(new Set(['ok']));
    expect(gate.counts.total).toBeLessThanOrEqual(300 * 1.05);
  });

  test('relies on no look that is older than what it has seen of the folder since', async () => {
    const { clock, store, remote } = scene(60);
    const work = (async () => {
      await remote.makeRoot();
      return codes(await writeAll(remote, '', files(60)));
    })();
    const agent = (async () => {
      await clock.sleep(1_000);
      store.set('/d/f43', { text: 'agent', date: clock.now() });
      await remote.sweep(createIgnoreRules([]));
    })();
    const { f43 } = await clock.run(Promise.all([work, agent]).then(([outcomes]) => outcomes));
    expect(f43).toBe('changed');
    expect(store.get('/d/f43')?.text).toBe('agent');
  });

  test('costs a twentieth more where turns come one by one', async () => {
    const { clock, gate, remote } = scene(60);
    const other = { lane: 'metadata', label: 'other', growth: false } as const;
    const work = (async () => {
      for (let i = 0; i < 60; i += 1) {
        await gate.run(other, async () => ({ status: 200, headers: {} }));
        await clock.sleep(1000);
      }
      await remote.makeRoot();
      return codes(await writeAll(remote, '', files(200)));
    })();
    expect(new Set(Object.values(await clock.run(work)))).toEqual(new Set(['ok']));
    expect(gate.counts.byLabel.list).toBeLessThanOrEqual(200 * 0.06 + 2);
  });

  test('of many small folders costs about one look more for each at a slow rate, and a few where the rate cuts one in two', async () => {
    const { clock, gate, remote } = scene(60);
    expect(new Set(await clock.run(pushFolders(remote, 24, 10)))).toEqual(new Set(['ok']));
    expect(gate.counts.byLabel).toMatchObject({ upload: 240, makeFolder: 25 });
    expect(gate.counts.byLabel.list).toBeLessThanOrEqual(24 * 1.6);
  });

  test('costs one request per file and folder and a few more when nothing holds it up', async () => {
    const { clock, gate, remote } = scene(undefined);
    expect(new Set(await clock.run(pushFolders(remote, 32, 100)))).toEqual(new Set(['ok']));
    expect(gate.counts.byLabel).toMatchObject({ upload: 3200, makeFolder: 33 });
    expect(gate.counts.byLabel.list).toBeLessThanOrEqual(4);
  });
});

describe('an upload that the server refused for its rate', () => {
  test('goes after another look only: what an agent made in the pause stays', async () => {
    let refusals = 1;
    const refuses: Refuses = ({ method, path }) =>
      method === 'POST' && path.includes('/upload/') && refusals-- > 0;
    const { clock, store, gate, remote } = scene(undefined, refuses);
    store.set('/d', { date: 0 });
    const work = writeAll(remote, '', files(1));
    const agent = (async () => {
      await clock.sleep(15_000);
      store.set('/d/f0', { text: 'agent', date: clock.now() });
    })();
    const [outcomes] = await clock.run(Promise.all([work, agent]));
    expect(codes(outcomes)).toEqual({ f0: 'changed' });
    expect(store.get('/d/f0')?.text).toBe('agent');
    expect(gate.counts.byLabel.list).toBe(2);
  });
});
