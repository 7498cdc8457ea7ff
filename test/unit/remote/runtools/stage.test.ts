import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';

import type { Traits } from '../../../../src/remote/traits.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { type Bench, bench, codes, type HandClock, handClock, writeAll } from '../support.ts';

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

/** Puts a file on the server's disk, dated by its clock; gives the stamp that a list would show. */
async function place(name: string, text: string): Promise<RemoteStamp> {
  const date = clock.now();
  await writeFile(join(server.folder, name), text);
  await utimes(join(server.folder, name), new Date(date), new Date(date));
  return { size: text.length, date };
}

const disk = (name: string) => readFile(join(server.folder, name), 'utf8');

async function trashed(): Promise<string[]> {
  const trash = join(server.folder, '.rtsync/trash');
  const all = await readdir(trash, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((path) => readFile(path, 'utf8')))).sort();
}

const names = async () => (await readdir(server.folder)).filter((name) => name !== '.rtsync').sort();

describe('the moment in which a name is free', () => {
  let old: RemoteStamp;
  const traits: Partial<Traits> = { takenUpload: 'rename', takenMove: 'rename' };
  const moveIn = { label: 'move', path: /^\/\.rtsync\/staging\// } as const;
  beforeEach(async () => {
    server.server.behaviour.takenName = 'rename';
    old = await place('a.txt', 'old');
    clock.pass(5000);
  });

  test('ends with the old version back in its place when the new one cannot take it', async () => {
    server.server.faults.next(moveIn, { kind: 'status', status: 503 }, 2);
    expect(
      codes(await writeAll(far.remote(traits), '', { 'a.txt': { text: 'newer', expect: old } })),
    ).toEqual({ 'a.txt': 'server-error' });
    expect(await disk('a.txt')).toBe('old');
    expect(await names()).toEqual(['a.txt']);
  });

  test('ends with the new version when the second try succeeds or only the answer was lost', async () => {
    for (const kind of ['drop', 'lost-answer'] as const) {
      server.server.faults.next(moveIn, { kind });
      const expected = kind === 'drop' ? old : { size: 4, date: clock.now() };
      if (kind === 'lost-answer') await place('a.txt', 'mid!');
      clock.pass(5000);
      expect(
        codes(await writeAll(far.remote(traits), '', { 'a.txt': { text: 'newer', expect: expected } })),
      ).toEqual({ 'a.txt': 'ok' });
      expect(await disk('a.txt')).toBe('newer');
    }
  });

  test('ends with the file of somebody who was faster, and ours is not left beside it', async () => {
    server.server.faults.next(moveIn, {
      kind: 'before',
      run: () => writeFile(join(server.folder, 'a.txt'), 'agent was here'),
    });
    expect(
      codes(await writeAll(far.remote(traits), '', { 'a.txt': { text: 'newer', expect: old } })),
    ).toEqual({ 'a.txt': 'changed' });
    expect(await disk('a.txt')).toBe('agent was here');
    expect(await names()).toEqual(['a.txt']);
    expect(await trashed()).toContain('old');
  });

  test('is not opened for a version that changed while ours was staged', async () => {
    server.server.faults.next('upload', {
      kind: 'before',
      run: async () => {
        await rm(join(server.folder, 'a.txt'));
        await place('a.txt', 'agent');
        clock.pass(1000);
      },
    });
    expect(
      codes(await writeAll(far.remote(traits), '', { 'a.txt': { text: 'newer', expect: old } })),
    ).toEqual({ 'a.txt': 'changed' });
    expect(await disk('a.txt')).toBe('agent');
    expect(await readdir(join(server.folder, '.rtsync/staging'))).toEqual([]);
  });
});
