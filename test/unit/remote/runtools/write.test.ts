import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import { RtsyncError } from '../../../../src/lib/errors.ts';
import type { Traits } from '../../../../src/remote/traits.ts';
import type { Behaviour } from '../../../../src/serve/behaviour.ts';
import type { RequestEntry } from '../../../../src/serve/log.ts';
import { at, codes, dirAt, noRules, writeAll } from '../support.ts';
import { testSite } from './site.ts';

const site = testSite();
const { place, disk, trashed, names } = site;

describe('an upload', () => {
  test('whose answer was lost is not sent again when something of its size is there: its content tells', async () => {
    site.faults.next('upload', { kind: 'lost-answer' });
    const outcomes = await writeAll(site.far.remote({}), '', { a: { text: 'abc' } });
    expect(outcomes.a).toMatchObject({ ok: false, error: { code: 'changed', ambiguous: true } });
    expect(site.requests.counts()).toEqual({ list: 2, upload: 1, total: 3 });
  });

  test('that did not arrive is sent once more after a look', async () => {
    site.faults.next('upload', { kind: 'drop' });
    expect(codes(await writeAll(site.far.remote({}), '', { a: { text: 'abc' } }))).toEqual({ a: 'ok' });
    // The third list is the one that tells the server's clock, once.
    expect(site.requests.counts()).toEqual({ list: 3, upload: 2, total: 5 });
  });

  test('is not sent a third time', async () => {
    site.faults.next('upload', { kind: 'drop' }, 9);
    expect(codes(await writeAll(site.far.remote({}), '', { a: { text: 'abc' } }))).toEqual({ a: 'network' });
    expect(site.requests.counts().upload).toBe(2);
  });

  test('is sent once more after a web page came back instead of an answer', async () => {
    site.faults.next('upload', { kind: 'html' });
    expect(codes(await writeAll(site.far.remote({}), '', { a: { text: 'abc' } }))).toEqual({ a: 'ok' });
    expect(await names()).toEqual(['a']);
  });

  test('whose name was taken while its answer was lost is told as changed, and the other file stays', async () => {
    site.faults.next('upload', { kind: 'drop' });
    site.faults.next('list', { kind: 'before', run: () => {} });
    site.faults.next('list', {
      kind: 'before',
      run: () => writeFile(join(site.server.folder, 'a'), 'agent'),
    });
    expect(codes(await writeAll(site.far.remote({}), '', { a: { text: 'abc' } }))).toEqual({ a: 'changed' });
    expect(await disk('a')).toBe('agent');
  });

  test('that the server stored under another name is taken away again, and the traits are in doubt', async () => {
    site.behaviour.takenName = 'rename';
    const agent = {
      kind: 'before',
      run: () => writeFile(join(site.server.folder, 'a.txt'), 'agent'),
    } as const;
    site.faults.next('upload', agent);
    expect(codes(await writeAll(site.far.remote({}), '', { 'a.txt': { text: 'abc' } }))).toEqual({
      'a.txt': 'changed',
    });
    expect(await names()).toEqual(['a.txt']);
    expect(await disk('a.txt')).toBe('agent');
    expect(site.far.contradictions).toHaveLength(1);
  });

  describe('that was stored beside a taken name', () => {
    const stray = 'a.new.txt';
    const write = (text: string) => () => writeFile(join(site.server.folder, stray), text);
    const sent = async (options = {}, signal?: AbortSignal) => {
      site.behaviour.takenName = 'rename';
      const agent = () => writeFile(join(site.server.folder, 'a.txt'), 'agent');
      site.faults.next('upload', { kind: 'before', run: agent });
      const remote = site.far.remote({ takenUpload: 'rename', takenMove: 'rename' }, options);
      return codes(await writeAll(remote, '', { 'a.txt': { text: 'abc' } }, signal));
    };

    test('goes into the trash, where somebody who writes into it at that moment finds it', async () => {
      expect(await sent()).toEqual({ 'a.txt': 'changed' });
      expect(await names()).toEqual(['a.txt']);
      expect(await trashed()).toEqual(['abc']);
    });

    test('goes for good with the trash off', async () => {
      await sent({ trash: false });
      expect(await site.files()).toEqual(['a.txt']);
    });

    test.each([
      ['a web page answers and nothing is done', 'html', true],
      ['the connection breaks', 'drop', true],
      ['the answer is lost', 'lost-answer', true],
      ['a web page answers, with the trash off', 'html', false],
    ] as const)('goes also when %s', async (_, kind, trash) => {
      site.faults.next(trash ? 'move' : 'remove', { kind }, kind === 'lost-answer' ? 1 : 3);
      expect(await sent({ trash })).toEqual({ 'a.txt': 'changed' });
      expect(await names()).toEqual(['a.txt']);
    });

    test('goes also when the answer to the upload is lost', async () => {
      site.behaviour.takenName = 'rename';
      site.whileWaiting(
        'upload',
        async () => {
          await place('a.txt', 'not');
          site.faults.next('upload', { kind: 'lost-answer' });
        },
        100,
      );
      const remote = site.far.remote({ takenUpload: 'rename', takenMove: 'rename' });
      expect(codes(await writeAll(remote, '', { 'a.txt': { text: 'abc' } }))).toEqual({ 'a.txt': 'changed' });
      expect(await names()).toEqual(['a.txt']);
      expect(await disk('a.txt')).toBe('not');
    });

    /** The next upload is done and its answer lost, a deed of ours later. */
    const losingNext = (before: () => Promise<unknown>, after: () => Promise<unknown>): void => {
      const { gate } = site.far;
      const { run } = gate;
      gate.run = (ticket, send, signal) => {
        if (ticket.label !== 'upload') return run(ticket, send, signal);
        gate.run = run;
        const lossy: typeof send = async (stop) => {
          await before();
          await send(stop);
          await after();
          throw new RtsyncError('network', { message: 'the answer is lost', ambiguous: true });
        };
        return run(ticket, lossy, signal);
      };
    };

    test('goes also when a list beside another deed of ours shows it before the answer is lost', async () => {
      site.behaviour.takenName = 'rename';
      const remote = site.far.remote({ takenUpload: 'rename', takenMove: 'rename' });
      await writeAll(remote, '', { y: { text: 'y' } });
      losingNext(
        () => place('a.txt', 'not'),
        async () => {
          const beside = async () => void (await writeAll(remote, '', { z: { text: 'z' } }));
          site.faults.next({ label: 'list', path: '/' }, { kind: 'after', run: beside });
          await remote.sweep(noRules);
        },
      );
      expect(codes(await writeAll(remote, '', { 'a.txt': { text: 'abc' } }))).toEqual({ 'a.txt': 'changed' });
      expect(await names()).toEqual(['a.txt', 'y', 'z']);
    });

    test.each([true, false])(
      'is not the same file of ours that another task sends beside it, and that is answered: %s',
      async (answered) => {
        site.behaviour.takenName = 'rename';
        const remote = site.far.remote({ takenUpload: 'rename', takenMove: 'rename' });
        await writeAll(remote, '', { y: { text: 'y' } });
        let late: Promise<unknown> | undefined;
        const { promise, resolve } = Promise.withResolvers<void>();
        losingNext(
          async () => undefined,
          async () => {
            const arrived = new Promise<void>((done) => {
              const run = () => {
                done();
                return answered ? undefined : promise;
              };
              site.faults.next('upload', { kind: 'after', run });
            });
            late = writeAll(remote, '', { 'img10.txt': { text: 'abc' } });
            await (answered ? late : arrived);
          },
        );
        await writeAll(remote, '', { 'img1.txt': { text: 'abc' } });
        resolve();
        await late;
        expect(await names()).toEqual(['img1.txt', 'img10.txt', 'y']);
      },
    );

    test('goes also when a stop comes', async () => {
      const stop = new AbortController();
      site.faults.next({ label: 'list', path: '/' }, { kind: 'before', run: () => undefined });
      site.faults.next({ label: 'list', path: '/' }, { kind: 'before', run: () => stop.abort() });
      await sent({}, stop.signal);
      expect(stop.signal.aborted).toBe(true);
      expect(await names()).toEqual(['a.txt']);
    });

    test('stays when somebody has written into it', async () => {
      site.faults.next({ label: 'list', path: '/' }, { kind: 'before', run: () => undefined });
      site.faults.next({ label: 'list', path: '/' }, { kind: 'before', run: write('somebody') });
      await sent();
      expect(await disk(stray)).toBe('somebody');
      expect(site.requests.counts().move).toBeUndefined();
    });

    test.each([true, false])(
      'is told by its content when the answer was long on its way, and somebody wrote as much into it: %s',
      async (edited) => {
        site.behaviour.takenName = 'rename';
        const taken = ({ label }: RequestEntry): boolean => {
          if (label === 'upload') writeFileSync(join(site.server.folder, 'a.txt'), 'agent');
          return label === 'upload';
        };
        site.faults.next(taken, {
          kind: 'after',
          run: async () => {
            site.clock.pass(3000);
            if (edited) await place(stray, 'new');
            site.clock.pass(3000);
          },
        });
        const remote = site.far.remote({ takenUpload: 'rename', takenMove: 'rename' });
        expect(codes(await writeAll(remote, '', { 'a.txt': { text: 'abc' } }))).toEqual({
          'a.txt': 'changed',
        });
        expect(await names()).toEqual(edited ? [stray, 'a.txt'] : ['a.txt']);
        expect(await trashed()).toEqual(edited ? [] : ['abc']);
      },
    );

    test('comes back when somebody writes into it right before it goes', async () => {
      site.faults.next('move', { kind: 'before', run: write('somebody') });
      await sent();
      expect(await disk(stray)).toBe('somebody');
    });
  });

  test('whose answer names a file that was there before removes nothing', async () => {
    await place('other', 'precious');
    site.faults.next('upload', { kind: 'wrong-id', id: '/other' });
    expect(codes(await writeAll(site.far.remote({}), '', { a: { text: 'abc' } }))).toEqual({ a: 'changed' });
    expect(await disk('other')).toBe('precious');
    expect(site.requests.counts().remove).toBeUndefined();
  });

  test('onto a name that appeared is refused by a refusing server without any doubt of its traits', async () => {
    site.behaviour.takenName = 'refuse';
    site.faults.next('upload', {
      kind: 'before',
      run: () => writeFile(join(site.server.folder, 'a'), 'agent'),
    });
    const outcomes = await writeAll(site.far.remote({ takenUpload: 'refuse' }), '', { a: { text: 'abc' } });
    expect(codes(outcomes)).toEqual({ a: 'changed' });
    expect(site.far.contradictions).toEqual([]);
  });

  test('that alone is refused does not condemn the key', async () => {
    const write = async (name: string) =>
      codes(await writeAll(site.far.remote({}), '', { [name]: { text: 'x' } }));
    site.faults.next('upload', { kind: 'status', status: 403 });
    expect(await write('a')).toEqual({ a: 'forbidden' });
    expect(await write('b')).toEqual({ b: 'ok' });
    site.faults.next('upload', { kind: 'status', status: 403 });
    expect(await write('c')).toEqual({ c: 'bad-request' });
  });

  test('that finds the storage full says so', async () => {
    site.faults.next('upload', { kind: 'status', status: 507 });
    expect(codes(await writeAll(site.far.remote({}), '', { a: { text: 'abc' } }))).toEqual({
      a: 'storage-full',
    });
    expect(site.far.gate.full).toEqual([true]);
  });

  test('whose content cannot be opened fails alone', async () => {
    const outcomes: Record<string, string> = {};
    const body = Buffer.from('x');
    const done = (name: string) => async (outcome: { readonly ok: boolean }) => {
      outcomes[name] = String(outcome.ok);
    };
    await site.far.remote({}).write(dirAt(''), [
      {
        path: at('a'),
        expect: undefined,
        open: () => Promise.reject(new RtsyncError('unreadable', 'no')),
        done: done('a'),
      },
      {
        path: at('b'),
        expect: undefined,
        open: async () => ({ size: 1, body: () => body }),
        done: done('b'),
      },
    ]);
    expect(outcomes).toEqual({ a: 'false', b: 'true' });
  });

  test('is told as stopped when the run was stopped before', async () => {
    const control = new AbortController();
    control.abort();
    expect(codes(await writeAll(site.far.remote({}), '', { a: { text: 'x' } }, control.signal))).toEqual({
      a: 'stopped',
    });
    expect(site.requests.counts().upload).toBeUndefined();
  });
});

describe('the look before an upload', () => {
  test('is made again when the last list is too old', async () => {
    const remote = site.far.remote({}, { lookWithinMs: 500 });
    await writeAll(remote, '', { a: { text: 'a' } });
    site.clock.pass(400);
    await writeAll(remote, '', { b: { text: 'b' } });
    // One look, and one list to know the server's clock.
    expect(site.far.gate.counts.byLabel.list).toBe(2);
    site.clock.pass(200);
    await place('c', 'agent');
    expect(codes(await writeAll(remote, '', { c: { text: 'c' } }))).toEqual({ c: 'changed' });
    expect(site.far.gate.counts.byLabel.list).toBe(3);
  });

  test('is not needed for half a minute in a folder that we made, and is after it', async () => {
    const remote = site.far.remote({});
    await remote.makeFolder(at('d'));
    site.clock.pass(29_000);
    await writeAll(remote, 'd', { a: { text: 'a' } });
    // One to make the folder, and one to know the server's clock.
    expect(site.far.gate.counts.byLabel.list).toBe(2);
    expect(codes(await writeAll(remote, 'd', { a: { text: 'again' } }))).toEqual({ a: 'changed' });
    site.clock.pass(2000);
    await writeAll(remote, 'd', { b: { text: 'b' } });
    expect(site.far.gate.counts.byLabel.list).toBe(3);
  });
});

describe('dates of what was written', () => {
  test('are listed when they do not follow the clock, not before a coarse clock has moved on', async () => {
    const before = site.clock.monotonic();
    const remote = site.far.remote({ datesFollowClock: false, dateGrain: 1000 });
    site.behaviour.dateFormat = 'seconds';
    const outcomes = await writeAll(remote, '', { a: { text: 'a' }, b: { text: 'b' } });
    expect(codes(outcomes)).toEqual({ a: 'ok', b: 'ok' });
    expect(site.clock.monotonic() - before).toBe(1000);
    expect(site.far.gate.counts.byLabel).toEqual({ list: 2, upload: 2 });
  });

  test('show an edit by somebody else as a change', async () => {
    site.faults.next('upload', {
      kind: 'after',
      run: () => writeFile(join(site.server.folder, 'a'), 'longer'),
    });
    expect(
      codes(await writeAll(site.far.remote({ datesFollowClock: false }), '', { a: { text: 'a' } })),
    ).toEqual({
      a: 'changed',
    });
  });

  test.each([
    ['a new file, before others are replaced', 'new', 1],
    ['the versions replaced first, before the next are', 'f0', 2],
  ] as const)(
    'are asked for at once, for %s: a later edit is not taken for ours',
    async (_, name, copies) => {
      const files: Record<string, { text: string; expect?: RemoteStamp }> = { new: { text: 'ours' } };
      for (let i = 0; i < 21; i += 1) files[`f${i}`] = { text: 'ours', expect: await place(`f${i}`, 'old') };
      site.clock.pass(5000);
      let theirs: RemoteStamp | undefined;
      const beforeCopy = (left: number): void =>
        site.whileWaiting('copy', async () => {
          if (left > 1) return beforeCopy(left - 1);
          expect(await disk(name)).toBe('ours');
          theirs = await place(name, 'them');
        });
      beforeCopy(copies);
      const outcomes = await writeAll(site.far.remote({ datesFollowClock: false }), '', files);
      const written = outcomes[name]?.ok ? outcomes[name].value : undefined;
      expect(written?.size).toBe(4);
      expect(theirs).toBeDefined();
      expect(written).not.toEqual(theirs);
    },
  );
});

const replacing: [Behaviour['takenName'], Partial<Traits>][] = [
  ['overwrite', { takenUpload: 'overwrite', takenMove: 'overwrite' }],
  ['rename', { takenUpload: 'rename', takenMove: 'rename' }],
  ['refuse', { takenUpload: 'refuse', takenMove: 'refuse' }],
];

describe.each(replacing)('replacing on a server that answers a taken name with %s', (takenName, traits) => {
  let old: RemoteStamp;
  beforeEach(async () => {
    site.behaviour.takenName = takenName;
    old = await place('a.txt', 'old');
    site.clock.pass(5000);
  });

  const replace = (options: { trash?: boolean } = {}) =>
    writeAll(site.far.remote(traits, options), '', { 'a.txt': { text: 'newer', expect: old } });

  test('keeps the old version in the trash', async () => {
    expect(codes(await replace())).toEqual({ 'a.txt': 'ok' });
    expect(await disk('a.txt')).toBe('newer');
    expect(await trashed()).toEqual(['old']);
    expect(await names()).toEqual(['a.txt']);
  });

  test('keeps nothing when the trash is off', async () => {
    expect(codes(await replace({ trash: false }))).toEqual({ 'a.txt': 'ok' });
    expect(await disk('a.txt')).toBe('newer');
    expect(await trashed()).toEqual([]);
  });

  test('leaves everything as it was when the old version cannot be kept', async () => {
    const label = takenName === 'overwrite' ? 'copy' : 'move';
    site.faults.next(label, { kind: 'status', status: 503 }, 9);
    expect(codes(await replace())).toEqual({ 'a.txt': 'server-error' });
    expect(await disk('a.txt')).toBe('old');
  });

  test('goes on when the answer to keeping it was lost', async () => {
    site.faults.next(takenName === 'overwrite' ? 'copy' : 'move', { kind: 'lost-answer' });
    expect(codes(await replace())).toEqual({ 'a.txt': 'ok' });
    expect(await disk('a.txt')).toBe('newer');
    expect(await trashed()).toEqual(['old']);
  });

  test('many at once keeps each', async () => {
    const files: Record<string, { text: string; expect: RemoteStamp }> = {};
    for (let i = 0; i < 50; i += 1)
      files[`f${i}`] = { text: `new ${i}`, expect: await place(`f${i}`, `old ${i}`) };
    site.clock.pass(5000);
    expect(new Set(Object.values(codes(await writeAll(site.far.remote(traits), '', files))))).toEqual(
      new Set(['ok']),
    );
    expect(await trashed()).toHaveLength(50);
    expect(await disk('f49')).toBe('new 49');
    expect(await names()).toHaveLength(51);
  });
});

test('an upload that was on its way for long is left to its content to be told, also in a folder that we made', async () => {
  const remote = site.far.remote({}, { root: dirAt('d') });
  await remote.makeRoot();
  site.faults.next('upload', { kind: 'after', run: () => site.clock.pass(20_000) });
  const outcomes = await writeAll(remote, '', { 'a.txt': { text: 'newer' } });
  expect(outcomes['a.txt']).toMatchObject({ ok: false, error: { code: 'changed', ambiguous: true } });
});

test('an upload that was on its way for long is left to its content to be told', async () => {
  const old = await place('a.txt', 'old');
  site.clock.pass(5000);
  site.faults.next('upload', { kind: 'after', run: () => site.clock.pass(60_000) });
  const outcomes = await writeAll(site.far.remote({}), '', { 'a.txt': { text: 'newer', expect: old } });
  expect(outcomes['a.txt']).toMatchObject({ ok: false, error: { code: 'changed', ambiguous: true } });
  expect(await disk('a.txt')).toBe('newer');
});
