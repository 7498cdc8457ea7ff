/** A service while the workspace's storage is full for hours: simulated disk, server and clock. */
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '../../src/engine/events.ts';
import { createChance } from '../../src/simulation/chance.ts';
import { WORKSPACE } from '../../src/simulation/life.ts';
import { createMachine, EPOCH } from '../../src/simulation/machine.ts';
import { createSimServer, type SimServer } from '../../src/simulation/server.ts';
import { createTimeline } from '../../src/simulation/timeline.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const FILES = 60;
const EACH = 200;
const BIG = 8_000;
/** With the big file there is room for some of the others, without it for all. */
const CAPACITY = 15_000;

interface Sent {
  readonly at: number;
  readonly what: string;
  readonly status: number;
}

/** `tells`: whether `info` does. */
function fullWorld({ tells }: { readonly tells: boolean }) {
  const chance = createChance('full storage');
  const timeline = createTimeline(chance.fork('latency'));
  const server = createSimServer({
    now: () => Math.floor(EPOCH + timeline.now),
    workspaceId: WORKSPACE,
    capacityBytes: CAPACITY,
    schedule: (atMs, deed) => timeline.at(atMs - EPOCH, deed),
  });
  const requests: Sent[] = [];
  const events: EngineEvent[] = [];
  const machine = createMachine({
    name: 'here',
    plan: { skewMs: 0, caseInsensitive: false, hardLinks: true, scribbler: false, grainMs: 1, starts: [] },
    ...{ timeline, chance, limitPerMinute: undefined, bandwidth: undefined, remotePath: '' },
    server: watched(server, { tells, requests, now: () => timeline.now }),
    faults: { chance: chance.fork('faults'), rate: 0, kinds: [] },
    ended: () => undefined,
    tell: () => undefined,
    heard: (event) => events.push(event),
  });
  const uploads = (from: number, until = Number.POSITIVE_INFINITY): readonly Sent[] =>
    requests.filter(({ at, what }) => at >= from && at < until && what.startsWith('POST upload'));
  return {
    ...{ timeline, machine, requests, events, uploads },
    agent: server.agent,
    person: machine.disk.person,
    pass: (ms: number) => timeline.play(() => false, timeline.now + ms),
    up: (): number => server.agent.list().filter(({ path }) => /^d\d\/f\d+$/.test(path)).length,
  };
}

function watched(
  server: SimServer,
  {
    tells,
    requests,
    now,
  }: { readonly tells: boolean; readonly requests: Sent[]; readonly now: () => number },
): SimServer {
  const http: SimServer['http'] = (hands, faults) => {
    const inner = server.http(hands, faults);
    return {
      close: () => inner.close(),
      send: async (request) => {
        const what = `${request.method} ${request.path.split('/')[4]?.replace(/\?.*/, '')}`;
        const at = now();
        const answer = await inner.send(request);
        requests.push({ at, what, status: answer.status });
        if (tells || what !== 'GET info') return answer;
        return { ...answer, text: async () => JSON.stringify([{ used: 1 }]) };
      },
    };
  };
  return Object.create(server, { http: { value: http } }) as SimServer;
}

/** Both sides agree on three files, the storage is full, and much waits here. */
async function filled(how: { readonly tells: boolean }) {
  const world = fullWorld(how);
  const { agent, person, machine } = world;
  agent.write('big', new Uint8Array(BIG));
  for (const name of ['mine', 'theirs']) person.write(name, bytesOf(name));
  machine.start({ mode: 'watch', fuse: undefined, powerCut: false, forgets: false });
  await world.pass(60 * SECOND);
  for (let n = 0; n < 5; n += 1) person.mkdir(`d${n}`);
  for (let n = 0; n < FILES; n += 1) person.write(`d${n % 5}/f${n}`, new Uint8Array(EACH).fill(n));
  await world.pass(120 * SECOND);
  return world;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe('a service whose storage is full for hours', () => {
  it('sends nothing in vain, lets the rest go on, and goes on within a minute after space was freed', async () => {
    const world = await filled({ tells: true });
    const { agent, person, timeline, uploads, events, requests } = world;
    const heldAt = world.up();
    expect(heldAt).toBeGreaterThan(0);
    expect(heldAt).toBeLessThan(FILES);
    const fullAt = timeline.now;
    await world.pass(HOUR / 2);
    person.remove('mine');
    agent.write('theirs', bytesOf('by an agent'));
    await world.pass(60 * SECOND);
    expect(agent.read('mine')).toBeUndefined();
    expect(person.read('theirs')?.toString()).toBe('by an agent');
    await world.pass(1.5 * HOUR);
    expect(uploads(fullAt)).toEqual([]);
    expect(world.up()).toBe(heldAt);
    const asked = requests.filter(({ at, what }) => at >= fullAt && what === 'GET info');
    expect(asked.length).toBeLessThanOrEqual((timeline.now - fullAt) / (15 * SECOND));
    const told = events.filter(({ kind }) => kind === 'room');
    expect(told).toEqual([
      { kind: 'room', files: FILES - heldAt, folders: 0, bytes: (FILES - heldAt) * EACH },
    ]);
    const freedAt = timeline.now;
    agent.remove('big');
    await world.pass(60 * SECOND);
    expect(world.up()).toBe(FILES);
    expect(uploads(freedAt).filter(({ status }) => status >= 400)).toEqual([]);
    expect(events.filter(({ kind }) => kind === 'room').at(-1)).toMatchObject({ files: 0, bytes: 0 });
    world.machine.close();
  });

  it('tries one file a minute where the server does not tell the room, and the rest follows it', async () => {
    const world = await filled({ tells: false });
    const { agent, timeline, uploads } = world;
    const fullAt = timeline.now;
    await world.pass(HOUR / 2);
    expect(uploads(fullAt).length).toBeLessThanOrEqual(32);
    agent.remove('big');
    await world.pass(75 * SECOND);
    expect(world.up()).toBe(FILES);
    world.machine.close();
  });
});
