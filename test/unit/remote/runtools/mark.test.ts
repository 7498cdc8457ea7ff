import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type MarkOptions, readRemoteMark, writeRemoteMark } from '../../../../src/remote/runtools/mark.ts';
import type { Behaviour } from '../../../../src/serve/behaviour.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { type Bench, bench, carefulTraits, codeOf, type HandClock, handClock } from '../support.ts';

const PAIR = '6f1c2a34-0000-4000-8000-000000000001';

let server: TestServer;
let clock: HandClock;
let far: Bench;

beforeEach(async () => {
  clock = handClock();
  server = await startTestServer({ clock });
  far = bench(server, clock);
});
afterEach(async () => {
  await far.close();
  await server.close();
});

const pairs = () => join(server.folder, '.rtsync', 'pairs');
const file = () => join(pairs(), `${PAIR}.json`);
const read = () => readRemoteMark(far.client, PAIR);
const write = (more: Partial<MarkOptions> = {}) =>
  writeRemoteMark({
    client: far.client,
    pairId: PAIR,
    path: 'docs',
    host: 'desk',
    signs: carefulTraits,
    ...more,
  });

async function place(text: string): Promise<void> {
  await mkdir(pairs(), { recursive: true });
  await writeFile(file(), text);
}

describe('the mark of a pair', () => {
  test('is written once and costs one request to read', async () => {
    expect(await read()).toBe('missing');
    expect(await write()).toBe(true);
    expect(JSON.parse(await readFile(file(), 'utf8'))).toEqual({
      version: 1,
      pairId: PAIR,
      path: 'docs',
      host: 'desk',
      since: '2026-01-05T12:00:00.000Z',
    });
    const before = far.gate.counts.total;
    expect(await read()).toBe('ours');
    expect(far.gate.counts.total - before).toBe(1);
    expect(await write()).toBe(true);
    expect(far.gate.counts.total - before).toBe(2);
  });

  test.each([
    [404, 404],
    [500, 500],
    ['empty', 500],
  ] as const)(
    'is found missing, and written, on a server that hides dot files and answers %s for missing folders, %s for files',
    async (missingFolder, statusForMissing) => {
      const odd: Partial<Behaviour> = {
        ...{ showHidden: 'ignored', takenFolder: 'stray', takenName: 'rename' },
        ...{ missingFolder, statusForMissing },
      };
      Object.assign(server.server.behaviour, odd);
      const told = ({ 404: 'not-found', 500: 'error', empty: 'empty' } as const)[missingFolder];
      const signs = { dotFiles: 'hidden', missingFolder: told } as const;
      expect(await read()).toBe('missing');
      expect(far.gate.counts.total).toBeLessThanOrEqual(4);
      expect(await write({ signs })).toBe(true);
      expect(await read()).toBe('ours');
      await rm(file());
      expect(await read()).toBe('missing');
      await rm(pairs(), { recursive: true });
      await mkdir(join(server.folder, '.rtsync', 'trash'));
      expect(await read()).toBe('missing');
      expect(await write({ signs })).toBe(true);
      expect((await readdir(server.folder, { recursive: true })).sort()).toEqual([
        '.rtsync',
        '.rtsync/pairs',
        `.rtsync/pairs/${PAIR}.json`,
        '.rtsync/trash',
      ]);
    },
  );

  test('is missing when the server fails for it and its folder does not list it', async () => {
    await mkdir(pairs(), { recursive: true });
    server.server.faults.next('download', { kind: 'status', status: 500 });
    expect(await read()).toBe('missing');
    expect(far.gate.counts.total).toBe(2);
  });

  test('is in doubt, not missing, when the server fails for what it lists', async () => {
    await write();
    server.server.faults.next('download', { kind: 'status', status: 500 });
    expect(await codeOf(read())).toBe('server-error');
    server.server.faults.next('download', { kind: 'html' });
    expect(await codeOf(read())).toBe('bad-answer');
    server.server.faults.next('download', { kind: 'drop' });
    expect(await codeOf(read())).toBe('network');
  });

  test('of another pair is told as such and left alone', async () => {
    const other = JSON.stringify({ version: 1, pairId: 'another', path: '', since: '' });
    await place(other);
    expect(await read()).toBe('other');
    expect(await write()).toBe(false);
    expect(await readFile(file(), 'utf8')).toBe(other);
  });

  test.each(['', '{"version":1,"pai', '[]', 'null', 'x'.repeat(100_000)])(
    'that was torn still has our name, and is written afresh: %#',
    async (text) => {
      server.server.behaviour.takenName = 'rename';
      await place(text);
      expect(await read()).toBe('ours');
      expect(await write()).toBe(true);
      expect(JSON.parse(await readFile(file(), 'utf8'))).toMatchObject({ pairId: PAIR });
      expect(await read()).toBe('ours');
      expect(await readdir(pairs())).toEqual([`${PAIR}.json`]);
    },
  );

  test('of a newer rtsync is still ours', async () => {
    await place(JSON.stringify({ version: 2, pairId: PAIR, more: true }));
    expect(await read()).toBe('ours');
  });

  test('that lands beside the mark of a quicker twin is taken away again', async () => {
    server.server.behaviour.takenName = 'rename';
    const mark = JSON.stringify({ version: 1, pairId: PAIR, path: 'docs', since: 'earlier' });
    server.server.faults.next('upload', { kind: 'before', run: () => place(mark) });
    expect(await write()).toBe(true);
    expect(await readdir(pairs())).toEqual([`${PAIR}.json`]);
    expect(await readFile(file(), 'utf8')).toBe(mark);
  });

  test.each([
    ['a full store', { kind: 'status', status: 507 }],
    ['a key that may only read', { kind: 'status', status: 403 }],
    ['a failing server', { kind: 'status', status: 500 }],
    ['a web page', { kind: 'html' }],
  ] as const)('that cannot be written, by %s, is no error', async (_what, fault) => {
    server.server.faults.next('upload', fault);
    expect(await write()).toBe(false);
    server.server.faults.clear();
    expect(await write()).toBe(true);
  });

  test('that cannot be written since the key is refused ends the run', async () => {
    server.server.faults.next('upload', { kind: 'status', status: 401 }, 2);
    expect(await codeOf(write())).toBe('key-refused');
  });
});
