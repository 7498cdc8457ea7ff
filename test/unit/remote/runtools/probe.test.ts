import { writeFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { probeServer } from '../../../../src/remote/runtools/probe.ts';
import { traitsSchema } from '../../../../src/remote/traits.ts';
import type { RequestEntry } from '../../../../src/serve/log.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { type Bench, bench, codeOf, type HandClock, handClock } from '../support.ts';

let server: TestServer;
let clock: HandClock;
let far: Bench;
beforeEach(async () => {
  clock = handClock(Date.UTC(2026, 0, 5, 12, 0, 0, 123));
  server = await startTestServer({ clock });
  far = bench(server, clock);
});
afterEach(async () => {
  await far.close();
  await server.close();
});

const scratch = async () =>
  (await readdir(join(server.folder, '.rtsync'))).filter((name) => name.startsWith('probe-'));

describe('a full probe', () => {
  test('of a plain server finds every trait in fifteen requests and leaves nothing', async () => {
    const traits = await probeServer(far.client, { depth: 'full' });
    expect(traitsSchema.parse(traits)).toEqual(traits);
    expect(traits).toMatchObject({
      takenUpload: 'overwrite',
      dateGrain: 1,
      datesFollowClock: true,
      moveKeepsDate: true,
      uploadMakesParents: false,
    });
    expect(far.gate.counts.total).toBeLessThanOrEqual(15);
    expect(new Set(Object.keys(far.gate.counts.byLabel))).toEqual(new Set(['probe']));
    expect(await scratch()).toEqual([]);
  });

  test('notices dates that another clock gives', async () => {
    server.server.behaviour.dateSkewMs = 3_600_000;
    expect((await probeServer(far.client, { depth: 'full' })).datesFollowClock).toBe(false);
  });

  test('tells an upload apart from a move when they treat a taken name differently', async () => {
    server.server.behaviour.takenMove = 'rename';
    expect(await probeServer(far.client, { depth: 'full' })).toMatchObject({
      takenUpload: 'overwrite',
      takenMove: 'rename',
    });
  });

  test('notices parents that are made by an upload', async () => {
    server.server.behaviour.missingParent = 'created';
    expect((await probeServer(far.client, { depth: 'full' })).uploadMakesParents).toBe(true);
  });

  test('removes its folder when it fails', async () => {
    server.server.faults.next('upload', { kind: 'before', run: () => {} });
    server.server.faults.next('upload', { kind: 'status', status: 507 }, 9);
    expect(await codeOf(probeServer(far.client, { depth: 'full' }))).toBe('storage-full');
    expect(await scratch()).toEqual([]);
  });

  test.each([0, 2])(
    'on a server that hides dot files does not leave a twin of our own folder (%i failures)',
    async (fails) => {
      Object.assign(server.server.behaviour, { showHidden: 'ignored', takenFolder: 'stray' });
      const twin = ({ label, ids }: RequestEntry) => label === 'remove' && ids[0] === '/.rtsync.new';
      if (fails > 0) server.server.faults.next(twin, { kind: 'html' }, fails);
      await mkdir(join(server.folder, '.rtsync', 'trash'), { recursive: true });
      expect((await probeServer(far.client, { depth: 'full' })).dotFiles).toBe('hidden');
      expect(await readdir(server.folder)).toEqual(['.rtsync']);
    },
  );
});

test.each([
  [false, 'segments'],
  [false, 'whole'],
  [true, 'segments'],
] as const)(
  'a probe that fails removes a twin of our own folder, but not what somebody put into it: %s (%s)',
  async (used, pathEncoding) => {
    const own = join(server.folder, '.rtsync');
    const twin = join(server.folder, '.rtsync.new');
    Object.assign(server.server.behaviour, { showHidden: 'ignored', takenFolder: 'stray', pathEncoding });
    await mkdir(own);
    const first = ({ label }: RequestEntry): boolean => {
      if (label === 'upload' && used) writeFileSync(join(twin, 'theirs'), 'x');
      return label === 'upload';
    };
    server.server.faults.next(first, { kind: 'status', status: 507 }, 9);
    const code = await codeOf(probeServer(far.client, { depth: 'full' }));
    expect(code).toBe('storage-full');
    expect(await readdir(server.folder)).toEqual(used ? ['.rtsync', '.rtsync.new'] : ['.rtsync']);
  },
);

test('a probe by reading sends nothing but lists, and assumes the careful values', async () => {
  await writeFile(join(server.folder, '.env'), 'x');
  const traits = await probeServer(far.client, { depth: 'reading' });
  expect(traits).toMatchObject({
    depth: 'reading',
    takenUpload: 'rename',
    takenMove: 'rename',
    dotFiles: 'listed',
    datesFollowClock: false,
  });
  expect(traitsSchema.parse(traits)).toEqual(traits);
  const { total, list } = server.server.requests.counts();
  expect([total, list]).toEqual([2, 2]);
});

test.each(['segments', 'whole'] as const)(
  'a probe by reading finds that ids are written as %s',
  async (pathEncoding) => {
    server.server.behaviour.pathEncoding = pathEncoding;
    await mkdir(join(server.folder, 'outer', 'in ner'), { recursive: true });
    expect(await probeServer(far.client, { depth: 'reading' })).toMatchObject({ pathEncoding });
  },
);
