/** What was sent and has no clear end is looked for before it is sent again, also where the look after it failed. */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RtsyncError } from '../../../../src/lib/errors.ts';
import type { Remote } from '../../../../src/remote/remote.ts';
import { at, codeOf, codes, writeAll } from '../support.ts';
import { testSite } from './site.ts';

const site = testSite();
const { disk, place } = site;

const LISTS_OF_ONE_LOOK = 3;

/** The deed arrives or not, but nobody learns of it, and the look after it fails too. */
function loses(label: 'upload' | 'makeFolder' | 'move', kind: 'lost-answer' | 'drop', looks = 1): void {
  site.faults.next(label, { kind });
  site.faults.next('list', { kind: 'status', status: 500 }, looks * LISTS_OF_ONE_LOOK);
}

async function ownFolder(): Promise<Remote> {
  const remote = site.far.remote({});
  await remote.makeFolder(at('own'));
  return remote;
}

describe('in a folder that we made a moment ago', () => {
  test('a file whose sending has no end is not sent over one that appeared there since', async () => {
    const remote = await ownFolder();
    loses('upload', 'drop');
    expect(codes(await writeAll(remote, 'own', { 'own/a': { text: 'abc' } }))['own/a']).not.toBe('ok');
    await writeFile(join(site.server.folder, 'own/a'), 'agent');
    expect(codes(await writeAll(remote, 'own', { 'own/a': { text: 'abc' } }))).toEqual({
      'own/a': 'changed',
    });
    expect(await disk('own/a')).toBe('agent');
  });

  test('a file that was called back before it was sent costs no look', async () => {
    const remote = await ownFolder();
    site.whileWaiting('upload', async () => {
      throw new RtsyncError('superseded', 'something more urgent came up');
    });
    expect(codes(await writeAll(remote, 'own', { 'own/a': { text: 'abc' } }))).toEqual({
      'own/a': 'superseded',
    });
    const lists = (): number => site.requests.counts().list ?? 0;
    const before = lists();
    let since: number | undefined;
    site.faults.next('upload', {
      kind: 'before',
      run: () => {
        since = lists() - before;
      },
    });
    expect(codes(await writeAll(remote, 'own', { 'own/a': { text: 'abc' } }))).toEqual({ 'own/a': 'ok' });
    expect(since).toBe(0);
  });

  test('a folder that was made without an answer gets no twin', async () => {
    site.behaviour.takenFolder = 'stray';
    const remote = await ownFolder();
    loses('makeFolder', 'lost-answer');
    expect(await codeOf(remote.makeFolder(at('own/in')))).not.toBe('ok');
    const before = site.requests.counts().makeFolder;
    expect(await codeOf(remote.makeFolder(at('own/in')))).toBe('ok');
    expect(site.requests.counts().makeFolder).toBe(before);
    expect(await readdir(join(site.server.folder, 'own'))).toEqual(['in']);
  });

  test('a file is not moved once more over one that appeared there since', async () => {
    site.behaviour.takenMove = 'rename';
    const job = { from: at('a'), to: at('own/a'), expect: await place('a', 'abc') };
    const remote = site.far.remote({ takenMove: 'rename' });
    await remote.makeFolder(at('own'));
    site.faults.next('list', { kind: 'before', run: () => undefined });
    loses('move', 'drop', 2);
    await codeOf(remote.move(job));
    await writeFile(join(site.server.folder, 'own/a'), 'agent');
    const moves = site.requests.counts().move;
    expect(await codeOf(remote.move(job))).toBe('taken');
    expect(site.requests.counts().move).toBe(moves);
  });
});
