/**
 * Deeds that were done and never settled: the process died in between, or nobody could tell how they ended. What
 * somebody edits afterwards is a plain edit, no conflict, and a move that stopped half-way is finished.
 */
import { once } from 'node:events';
import { lstatSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Memory, runCycle } from '../../src/engine/cycle.ts';
import type { Pair } from '../../src/engine/pair.ts';
import { recall, sender } from '../../src/engine/recall.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { asRtsyncError, RtsyncError } from '../../src/lib/errors.ts';
import type { RequestEntry } from '../../src/serve/log.ts';
import { rtsyncStarted } from '../e2e/support/cli.ts';
import { type PairWorld, withWorld } from '../support/pair-world.ts';

function died(): RtsyncError {
  return new RtsyncError('stopped', 'the process died here');
}

/** Every deed is done and none is settled: nothing is written any more from the first settlement on. */
function beforeSettling(pair: Pair): Pair {
  let dead = false;
  const state = new Proxy(pair.state, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        dead ||= key === 'settle' && (args[0] as { journal: readonly unknown[] }).journal.length > 0;
        if (dead && key !== 'base') throw died();
        return Reflect.apply(value, target, args);
      };
    },
  });
  return { ...pair, state };
}

function manual(): { readonly clock: Clock; readonly time: { now: number } } {
  const time = { now: 1_000_000 };
  return { time, clock: { ...systemClock(), monotonic: () => time.now } };
}

/** The new content has its name here, and the process dies before it can say so. */
function whilePlacing(pair: Pair): Pair {
  const { local } = pair;
  const place: typeof local.place = async (...args) => {
    await local.place(...args);
    throw died();
  };
  return beforeSettling({ ...pair, local: { ...local, place } });
}

async function killed(world: PairWorld, meddle = beforeSettling): Promise<void> {
  const end = await world.sync({ meddle }).catch((error: unknown) => asRtsyncError(error).code);
  expect(typeof end === 'string' ? end : end.later).toBe('stopped');
}

/** Runs the product in a process of its own and kills it when the server meets such a request for the `nth` time. */
async function killedAt(
  world: PairWorld,
  which: (entry: RequestEntry) => boolean,
  when: 'before' | 'after',
  nth = 1,
): Promise<void> {
  let met = 0;
  let kill = (): void => undefined;
  const run = async (): Promise<void> => {
    kill();
    await dead;
  };
  const fits = (entry: RequestEntry): boolean => !isHousekeeping(entry) && which(entry) && ++met === nth;
  world.server.faults.next(fits, { kind: when, run });
  const { child } = rtsyncStarted(['--state-dir', world.stateDir, 'sync', world.here.root, 'project'], {
    env: { ...world.env },
  });
  const dead = once(child, 'exit');
  kill = () => void child.kill('SIGKILL');
  const [, signal] = await dead;
  expect({ signal, pending: world.server.faults.pending() }).toEqual({ signal: 'SIGKILL', pending: 0 });
}

/** Of probes, and of the pair's mark. */
function isHousekeeping({ path }: RequestEntry): boolean {
  return path.startsWith('/.rtsync/probe-') || path.startsWith('/.rtsync/pairs');
}

const is = (label: RequestEntry['label']) => (entry: RequestEntry) => entry.label === label;

async function expectPlain(world: PairWorld, transfers: Readonly<Record<string, number>>): Promise<void> {
  const mark = world.server.requests.mark();
  const run = await world.sync();
  expect(run).toMatchObject({ code: 0, report: { conflicts: [], problems: [] } });
  const asked = world.server.requests.since(mark).filter((entry) => !isHousekeeping(entry));
  const count = (label: string): number => asked.filter((entry) => entry.label === label).length;
  expect({ upload: count('upload'), download: count('download') }).toEqual({
    upload: 0,
    download: 0,
    ...transfers,
  });
  await world.expectQuiet();
  expect(await world.here.copies()).toEqual([]);
}

describe.each([['overwrite'], ['rename'], ['refuse']] as const)('on a server that would %s', (takenName) => {
  const inWorld = (story: (world: PairWorld) => Promise<void>) => () =>
    withWorld({ behaviour: { takenName } }, async (world) => {
      await world.here.fill({ 'd/old.txt': 'the first version', 'd/other.txt': 'other' });
      expect((await world.sync()).code).toBe(0);
      await story(world);
    });

  it(
    'an edit after an upload that arrived is pushed',
    inWorld(async (world) => {
      await world.here.fill({ 'd/old.txt': 'edited', 'd/new.txt': 'new' });
      await killed(world);
      expect(await world.there.read('d/old.txt')).toBe('edited');
      await world.here.fill({ 'd/old.txt': 'edited once more', 'd/new.txt': 'new, edited' });
      await expectPlain(world, { upload: 2, download: 2 });
      expect(await world.there.read('d/new.txt')).toBe('new, edited');
    }),
  );

  it(
    'an upload that arrived is not sent again',
    inWorld(async (world) => {
      await world.here.fill({ 'd/old.txt': 'edited', 'd/new.txt': 'new' });
      await killed(world);
      await expectPlain(world, { download: 2 });
    }),
  );

  it(
    'an edit after a kill -9 between arrival and settlement is pushed',
    inWorld(async (world) => {
      await world.here.write('d/old.txt', 'edited');
      if (takenName === 'overwrite') await killedAt(world, is('upload'), 'after');
      else await killedAt(world, ({ label, target }) => label === 'move' && target === '/d', 'after');
      expect(await world.there.read('d/old.txt')).toBe('edited');
      await world.here.write('d/old.txt', 'edited once more');
      await expectPlain(world, { upload: 1, download: 1 });
    }),
  );
});

describe('an upload that arrived and was not settled', () => {
  it('and was deleted here since is deleted there', () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'new.txt': 'new', 'other.txt': 'other' });
      await killed(world);
      await world.here.remove('new.txt');
      await expectPlain(world, { download: 2 });
      expect(await world.there.paths()).toEqual(['other.txt']);
      expect(await world.there.trash()).toEqual(['new']);
    }));

  it('and was edited on both sides since is a conflict', () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'new.txt': 'new' });
      await killed(world);
      await world.here.write('new.txt', 'edited here');
      await world.there.write('new.txt', 'NEW');
      await world.sync();
      expect(await world.here.copies()).toHaveLength(1);
      await world.expectQuiet();
    }));

  it('is looked for once more when the looking is interrupted', () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'new.txt': 'new' });
      await killed(world);
      await world.here.write('new.txt', 'edited');
      await killedAt(world, is('download'), 'before');
      await killed(world);
      await expectPlain(world, { upload: 1, download: 1 });
    }));

  it('waits, without a conflict, while nobody can read what the server holds', () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'new.txt': 'new', 'other.txt': 'other' });
      await killed(world);
      await world.here.write('new.txt', 'edited');
      const theFile = ({ label, path }: RequestEntry): boolean => label === 'download' && path === '/new.txt';
      world.server.faults.next(theFile, { kind: 'html' }, 2);
      const run = await world.sync();
      expect({ code: run.code, conflicts: run.report.conflicts }).toEqual({ code: 0, conflicts: [] });
      expect(world.server.faults.pending()).toBe(0);
      await world.expectQuiet();
      expect(await world.there.read('new.txt')).toBe('edited');
    }));

  it('that nobody can read for long is looked at when its time has come, not all the time', () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'd/new.txt': 'new' });
      await killed(world);
      const theFile = ({ label, path }: RequestEntry): boolean =>
        label === 'download' && path === '/d/new.txt';
      world.server.faults.next(theFile, { kind: 'html' }, 100);
      const { clock, time } = manual();
      let told = false;
      const story = async (pair: Pair): Promise<void> => {
        const asked: string[] = [];
        const cycle = async (memory?: Memory): Promise<Memory> => {
          const mark = world.server.requests.mark();
          const everything = { local: 'all', remote: 'sweep' } as const;
          const request = memory === undefined ? everything : { local: [], remote: [] };
          const result = await runCycle({ ...pair, clock }, memory, request, new AbortController().signal);
          const reads = world.server.requests.since(mark).filter(theFile).length;
          asked.push(`${reads > 0 ? 'read' : 'left'}, ${[...result.totals.replan].join() || 'quiet'}`);
          return result.memory;
        };
        // The waits are 500, 1,000, 2,000 ms: a single run stays for the short ones.
        let memory = await cycle();
        for (const pause of [0, 500, 0, 1_000, 0]) {
          time.now += pause;
          memory = await cycle(memory);
        }
        expect(asked).toEqual([
          'read, d/new.txt',
          'left, d/new.txt',
          'read, d/new.txt',
          'left, d/new.txt',
          'read, d/new.txt',
          'left, quiet',
        ]);
        expect(pair.backoff.nextAt(time.now)).toBe(time.now + 2_000);
        told = true;
      };
      await world
        .sync({
          meddle: (pair) => ({ ...pair, beforeCycle: () => story(pair).then(() => Promise.reject(died())) }),
        })
        .catch((error: unknown) => expect(asRtsyncError(error).code).toBe('stopped'));
      expect(told).toBe(true);
    }));

  it('of a large file is known by what was sent', () =>
    withWorld({}, async (world) => {
      await world.here.write('large.bin', 'x'.repeat(3_000_000));
      await killedAt(world, is('upload'), 'after');
      await world.here.write('large.bin', 'short');
      await expectPlain(world, { upload: 1, download: 1 });
    }));

  it('whose end nobody could tell is found in the next cycle, under an edit made meanwhile', () =>
    withWorld({ hasty: true }, async (world) => {
      await world.here.write('d/new.txt', 'new');
      await world.sync();
      await world.here.write('d/new.txt', 'second');
      let sent = false;
      const lists = (entry: RequestEntry): boolean => {
        // Nobody can look after the answer was lost, and meanwhile somebody saves again.
        if (sent && entry.label === 'list') writeFileSync(world.here.at('d/new.txt'), 'third');
        sent ||= entry.label === 'upload';
        return sent && entry.label === 'list';
      };
      world.server.faults.next(lists, { kind: 'status', status: 500 }, 3);
      world.server.faults.next('upload', { kind: 'lost-answer' });
      const run = await world.sync();
      expect(run.report.conflicts).toEqual([]);
      await world.expectQuiet();
      expect(await world.there.read('d/new.txt')).toBe('third');
    }));
});

describe.each([
  ['settled', beforeSettling],
  ['known to be placed', whilePlacing],
] as const)('a download that was placed and not %s', (what, meddle) => {
  const inWorld = (story: (world: PairWorld) => Promise<void>) => () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'd/old.txt': 'the first version', 'd/other.txt': 'other' });
      expect((await world.sync()).code).toBe(0);
      await world.there.fill({ 'd/old.txt': 'edited by an agent', 'd/new.txt': 'an agent made this' });
      await killed(world, meddle);
      expect(await world.here.read('d/old.txt')).toBe('edited by an agent');
      await story(world);
    });

  it(
    'needs nothing more',
    inWorld((world) => expectPlain(world, {})),
  );

  it(
    'is pulled again when an agent edits it since',
    inWorld(async (world) => {
      await world.there.fill({ 'd/old.txt': 'edited again by an agent', 'd/new.txt': 'and this' });
      await expectPlain(world, { download: 2 });
      expect(await world.here.read('d/old.txt')).toBe('edited again by an agent');
    }),
  );

  it.runIf(what === 'settled')(
    'is pushed when somebody edits it here since',
    inWorld(async (world) => {
      await world.here.fill({ 'd/old.txt': 'edited here after all', 'd/new.txt': 'and this here' });
      await expectPlain(world, { upload: 2 });
    }),
  );
});

it('a conflict that was interrupted is kept once', () =>
  withWorld({}, async (world) => {
    await world.here.write('f.txt', 'first');
    await world.sync();
    await world.here.write('f.txt', 'edited here');
    await world.there.write('f.txt', 'edited there by an agent');
    await killed(world);
    await world.sync();
    await world.expectQuiet();
    expect(await world.here.copies()).toHaveLength(1);
    expect(await world.here.read('f.txt')).toBe('edited there by an agent');
  }));

it('the journal tells where the local trash keeps what was given up', () =>
  withWorld({}, async (world) => {
    await world.here.fill({ 'd/f.txt': 'first', 'd/gone.txt': 'gone', 'e/in/g.txt': 'gone as well' });
    await world.sync();
    await world.there.write('d/f.txt', 'edited by an agent');
    await world.there.remove('d/gone.txt', 'e');
    const trash: (readonly [string, string | undefined])[] = [];
    const meddle = (pair: Pair): Pair => {
      const trashed = { note: () => undefined, take: (path: string) => `/trash/${path}` };
      const settle: typeof pair.state.settle = (settlement) => {
        for (const entry of settlement.journal) trash.push([entry.path, entry.trash]);
        pair.state.settle(settlement);
      };
      return { ...pair, trashed, state: { ...pair.state, settle } };
    };
    await world.sync({ meddle });
    expect(trash.sort()).toEqual([
      ['d/f.txt', '/trash/d/f.txt'],
      ['d/gone.txt', '/trash/d/gone.txt'],
      ['e', '/trash/e'],
    ]);
  }));

describe('a move that was done and not settled', () => {
  const files = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`a/in/f${i}.txt`, `file ${i}`]));

  it('of a folder here carries no content, and an edit since is pushed', () =>
    withWorld({}, async (world) => {
      await world.here.fill(files);
      await world.sync();
      await world.here.rename('a/in', 'a/out');
      await killed(world);
      expect(await world.there.paths()).toContain('a/out/f1.txt');
      await world.here.write('a/out/f1.txt', 'edited since');
      await expectPlain(world, { upload: 1 });
      expect(await world.there.trash()).toContain('file 1');
    }));

  it('of a folder there carries no content, and an edit since is pushed', () =>
    withWorld({}, async (world) => {
      await world.here.fill(files);
      await world.sync();
      await world.there.rename('a/in', 'a/out');
      await killed(world);
      expect(await world.here.paths()).toContain('a/out/f1.txt');
      await world.here.write('a/out/f1.txt', 'edited since');
      await expectPlain(world, { upload: 1 });
    }));

  it('of a file there is known by its inode, whatever was written into it since', () =>
    withWorld({}, async (world) => {
      await world.here.fill(files);
      await world.sync();
      await world.there.rename('a/in/f1.txt', 'a/f1.txt');
      await killed(world);
      await world.here.write('a/f1.txt', 'edited since');
      await expectPlain(world, { upload: 1 });
    }));
});

it('what somebody wrote to a file in the moment in which a killed run took its name goes back to it, and up', () =>
  withWorld({}, async (world) => {
    await world.here.fill({ 'd/f.txt': 'first', 'd/other.txt': 'other' });
    await world.sync();
    await world.there.remove('d/f.txt');
    const { ino, size, mtimeMs } = lstatSync(world.here.at('d/f.txt'));
    await world.here.rename('d/f.txt', `.rtsync/tmp/held-${ino}_${size}_${mtimeMs}_0`);
    await world.here.write(`.rtsync/tmp/held-${ino}_${size}_${mtimeMs}_0`, 'written late');
    expect((await world.sync()).report.conflicts).toEqual([]);
    await world.expectQuiet();
    expect(await world.there.read('d/f.txt')).toBe('written late');
    expect(await world.here.paths()).toEqual(['d/', 'd/f.txt', 'd/other.txt']);
  }));

it('what somebody wrote to a version while a killed run replaced it comes out also when a service starts and sends first', () =>
  withWorld({}, async (world) => {
    await world.here.fill({ 'd/f.txt': 'first', 'd/other.txt': 'other' });
    await world.sync();
    const { ino, size, mtimeMs } = lstatSync(world.here.at('d/f.txt'));
    await world.there.write('d/f.txt', 'second');
    await killed(world, whilePlacing);
    await world.here.write(`.rtsync/tmp/held-${ino}_${size}_${mtimeMs}_0`, 'written late');
    const { signal } = new AbortController();
    let sent = false;
    const meddle = (pair: Pair): Pair => ({
      ...pair,
      beforeCycle: async () => {
        await pair.beforeCycle();
        if (sent) return;
        sent = true;
        const only = sender(pair);
        const known = await recall(pair, signal);
        if (only === undefined || known === undefined) throw new Error('nothing to send first by');
        await runCycle(only, known, { local: [], remote: [], unproven: true }, signal);
      },
    });
    await world.sync({ meddle });
    const [, copy = '', ...rest] = (await world.here.paths()).filter((path) => !path.startsWith('d/other'));
    expect([copy, rest]).toEqual([expect.stringContaining('d/f (conflict '), ['d/f.txt']]);
    await world.expectQuiet();
    for (const each of [world.here, world.there]) expect(await each.read(copy)).toBe('written late');
    expect(await world.here.read('d/f.txt')).toBe('second');
  }));

describe('an empty folder that was made and not settled', () => {
  it.each([
    ['there', 'here'],
    ['here', 'there'],
  ] as const)('%s makes room for a file that took its place %s since', (_, side) =>
    withWorld({}, async (world) => {
      const { [side]: theirs } = world;
      await theirs.fill({ 'other.txt': 'other' });
      await world.sync();
      await theirs.makeFolder('d');
      await killed(world);
      await theirs.remove('d');
      await theirs.write('d', 'a file after all');
      const run = await world.sync();
      expect(run.report.conflicts).toEqual([]);
      await world.expectQuiet();
      for (const each of [world.here, world.there]) expect(await each.read('d')).toBe('a file after all');
    }),
  );

  it.each([['here'], ['there']] as const)('is no more when it was removed %s since', (side) =>
    withWorld({}, async (world) => {
      const { [side]: theirs } = world;
      await theirs.fill({ 'other.txt': 'other' });
      await world.sync();
      await theirs.makeFolder('d');
      await killed(world);
      await theirs.remove('d');
      await world.sync();
      await world.expectQuiet();
      for (const each of [world.here, world.there]) expect(await each.paths()).toEqual(['other.txt']);
    }),
  );

  it('keeps what somebody put into it since', () =>
    withWorld({}, async (world) => {
      await world.here.makeFolder('d');
      await killed(world);
      await world.here.remove('d');
      await world.there.write('d/new.txt', 'by an agent');
      await world.sync();
      await world.expectQuiet();
      expect(await world.here.read('d/new.txt')).toBe('by an agent');
    }));
});

describe('a staged replacement', () => {
  const STEPS = [
    ['upload', 'before', 1],
    ['upload', 'after', 1],
    ['move', 'before', 1],
    ['move', 'after', 1],
    ['move', 'before', 2],
    ['move', 'after', 2],
    ['remove', 'before', 1],
    ['remove', 'after', 1],
  ] as const;
  const cases = (['rename', 'refuse'] as const).flatMap((takenName) =>
    STEPS.map((step) => [takenName, ...step] as const),
  );

  it.each(cases)('on a server that would %s, killed at %s, %s it, number %i', (takenName, label, when, nth) =>
    withWorld({ behaviour: { takenName } }, async (world) => {
      await world.here.fill({ 'd/f.txt': 'first', 'd/g.txt': 'other' });
      await world.sync();
      await world.here.write('d/f.txt', 'second');
      await killedAt(world, is(label), when, nth);
      await world.here.write('d/f.txt', 'third');
      expect((await world.sync()).report.conflicts).toEqual([]);
      await world.expectQuiet();
      expect(await world.there.read('d/f.txt')).toBe('third');
      expect(await world.here.paths()).toEqual(['d/', 'd/f.txt', 'd/g.txt']);
    }),
  );
});

describe('a move to another folder and another name', () => {
  const inWorld = (story: (world: PairWorld) => Promise<void>) => () =>
    withWorld({}, async (world) => {
      await world.here.fill({ 'x/a': 'mine', 'x/stay': 'x', 'y/stay': 'y' });
      await world.sync();
      await story(world);
    });
  /** Both names in between are taken. */
  const crowded = async (world: PairWorld): Promise<void> => {
    await world.here.fill({ 'x/b': 'xb', 'y/a': 'ya' });
    await world.sync();
  };
  const step = ({ label, path }: RequestEntry): boolean =>
    (label === 'move' || label === 'rename') && !path.startsWith('/.rtsync/probe-');

  it.each([
    ['before', 1],
    ['after', 1],
    ['before', 2],
    ['after', 2],
  ] as const)('leaves no name in between when it is killed %s step %i', (when, nth) =>
    inWorld(async (world) => {
      await world.here.rename('x/a', 'y/b');
      await killedAt(world, step, when, nth);
      await expectPlain(world, {});
      expect(await world.here.paths()).toEqual(['x/', 'x/stay', 'y/', 'y/b', 'y/stay']);
      expect(await world.here.trash()).toEqual([]);
    })(),
  );

  it.each([
    ['before', 1],
    ['after', 1],
    ['after', 2],
    ['before', 3],
    ['after', 3],
  ] as const)('past taken names leaves none when it is killed %s step %i', (when, nth) =>
    inWorld(async (world) => {
      await crowded(world);
      await world.here.rename('x/a', 'y/b');
      await killedAt(world, step, when, nth);
      await expectPlain(world, {});
      expect(await world.here.paths()).toEqual(['x/', 'x/b', 'x/stay', 'y/', 'y/a', 'y/b', 'y/stay']);
      expect(await world.there.read('y/b')).toBe('mine');
      expect(await world.here.trash()).toEqual([]);
    })(),
  );

  it(
    'of a folder that holds what nobody here has seen brings it along',
    inWorld(async (world) => {
      await world.here.fill({ 'x/a2/f': 'mine', 'x/b': 'xb', 'y/a2': 'ya' });
      await world.sync();
      await world.here.rename('x/a2', 'y/b');
      world.server.faults.next(step, {
        kind: 'before',
        run: () => world.there.write('x/a2/unseen', 'by an agent'),
      });
      await killedAt(world, step, 'after');
      expect((await world.sync()).report.conflicts).toEqual([]);
      await world.expectQuiet();
      expect(await world.here.read('y/b/unseen')).toBe('by an agent');
      expect(await world.here.read('y/b/f')).toBe('mine');
    }),
  );

  it.each([[1], [2]])('goes on after the answer to step %i was lost and nobody could look', (nth) =>
    withWorld({ hasty: true }, async (world) => {
      await world.here.fill({ 'x/a': 'mine', 'x/stay': 'x', 'y/stay': 'y' });
      await world.sync();
      await world.here.rename('x/a', 'y/b');
      let met = 0;
      const { faults } = world.server;
      faults.next((entry) => met >= nth && entry.label === 'list', { kind: 'status', status: 500 }, 6);
      faults.next((entry) => step(entry) && ++met === nth, { kind: 'lost-answer' });
      await world.sync();
      await world.sync();
      await world.expectQuiet();
      expect(await world.here.paths()).toEqual(['x/', 'x/stay', 'y/', 'y/b', 'y/stay']);
    }),
  );
});
