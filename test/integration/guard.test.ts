/** What a person must decide: the roots that changed, and the deeds that are held until somebody approves them. */
import { mkdir, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type PairWorld, withWorld, writes } from '../support/pair-world.ts';

const FILES: Readonly<Record<string, string>> = { 'a.txt': 'a', 'd/b.txt': 'b' };
const PATHS = ['a.txt', 'd/', 'd/b.txt'];

const many = (count: number, text: string): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`d/f${i}.txt`, `${text} ${i}`]));

async function agreed(world: PairWorld, files = FILES): Promise<void> {
  await world.here.fill(files);
  expect((await world.sync()).code).toBe(0);
}

describe('a root of another kind or another pair', () => {
  it('here, carrying the mark of another pair, is not synced', () =>
    withWorld({}, async (world) => {
      await agreed(world);
      await world.here.remove('a.txt');
      const mark = { version: 1, pairId: '00000000-0000-4000-8000-000000000000' };
      await writeFile(world.here.at('.rtsync/pair.json'), JSON.stringify(mark));
      expect(await world.refused(world.sync())).toMatchObject({ code: 'halted', exit: 3 });
      expect(await world.there.paths()).toEqual(PATHS);
    }));

  it.each(['missing', 'a file', 'an empty folder'] as const)(
    'here, that is %s now, deletes nothing',
    (what) =>
      withWorld({}, async (world) => {
        await agreed(world);
        await rename(world.here.root, join(world.home, 'elsewhere'));
        if (what === 'a file') await writeFile(world.here.root, 'a file');
        if (what === 'an empty folder') await mkdir(world.here.root);
        const { code } = await world.refused(world.sync());
        expect(code).toBe(what === 'an empty folder' ? 'halted' : 'no-folder');
        if (what === 'an empty folder') expect(await readdir(world.here.root)).toEqual([]);
        expect(await world.there.paths()).toEqual(PATHS);
        await rm(world.here.root, { recursive: true, force: true });
        await rename(join(world.home, 'elsewhere'), world.here.root);
        await world.expectQuiet();
      }),
  );

  it('there, that is a file now, deletes nothing', () =>
    withWorld({ pair: { path: 'docs' } }, async (world) => {
      await agreed(world);
      await rm(world.there.root, { recursive: true });
      await writeFile(world.there.root, 'a file');
      expect([3, 78]).toContain((await world.refused(world.sync())).exit);
      expect(await world.here.paths()).toEqual(PATHS);
      expect(await world.here.trash()).toEqual([]);
    }));
});

describe('a workspace that was restored from a backup', () => {
  const restore = async (world: PairWorld, count: number): Promise<void> => {
    const date = new Date(Date.now() - 86_400_000);
    for (const [path, text] of Object.entries(many(count, 'old'))) {
      await world.there.write(path, text);
      await utimes(world.there.at(path), date, date);
    }
  };

  it('overwrites nothing here until somebody approves it, while newer edits go on', () =>
    withWorld({}, async (world) => {
      await agreed(world, many(70, 'new'));
      await restore(world, 60);
      await world.there.write('d/f69.txt', 'edited there');
      const { code, report } = await world.sync();
      expect({ code, held: report.held.length }).toEqual({ code: 3, held: 60 });
      expect(report.held[0]).toMatchObject({ side: 'local', files: 0 });
      expect(report.held[0]?.reason).toContain('60 of 70 files went back to older versions');
      expect(await world.here.read('d/f0.txt')).toBe('new 0');
      expect(await world.here.read('d/f69.txt')).toBe('edited there');
      const again = await world.sync();
      expect({ code: again.code, writes: writes(again) }).toEqual({ code: 3, writes: {} });

      expect((await world.cli('approve', world.here.root)).code).toBe(0);
      expect((await world.sync()).code).toBe(0);
      expect(await world.here.read('d/f0.txt')).toBe('old 0');
      expect(await world.here.trash()).toContain('new 0');
      await world.expectQuiet();
    }));

  it('is somebody’s usual work when few files are older', () =>
    withWorld({}, async (world) => {
      await agreed(world, many(70, 'new'));
      await restore(world, 10);
      expect((await world.sync()).code).toBe(0);
      expect(await world.here.read('d/f0.txt')).toBe('old 0');
      await world.expectQuiet();
    }));
});

describe('what is held', () => {
  it('stays held over a push, which has nothing to do with it', () =>
    withWorld({}, async (world) => {
      await agreed(world, many(101, 'x'));
      const gone = Array.from({ length: 60 }, (_, i) => `d/f${i}.txt`);
      await world.there.remove(...gone);
      expect((await world.sync()).report.held).toHaveLength(60);
      for (const path of gone.slice(0, 20)) await world.there.write(path, 'back');
      expect((await world.sync()).report.held).toHaveLength(40);
      expect((await world.push()).code).toBe(4);
      const { report, code } = await world.sync();
      expect({ code, held: report.held.length, removed: report.operations.removeLocal }).toEqual({
        ...{ code: 3, held: 40, removed: 0 },
      });
    }));
});

describe('an approval', () => {
  it('lets pass what it named, and nothing that came later', () =>
    withWorld({}, async (world) => {
      await agreed(world, { ...many(120, 'x'), 'a.txt': 'a' });
      const paths = Object.keys(many(60, 'x'));
      await world.here.remove(...paths);
      expect((await world.sync()).report.held).toHaveLength(60);
      expect((await world.cli('approve', world.here.root)).code).toBe(0);
      const later = Array.from({ length: 20 }, (_, i) => `d/f${100 + i}.txt`);
      await world.here.remove(...later);
      const { code, report } = await world.sync();
      expect(code).toBe(3);
      expect(report.operations.removeRemote).toBe(60);
      expect(report.held.map(({ path }) => path).sort()).toEqual(later);
      expect(report.held[0]?.reason).not.toContain('approved');
    }));

  it('of a folder that is void after an edit below it says so, until the rest is approved', () =>
    withWorld({}, async (world) => {
      await agreed(world, { ...many(60, 'x'), 'a.txt': 'a' });
      await world.here.remove('d');
      expect((await world.sync()).report.held).toMatchObject([{ path: 'd', files: 60 }]);
      expect((await world.cli('approve', world.here.root)).code).toBe(0);
      await world.there.write('d/f7.txt', 'edited there');
      for (let times = 0; times < 2; times += 1) {
        const { code, report } = await world.sync();
        expect({ code, held: report.held.length }).toEqual({ code: 3, held: 59 });
        for (const { reason } of report.held)
          expect(reason).toMatch(/^[^;]+; "d" \(60 files\) was approved, but changed since, so look again$/);
      }
      expect((await world.cli('approve', world.here.root)).code).toBe(0);
      expect((await world.sync()).code).toBe(0);
      expect(await world.there.paths()).toEqual(['a.txt', 'd/', 'd/f7.txt']);
      await world.expectQuiet();
    }));
});
