import { describe, expect, it } from 'vitest';
import { type EntryId, TOP } from '../../../src/remote/runtools/ids.ts';
import type { UploadSource } from '../../../src/remote/runtools/multipart.ts';
import { createChance } from '../../../src/simulation/chance.ts';
import { createScribbler } from '../../../src/simulation/scribbler.ts';
import { codeOf } from '../remote/support.ts';
import { simBench, steppedHands } from './server-world.ts';

const source = (content: string): UploadSource => ({
  size: content.length,
  body: () => Buffer.from(content),
});

/** A bench whose first upload of `a` has lost its answer. */
async function unsureOfOne() {
  const bench = simBench();
  const blind: string[] = [];
  bench.server.onBlindRetry((request) => blind.push(request));
  const client = bench.client();
  Object.assign(bench.faults, { rate: 1, kinds: ['lost-after'] });
  expect(['network', 'server-error']).toContain(await codeOf(client.upload(TOP, 'a', source('A'))));
  bench.faults.rate = 0;
  return { bench, blind, client };
}

describe('a client without an answer', () => {
  it('repeats blindly what it sends again without a look', async () => {
    const { blind, client } = await unsureOfOne();
    await client.upload(TOP, 'a', source('A'));
    expect(blind).toEqual(['POST /upload']);
  });

  it('may send it again when it has listed the folder since', async () => {
    const { blind, client } = await unsureOfOne();
    await client.list(TOP);
    await client.upload(TOP, 'a', source('A'));
    expect(blind).toEqual([]);
  });

  it('has not looked when the list failed as well', async () => {
    const { bench, blind, client } = await unsureOfOne();
    Object.assign(bench.faults, { rate: 1, kinds: ['half-list'] });
    expect(await codeOf(client.list(TOP, { retries: 0 }))).toBe('bad-answer');
    bench.faults.rate = 0;
    await client.upload(TOP, 'a', source('A'));
    expect(blind).toHaveLength(1);
  });

  it('may send other names, and another client the same one', async () => {
    const { bench, blind, client } = await unsureOfOne();
    await client.upload(TOP, 'b', source('B'));
    await bench.client().upload(TOP, 'a', source('A'));
    expect(blind).toEqual([]);
  });
});

describe('a streamed download', () => {
  it('is a mix when somebody writes into the file meanwhile', async () => {
    const bench = simBench({ behaviour: { streamedDownloads: true } });
    bench.server.agent.write('a', Buffer.from('old.old.'));
    const hands = steppedHands();
    let came = '';
    const received = bench.client(hands).download('/a' as EntryId, async (bytes) => {
      for await (const part of bytes) came += Buffer.from(part).toString();
    });
    await hands.step();
    bench.server.agent.write('a', Buffer.from('new!new!'));
    await hands.run();
    await received;
    expect(came).toBe('old.new!');
  });
});

describe('a program that scribbles', () => {
  it('never strikes in our own folder, and mostly where a name changes hands', () => {
    const scribbler = createScribbler(createChance('scribbler'));
    const struck = (call: string): readonly (string | undefined)[] =>
      Array.from({ length: 2_000 }, () => scribbler(call)).filter((path) => path !== undefined);
    expect(struck('fsync')).toEqual([]);
    const names = struck('rename .rtsync/tmp/1 -> a b');
    expect(new Set(names)).toEqual(new Set(['a b']));
    expect(names.length).toBeGreaterThan(10 * struck('lstat a b').length);
  });
});
