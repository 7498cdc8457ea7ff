/** What a run costs, counted by the server. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withWorld, writes } from '../support/pair-world.ts';
import type { Side } from '../support/side.ts';

/** `files` small files in `folders` folders, some of them inside one another; gives the number of folders made. */
async function fill(side: Side, files: number, folders: number): Promise<void> {
  const dirs = Array.from({ length: folders }, (_, i) => (i < 10 ? `d${i}` : `d${i % 10}/e${i}`));
  for (let i = 0; i < files; i += 1) await side.write(`${dirs[i % folders]}/f${i}.txt`, `file ${i}\n`);
}

/** How many files below a folder of the server have a date of whole seconds, as it tells it. */
async function onWholeSeconds(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const dates = await Promise.all(
    files.map(async (file) => Math.floor((await stat(join(file.parentPath, file.name))).mtimeMs + 0.005)),
  );
  return dates.filter((date) => date % 1000 === 0).length;
}

describe('the first push', () => {
  it('costs one request a file, one a folder, and a handful', () =>
    withWorld({}, async (world) => {
      await fill(world.here, 400, 40);
      const { code, asked, report } = await world.push();
      expect(code).toBe(0);
      expect(asked.upload).toBeLessThanOrEqual(400 + 6);
      // An upload relies on a list for two seconds: a machine that takes longer looks again.
      const agedLists = Math.floor(report.durationMs / 2000) * 40;
      expect(asked.total).toBeLessThanOrEqual(400 + 40 + 25 + agedLists);
      await world.expectEqual();

      const again = await world.sync();
      expect(again.code).toBe(0);
      expect(again.report.inSync).toBe(true);
      expect(again.asked.total).toBeLessThanOrEqual(40 + 3);
      expect(writes(again)).toEqual({});
    }));
});

describe('a folder of a thousand files', () => {
  it('is renamed by one request, moved here without a byte, and deleted by a handful of batches', () =>
    withWorld({ pair: { maxDelete: false } }, async (world) => {
      for (let i = 0; i < 1000; i += 1) await world.here.write(`old/d${i % 10}/f${i}.txt`, `file ${i}\n`);
      await world.here.write('kept.txt', 'kept\n');
      await world.push();
      const sweep = (await world.sync()).asked.total ?? 0;
      expect(sweep).toBeLessThanOrEqual(11 + 3);

      await world.here.rename('old', 'new');
      const there = await world.sync();
      expect(there.report.operations).toMatchObject({
        moveRemote: 1,
        upload: 0,
        removeRemote: 0,
        removeLocal: 0,
      });
      expect(there.asked.total).toBeLessThanOrEqual(sweep + 4);
      await world.expectEqual();

      await world.there.rename('new', 'newer');
      const here = await world.sync();
      // A date of whole seconds proves no version, so these are read: one in a thousand, by chance.
      const read = await onWholeSeconds(join(world.test.folder, 'newer'));
      expect(here.asked.download ?? 0).toBe(read);
      expect(here.report.operations).toMatchObject({
        moveLocal: 1,
        download: read,
        upload: 0,
        removeLocal: 0,
      });
      expect((here.asked.total ?? 0) - read).toBeLessThanOrEqual(sweep + 4 + read);
      expect(writes(here)).toEqual(read === 0 ? {} : { download: read });
      await world.expectEqual();

      for (let i = 0; i < 10; i += 1) await world.here.remove(`newer/d${i}`);
      const gone = await world.sync();
      expect(gone.code).toBe(0);
      expect(gone.report.operations.removeRemote).toBe(1000);
      expect(gone.asked.total).toBeLessThanOrEqual(sweep + 40);
      expect(await world.there.paths()).toEqual(['kept.txt', 'newer/']);
      expect(await world.there.trash()).toHaveLength(1000);
      await world.expectQuiet();
    }));

  it('loses hundreds of single files by no more', () =>
    withWorld({ pair: { maxDelete: false } }, async (world) => {
      for (let i = 0; i < 300; i += 1) await world.here.write(`d${i % 10}/f${i}.txt`, `file ${i}\n`);
      await world.push();
      const sweep = (await world.sync()).asked.total ?? 0;
      for (let i = 10; i < 300; i += 1) await world.here.remove(`d${i % 10}/f${i}.txt`);
      const { code, asked } = await world.sync();
      expect(code).toBe(0);
      expect(asked.total).toBeLessThanOrEqual(sweep + 40);
      await world.expectQuiet();
      expect(await world.there.trash()).toHaveLength(290);
    }));
});
