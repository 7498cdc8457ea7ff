/** Connections that break in the middle of an upload, on a server that shows files while they grow. */
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import type { Outcome, Remote, WriteSource, Written } from '../../../../src/remote/remote.ts';
import { startTestServer, type TestServer } from '../../../support/server.ts';
import { at, type Bench, bench, dirAt, type HandClock, handClock } from '../support.ts';

const CONTENT = Buffer.from('the whole of our file');
const FIRST = 8;

let server: TestServer;
let clock: HandClock;
let far: Bench;

beforeEach(async () => {
  clock = handClock();
  server = await startTestServer({ clock });
  server.server.behaviour.growingUploads = true;
  far = bench(server, clock);
  await mkdir(join(server.folder, '.rtsync'), { recursive: true });
});
afterEach(async () => {
  await far.close();
  await server.close();
});

const file = (name = 'a') => join(server.folder, name);

/** Sends a part, waits until the server holds exactly that, then `then` and the connection breaks. */
async function* broken(then: () => Promise<void>): AsyncGenerator<Buffer> {
  yield CONTENT.subarray(0, FIRST);
  const holds = async () =>
    (await readFile(file()).catch(() => Buffer.alloc(0))).equals(CONTENT.subarray(0, FIRST));
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
  await then();
  throw new Error('the line is cut');
}

/** Breaks on the first attempt; `intact` bodies follow. */
function breaksOnce(then: () => Promise<void> = async () => {}): WriteSource {
  let first = true;
  return {
    size: CONTENT.length,
    body: () => {
      const body = first ? Readable.from(broken(then), { objectMode: false }) : CONTENT;
      first = false;
      return body;
    },
  };
}

async function writeOne(
  remote: Remote,
  source: WriteSource,
  stamp?: RemoteStamp,
  signal?: AbortSignal,
): Promise<string> {
  let told = '';
  const done = async (outcome: Outcome<Written>): Promise<void> => {
    told = outcome.ok ? 'ok' : outcome.error.code;
  };
  await remote.write(dirAt(''), [{ path: at('a'), expect: stamp, open: async () => source, done }], signal);
  return told;
}

async function trashed(): Promise<string[]> {
  const all = await readdir(join(server.folder, '.rtsync'), { recursive: true, withFileTypes: true });
  const files = all.filter((entry) => entry.isFile());
  return Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8')));
}

describe('an upload that was torn', () => {
  test.each([true, false])(
    'in a free name is taken away and sent once more, with the trash %s',
    async (trash) => {
      expect(await writeOne(far.remote({}, { trash }), breaksOnce())).toBe('ok');
      expect(await readFile(file(), 'utf8')).toBe(CONTENT.toString());
      expect(await trashed()).toEqual(trash ? [CONTENT.toString('utf8', 0, FIRST)] : []);
    },
  );

  test('over a known version is sent over the torn one, and the version stays in the trash', async () => {
    await writeFile(file(), 'old');
    const date = clock.now();
    await utimes(file(), new Date(date), new Date(date));
    clock.pass(5000);
    expect(await writeOne(far.remote({}), breaksOnce(), { size: 3, date })).toBe('ok');
    expect(await readFile(file(), 'utf8')).toBe(CONTENT.toString());
    expect(await trashed()).toEqual(['old']);
  });

  test('stays for the next run when we are told to stop before it is known to stand still', async () => {
    const abort = new AbortController();
    const sleep: HandClock['sleep'] = async (_, signal) => {
      abort.abort(new Error('told to stop'));
      signal?.throwIfAborted();
    };
    const remote = far.remote({}, { clock: { ...clock, sleep } });
    expect(await writeOne(remote, breaksOnce(), undefined, abort.signal)).toBe('stopped');
    expect((await stat(file())).size).toBe(FIRST);
  });

  test('is not confused with a shorter file of somebody else', async () => {
    const source = breaksOnce(() => writeFile(file(), 'agent'));
    expect(await writeOne(far.remote({}), source)).toBe('changed');
    expect(await readFile(file(), 'utf8')).toBe('agent');
    expect((await stat(file())).size).toBe(5);
  });
});
