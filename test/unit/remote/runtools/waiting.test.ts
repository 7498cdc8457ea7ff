/** Uploads that wait at the gate while agents go on working in the same folders. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RemoteStamp } from '../../../../src/core/tree.ts';
import type { Remote } from '../../../../src/remote/remote.ts';
import { at, codes, dirAt, removeAll, writeAll } from '../support.ts';
import { testSite } from './site.ts';

const site = testSite();
const { place, disk } = site;

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
      site.clock.pass(3000);
      await place('a', 'agent');
    };
    expect(await writeLate(site.far.remote({}), [{ name: 'a', meanwhile }])).toEqual({ a: 'changed' });
    expect(await disk('a')).toBe('agent');
  });

  test('does not overwrite what has appeared in a folder that we made', async () => {
    const remote = site.far.remote({}, { root: dirAt('d') });
    await remote.makeRoot();
    const meanwhile = async () => {
      site.clock.pass(32_000);
      await place('d/a', 'agent');
    };
    expect(await writeLate(remote, [{ name: 'a', meanwhile }])).toEqual({ a: 'changed' });
    expect(await disk('d/a')).toBe('agent');
  });

  test('does not overwrite what was in a folder that was there before we were told to have made it', async () => {
    const remote = site.far.remote({});
    site.whileWaiting('makeFolder', async () => {
      site.clock.pass(30_000);
      await place('d/a', 'agent');
      site.clock.pass(30_000);
    });
    await remote.makeFolder(at('d'));
    expect(codes(await writeAll(remote, 'd', { a: { text: 'ours' } }))).toEqual({ a: 'changed' });
    expect(await disk('d/a')).toBe('agent');
  });

  test('holds a folder for its own no longer when the answer to making it came late', async () => {
    const remote = site.far.remote({});
    site.faults.next('makeFolder', { kind: 'after', run: () => site.clock.pass(60_000) });
    await remote.makeFolder(at('d'));
    await place('d/a', 'agent');
    expect(codes(await writeAll(remote, 'd', { a: { text: 'ours' } }))).toEqual({ a: 'changed' });
    expect(await disk('d/a')).toBe('agent');
  });

  test.each([
    ['alone', []],
    ['while another upload arrived', ['b']],
  ])('does not overwrite what a list showed that was made for something else, %s', async (_, beside) => {
    const remote = site.far.remote({});
    // The server's clock is known then, so that what arrives is dated without a list.
    await writeAll(remote, '', { first: { text: 'first' } });
    const meanwhile = async () => {
      await place('a', 'agent');
      const listed = Promise.withResolvers<void>();
      // They have looked before, and wait until the list is on its way.
      const arrive = await Promise.all(
        beside.map(async (name) => {
          const looked = Promise.withResolvers<void>();
          const wait = () => {
            looked.resolve();
            return listed.promise;
          };
          const ends = writeLate(remote, [{ name, meanwhile: wait }]);
          await looked.promise;
          return async () => expect(await ends).toEqual({ [name]: 'ok' });
        }),
      );
      site.faults.next('list', {
        kind: 'after',
        run: async () => {
          listed.resolve();
          for (const ends of arrive) await ends();
        },
      });
      // A removal shares the lists of half a second.
      site.clock.pass(600);
      await removeAll(remote, { other: { size: 1, date: 1 } });
    };
    expect(await writeLate(remote, [{ name: 'a', meanwhile }])).toEqual({ a: 'changed' });
    expect(await disk('a')).toBe('agent');
  });

  test('takes no edit for its own that was made while its answer was long on the way, also in a folder that we made', async () => {
    const remote = site.far.remote({}, { root: dirAt('d') });
    await remote.makeRoot();
    site.faults.next('upload', {
      kind: 'after',
      run: async () => {
        site.clock.pass(3000);
        await place('d/a', 'theirs');
        site.clock.pass(3000);
      },
    });
    expect(codes(await writeAll(remote, '', { a: { text: 'of us!' } }))).toEqual({ a: 'changed' });
  });

  test('does not overwrite a version that is not the one kept in the trash', async () => {
    const old = await place('a', 'old');
    site.clock.pass(5000);
    const meanwhile = async () => {
      site.clock.pass(3000);
      await place('a', 'agent');
    };
    expect(await writeLate(site.far.remote({}), [{ name: 'a', expect: old, meanwhile }])).toEqual({
      a: 'changed',
    });
    expect(await disk('a')).toBe('agent');
  });

  test('goes on after another look when nothing has changed, without a second copy', async () => {
    const files: Late[] = [];
    for (const name of ['a', 'b', 'c'])
      files.push({ name, expect: await place(name, 'old'), meanwhile: async () => {} });
    site.clock.pass(5000);
    const [first, ...rest] = files as [Late, ...Late[]];
    const slow = { ...first, meanwhile: async () => site.clock.pass(3000) };
    expect(await writeLate(site.far.remote({}), [slow, ...rest])).toEqual({ a: 'ok', b: 'ok', c: 'ok' });
    expect(site.far.gate.counts.byLabel.copy).toBe(1);
  });

  test('is sent by nobody whose old version the server did not copy, though it says that all is well', async () => {
    site.behaviour.badBatch = 'skips';
    const stamps = { a: await place('a', 'old a'), b: await place('b', 'old b') };
    site.clock.pass(5000);
    site.faults.next('copy', { kind: 'before', run: () => rm(join(site.server.folder, 'b')) });
    const ends = await writeAll(site.far.remote({}), '', {
      a: { text: 'new', expect: stamps.a },
      b: { text: 'new', expect: stamps.b },
    });
    expect(codes(ends)).toEqual({ a: 'ok', b: 'changed' });
    expect((await readdir(site.server.folder)).sort()).toEqual(['.rtsync', 'a']);
  });
});
