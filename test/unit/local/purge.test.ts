import { existsSync, readdirSync, symlinkSync, utimesSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemDisk } from '../../../src/local/disk.ts';
import { type Dropped, expiryOf, purgeTrash } from '../../../src/local/purge.ts';
import { failure } from './disks.ts';
import { at, type DisposableFolder, disposableFolder } from './support.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const MINUTE = 60_000;
let disk: DisposableFolder;
beforeEach(async () => {
  disk = await disposableFolder();
  disk.clock.set(NOW);
});
afterEach(() => disk.dispose());

/** A drawer with one file, made so many minutes ago; its day may say otherwise. */
function drawer(path: string, { bytes = 10, minutesAgo = 600 } = {}): void {
  disk.write(`.rtsync/trash/${path}/deep/f`, Buffer.alloc(bytes));
  const seconds = (disk.clock.now() - minutesAgo * MINUTE) / 1000;
  utimesSync(disk.path(`.rtsync/trash/${path}`), seconds, seconds);
}

function left(): readonly string[] {
  const days = readdirSync(disk.path('.rtsync/trash')).sort();
  return days.flatMap((day) =>
    readdirSync(disk.path(`.rtsync/trash/${day}`))
      .sort()
      .map((name) => `${day}/${name}`),
  );
}

describe('the trash by age', () => {
  it('loses whole days, and tells what went', async () => {
    for (const name of ['2026-10-01/00000000-1', '2026-10-01/00000000-2', '2026-11-14/00000000-1'])
      drawer(name);
    drawer('2026-11-15/00000000-1');
    expect(await disk.folder.purgeTrash({ days: 7, bytes: undefined })).toEqual({ drawers: 3, bytes: 30 });
    expect(readdirSync(disk.path('.rtsync/trash'))).toEqual(['2026-11-15']);
  });

  it('keeps what is not named like a day', async () => {
    for (const name of ['notes', '2026-10-1', '2026-10-01.old', '12026-10-01']) drawer(`${name}/00000000-1`);
    expect(await disk.folder.purgeTrash({ days: 1, bytes: 0 })).toEqual({ drawers: 0, bytes: 0 });
    expect(left()).toHaveLength(4);
  });

  it('is nothing where there is no trash', async () => {
    const place = { root: disk.path('nowhere'), disk: systemDisk, now: NOW };
    expect(await purgeTrash(place, { days: 1, bytes: 0 })).toEqual({ drawers: 0, bytes: 0 });
  });
});

describe('the trash by age, when clocks jump', () => {
  const DAY = 86_400_000;
  const YEARS = 3650 * DAY;

  /** Looks at these moments, each as the next start of rtsync does; gives what may go at each. */
  function looks(...moments: readonly number[]): readonly string[] {
    let note: string | undefined;
    return moments.map((now) => {
      const expiry = expiryOf(note, now, 30);
      note = expiry.note;
      return expiry.before;
    });
  }

  it('loses what was over its time a day ago already', () => {
    expect(looks(NOW, NOW + DAY, NOW + 2 * DAY)).toEqual(['', '2026-10-23', '2026-10-24']);
  });

  it('loses nothing by two looks on one day, however many there are', () => {
    expect(looks(NOW, NOW + 1000, NOW + DAY - 1, NOW + DAY)).toEqual(['', '', '', '2026-10-23']);
  });

  it('loses what was over its time before the jump, and not what only the jump made old', () => {
    expect(looks(NOW, NOW + YEARS)).toEqual(['', '2026-10-23']);
  });

  it('loses nothing by a jump that is put right within a day', () => {
    const jumped = NOW + DAY + YEARS;
    const looked = looks(NOW, jumped, jumped + DAY / 2, NOW + DAY + DAY / 2, NOW + 3 * DAY);
    expect(looked).toEqual(['', '2026-10-23', '', '', '2026-10-25']);
  });

  it('loses nothing when the clock had lost its time, nor when it found it again', () => {
    expect(looks(0, NOW, NOW + DAY)).toEqual(['', '1969-12-02', '2026-10-23']);
  });

  it('takes a note that it cannot read for none', () => {
    for (const note of ['', 'yes', '12', '2026-10-01'])
      expect(expiryOf(note, NOW, 30)).toEqual({ before: '', note: `${NOW} 2026-10-23` });
  });

  it('keeps the days from the given one on, also for the count by size', async () => {
    for (const day of ['2026-10-01', '2026-10-02']) drawer(`${day}/00000000-1`, { minutesAgo: 72_000 });
    disk.clock.set(NOW + YEARS);
    expect(await disk.folder.purgeTrash({ days: 30, before: '2026-10-02', bytes: 10 })).toEqual({
      ...{ drawers: 1, bytes: 10 },
    });
    expect(left()).toEqual(['2026-10-02/00000000-1']);
    expect(await disk.folder.purgeTrash({ days: 30, before: '', bytes: 0 })).toEqual({
      ...{ drawers: 1, bytes: 10 },
    });
  });

  it('keeps a day that was named while the clock had lost its time: nobody knows how old it is', async () => {
    drawer('1970-01-01/00000000-1');
    drawer('2026-01-01/00000000-1');
    await disk.folder.purgeTrash({ days: 30, bytes: undefined });
    expect(left()).toEqual(['1970-01-01/00000000-1']);
    await disk.folder.purgeTrash({ days: 30, bytes: 0 });
    expect(left()).toEqual([]);
  });
});

describe('the trash by size', () => {
  it('loses the oldest drawers first, by day and then by time, until the rest fits', async () => {
    drawer('2026-11-20/ffffffff-9', { minutesAgo: 3000 });
    drawer('2026-11-20/00000000-1', { minutesAgo: 2900 });
    drawer('2026-11-21/00000000-1', { minutesAgo: 9000 });
    drawer('2026-11-22/00000000-1', { minutesAgo: 90 });
    expect(await disk.folder.purgeTrash({ days: 30, bytes: 30 })).toEqual({ drawers: 1, bytes: 10 });
    expect(left()).toEqual(['2026-11-20/00000000-1', '2026-11-21/00000000-1', '2026-11-22/00000000-1']);
    expect(await disk.folder.purgeTrash({ days: 30, bytes: 19 })).toEqual({ drawers: 2, bytes: 20 });
    expect(left()).toEqual(['2026-11-22/00000000-1']);
    expect(readdirSync(disk.path('.rtsync/trash'))).toEqual(['2026-11-22']);
  });

  it('is left alone while it fits', async () => {
    drawer('2026-11-20/00000000-1');
    expect(await disk.folder.purgeTrash({ days: 30, bytes: 10 })).toEqual({ drawers: 0, bytes: 0 });
  });

  it('counts what goes by age as gone', async () => {
    drawer('2026-10-01/00000000-1');
    drawer('2026-11-20/00000000-1');
    expect(await disk.folder.purgeTrash({ days: 30, bytes: 10 })).toEqual({ drawers: 1, bytes: 10 });
    expect(left()).toEqual(['2026-11-20/00000000-1']);
  });

  it('keeps drawers of the last hour, also right after midnight', async () => {
    drawer('2026-11-22/00000000-1', { minutesAgo: 59 });
    drawer('2026-11-22/00000000-2', { minutesAgo: 61 });
    await disk.folder.purgeTrash({ days: 30, bytes: 0 });
    expect(left()).toEqual(['2026-11-22/00000000-1']);
    disk.clock.set(Date.UTC(2026, 10, 23, 0, 10));
    drawer('2026-11-22/00000000-1', { minutesAgo: 20 });
    await disk.folder.purgeTrash({ days: 30, bytes: 0 });
    expect(left()).toEqual(['2026-11-22/00000000-1']);
  });

  it('keeps what is not named like a drawer', async () => {
    drawer('2026-11-20/keep-me');
    drawer('2026-11-20/00000000-1.old');
    expect(await disk.folder.purgeTrash({ days: 30, bytes: 0 })).toEqual({ drawers: 0, bytes: 0 });
    expect(left()).toHaveLength(2);
  });

  it('holds what was just given up', async () => {
    disk.clock.set(Date.now());
    await disk.folder.removeFile(at('f'), disk.write('f', 'precious'));
    await disk.folder.purgeTrash({ days: 30, bytes: 0 });
    expect(left()).toHaveLength(1);
  });
});

describe('purging', () => {
  it('follows no symlink, neither to a day, to a drawer nor in one', async () => {
    disk.write('mine/00000000-1/f', 'precious');
    drawer('2026-10-01/00000000-1');
    drawer('2026-11-20/00000000-1');
    symlinkSync(disk.path('mine'), disk.path('.rtsync/trash/2026-10-02'));
    symlinkSync(disk.path('mine'), disk.path('.rtsync/trash/2026-10-01/00000000-2'));
    symlinkSync(disk.path('mine'), disk.path('.rtsync/trash/2026-11-20/00000000-2'));
    symlinkSync(disk.path('mine'), disk.path('.rtsync/trash/2026-11-20/00000000-1/link'));
    symlinkSync(disk.path('mine'), disk.path('.rtsync/trash/2026-11-21'));
    expect(await disk.folder.purgeTrash({ days: 30, bytes: 0 })).toEqual({ drawers: 2, bytes: 20 });
    expect(existsSync(disk.path('mine/00000000-1/f'))).toBe(true);
    expect(readdirSync(disk.path('.rtsync/trash')).sort()).toEqual(['2026-11-20', '2026-11-21']);
  });

  it('stays out of a trash that is itself a symlink', async () => {
    disk.write('mine/2026-10-01/00000000-1/f', 'precious');
    systemDisk.removeTreeSync(disk.path('.rtsync/trash'));
    symlinkSync(disk.path('mine'), disk.path('.rtsync/trash'));
    expect(await disk.folder.purgeTrash({ days: 1, bytes: 0 })).toEqual({ drawers: 0, bytes: 0 });
    expect(existsSync(disk.path('mine/2026-10-01/00000000-1/f'))).toBe(true);
  });

  it('passes over what it cannot remove, and does the rest', async () => {
    drawer('2026-10-01/00000000-1');
    drawer('2026-10-01/00000000-2');
    const stubborn = {
      ...systemDisk,
      unlink: (path: string) =>
        path.includes('00000000-1') ? Promise.reject(failure('EPERM')) : systemDisk.unlink(path),
    };
    const place = { root: disk.root, disk: stubborn, now: NOW };
    expect(await purgeTrash(place, { days: 7, bytes: undefined })).toEqual({ drawers: 1, bytes: 10 });
    expect(left()).toEqual(['2026-10-01/00000000-1']);
  });

  it('gives way to others again and again', async () => {
    for (let n = 0; n < 1000; n += 1) disk.write(`.rtsync/trash/2026-11-20/00000000-1/${n}`, 'x');
    let done: Dropped | undefined;
    let turns = 0;
    // The removals themselves are asynchronous; here they are not, so that only the slices give way.
    const prompt = { ...systemDisk, unlink: async (path: string) => systemDisk.unlinkSync(path) };
    const purge = purgeTrash({ root: disk.root, disk: prompt, now: NOW }, { days: 30, bytes: 0 });
    const count = (): void => {
      if (done !== undefined) return;
      turns += 1;
      setImmediate(count);
    };
    setImmediate(count);
    done = await purge;
    expect(done).toEqual({ drawers: 1, bytes: 1000 });
    expect(turns).toBeGreaterThanOrEqual(10);
  });

  it('stops when it is told to; what is half gone goes the next time', async () => {
    for (let n = 0; n < 300; n += 1) disk.write(`.rtsync/trash/2026-10-01/00000000-1/${n}`, 'x');
    const stop = new AbortController();
    const place = {
      root: disk.root,
      now: NOW,
      disk: {
        ...systemDisk,
        unlink: async (path: string) => {
          await systemDisk.unlink(path);
          stop.abort(new Error('enough'));
        },
      },
    };
    await expect(purgeTrash(place, { days: 7, bytes: undefined }, stop.signal)).rejects.toThrow('enough');
    expect(readdirSync(disk.path('.rtsync/trash/2026-10-01/00000000-1'))).toHaveLength(299);
    expect(await disk.folder.purgeTrash({ days: 7, bytes: undefined })).toEqual({ drawers: 1, bytes: 299 });
    expect(left()).toEqual([]);
  });
});
