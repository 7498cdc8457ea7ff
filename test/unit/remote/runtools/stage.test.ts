import { utimesSync, writeFileSync } from 'node:fs';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import type { Traits } from '../../../../src/remote/traits.ts';
import type { RequestEntry } from '../../../../src/serve/log.ts';
import { codes, writeAll } from '../support.ts';
import { testSite } from './site.ts';

const site = testSite();
const { place, disk, trashed, names } = site;

describe('the moment in which a name is free', () => {
  let old: RemoteStamp;
  const traits: Partial<Traits> = { takenUpload: 'rename', takenMove: 'rename' };
  const moveIn = { label: 'move', path: /^\/\.rtsync\/staging\// } as const;
  beforeEach(async () => {
    site.behaviour.takenName = 'rename';
    old = await place('a.txt', 'old');
    site.clock.pass(5000);
  });

  test('ends with the old version back in its place when the new one cannot take it', async () => {
    site.faults.next(moveIn, { kind: 'status', status: 503 }, 2);
    expect(
      codes(await writeAll(site.far.remote(traits), '', { 'a.txt': { text: 'newer', expect: old } })),
    ).toEqual({ 'a.txt': 'server-error' });
    expect(await disk('a.txt')).toBe('old');
    expect(await names()).toEqual(['a.txt']);
  });

  test.each(['result', 'empty'] as const)(
    'ends with the old version in the trash when somebody takes its place as it goes back (answer: %s)',
    async (putAnswer) => {
      site.behaviour.putAnswer = putAnswer;
      site.faults.next(moveIn, { kind: 'status', status: 503 }, 2);
      const back = (entry: RequestEntry): boolean => entry.label === 'move' && entry.target === '/';
      site.faults.next((entry) => back(entry) && !/staging/.test(entry.ids[0] ?? ''), {
        kind: 'before',
        run: () => writeFile(join(site.server.folder, 'a.txt'), 'agent was here'),
      });
      expect(
        codes(await writeAll(site.far.remote(traits), '', { 'a.txt': { text: 'newer', expect: old } })),
      ).toEqual({ 'a.txt': 'server-error' });
      expect(await disk('a.txt')).toBe('agent was here');
      expect(await names()).toEqual(['a.txt']);
      expect(await trashed()).toEqual(['old']);
    },
  );

  test('ends with the new version when the second try succeeds or only the answer was lost', async () => {
    for (const kind of ['drop', 'lost-answer'] as const) {
      site.faults.next(moveIn, { kind });
      const expected = kind === 'drop' ? old : { size: 4, date: site.clock.now() };
      if (kind === 'lost-answer') await place('a.txt', 'mid!');
      site.clock.pass(5000);
      expect(
        codes(await writeAll(site.far.remote(traits), '', { 'a.txt': { text: 'newer', expect: expected } })),
      ).toEqual({ 'a.txt': 'ok' });
      expect(await disk('a.txt')).toBe('newer');
    }
  });

  test.each([
    { where: '', putAnswer: 'result', fails: 0 },
    { where: ', also when the server does not tell where it is', putAnswer: 'empty', fails: 0 },
    { where: ', also when it does not go at once', putAnswer: 'result', fails: 3 },
  ] as const)(
    'ends with the file of somebody who was faster, and ours is not left beside it$where',
    async ({ putAnswer, fails }) => {
      site.behaviour.putAnswer = putAnswer;
      const stray = (entry: RequestEntry): boolean => entry.ids[0] === '/a.new.txt';
      if (fails > 0) site.faults.next(stray, { kind: 'html' }, fails);
      site.faults.next(moveIn, {
        kind: 'before',
        run: () => writeFile(join(site.server.folder, 'a.txt'), 'agent was here'),
      });
      expect(
        codes(await writeAll(site.far.remote(traits), '', { 'a.txt': { text: 'newer', expect: old } })),
      ).toEqual({ 'a.txt': 'changed' });
      expect(await disk('a.txt')).toBe('agent was here');
      expect(await names()).toEqual(['a.txt']);
      expect(await trashed()).toEqual(['newer', 'old']);
    },
  );

  test('leaves another’s new file of like name, size and time alone where the server tells no names', async () => {
    site.behaviour.putAnswer = 'empty';
    const run = async (): Promise<void> => {
      await rename(join(site.server.folder, 'a.txt'), join(site.server.folder, 'somewhere'));
      await place('a.txt', 'agent was here');
      await place('a-2.txt', 'other');
    };
    site.faults.next(moveIn, { kind: 'after', run });
    await writeAll(site.far.remote(traits), '', { 'a.txt': { text: 'newer', expect: old } });
    expect(await names()).toEqual(['a-2.txt', 'a.txt', 'somewhere']);
  });

  test('is not ended by another’s file of equal size, which its own date gives away', async () => {
    const older = await place('b.txt', 'older');
    site.clock.pass(60_000);
    const anew = { ...traits, moveKeepsDate: false, datesFollowClock: true };
    const swap = (): Promise<void> =>
      rename(join(site.server.folder, 'b.txt'), join(site.server.folder, 'a.txt'));
    for (const meddles of [true, false]) {
      if (meddles) site.faults.next(moveIn, { kind: 'after', run: swap });
      const writes = { 'a.txt': { text: 'newer', expect: meddles ? old : older } };
      expect(codes(await writeAll(site.far.remote(anew), '', writes))).toEqual({
        'a.txt': meddles ? 'changed' : 'ok',
      });
    }
  });

  test.each([
    ['', 0],
    [', also when nobody can look whether it was', 3],
  ])('is not ended by another’s file of equal size, when ours could not be moved%s', async (_, fails) => {
    const full = join(site.server.folder, 'a.txt');
    const agent = (entry: RequestEntry): boolean => {
      if (entry.label !== 'move' || !/^\/\.rtsync\/staging\//.test(entry.ids[0] ?? '')) return false;
      site.clock.pass(1000);
      writeFileSync(full, 'agent');
      utimesSync(full, new Date(site.clock.now()), new Date(site.clock.now()));
      const staging = { label: 'list', path: /^\/\.rtsync\/staging\/[^/]+$/ } as const;
      if (fails > 0) site.faults.next(staging, { kind: 'status', status: 500 }, fails);
      return true;
    };
    site.faults.next(agent, { kind: 'status', status: 503 });
    const remote = site.far.remote({ ...traits, moveKeepsDate: false, datesFollowClock: true });
    expect(codes(await writeAll(remote, '', { 'a.txt': { text: 'newer', expect: old } }))).toEqual({
      'a.txt': 'changed',
    });
    expect(await disk('a.txt')).toBe('agent');
    expect(await trashed()).toEqual(['old']);
  });

  test('leaves it to the content when another’s file of equal size fell into a long move, not into a wait for its turn', async () => {
    site.behaviour.moveDate = 'new';
    const remote = site.far.remote({ ...traits, moveKeepsDate: false, datesFollowClock: true });
    const replace = (expected: RemoteStamp) =>
      writeAll(remote, '', { 'a.txt': { text: 'newer', expect: expected } });
    site.faults.next(
      { label: 'list', path: /^\/\.rtsync\/trash\/[^/]+\/[^/]+$/ },
      {
        kind: 'after',
        run: () => site.whileWaiting('move', async () => {}, 60_000),
      },
    );
    const { 'a.txt': waited } = await replace(old);
    expect(waited).toMatchObject({ ok: true });
    site.faults.next(moveIn, {
      kind: 'after',
      run: async () => {
        site.clock.pass(3000);
        await place('a.txt', 'agent');
        site.clock.pass(3000);
      },
    });
    const stamp = waited?.ok === true ? waited.value : old;
    expect((await replace(stamp))['a.txt']).toMatchObject({
      ok: false,
      error: { code: 'changed', ambiguous: true },
    });
    expect(await disk('a.txt')).toBe('agent');
  });

  test('is not opened for a version that changed while ours was staged', async () => {
    site.faults.next('upload', {
      kind: 'before',
      run: async () => {
        await rm(join(site.server.folder, 'a.txt'));
        await place('a.txt', 'agent');
        site.clock.pass(1000);
      },
    });
    expect(
      codes(await writeAll(site.far.remote(traits), '', { 'a.txt': { text: 'newer', expect: old } })),
    ).toEqual({ 'a.txt': 'changed' });
    expect(await disk('a.txt')).toBe('agent');
    expect(await readdir(join(site.server.folder, '.rtsync/staging'))).toEqual([]);
  });
});

describe('a version that an agent writes meanwhile', () => {
  let old: RemoteStamp;
  beforeEach(async () => {
    site.behaviour.takenName = 'rename';
    old = await place('a.txt', 'old');
    site.clock.pass(5000);
  });
  const agent = async (): Promise<void> => {
    await place('a.txt', 'agent was here');
    site.clock.pass(10);
  };
  const kinds = [
    ['overwrite', { takenUpload: 'rename', takenMove: 'overwrite' }],
    ['rename', { takenUpload: 'rename', takenMove: 'rename' }],
  ] as const;
  const replace = async (traits: Partial<Traits>, options = {}) => {
    site.behaviour.takenMove = traits.takenMove;
    const remote = site.far.remote(traits, options);
    return codes(await writeAll(remote, '', { 'a.txt': { text: 'newer', expect: old } }));
  };
  const inTrash = { label: 'list', path: /^\/\.rtsync\/trash\/[^/]+\/[^/]+$/ } as const;

  test.each(kinds)('while the trash is made ready is not moved at all (%s)', async (_, traits) => {
    site.faults.next({ label: 'makeFolder', path: /^\/\.rtsync\/trash/ }, { kind: 'after', run: agent }, 3);
    expect(await replace(traits)).toEqual({ 'a.txt': 'changed' });
    expect(await disk('a.txt')).toBe('agent was here');
    expect(site.requests.counts().move).toBeUndefined();
    expect(await trashed()).toEqual([]);
  });

  test.each(kinds)('while the request waits for its turn is not moved at all (%s)', async (_, traits) => {
    site.whileWaiting('move', agent);
    expect(await replace(traits)).toEqual({ 'a.txt': 'changed' });
    expect(await disk('a.txt')).toBe('agent was here');
    expect(site.requests.counts().move).toBeUndefined();
  });

  test.each(kinds)('right before the old one is moved aside gets its name back (%s)', async (_, traits) => {
    site.faults.next('move', { kind: 'before', run: agent });
    expect(await replace(traits)).toEqual({ 'a.txt': 'changed' });
    expect(await disk('a.txt')).toBe('agent was here');
    expect(await trashed()).toEqual([]);
  });

  test.each([true, false])(
    'gets it back as well when nobody can look at what was moved, trash %s',
    async (trash) => {
      site.faults.next('move', { kind: 'before', run: agent });
      site.faults.next(inTrash, { kind: 'status', status: 500 }, 9);
      expect(await replace(kinds[0][1], { trash })).toEqual({ 'a.txt': 'changed' });
      expect(await disk('a.txt')).toBe('agent was here');
    },
  );

  test('into the name that is free for a moment is not overwritten', async () => {
    site.faults.next(inTrash, { kind: 'after', run: agent });
    expect(await replace(kinds[0][1])).toEqual({ 'a.txt': 'changed' });
    expect(await disk('a.txt')).toBe('agent was here');
    expect(await trashed()).toEqual(['old']);
    expect(await names()).toEqual(['a.txt']);
  });

  test('into it while the new one waits for its turn is not overwritten', async () => {
    site.faults.next(inTrash, { kind: 'after', run: () => site.whileWaiting('move', agent) });
    expect(await replace(kinds[0][1])).toEqual({ 'a.txt': 'changed' });
    expect(await disk('a.txt')).toBe('agent was here');
  });

  test('leaves the old one in its place when the folder cannot be listed once more', async () => {
    const listed = { label: 'list', path: /^\/$/ } as const;
    site.faults.next(inTrash, {
      kind: 'after',
      run: () => site.faults.next(listed, { kind: 'status', status: 500 }, 6),
    });
    expect(await replace(kinds[0][1])).toEqual({ 'a.txt': 'server-error' });
    expect(await disk('a.txt')).toBe('old');
  });
});

describe('many old versions that nobody can look at after they were moved aside', () => {
  const inTrash = { label: 'list', path: /^\/\.rtsync\/trash\/[^/]+\/[^/]+$/ } as const;
  const givenBack = async (): Promise<number> => {
    const files: Record<string, { text: string; expect: RemoteStamp }> = {};
    for (let i = 0; i < 30; i += 1)
      files[`f${i}`] = { text: `new ${i}`, expect: await place(`f${i}`, `old ${i}`) };
    site.clock.pass(5000);
    site.behaviour.takenName = 'rename';
    site.faults.next(inTrash, { kind: 'status', status: 500 }, 9);
    const remote = site.far.remote({ takenUpload: 'rename', takenMove: 'rename' });
    expect(new Set(Object.values(codes(await writeAll(remote, '', files))))).toEqual(new Set(['changed']));
    for (const name of Object.keys(files)) expect(await disk(name)).toBe(name.replace('f', 'old '));
    return site.requests.counts().move ?? 0;
  };

  test('all go back by one move', async () => {
    expect(await givenBack()).toBe(2);
  });

  test('go back one by one where the server refuses them together', async () => {
    const together = (entry: RequestEntry): boolean =>
      entry.label === 'move' && entry.ids.length > 1 && entry.target === '/';
    site.faults.next(together, { kind: 'status', status: 400 }, 9);
    expect(await givenBack()).toBe(1 + 2 + 30);
  });
});

test('a batch is looked at once before and once after its old versions are moved aside', async () => {
  const files: Record<string, { text: string; expect: RemoteStamp }> = {};
  for (let i = 0; i < 20; i += 1) files[`f${i}`] = { text: `new ${i}`, expect: await place(`f${i}`, 'old') };
  site.clock.pass(5000);
  site.behaviour.takenName = 'rename';
  site.behaviour.takenMove = 'overwrite';
  const remote = site.far.remote({ takenUpload: 'rename', takenMove: 'overwrite' });
  expect(new Set(Object.values(codes(await writeAll(remote, '', files))))).toEqual(new Set(['ok']));
  const tops = site.requests.since(0).filter(({ label, path }) => label === 'list' && path === '/');
  // To make our own folder, before, after, and when all is in its place.
  expect(tops).toHaveLength(4);
  expect(site.requests.counts().move).toBe(2);
});
