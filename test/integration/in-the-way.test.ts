/** Something in the workspace stands in the place of rtsync's own folders there: said once, and the rest goes on. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type PairWorld, withWorld } from '../support/pair-world.ts';

const inWorkspace = (world: PairWorld, path: string): string => join(world.test.folder, path);

async function block(world: PairWorld, path: string): Promise<void> {
  await rm(inWorkspace(world, path), { recursive: true, force: true });
  await mkdir(dirname(inWorkspace(world, path)), { recursive: true });
  await writeFile(inWorkspace(world, path), 'somebody’s file');
}

describe('a file in the place of a folder of ours in the workspace', () => {
  it.each(['.rtsync/trash', '.rtsync'])(
    'at %s keeps back what needs that folder, says what to do, and nothing else waits',
    (path) =>
      withWorld({}, async (world) => {
        await world.here.fill({ 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c' });
        expect((await world.sync()).code).toBe(0);
        await block(world, path);
        await world.here.write('a.txt', 'edited');
        await world.here.remove('b.txt');
        await world.here.write('new.txt', 'new');
        const { code, report, asked } = await world.sync();
        const message = `"/${path}" in the workspace is no folder, and rtsync needs one there for its own work: move away what stands there`;
        expect({ code, problems: report.problems }).toEqual({
          code: 4,
          problems: expect.arrayContaining([
            { path: 'a.txt', code: 'in-the-way', message },
            { path: 'b.txt', code: 'in-the-way', message },
          ]),
        });
        expect(report.problems).toHaveLength(2);
        expect(asked.total).toBeLessThan(15);
        expect(await world.there.read('a.txt')).toBe('a');
        expect(await world.there.read('b.txt')).toBe('b');
        expect(await world.there.read('new.txt')).toBe('new');

        await rm(inWorkspace(world, path));
        expect((await world.sync()).code).toBe(0);
        await world.expectQuiet();
      }),
  );

  it('at .rtsync/staging keeps back what is uploaded aside', () =>
    withWorld({ behaviour: { takenName: 'rename' } }, async (world) => {
      await world.here.fill({ 'a.txt': 'a' });
      expect((await world.sync()).code).toBe(0);
      await block(world, '.rtsync/staging');
      await world.here.write('a.txt', 'edited');
      const { code, report } = await world.sync();
      expect(code).toBe(4);
      expect(report.problems).toMatchObject([{ path: 'a.txt', code: 'in-the-way' }]);
      expect(await world.there.read('a.txt')).toBe('a');
      await rm(inWorkspace(world, '.rtsync/staging'));
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
    }));

  it('at .rtsync halts a first sync, which has to find out how the server behaves', () =>
    withWorld({}, async (world) => {
      await block(world, '.rtsync');
      await world.here.write('a.txt', 'a');
      const { code, exit, message } = await world.refused(world.sync());
      expect({ code, exit }).toEqual({ code: 'halted', exit: 3 });
      expect(message).toContain('"/.rtsync" in the workspace is no folder');
      expect(message).toContain('move away what stands there');
      await rm(inWorkspace(world, '.rtsync'));
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
    }));
});
