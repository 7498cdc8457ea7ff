import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalStamp } from '../../../src/core/tree.ts';
import { rememberRenames } from '../../../src/local/renames.ts';
import { at, type DisposableFolder, disposableFolder, rules } from './support.ts';

let disk: DisposableFolder;
const trashed: [path: string, trash: string][] = [];
beforeEach(async () => {
  trashed.length = 0;
  disk = await disposableFolder({ onTrashed: (path, trash) => void trashed.push([path, trash]) });
});
afterEach(() => disk.dispose());

function read(path: string): string {
  return readFileSync(disk.path(path), 'utf8');
}

/** The disk's own clock gives the ctime; it is done when it has gone on. */
function untilLaterThan({ ctimeMs }: LocalStamp): void {
  while (disk.write('.rtsync/clock', 'tick').ctimeMs <= ctimeMs);
}

/** New bytes under times that somebody sets back: only the ctime tells. */
function rewrite(path: string, content: string): LocalStamp {
  writeFileSync(disk.path(path), content);
  utimesSync(disk.path(path), 1_000_000, 1_000_000);
  const stamp = disk.stamp(path);
  untilLaterThan(stamp);
  return stamp;
}

describe('a move of ours', () => {
  it('leaves expectations from before it good, at the new name, again and again', async () => {
    const expected = rewrite('f', 'seen');
    await disk.folder.move(at('f'), at('g'), expected);
    untilLaterThan(disk.stamp('g'));
    expect(disk.stamp('g').ctimeMs).not.toBe(expected.ctimeMs);
    expect(await disk.folder.digest(at('g'), expected)).toMatch(/^[0-9a-f]{64}$/);
    const source = await disk.folder.open(at('g'), expected);
    expect(await source.finish()).toMatchObject({ changed: false, stamp: disk.stamp('g') });
    await disk.folder.move(at('g'), at('h'), expected);
    await disk.folder.place(await disk.receive('fresh'), at('h'), expected);
    expect(read('h')).toBe('fresh');
    expect(trashed.map(([path, slot]) => [path, readFileSync(slot, 'utf8')])).toEqual([['h', 'seen']]);
  });

  it('hides no change that is made afterwards, whatever its size and times', async () => {
    const expected = rewrite('f', 'seen');
    await disk.folder.move(at('f'), at('g'), expected);
    untilLaterThan(disk.stamp('g'));
    rewrite('g', 'EDIT');
    expect(disk.stamp('g')).toMatchObject({ ino: expected.ino, size: 4, mtimeMs: expected.mtimeMs });
    expect(await disk.folder.digest(at('g'), expected)).toBeUndefined();
    const fresh = await disk.receive('fresh');
    const deeds = [
      disk.folder.open(at('g'), expected),
      disk.folder.place(fresh, at('g'), expected),
      disk.folder.removeFile(at('g'), expected),
      disk.folder.move(at('g'), at('h'), expected),
    ];
    for (const deed of await Promise.allSettled(deeds))
      expect(deed).toMatchObject({ status: 'rejected', reason: { code: 'changed' } });
    expect(read('g')).toBe('EDIT');
  });

  it('is forgotten when everything is looked at again', async () => {
    const expected = rewrite('f', 'seen');
    await disk.folder.move(at('f'), at('g'), expected);
    await disk.folder.scan(rules);
    await expect(disk.folder.open(at('g'), expected)).rejects.toMatchObject({ code: 'changed' });
  });
});

describe('the memory of renames', () => {
  const stamp = (ctimeMs: number): LocalStamp => ({ size: 1, ino: 2, mtimeMs: 3, mode: 0o644, ctimeMs });

  it('ends also when the clock was set back between two renames', () => {
    const renames = rememberRenames();
    renames.note(stamp(20), 10);
    renames.note(stamp(10), 20);
    expect(renames.asNow(stamp(10))).toEqual(stamp(20));
    expect(renames.asNow(stamp(20))).toEqual(stamp(20));
  });

  it('says nothing about a version that was too young to trust', () => {
    const renames = rememberRenames();
    renames.note(stamp(-1), 10);
    expect(renames.asNow(stamp(-1))).toEqual(stamp(-1));
  });
});
