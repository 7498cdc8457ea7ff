/** Uploads that wait at the gate while agents go on working in the same folders. */
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import type { Remote } from '../../../../src/remote/remote.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { at, type Bench, bench, codes, dirAt, type HandClock, handClock, writeAll } from '../support.ts';

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

async function place(name: string, text: string): Promise<RemoteStamp> {
  const date = clock.now();
  await writeFile(join(server.folder, name), text);
  await utimes(join(server.folder, name), new Date(date), new Date(date));
  return { size: text.length, date };
}

const disk = (name: string) => readFile(join(server.folder, name), 'utf8');

interface Late {
  readonly name: string;
  readonly expect?: RemoteStamp;
  /** What happens after the look and before the gate opens. */
  readonly meanwhile: () => Promise<unknown>;
}

async function writeLate(remote: Remote, files: readonly Late[]): Promise<Record<string, string>> {
  const ends: Record<string, string> = {};
  const body = Buffer.from('ours');
  await remote.write(
    dirAt(''),
    files.map(({ name, expect: stamp, meanwhile }) => ({
      path: at(name),
      expect: stamp,
      open: async () => {
        await meanwhile();
        return { size: body.length, body: () => body };
      },
      done: async (outcome) => {
        ends[name] = outcome.ok ? 'ok' : outcome.error.code;
      },
    })),
  );
  return ends;
}

describe('an upload that waited', () => {
  test('does not overwrite what has appeared in its name', async () => {
    const meanwhile = async () => {
      clock.pass(3000);
      await place('a', 'agent');
    };
    expect(await writeLate(far.remote({}), [{ name: 'a', meanwhile }])).toEqual({ a: 'changed' });
    expect(await disk('a')).toBe('agent');
  });

  test('does not overwrite what has appeared in a folder that we made', async () => {
    const remote = far.remote({}, { root: dirAt('d') });
    await remote.makeRoot();
    const meanwhile = async () => {
      clock.pass(32_000);
      await place('d/a', 'agent');
    };
    expect(await writeLate(remote, [{ name: 'a', meanwhile }])).toEqual({ a: 'changed' });
    expect(await disk('d/a')).toBe('agent');
  });

  test('does not overwrite a version that is not the one kept in the trash', async () => {
    const old = await place('a', 'old');
    clock.pass(5000);
    const meanwhile = async () => {
      clock.pass(3000);
      await place('a', 'agent');
    };
    expect(await writeLate(far.remote({}), [{ name: 'a', expect: old, meanwhile }])).toEqual({
      a: 'changed',
    });
    expect(await disk('a')).toBe('agent');
  });

  test('goes on after another look when nothing has changed, without a second copy', async () => {
    const files: Late[] = [];
    for (const name of ['a', 'b', 'c'])
      files.push({ name, expect: await place(name, 'old'), meanwhile: async () => {} });
    clock.pass(5000);
    const [first, ...rest] = files as [Late, ...Late[]];
    const slow = { ...first, meanwhile: async () => clock.pass(3000) };
    expect(await writeLate(far.remote({}), [slow, ...rest])).toEqual({ a: 'ok', b: 'ok', c: 'ok' });
    expect(far.gate.counts.byLabel.copy).toBe(1);
  });

  test('is sent by nobody whose old version the server did not copy, though it says that all is well', async () => {
    server.server.behaviour.badBatch = 'skips';
    const stamps = { a: await place('a', 'old a'), b: await place('b', 'old b') };
    clock.pass(5000);
    server.server.faults.next('copy', { kind: 'before', run: () => rm(join(server.folder, 'b')) });
    const ends = await writeAll(far.remote({}), '', {
      a: { text: 'new', expect: stamps.a },
      b: { text: 'new', expect: stamps.b },
    });
    expect(codes(ends)).toEqual({ a: 'ok', b: 'changed' });
    expect((await readdir(server.folder)).sort()).toEqual(['.rtsync', 'a']);
  });
});
