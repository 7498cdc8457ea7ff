import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { parseEntryId, TOP } from '../../../../src/remote/runtools/ids.ts';
import { finishMoves } from '../../../../src/remote/runtools/moving.ts';
import { testSite } from './site.ts';

const site = testSite();

const TO = '/y/z/b';
const NAME = `0123456789ab-1-${Buffer.from(TO).toString('base64url')}`;

const homing = () => ({ client: site.far.client, clock: site.clock, host: 'desk' });
const moving = (name = ''): string => join(site.server.folder, '.rtsync', 'moving', NAME, name);

/** What a killed move to `y/z/b` leaves. */
beforeEach(async () => {
  await mkdir(moving(), { recursive: true });
  await writeFile(moving('b'), 'mine');
});

describe('an entry whose folder is gone', () => {
  const root = parseEntryId('/y') ?? TOP;

  test('waits when that is the root of the pair, which is not made again', async () => {
    expect(await finishMoves(homing(), root)).toEqual({ finished: [], left: [TO], whole: true });
    expect(await site.names()).toEqual([]);
  });

  test('gets it back when it is below the root', async () => {
    await mkdir(join(site.server.folder, 'y'));
    expect(await finishMoves(homing(), root)).toEqual({ finished: [TO], left: [], whole: true });
    expect(await site.disk('y/z/b')).toBe('mine');
  });
});

test.each([
  ['says so by a shorter answer', async () => []],
  ['tells nothing', async () => undefined],
])('an entry that the server passes over waits: it %s', async (_, batch) => {
  const client = { ...homing().client, batch };
  expect(await finishMoves({ ...homing(), client }, TOP)).toEqual({ finished: [], left: [TO], whole: true });
  expect(await readdir(moving())).toEqual(['b']);
});

test('a server that does it and tells nothing is believed', async () => {
  site.behaviour.putAnswer = 'empty';
  expect(await finishMoves(homing(), TOP)).toEqual({ finished: [TO], left: [], whole: true });
  expect(await site.disk('y/z/b')).toBe('mine');
});

test('two entries in one place are not understood, and not taken for nothing', async () => {
  await writeFile(moving('c'), 'another');
  expect(await finishMoves(homing(), TOP)).toEqual({ finished: [], left: [], whole: false });
  expect((await readdir(moving())).sort()).toEqual(['b', 'c']);
});

test.each([
  ['', 'result', 'before'],
  [', also when no answer tells where that is', 'empty', 'before'],
  [', also when the answer is lost', 'result', 'lost-answer'],
] as const)(
  'a name that is taken in the last moment makes it a conflict copy where a server keeps both%s',
  async (_, putAnswer, kind) => {
    Object.assign(site.behaviour, { takenName: 'rename', putAnswer });
    await site.place('y/z/other', '');
    const take = async () => void (await site.place('y/z/b', 'somebody’s'));
    if (kind === 'before') site.faults.next('move', { kind, run: take });
    else {
      site.whileWaiting('move', take, 0);
      site.faults.next('move', { kind });
    }
    expect(await finishMoves(homing(), TOP)).toEqual({
      finished: [expect.stringMatching(/^\/y\/z\/b \(conflict .*desk\)$/)],
      left: [],
      whole: true,
    });
    expect(await site.disk('y/z/b')).toBe('somebody’s');
    expect((await site.theirs()).filter((path) => path !== 'y/z/other')).toHaveLength(2);
    const copy = (await site.theirs()).find((path) => path.includes('conflict'));
    expect(await site.disk(copy ?? 'none')).toBe('mine');
  },
);
