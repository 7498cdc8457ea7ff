import { expect, test } from 'vitest';
import type { LocalPath, RelPath } from '../../../src/core/path.ts';
import type { LocalStamp } from '../../../src/core/tree.ts';
import { contentOf } from '../../../src/engine/digests.ts';
import type { Pair } from '../../../src/engine/pair.ts';
import { trusted } from '../../../src/local/stamp.ts';

const STAMP: LocalStamp = { size: 3, ino: 7, mtimeMs: 1_000, ctimeMs: 1_000, mode: 0o644 };

/** A file whose clock ticks every 50 ms, read at `now`; each reading takes a while. */
function readAt(now: number) {
  let time = now;
  const kept: LocalStamp[] = [];
  const pair = {
    local: {
      young: (stamp: LocalStamp) => trusted(stamp, time, 50) !== stamp,
      digest: async () => {
        time += 1_000;
        return 'd';
      },
    },
    state: { cachedDigest: () => undefined, cacheDigest: (_: string, stamp: LocalStamp) => kept.push(stamp) },
  } as unknown as Pair;
  const version = { path: 'a' as RelPath, spelled: 'a' as LocalPath, stamp: STAMP };
  return contentOf(pair, version, new AbortController().signal).then((found) => ({ found, kept }));
}

test('a content that was read while the file was old is known by its stamp', async () => {
  expect(await readAt(1_050)).toEqual({ found: { ...STAMP, digest: 'd' }, kept: [STAMP] });
});

test('one that could change in the same tick once it was read is read again next time', async () => {
  expect(await readAt(1_049)).toEqual({ found: { ...STAMP, digest: 'd', young: true }, kept: [] });
});
