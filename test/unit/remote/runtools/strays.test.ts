import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Stale } from '../../../../src/lib/gate.ts';
import { digestOf } from '../../../../src/local/digest.ts';
import type { RemoteMove, WriteSource } from '../../../../src/remote/remote.ts';
import type { Context } from '../../../../src/remote/runtools/context.ts';
import { childId, type EntryId, TOP } from '../../../../src/remote/runtools/ids.ts';
import {
  clearLate,
  clearStrays,
  clearUntold,
  movedAside,
  strayOf,
} from '../../../../src/remote/runtools/strays.ts';
import type { Retirement } from '../../../../src/remote/runtools/trash.ts';
import type { Entry } from '../../../../src/remote/runtools/wire.ts';
import { at } from '../support.ts';

const listOf = (...names: readonly string[]): Map<string, Entry> =>
  new Map(
    names.map((name) => [name, { kind: 'file', id: childId(TOP, name), name, size: 3, date: 5 } as const]),
  );
const isOurs = (): boolean => true;

const sourceOf = (text: string): WriteSource => ({ size: text.length, body: () => Buffer.from(text) });

/** Every file holds `abc`. */
function scene({
  entries = listOf(),
  sent = [],
  wait,
  keepTrash = true,
}: {
  readonly entries?: ReadonlyMap<string, Entry>;
  readonly sent?: readonly string[];
  /** Until the turn of the move into the trash has come: then every look is too old. */
  readonly wait?: () => void;
  readonly keepTrash?: boolean;
}) {
  const [retired, read]: [string[], string[]] = [[], []];
  const ctx = {
    keepTrash,
    client: {
      download: (id: string, receive: (body: AsyncIterable<Uint8Array>) => Promise<void>) => {
        read.push(id);
        return receive(Readable.from([Buffer.from('abc')]));
      },
    },
    looks: {
      fresh: async () => ({ entries, sentAt: 0 }),
      trusts: () => wait === undefined,
      hasSent: (id: string) => sent.includes(id.slice(1)),
    },
    trash: {
      folder: async () => childId(TOP, 'trash'),
      retire: async (ids: readonly EntryId[], _: unknown, { young }: Retirement) => {
        wait?.();
        if (young?.still({ turnMs: 0, openMs: Number.POSITIVE_INFINITY }) === false) throw new Stale();
        retired.push(...ids);
        return { folder: undefined, fates: new Map(ids.map((id) => [id, undefined])) };
      },
      destroy: async (ids: readonly EntryId[], { young }: Retirement = {}) => {
        wait?.();
        if (young?.still({ turnMs: 0, openMs: Number.POSITIVE_INFINITY }) === false) throw new Stale();
        retired.push(...ids);
        return new Map(ids.map((id) => [id, undefined]));
      },
    },
  } as unknown as Context;
  return { ctx, retired, read };
}

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

  const untold = { name: 'a', before: listOf(), now: listOf('a', 'a2'), source: sourceOf('abc'), isOurs };

  test('is not what we sent or are to send under that name, though both are the same', async () => {
    const { ctx, retired } = scene({ entries: listOf('a2') });
    expect(await clearUntold(ctx, { ...untold, others: new Set(['a', 'a2']) })).toBe(false);
    expect(await clearUntold(scene({ sent: ['a2'] }).ctx, untold)).toBe(false);
    expect(retired).toEqual([]);
    expect(await clearUntold(ctx, { ...untold, others: new Set(['a']) })).toBe(true);
    expect(retired).toEqual(['/a2']);
  });

  test('is known beside another that we sent', async () => {
    const { ctx, retired } = scene({ entries: listOf('a', 'a.new', 'a2'), sent: ['a2'] });
    expect(await clearUntold(ctx, { ...untold, now: listOf('a', 'a.new', 'a2') })).toBe(true);
    expect(retired).toEqual(['/a.new']);
  });

  test('is not there while the name is free, since then nothing was stored beside it', async () => {
    const { ctx, retired } = scene({ entries: listOf('a2') });
    expect(await clearUntold(ctx, { ...untold, now: listOf('a2') })).toBe(false);
    expect(retired).toEqual([]);
  });

  test('is not what took its place after it was read, though that may be ours by its date', async () => {
    const later = new Map(listOf('a', 'a2'));
    later.set('a2', { kind: 'file', id: childId(TOP, 'a2'), name: 'a2', size: 3, date: 6 });
    const { ctx, retired } = scene({ entries: later });
    await clearUntold(ctx, { ...untold, now: listOf('a', 'a2') });
    expect(retired).toEqual([]);
  });

  test('is not told by an empty file', async () => {
    expect(await clearUntold({} as Context, { ...untold, source: sourceOf('') })).toBe(false);
  });
});

describe('what a late answer tells of as stored beside a taken name', () => {
  test('is read once, whatever was sent, and only when something of its size was', async () => {
    const { ctx, retired, read } = scene({ entries: listOf('a.new') });
    const strays = [childId(TOP, 'a.new')];
    await clearLate(ctx, strays, isOurs, ['', 'longer', 'long'].map(sourceOf));
    expect([read, retired]).toEqual([[], []]);
    await clearLate(ctx, strays, isOurs, ['', 'not', 'longer', 'xyz', 'abc'].map(sourceOf));
    expect([read, retired]).toEqual([['/a.new'], ['/a.new']]);
  });

  test('stays when it holds something else, or is not there any more', async () => {
    const { ctx, retired } = scene({ entries: listOf('a.new') });
    const strays = ['a.new', 'b.new'].map((name) => childId(TOP, name));
    await clearLate(ctx, strays, isOurs, ['not', 'xyz'].map(sourceOf));
    expect(retired).toEqual([]);
  });
});

describe('a stray whose removal waits for a slow gate', () => {
  const stray = childId(TOP, 'a.new');
  const ofOurs = (entry: Entry): boolean => entry.kind === 'file' && entry.date === 5;

  test.each([
    ['into the trash', true],
    ['for good', false],
  ])('%s is looked at again, and stays when somebody has written into it meanwhile', async (_, keepTrash) => {
    const entries = new Map(listOf('a', 'a.new'));
    const edit = (): void => {
      entries.set('a.new', { kind: 'file', id: stray, name: 'a.new', size: 3, date: 60_000 });
    };
    const { ctx, retired } = scene({ entries, wait: edit, keepTrash });
    await clearStrays(ctx, [stray], ofOurs);
    expect(retired).toEqual([]);
  });

  test('goes when the look is young', async () => {
    const { ctx, retired } = scene({ entries: listOf('a', 'a.new') });
    await clearStrays(ctx, [stray], ofOurs);
    expect(retired).toEqual([stray]);
  });
});

describe('where a file is that was moved onto a taken name and dated anew', () => {
  const digest = digestOf(Buffer.from('abc'));
  const job = { from: at('x'), to: at('a'), expect: { size: 3, date: 1 }, digest };
  const theirs = { kind: 'file', id: childId(TOP, 'a'), name: 'a', size: 4, date: 5 } as const;
  const aside = async (
    change: Partial<RemoteMove> = {},
    now = listOf('a.new').set('a', theirs),
    sent: readonly string[] = [],
  ) => {
    const { ctx } = scene({ sent });
    const traits = { moveKeepsDate: false, datesFollowClock: false };
    const times = { span: () => ({ sentAt: 0, answeredAt: 9 }) };
    const aim = { job: { ...job, ...change, times }, step: childId(TOP, 'a'), before: listOf() };
    return movedAside({ ...ctx, traits } as unknown as Context, aim, now);
  };

  test('is told by its content', async () => {
    expect(await aside()).toBe('/a.new');
  });

  test.each([
    ['it holds something else', { digest: digestOf(Buffer.from('xyz')) }],
    ['nobody knows what was moved', { digest: undefined }],
    ['it has another size', { expect: { size: 4, date: 1 } }],
  ])('is not told when %s', async (_, change) => {
    expect(await aside(change)).toBeUndefined();
  });

  test('is not told by a file beside a free name, by one of two, nor by what we sent there', async () => {
    expect(await aside({}, listOf('a.new'))).toBeUndefined();
    expect(await aside({}, listOf('a.new', 'a2').set('a', theirs))).toBeUndefined();
    expect(await aside({}, listOf('a.new').set('a', theirs), ['a.new'])).toBeUndefined();
  });

  test('is not where somebody copied it to, once it has its name', async () => {
    expect(await aside({}, listOf('a', 'a.new'), ['a'])).toBeUndefined();
  });
});
