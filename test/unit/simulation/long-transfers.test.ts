/** A service whose transfers take long under a limit of bandwidth, in virtual time. */
import { afterEach, describe, expect, it } from 'vitest';
import { createChance } from '../../../src/simulation/chance.ts';
import { WORKSPACE } from '../../../src/simulation/life.ts';
import { createMachine, EPOCH, type Machine } from '../../../src/simulation/machine.ts';
import { defaultSimBehaviour } from '../../../src/simulation/server/behaviour.ts';
import { createSimServer } from '../../../src/simulation/server.ts';
import { createTimeline } from '../../../src/simulation/timeline.ts';

const WATCH = { mode: 'watch', fuse: undefined, powerCut: false, forgets: false } as const;

let machine: Machine;
afterEach(() => machine.close());

function limited(bandwidth: number) {
  const chance = createChance('in line');
  const timeline = createTimeline(chance.fork('latency'));
  const server = createSimServer({
    now: () => Math.floor(EPOCH + timeline.now),
    behaviour: defaultSimBehaviour(),
    workspaceId: WORKSPACE,
    schedule: (atMs, deed) => timeline.at(atMs - EPOCH, deed),
  });
  machine = createMachine({
    ...{ name: 'm0', timeline, server, chance, bandwidth, limitPerMinute: undefined, remotePath: '' },
    plan: { skewMs: 0, caseInsensitive: false, hardLinks: true, scribbler: false, grainMs: 1, starts: [] },
    faults: { chance, rate: 0, kinds: [] },
    ended: () => undefined,
    tell: () => undefined,
    heard: () => undefined,
  });
  return { timeline, server };
}

describe('a limit of bandwidth that much work waits for', () => {
  it('does not hold up an edit in another folder', async () => {
    const { timeline, server } = limited(100_000);
    const there = (path: string): boolean => server.agent.read(path) !== undefined;
    for (const folder of ['docs', 'bulk']) machine.disk.person.mkdir(folder);
    machine.disk.person.write('docs/a', Buffer.from('a'));
    machine.start(WATCH);
    expect(await timeline.play(() => there('docs/a'), 60_000)).toBe('done');
    for (let i = 0; i < 400; i += 1) machine.disk.person.write(`bulk/f${i}`, Buffer.alloc(20_000, `${i}`));
    for (let i = 0; i < 8; i += 1) machine.hint('bulk/f0');
    expect(await timeline.play(() => server.agent.list().length > 40, 120_000)).toBe('done');
    const edited = timeline.now;
    machine.disk.person.write('docs/b', Buffer.from('b'));
    for (let i = 0; i < 8; i += 1) machine.hint('docs/b');
    expect(await timeline.play(() => there('docs/b'), edited + 120_000)).toBe('done');
    expect(timeline.now - edited).toBeLessThan(2_000);
  });
});

describe('a transfer that takes longer than the time after which a look is due', () => {
  // Seventy seconds of bytes, twice over for all that goes with them.
  const LARGE = Buffer.alloc(700_000, 'large');
  const ENOUGH_MS = 140_000;

  it('is done once, up', async () => {
    const { timeline, server } = limited(10_000);
    machine.disk.person.write('large', LARGE);
    machine.start(WATCH);
    const stands = () => server.agent.read('large')?.length === LARGE.length;
    expect(await timeline.play(stands, ENOUGH_MS)).toBe('done');
  });

  it('is done once, down', async () => {
    const { timeline, server } = limited(10_000);
    server.agent.write('large', LARGE);
    machine.start(WATCH);
    const stands = () => machine.disk.person.list().some(({ path }) => path === 'large');
    expect(await timeline.play(stands, ENOUGH_MS)).toBe('done');
  });
});
