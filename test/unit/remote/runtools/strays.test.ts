import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { Context } from '../../../../src/remote/runtools/context.ts';
import { childId, TOP } from '../../../../src/remote/runtools/ids.ts';
import { clearUntold, strayOf } from '../../../../src/remote/runtools/strays.ts';
import type { Entry } from '../../../../src/remote/runtools/wire.ts';

const listOf = (...names: readonly string[]): ReadonlyMap<string, Entry> =>
  new Map(
    names.map((name) => [name, { kind: 'file', id: childId(TOP, name), name, size: 3, date: 5 } as const]),
  );
const isOurs = (): boolean => true;

describe('what a server stored of ours beside a taken name, when no answer tells', () => {
  test.each([
    ['notes.md', ['notes.md', 'notes.new.md', 'other.md'], 'notes.new.md'],
    ['.env', ['.env', '.env.new'], '.env.new'],
    ['a', ['a', 'a (1)'], 'a (1)'],
  ])('is the one new file that is called like %s', (name, names, stray) => {
    expect(strayOf(name, listOf(), listOf(...names), isOurs)).toBe(`/${stray}`);
  });

  test('is not known when there are two of them', () => {
    expect(strayOf('a', listOf(), listOf('a', 'a.new', 'a 2'), isOurs)).toBeUndefined();
  });

  test('is not what was there before, nor what is not ours', () => {
    const [before, now] = [listOf('a.new'), listOf('a', 'a.new')];
    expect(strayOf('a', before, now, isOurs)).toBeUndefined();
    expect(strayOf('a', listOf(), now, () => false)).toBeUndefined();
  });

  test('is not what we sent under that name, though both are the same', async () => {
    const source = { size: 3, body: () => Buffer.from('abc') };
    const untold = { name: 'a', before: listOf(), now: listOf('a', 'a2'), source, isOurs };
    const ctx = {
      client: {
        download: (_: unknown, receive: (body: AsyncIterable<Uint8Array>) => Promise<void>) =>
          receive(Readable.from([Buffer.from('abc')])),
      },
      looks: { fresh: async () => ({ entries: listOf(), sentAt: 0 }) },
    } as unknown as Context;
    expect(await clearUntold(ctx, { ...untold, others: new Set(['a']) })).toBe(true);
    expect(await clearUntold(ctx, { ...untold, others: new Set(['a', 'a2']) })).toBe(false);
  });

  test('is not told by an empty file', async () => {
    const source = { size: 0, body: () => Buffer.alloc(0) };
    const untold = { name: 'a', before: listOf(), now: listOf('a', 'a2'), source, isOurs };
    expect(await clearUntold({} as Context, untold)).toBe(false);
  });
});
