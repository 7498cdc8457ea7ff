import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Gate } from '../../../src/lib/gate.ts';
import { type DirId, type EntryId, TOP } from '../../../src/remote/runtools/ids.ts';
import type { UploadSource } from '../../../src/remote/runtools/multipart.ts';
import type { SimServerChange } from '../../../src/simulation/server/changes.ts';
import { type SimFault, USUAL_FAULTS } from '../../../src/simulation/server/faults.ts';
import { codeOf, openGate } from '../remote/support.ts';
import { handsAtOnce, type SimBench, START, simBench, steppedHands, text } from './server-world.ts';

const bytes = (content: string): Buffer => Buffer.from(content);
const source = (content: string): UploadSource => ({ size: content.length, body: () => bytes(content) });
const at = (path: string): EntryId => path as EntryId;

/** Files as texts, rtsync's own included. */
function files({ server }: SimBench): Record<string, string> {
  return Object.fromEntries([...server.holds()].map((one) => [one.path, text(one.bytes) ?? '']));
}

/** A client whose every request meets this fault. */
function faulty(kind: SimFault, options: Parameters<typeof simBench>[0] = {}) {
  const bench = simBench(options);
  bench.faults.rate = 1;
  bench.faults.kinds = [kind];
  return { bench, client: bench.client() };
}

describe('a request', () => {
  it('is done in one instant between its sending and its answer', async () => {
    const bench = simBench();
    const hands = steppedHands();
    const sent = bench.client(hands).upload(TOP, 'a', source('A'));
    await hands.step();
    expect(files(bench)).toEqual({ a: 'A' });
    expect(hands.waiting).toEqual(['answer POST /upload']);
    await hands.run();
    expect((await sent).id).toBe('/a');
  });

  it('to another workspace is not found', async () => {
    const bench = simBench({ workspaceId: 'another' });
    expect(await codeOf(bench.client().list(TOP))).toBe('not-found');
  });

  it('is counted when it arrives, with the time of its sending', async () => {
    const bench = simBench();
    const hands = steppedHands();
    const listed = bench.client(hands).list(TOP);
    bench.clock.pass(40);
    await hands.run();
    await listed;
    expect(bench.server.requestTimes).toEqual([START + 40]);
    expect(bench.server.sentTimes).toEqual([START]);
  });

  it('of one client is seen by the other at once', async () => {
    const bench = simBench();
    await bench.client().upload(TOP, 'a', source('A'));
    expect([...(await bench.client().list(TOP)).entries.keys()]).toEqual(['a']);
  });
});

describe('an upload whose body breaks off', () => {
  const broken: UploadSource = {
    size: 6,
    body: () =>
      Readable.from(
        (async function* () {
          yield bytes('abc');
          throw new Error('the disk is gone');
        })(),
        { objectMode: false },
      ),
  };
  const short: UploadSource = { size: 6, body: () => Readable.from([bytes('abc')], { objectMode: false }) };

  it.each([
    [false, broken, 'network', {}],
    [false, short, 'changed', {}],
    [true, broken, 'network', { a: 'abc' }],
    // Its end had come, though not where it was announced.
    [true, short, 'changed', { a: 'abc' }],
  ])('leaves what came where uploads grow (%s), else nothing', async (growingUploads, body, code, left) => {
    const bench = simBench({ behaviour: { growingUploads } });
    expect(await codeOf(bench.client().upload(TOP, 'a', body))).toBe(code);
    expect(files(bench)).toEqual(left);
  });
});

describe('a growing upload', () => {
  it('shows a part of itself before it is whole', async () => {
    const bench = simBench({ behaviour: { growingUploads: true }, seed: 3 });
    const hands = steppedHands();
    const sent = bench.client(hands).upload(TOP, 'a', source('0123456789'));
    await hands.step();
    const part = files(bench).a ?? 'nothing';
    expect(part.length).toBeLessThan(10);
    expect('0123456789'.startsWith(part)).toBe(true);
    await hands.run();
    await sent;
    expect(files(bench)).toEqual({ a: '0123456789' });
  });

  it('tears the file with another writer, and follows it when it is moved', async () => {
    const bench = simBench({ behaviour: { growingUploads: true }, seed: 3 });
    const hands = steppedHands();
    const sent = bench.client(hands).upload(TOP, 'a', source('0123456789'));
    await hands.step();
    const came = files(bench).a?.length ?? 0;
    bench.server.agent.write('a', bytes('agent'));
    bench.server.agent.move('a', 'b');
    const settled = codeOf(sent);
    await hands.run();
    expect(await settled).toBe('not-found');
    const hole = 'agent'.slice(0, came).padEnd(came, '\0');
    expect(files(bench)).toEqual({ b: hole + '0123456789'.slice(came) });
  });
});

describe('giving up', () => {
  it('before the sending sends nothing', async () => {
    const bench = simBench();
    const stop = new AbortController();
    stop.abort(new Error('stop'));
    const request = { origin: '', method: 'GET', path: '/v1', headers: {}, signal: stop.signal } as const;
    await expect(bench.http().send(request)).rejects.toThrow('stop');
    expect(bench.server.requestTimes).toEqual([]);
  });

  it('after the deed neither undoes nor repeats it', async () => {
    for (let seed = 0; seed < 12; seed += 1) {
      const bench = simBench({ seed, behaviour: { takenName: 'rename' } });
      const hands = steppedHands();
      const stop = new AbortController();
      const sent = codeOf(bench.client(hands).upload(TOP, 'a', source('A'), { signal: stop.signal }));
      await hands.step();
      stop.abort();
      expect(await sent).toBe('stopped');
      await bench.pass(2_000);
      expect(files(bench)).toEqual({ a: 'A' });
    }
  });

  it.each(['gives up', 'dies'])(
    'while it travels leaves it to chance whether it arrives: it %s',
    async (how) => {
      const ends = new Set<string>();
      for (let seed = 0; seed < 40; seed += 1) {
        const bench = simBench({ seed });
        const hands = steppedHands();
        const stop = new AbortController();
        const sent = codeOf(bench.client(hands).upload(TOP, 'a', source('A'), { signal: stop.signal }));
        await new Promise((resolve) => setImmediate(resolve));
        if (how === 'dies') bench.server.died(hands);
        else {
          stop.abort();
          expect(await sent).toBe('stopped');
          await hands.run();
        }
        expect(files(bench)).toEqual({});
        await bench.pass(2_000);
        ends.add(JSON.stringify(files(bench)));
      }
      expect([...ends].sort()).toEqual(['{"a":"A"}', '{}']);
    },
  );

  it('of a process in the middle of a growing upload leaves the half or the whole', async () => {
    const ends = new Set<boolean>();
    for (let seed = 0; seed < 40; seed += 1) {
      const bench = simBench({ seed, behaviour: { growingUploads: true } });
      const hands = steppedHands();
      void bench.client(hands).upload(TOP, 'a', source('0123456789'));
      await hands.step();
      bench.server.died(hands);
      await bench.pass(2_000);
      ends.add(files(bench).a === '0123456789');
    }
    expect(ends).toEqual(new Set([true, false]));
  });
});

describe('faults', () => {
  it.each([
    ['lost-before', ['network'], ''],
    ['lost-after', ['network', 'server-error'], 'A'],
    ['late', ['network'], ''],
    ['repeated', ['ok'], 'A'],
    ['500', ['server-error'], ''],
    ['503', ['server-error'], ''],
    ['html', ['bad-answer'], ''],
    ['half-list', ['ok'], 'A'],
  ] as const)('%s: an upload ends with %j', async (kind, codes, left) => {
    for (let seed = 0; seed < 12; seed += 1) {
      const { bench, client } = faulty(kind, { seed });
      expect(codes).toContain(await codeOf(client.upload(TOP, 'a', source('A'))));
      expect(files(bench).a ?? '').toBe(left);
      expect(bench.server.played[kind] ?? 0).toBe(kind === 'half-list' ? 0 : 1);
    }
  });

  it('late: the deed happens after seconds to minutes, even when its process is dead', async () => {
    const hands = handsAtOnce();
    const bench = simBench();
    Object.assign(bench.faults, { rate: 1, kinds: ['late'] });
    expect(await codeOf(bench.client(hands).upload(TOP, 'a', source('A')))).toBe('network');
    bench.server.died(hands);
    await bench.pass(1_999);
    expect(files(bench)).toEqual({});
    await bench.pass(300_000);
    expect(files(bench)).toEqual({ a: 'A' });
    expect(bench.server.requestTimes).toEqual([START]);
  });

  it('late: what is refused at the door is no blind retry when it is sent again, since its sender was told', async () => {
    const bench = simBench({ limitPerMinute: 1 });
    const blind: string[] = [];
    bench.server.onBlindRetry((what) => blind.push(what));
    const gate: Gate = {
      ...openGate(),
      run: async (_ticket, send) => {
        const { signal } = new AbortController();
        const answer = await send(signal);
        if (answer.status !== 429) return answer;
        bench.faults.rate = 0;
        bench.clock.pass(61_000);
        return send(signal);
      },
    };
    const client = bench.client(handsAtOnce(), gate);
    await client.list(TOP);
    Object.assign(bench.faults, { rate: 1, kinds: ['late'] });
    expect((await client.upload(TOP, 'a', source('A'))).id).toBe('/a');
    expect(blind).toEqual([]);
  });

  it('late: a change tells that its sender waits for it no more', async () => {
    const bench = simBench({ behaviour: { takenName: 'rename' } });
    const heard: [string, boolean][] = [];
    bench.server.onChange(({ path, givenUp }) => heard.push([path, givenUp]));
    await bench.client().upload(TOP, 'a', source('A'));
    Object.assign(bench.faults, { rate: 1, kinds: ['late'] });
    expect(await codeOf(bench.client().upload(TOP, 'a', source('B')))).toBe('network');
    await bench.pass(400_000);
    expect(heard).toEqual([
      ['a', false],
      ['a.new', true],
    ]);
  });

  it('a change by a request whose process died on its way tells the same', async () => {
    const told: boolean[] = [];
    for (let seed = 0; seed < 20; seed += 1) {
      const bench = simBench({ seed });
      const hands = steppedHands();
      bench.server.onChange(({ givenUp }) => told.push(givenUp));
      void bench.client(hands).upload(TOP, 'a', source('A'));
      await new Promise((resolve) => setImmediate(resolve));
      bench.server.died(hands);
      await bench.pass(2_000);
    }
    expect(new Set(told)).toEqual(new Set([true]));
  });

  it('repeated: the deed is done twice, and the second answer arrives', async () => {
    const { bench, client } = faulty('repeated', { behaviour: { takenName: 'rename' } });
    expect((await client.upload(TOP, 'a.txt', source('A'))).id).toBe('/a.new.txt');
    expect(files(bench)).toEqual({ 'a.txt': 'A', 'a.new.txt': 'A' });
    expect(bench.server.requestTimes).toHaveLength(1);
  });

  it('429: with and without Retry-After, nothing is done', async () => {
    const { bench } = faulty('429');
    const { http } = bench;
    const line = http();
    const seen = new Set<boolean>();
    for (let turn = 0; turn < 20; turn += 1) {
      const path = '/v1/workspaces/00000000-0000-4000-8000-000000000001/files';
      const headers = { 'x-api-key': 'k' };
      const answer = await line.send({ origin: '', method: 'GET', path, headers });
      expect(answer.status).toBe(429);
      seen.add(answer.headers['retry-after'] !== undefined);
    }
    expect(seen.size).toBe(2);
  });

  it('half-list: a list is no JSON; lying-list: it lacks entries', async () => {
    for (let seed = 0; seed < 12; seed += 1) {
      const half = faulty('half-list', { seed });
      half.bench.server.agent.write('a', bytes('A'));
      expect(await codeOf(half.client.list(TOP, { retries: 0 }))).toBe('bad-answer');
      const lying = faulty('lying-list', { seed, behaviour: seed % 2 ? { dialect: 'alternative' } : {} });
      for (const name of ['a', 'b', 'c']) lying.bench.server.agent.write(name, bytes(name));
      expect((await lying.client.list(TOP)).entries.size).toBeLessThan(3);
    }
    expect(USUAL_FAULTS).not.toContain('lying-list');
  });

  it('torn-download: shorter than announced, with an error or without one', async () => {
    const ends = new Set<string>();
    for (let seed = 0; seed < 20; seed += 1) {
      const { bench, client } = faulty('torn-download', { seed });
      bench.server.agent.write('a', bytes('0123456789'));
      let got = '';
      const code = await codeOf(
        client.download(
          at('/a'),
          async (pieces) => {
            for await (const piece of pieces) got += text(piece);
          },
          { retries: 0 },
        ),
      );
      expect(got.length).toBeLessThan(10);
      ends.add(code);
    }
    expect([...ends].sort()).toEqual(['network', 'ok']);
  });

  it('slow: it takes more than a second, before or after the deed', async () => {
    const done = new Set<boolean>();
    for (let seed = 0; seed < 20; seed += 1) {
      const { bench, client } = faulty('slow', { seed });
      const sent = client.upload(TOP, 'a', source('A'));
      await bench.pass(999);
      done.add(files(bench).a === 'A');
      await bench.pass(91_000);
      expect((await sent).id).toBe('/a');
    }
    expect(done.size).toBe(2);
  });

  it('can be switched off at any time', async () => {
    const { bench, client } = faulty('lost-before');
    expect(await codeOf(client.list(TOP))).toBe('network');
    bench.faults.rate = 0;
    expect(await codeOf(client.list(TOP))).toBe('ok');
  });

  it('are the same for the same seed', async () => {
    const story = async (): Promise<unknown[]> => {
      const bench = simBench({ seed: 'again', behaviour: { growingUploads: true } });
      Object.assign(bench.faults, { rate: 0.5, kinds: USUAL_FAULTS.filter((kind) => kind !== 'slow') });
      const client = bench.client();
      const ends: unknown[] = [];
      for (let turn = 0; turn < 60; turn += 1) {
        ends.push(await codeOf(client.upload(TOP, `f${turn % 7}`, source(`${turn}`))));
        ends.push(await codeOf(client.batch('move', [at(`/f${turn % 5}`)], at('/d') as DirId)));
        if (turn === 3) await codeOf(client.makeFolder(TOP, 'd'));
        await bench.pass(20_000);
      }
      return [...ends, files(bench), bench.server.played];
    };
    expect(await story()).toEqual(await story());
  });
});

describe('agents', () => {
  it('write, move and remove at once, and refuse what cannot be', () => {
    const { agent } = simBench().server;
    expect(agent.write('/d/e/a', bytes('A'))).toBe(true);
    expect(agent.write('d/e', bytes('x'))).toBe(false);
    expect(agent.write('d/e/a/x', bytes('x'))).toBe(false);
    expect(agent.mkdir('t')).toBe(true);
    expect(agent.move('d/e', 't')).toBe(false);
    expect(agent.move('d', 'd/e/d')).toBe(false);
    expect(agent.move('d/e', 't/e')).toBe(true);
    expect(agent.remove('t')).toBe(false);
    expect(text(agent.read('t/e/a'))).toBe('A');
    expect(agent.remove('t/e/a')).toBe(true);
    expect(agent.removeTree('t')).toBe(true);
    expect(agent.list().map(({ path }) => path)).toEqual(['d']);
  });

  it('see our own folder only when they ask for it', () => {
    const { agent } = simBench().server;
    agent.write('.rtsync/trash/a', bytes('A'));
    expect(agent.list()).toEqual([]);
    expect(agent.list({ own: true }).map(({ path }) => path)).toHaveLength(3);
  });

  it('may write slowly, into the file wherever it was moved', async () => {
    const bench = simBench();
    const writing = bench.server.agent.startWrite('a', bytes('half '));
    await bench.client().rename(at('/a'), 'b');
    bench.clock.pass(5_000);
    writing.finish(bytes('whole'));
    expect(files(bench)).toEqual({ b: 'half whole' });
    expect(bench.server.agent.list()[0]?.date).toBe(START + 5_000);
  });
});

describe('the listener', () => {
  const listening = (options: Parameters<typeof simBench>[0] = {}) => {
    const bench = simBench(options);
    const seen: SimServerChange[] = [];
    bench.server.onChange((change) => seen.push(change));
    const brief = () =>
      seen.splice(0).map(({ path, before, after }) => [path, text(before) ?? '', text(after) ?? '']);
    return { bench, client: bench.client(), seen, brief };
  };

  it('hears of new, changed and vanished content of requests, not of agents', async () => {
    const { bench, client, brief } = listening();
    await client.upload(TOP, 'a', source('1'));
    expect(brief()).toEqual([['a', '', '1']]);
    await client.upload(TOP, 'a', source('2'));
    expect(brief()).toEqual([['a', '1', '2']]);
    await client.upload(TOP, 'a', source('2'));
    bench.server.agent.write('a', bytes('3'));
    expect(brief()).toEqual([]);
    await client.remove([at('/a')]);
    expect(brief()).toEqual([['a', '3', '']]);
  });

  it('hears of every file of a folder that is moved, copied or removed', async () => {
    const { bench, client, brief } = listening();
    bench.server.agent.write('d/x/1', bytes('1'));
    bench.server.agent.write('d/2', bytes('2'));
    bench.server.agent.mkdir('t');
    await client.batch('move', [at('/d')], at('/t'));
    expect(brief().sort()).toEqual([
      ['d/2', '2', ''],
      ['d/x/1', '1', ''],
      ['t/d/2', '', '2'],
      ['t/d/x/1', '', '1'],
    ]);
    await client.batch('copy', [at('/t/d')], TOP);
    expect(brief().sort()).toEqual([
      ['d/2', '', '2'],
      ['d/x/1', '', '1'],
    ]);
    await client.remove([at('/t')]);
    expect(brief()).toHaveLength(2);
  });

  it('hears of a file that takes the place of another', async () => {
    const { bench, client, brief } = listening();
    bench.server.agent.write('a', bytes('A'));
    bench.server.agent.write('d/a', bytes('old'));
    await client.batch('move', [at('/a')], at('/d'));
    expect(brief().sort()).toEqual([
      ['a', 'A', ''],
      ['d/a', 'old', 'A'],
    ]);
  });

  it('hears nothing of our own folder, but of what leaves or enters it', async () => {
    const { bench, client, brief } = listening();
    bench.server.agent.mkdir('.rtsync/trash');
    bench.server.agent.write('a', bytes('A'));
    await client.upload(at('/.rtsync'), 'x', source('X'));
    await client.batch('move', [at('/a')], at('/.rtsync/trash'));
    await client.batch('move', [at('/.rtsync/x')], TOP);
    expect(brief()).toEqual([
      ['a', 'A', ''],
      ['x', '', 'X'],
    ]);
  });

  it('hears of the parts of a growing upload as such', async () => {
    const { client, seen } = listening({ behaviour: { growingUploads: true } });
    await client.upload(TOP, 'a', source('0123456789'));
    expect(seen.map(({ growing }) => growing)).toEqual([true, false]);
    expect(text(seen[1]?.after)).toBe('0123456789');
  });

  it('is told who wrote what is lost and when, and when its folder was listed', async () => {
    const { bench, client, seen } = listening();
    const { agent } = bench.server;
    agent.write('d/a', bytes('1'));
    bench.clock.pass(100);
    await client.list(at('/d'));
    bench.clock.pass(100);
    agent.write('d/a', bytes('2'));
    bench.clock.pass(100);
    await client.upload(at('/d'), 'a', source('3'));
    expect(seen[0]).toMatchObject({
      ...{ path: 'd/a', client: 1, wroteBy: 'agent', request: 'POST /upload/d', growing: false },
      ...{ agentWroteAt: START + 200, lastListedAt: START + 100, sentAt: START + 300, at: START + 300 },
    });
    await bench.client().remove([at('/d')]);
    expect(seen[1]).toMatchObject({ client: 2, wroteBy: 1, agentWroteAt: START + 300 });
    expect(seen[1]?.lastListedAt).toBeUndefined();
    expect(seen[1]?.request).toBe('DELETE /files {"ids":["/d"]}');
  });

  it('goes by the folder that a growing upload was sent to, wherever that was moved meanwhile', async () => {
    const { bench, seen } = listening({ behaviour: { growingUploads: true } });
    const { agent } = bench.server;
    const hands = steppedHands();
    const client = bench.client(hands);
    agent.mkdir('d');
    const listed = client.list(at('/d'));
    await hands.run();
    await listed;
    const sent = codeOf(client.upload(at('/d'), 'a', source('0123456789')));
    await hands.step();
    bench.clock.pass(100);
    agent.write('d/a', bytes('1'));
    agent.move('d', 'e');
    await hands.run();
    await sent;
    expect(seen.map(({ path }) => path)).toEqual(['d/a', 'e/a']);
    expect(seen[1]).toMatchObject({ wroteBy: 'agent', agentWroteAt: START + 100, lastListedAt: START });
    const removed = client.list(at('/e')).then(() => client.remove([at('/e/a')]));
    await hands.run();
    await removed;
    expect(seen[2]?.lastListedAt).toBe(START + 100);
  });

  it('counts a name as new where a move brought it', async () => {
    const { bench, client, seen } = listening();
    bench.server.agent.write('d/a', bytes('1'));
    bench.clock.pass(100);
    bench.server.agent.move('d', 'e');
    bench.clock.pass(100);
    await client.remove([at('/e/a')]);
    expect(seen[0]).toMatchObject({ path: 'e/a', agentWroteAt: START + 100 });
  });

  it('counts no list whose answer had not arrived when the request was sent, or was spoilt', async () => {
    const { bench, seen } = listening();
    const hands = steppedHands();
    const client = bench.client(hands);
    bench.server.agent.write('a', bytes('1'));
    const listed = client.list(TOP);
    await hands.step();
    const sent = client.upload(TOP, 'a', source('2'));
    await hands.run();
    await Promise.all([listed, sent]);
    expect(seen[0]?.lastListedAt).toBeUndefined();
    Object.assign(bench.faults, { rate: 1, kinds: ['html', 'half-list'] });
    const spoilt = bench.client();
    await codeOf(spoilt.list(TOP, { retries: 0 }));
    bench.faults.rate = 0;
    await spoilt.remove([at('/a')]);
    expect(seen[1]?.lastListedAt).toBeUndefined();
  });
});

it('a full storage refuses growth, and takes it again when something is removed', async () => {
  const bench = simBench({ capacityBytes: 10 });
  const client = bench.client();
  await client.upload(TOP, 'a', source('0123456'));
  expect(await client.room()).toBe(3);
  expect(await codeOf(client.upload(TOP, 'b', source('0123')))).toBe('storage-full');
  expect(await codeOf(client.batch('copy', [at('/a')], at('/d')))).toBe('not-found');
  await client.remove([at('/a')]);
  await client.upload(TOP, 'b', source('0123'));
  expect(files(bench)).toEqual({ b: '0123' });
});
