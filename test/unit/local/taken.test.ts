/** What another program writes to a version in the moment in which its name is taken, when the process dies in that moment. */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Disk } from '../../../src/local/disk.ts';
import { openLocalFolder } from '../../../src/local/folder.ts';
import type { Expected, LocalTemporary } from '../../../src/local/local.ts';
import { type NameChange, watchedDisk } from './disks.ts';
import { at, type DisposableFolder, disposableFolder } from './support.ts';

interface Moment {
  before?: () => void;
  /** It dies here. */
  kill?: boolean;
}

let disk: DisposableFolder;
let moment: Moment;
let dead: boolean;
let late: string[];
const takes = ({ call, paths }: NameChange): boolean => call === 'rename' && paths.includes(disk.path('d/f'));

/** Once it is dead it does nothing any more. */
function mortal(): Disk {
  const die = (): void => {
    if (dead) throw new Error('dead');
  };
  return watchedDisk({
    before: (change) => {
      die();
      if (!takes(change)) return;
      moment.before?.();
    },
    after: (change) => {
      if (!takes(change) || moment.kill !== true) return;
      dead = true;
      die();
    },
  });
}

beforeEach(async () => {
  [moment, dead, late] = [{}, false, []];
  disk = await disposableFolder({ disk: mortal() });
});
afterEach(async () => {
  dead = false;
  await disk.dispose();
});

/** The next run; gives what is left in `tmp`. */
async function nextRun(pathOf: (was: Expected) => string | undefined = () => 'd/f'): Promise<string[]> {
  const { root, clock } = disk;
  const onLateWrite = (_: string, copy: string) => void late.push(copy);
  const folder = await openLocalFolder({ root, clock, host: 'here', onLateWrite });
  await folder.giveBack((was) => {
    const path = pathOf(was);
    return path === undefined ? undefined : at(path);
  });
  return readdirSync(disk.path('.rtsync/tmp'));
}

function trashed(): string[] {
  const entries = readdirSync(disk.path('.rtsync/trash'), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8'));
}

const read = (path: string): string => readFileSync(disk.path(path), 'utf8');
const writeInPlace = (): void => writeFileSync(disk.path('d/f'), 'written late');
const putAnother = (): void => {
  writeFileSync(disk.path('other'), 'written late');
  renameSync(disk.path('other'), disk.path('d/f'));
};

async function remove(how: Moment): Promise<Expected> {
  const expected = disk.write('d/f', 'old');
  moment = { ...how, kill: true };
  await expect(disk.folder.removeFile(at('d/f'), expected)).rejects.toThrow();
  expect(dead).toBe(true);
  return expected;
}

describe('a removal that was killed when the name was taken', () => {
  it.each([
    ['wrote into the file', writeInPlace],
    ['put another in its place', putAnother],
  ])('gives back what somebody wrote who %s', async (_, before) => {
    const { ino, size, mtimeMs } = await remove({ before });
    const asked: Expected[] = [];
    const left = await nextRun((was) => {
      asked.push(was);
      return 'd/f';
    });
    expect({ left, asked }).toEqual({ left: [], asked: [{ ino, size, mtimeMs }] });
    expect(read('d/f')).toBe('written late');
  });

  it('is done where nobody wrote', async () => {
    await remove({});
    expect(await nextRun()).toEqual([]);
    expect({ stands: existsSync(disk.path('d/f')), trashed: trashed() }).toEqual({
      stands: false,
      trashed: ['old'],
    });
  });

  it('gives back beside what has the name by then', async () => {
    await remove({ before: putAnother });
    disk.write('d/f', 'newer');
    expect(await nextRun()).toEqual([]);
    expect(late).toEqual([expect.stringContaining('d/f (conflict ')]);
    expect([read('d/f'), read(late[0] ?? '')]).toEqual(['newer', 'written late']);
  });

  it.each([
    ['nobody knows where it stood', (): string | undefined => undefined, () => undefined],
    ['its folder is gone', () => 'd/f', () => rmSync(disk.path('d'), { recursive: true })],
  ])('leaves it in the trash when %s', async (_, pathOf, meanwhile) => {
    await remove({ before: putAnother });
    meanwhile();
    expect(await nextRun(pathOf)).toEqual([]);
    expect(trashed().sort()).toEqual(['old', 'written late']);
  });
});

describe('a replacement that was killed when the name had passed on', () => {
  async function replace(how: Moment): Promise<void> {
    const expected = disk.write('d/f', 'old');
    const temporary: LocalTemporary = await disk.receive('new');
    moment = { kill: true, ...how };
    const end = disk.folder.place(temporary, at('d/f'), expected);
    if (how.kill === false) await end.catch(() => undefined);
    else await expect(end).rejects.toThrow();
    expect(dead).toBe(how.kill !== false);
  }

  it('brings out beside it what somebody wrote into the old version', async () => {
    await replace({ before: writeInPlace });
    expect(await nextRun()).toEqual([]);
    expect([read('d/f'), ...late.map(read)]).toEqual(['new', 'written late']);
    expect(await nextRun()).toEqual([]);
    expect(late).toHaveLength(1);
  });

  it('leaves nothing where nobody wrote', async () => {
    await replace({});
    expect(await nextRun()).toEqual([]);
    expect({ now: read('d/f'), late, trashed: trashed() }).toEqual({
      now: 'new',
      late: [],
      trashed: ['old'],
    });
  });

  it('brings nothing out where the old version has its name still', async () => {
    await replace({
      before: (): never => {
        dead = true;
        throw new Error('dead');
      },
    });
    writeInPlace();
    expect(await nextRun()).toEqual([]);
    expect({ now: read('d/f'), late }).toEqual({ now: 'written late', late: [] });
  });

  it('holds nothing back when it was not killed', async () => {
    await replace({ before: writeInPlace, kill: false });
    expect(readdirSync(disk.path('.rtsync/tmp'))).toEqual([]);
  });
});
