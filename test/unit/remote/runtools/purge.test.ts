import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFolderMaker } from '../../../../src/remote/runtools/folders.ts';
import { createLooks } from '../../../../src/remote/runtools/looks.ts';
import {
  type Purged,
  type PurgeOptions,
  purgeDue,
  purgeNote,
  purgeRemoteTrash,
} from '../../../../src/remote/runtools/purge.ts';
import { createTrash } from '../../../../src/remote/runtools/trash.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { type Bench, bench, carefulTraits, codeOf, type HandClock, handClock } from '../support.ts';

const DAY = 86_400_000;
/** Noon of 2026-03-31. */
const NOW = Date.UTC(2026, 2, 31, 12);

let server: TestServer;
let clock: HandClock;
let far: Bench;

beforeEach(async () => {
  clock = handClock(NOW);
  server = await startTestServer({ clock });
  far = bench(server, clock);
});
afterEach(async () => {
  await far.close();
  await server.close();
});

const trash = () => join(server.folder, '.rtsync', 'trash');
const dayBack = (days: number): string => new Date(NOW - days * DAY).toISOString().slice(0, 10);
const left = async (): Promise<string[]> => (await readdir(trash())).sort();

/** A batch of that many bytes, given up so many days ago. */
async function batch(daysAgo: number, bytes: number, name = 'mine-1', path = 'file'): Promise<void> {
  const folder = join(trash(), dayBack(daysAgo), name);
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), Buffer.alloc(bytes));
}

const purge = (more: Partial<PurgeOptions> = {}, signal?: AbortSignal): Promise<Purged> =>
  purgeRemoteTrash({ client: far.client, clock, days: 30, ...more }, signal);

describe('by age', () => {
  test('days that are over their time go whole, whoever filled them, and the others stay', async () => {
    for (const days of [400, 31, 30, 1, 0]) await batch(days, 1);
    await batch(31, 1, 'theirs-1');
    expect(await purge()).toEqual({ folders: 2, bytes: 0 });
    expect(await left()).toEqual([dayBack(30), dayBack(1), dayBack(0)]);
    expect(far.gate.counts.byLabel).toEqual({ list: 1, remove: 1 });
  });

  test('nothing is asked for beyond one list when nothing is due, or there is no trash', async () => {
    expect(await purge()).toEqual({ folders: 0, bytes: 0 });
    await batch(3, 1);
    expect(await purge()).toEqual({ folders: 0, bytes: 0 });
    expect(far.gate.counts.byLabel).toEqual({ list: 2 });
  });

  test('what is not named like a day is not ours to drop', async () => {
    await batch(31, 1);
    for (const name of ['2020-02-30', '2020-1-1', '2020-01-01 copy', 'keep', '0000'])
      await mkdir(join(trash(), name));
    await writeFile(join(trash(), '2020-01-02'), 'a file');
    expect(await purge()).toEqual({ folders: 1, bytes: 0 });
    expect(await left()).toHaveLength(6);
  });

  test('yesterday stays, however few days are wanted', async () => {
    for (const days of [2, 1, 0]) await batch(days, 1);
    await purge({ days: 0 });
    expect(await left()).toEqual([dayBack(1), dayBack(0)]);
  });

  test('many days go in batches that the server takes', async () => {
    for (let days = 31; days < 31 + 260; days += 1)
      await mkdir(join(trash(), dayBack(days)), { recursive: true });
    expect(await purge()).toEqual({ folders: 260, bytes: 0 });
    expect(far.gate.counts.byLabel).toEqual({ list: 1, remove: 2 });
  });
});

describe('clocks', () => {
  test('here that run far ahead expire nothing', async () => {
    for (const days of [3, 1]) await batch(days, 1);
    const ahead = handClock(NOW + 100 * DAY);
    const lost = bench(server, ahead);
    await purgeRemoteTrash({ client: lost.client, clock: ahead, days: 30 });
    expect(await left()).toEqual([dayBack(3), dayBack(1)]);
    await purgeRemoteTrash({ client: lost.client, clock: ahead, days: 30, bytes: 0 });
    await lost.close();
    expect(await left()).toEqual([dayBack(1)]);
  });

  test('of the server that run far ahead expire nothing either', async () => {
    await batch(3, 1);
    const behind = handClock(NOW);
    clock.pass(100 * DAY);
    const lost = bench(server, behind);
    await purgeRemoteTrash({ client: lost.client, clock: behind, days: 30 });
    await lost.close();
    expect(await left()).toEqual([dayBack(3)]);
  });

  test('here that stand in 1970 do not make what is given up now look old', async () => {
    const behind = handClock(0);
    const lost = bench(server, behind);
    const looks = createLooks(lost.client, behind, 500);
    const folders = createFolderMaker(lost.client, looks, () => carefulTraits);
    await lost.client.room();
    const made = await createTrash({
      client: lost.client,
      looks,
      folders,
      clock: behind,
      movesKeepDates: true,
      keepsBoth: false,
    }).folder('trash');
    await lost.close();
    expect(made.startsWith(`/.rtsync/trash/${dayBack(0)}/`)).toBe(true);
  });
});

describe('by size', () => {
  test('the newest days that fit stay, the older ones go, today and yesterday do not count', async () => {
    for (const days of [0, 1]) await batch(days, 1000);
    for (const days of [2, 3, 4, 5]) await batch(days, 40);
    expect(await purge({ bytes: 100 })).toEqual({ folders: 2, bytes: 40 });
    expect(await left()).toEqual([dayBack(3), dayBack(2), dayBack(1), dayBack(0)]);
    expect(await purge({ bytes: 80 })).toEqual({ folders: 0, bytes: 0 });
  });

  test('is asked for only until the sum is known to be over', async () => {
    for (let days = 2; days < 12; days += 1) await batch(days, 60);
    expect(await purge({ bytes: 100 })).toEqual({ folders: 9, bytes: 60 });
    // The trash, and two days with a batch each.
    expect(far.gate.counts.byLabel).toEqual({ list: 5, remove: 1 });
  });

  test('counts what lies in folders of a batch', async () => {
    await batch(2, 10, 'mine-1', 'a/b/c');
    await batch(3, 91, 'mine-1', 'a/b/c');
    await purge({ bytes: 100 });
    expect(await left()).toEqual([dayBack(2)]);
  });

  test('costs at most the requests that are allowed, and then nothing goes that is not known to be over', async () => {
    for (let i = 0; i < 60; i += 1) await batch(2, 1, `mine-${i}`);
    await batch(3, 1);
    expect(await purge({ bytes: 100 })).toEqual({ folders: 0, bytes: 0 });
    expect(far.gate.counts.total).toBe(19);
  });

  test('finds what is large behind many small batches, on another day', async () => {
    for (let i = 0; i < 30; i += 1) await batch(2, 1, `mine-${i}`);
    await batch(9, 1);
    await batch(8, 1000);
    let rounds = 0;
    for (; (await left()).length > 1 && rounds < 10; rounds += 1) {
      await purge({ bytes: 100 });
      clock.pass(DAY);
    }
    expect(rounds).toBeLessThan(10);
    expect(await left()).toEqual([dayBack(2)]);
  });

  test('takes a day that cannot be listed for empty', async () => {
    await batch(2, 1000);
    await batch(3, 1000);
    const path = `/.rtsync/trash/${dayBack(2)}`;
    server.server.faults.next({ label: 'list', path }, { kind: 'status', status: 500 }, 3);
    await purge({ bytes: 100 });
    expect(await left()).toEqual([dayBack(2)]);
  });
});

describe('a purge that fails', () => {
  test.each([
    ['list', { kind: 'status', status: 500 }],
    ['list', { kind: 'html' }],
    ['list', { kind: 'drop' }],
    ['list', { kind: 'status', status: 403 }],
    ['remove', { kind: 'status', status: 500 }],
    ['remove', { kind: 'status', status: 403 }],
    ['remove', { kind: 'drop' }],
  ] as const)('at a %s is no error: %j', async (label, fault) => {
    await batch(31, 1);
    server.server.faults.next(label, fault);
    expect(await purge({ bytes: 0 })).toEqual({ folders: 0, bytes: 0 });
    expect(await left()).toHaveLength(1);
    expect((await purge()).folders).toBe(1);
  });

  test('since the key is refused, or the run was stopped, ends the run', async () => {
    await batch(31, 1);
    server.server.faults.next('remove', { kind: 'status', status: 401 }, 2);
    expect(await codeOf(purge())).toBe('key-refused');
    expect(await codeOf(purge({}, AbortSignal.abort()))).toBe('stopped');
    expect(await left()).toHaveLength(1);
  });
});

test('a purge is due once a day', () => {
  const note = purgeNote(NOW);
  expect(purgeDue(undefined, NOW)).toBe(true);
  expect(purgeDue(note, NOW + 11 * 3_600_000)).toBe(false);
  expect(purgeDue(note, NOW + 12 * 3_600_000)).toBe(true);
  expect(purgeDue(note, NOW - DAY)).toBe(true);
});
