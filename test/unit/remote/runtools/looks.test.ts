/** What is remembered of a folder when lists and our own deeds overlap. */
import { expect, test } from 'vitest';
import type { StorageClient } from '../../../../src/remote/runtools/client.ts';
import type { DirId, EntryId } from '../../../../src/remote/runtools/ids.ts';
import { createLooks } from '../../../../src/remote/runtools/looks.ts';
import { unlessTaken } from '../../../../src/remote/runtools/while-young.ts';
import type { Entry, Listing } from '../../../../src/remote/runtools/wire.ts';
import { handClock } from '../support.ts';

const dir = '/d' as DirId;

interface Asked {
  /** It shows these files, as they stood when it was sent. */
  readonly answer: (...names: readonly string[]) => void;
}

function scene() {
  const clock = handClock();
  const asked: Asked[] = [];
  const list = (): Promise<Listing> => {
    const sentAt = clock.monotonic();
    const { promise, resolve } = Promise.withResolvers<Listing>();
    const entry = (name: string): [string, Entry] => [
      name,
      { kind: 'file', id: `/d/${name}` as EntryId, name, size: 3, date: 1 },
    ];
    asked.push({ answer: (...names) => resolve({ entries: new Map(names.map(entry)), sentAt }) });
    return promise;
  };
  const looks = createLooks({ list } as unknown as StorageClient, clock, 500);
  return { clock, asked, looks };
}

test('what we sent is known as ours before it is answered, until it is taken away, and not for ever', () => {
  const { looks } = scene();
  looks.sends(dir, 'a');
  expect(looks.hasSent('/d/a' as EntryId)).toBe(true);
  looks.gone(dir, 'a');
  expect(looks.hasSent('/d/a' as EntryId)).toBe(false);
  for (let i = 0; i <= 65_536; i += 1) looks.sends(dir, `f${i}`);
  expect(looks.hasSent('/d/f0' as EntryId)).toBe(false);
  expect(looks.hasSent('/d/f1' as EntryId)).toBe(true);
});

test('a list beside which we did something tells of the other names, and does not pass for a look', async () => {
  const { clock, asked, looks } = scene();
  const first = looks.fresh(dir);
  asked[0]?.answer('gone');
  const look = await first;
  clock.pass(3000);
  const second = looks.fresh(dir);
  looks.put(dir, 'ours', 'file', 3);
  asked[1]?.answer('theirs');
  await second;
  expect(looks.allows(dir, 'theirs', undefined)).toBe(false);
  expect(looks.allows(dir, 'theirs', { size: 3, date: 1 })).toBe(true);
  expect(looks.allows(dir, 'gone', undefined)).toBe(true);
  expect(looks.allows(dir, 'ours', undefined)).toBe(true);
  expect(looks.trusts(look)).toBe(false);
  const again = looks.recent(dir);
  expect(asked).toHaveLength(3);
  asked[2]?.answer();
  await again;
});

test('what we took away is not there for a list that was made before', async () => {
  const { asked, looks } = scene();
  const listed = looks.fresh(dir);
  looks.gone(dir, 'a');
  asked[0]?.answer('a', 'b');
  await listed;
  expect(looks.allows(dir, 'a', undefined)).toBe(true);
  expect(looks.allows(dir, 'b', undefined)).toBe(false);
});

test('a list that was sent sooner and answered later takes nothing back', async () => {
  const { clock, asked, looks } = scene();
  const slow = looks.fresh(dir);
  clock.pass(10);
  const quick = looks.fresh(dir);
  asked[1]?.answer('theirs');
  await quick;
  asked[0]?.answer();
  await slow;
  expect(looks.allows(dir, 'theirs', undefined)).toBe(false);
});

test('a deed that needs a free name does not go on when a list shows it taken', async () => {
  const { asked, looks } = scene();
  const young = { still: () => true, priority: 0 };
  const pace = { turnMs: 0, openMs: Number.POSITIVE_INFINITY };
  const { still } = unlessTaken(looks, young, dir, ['a', 'b']);
  expect(still(pace)).toBe(true);
  const listed = looks.fresh(dir);
  asked[0]?.answer('b');
  await listed;
  expect(still(pace)).toBe(false);
});

test('at a slow rate a look serves for twenty turns, but not beyond a pause that the server asked for', async () => {
  const { clock, asked, looks } = scene();
  const list = async () => {
    const listed = looks.fresh(dir);
    asked.at(-1)?.answer();
    return await listed;
  };
  const before = await list();
  clock.pass(1000);
  const turnMs = 500;
  expect(looks.trusts(before, { turnMs, openMs: 0 })).toBe(true);
  clock.pass(8000);
  expect(looks.trusts(before, { turnMs, openMs: Number.POSITIVE_INFINITY })).toBe(true);
  expect(looks.trusts(before, { turnMs, openMs: 10 })).toBe(false);
  const after = await list();
  clock.pass(8000);
  expect(looks.trusts(before)).toBe(false);
  expect(looks.trusts(after)).toBe(true);
  expect(looks.trusts(after, { turnMs, openMs: 8010 })).toBe(true);
});

test('what is doubted is listed before anything new relies on it, also in a folder of our own', async () => {
  const { clock, asked, looks } = scene();
  looks.made('/d' as EntryId);
  const early = looks.fresh(dir);
  looks.doubt(['/d/a' as EntryId]);
  expect(looks.isOwn(dir)).toBe(false);
  expect(looks.known(dir)).toBeUndefined();
  // It set out before, and does not pass for the look that is due.
  asked[0]?.answer();
  await early;
  const due = looks.recent(dir);
  expect(asked).toHaveLength(2);
  asked[1]?.answer('a');
  expect([...(await due).entries.keys()]).toEqual(['a']);
  clock.pass(100);
  await looks.at(dir, true);
  expect(asked).toHaveLength(2);
});

test('a list that is on its way when a doubt comes up is not shared by who asks after it', async () => {
  const { asked, looks } = scene();
  const early = looks.recent(dir);
  looks.doubt(['/d/a' as EntryId]);
  const due = looks.recent(dir);
  expect(asked).toHaveLength(2);
  asked[0]?.answer();
  asked[1]?.answer('a');
  await early;
  expect((await due).entries.has('a')).toBe(true);
});
