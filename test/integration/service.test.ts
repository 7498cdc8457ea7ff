/** What keeps a service alive and honest: a store that fills up, a server that lies once. */
import { describe, expect, it } from 'vitest';
import { type Row, startLiar } from '../support/liar.ts';
import { withWorld } from '../support/pair-world.ts';

describe('a full store', () => {
  it('holds what would grow it, lets the rest go on, and is asked again', () =>
    withWorld({ hasty: true, quotaBytes: 2_000 }, async (world) => {
      await world.here.fill({ 'small.txt': 'small', 'gone.txt': 'x'.repeat(1_500) });
      await world.sync();
      await world.here.write('big.txt', 'y'.repeat(1_800));
      await world.there.write('from there.txt', 'agent');
      const full = await world.sync();
      expect({ code: full.code, later: full.later }).toEqual({ code: 75, later: 'storage-full' });
      expect(await world.here.read('from there.txt')).toBe('agent');
      expect(full.report.problems.map(({ path, code }) => ({ path, code }))).toEqual([
        { path: 'big.txt', code: 'waiting' },
      ]);
    }));
});

describe('a list that lies once', () => {
  const lies = [
    ['shows a folder empty', (folder: string) => (folder === '/folder' ? [] : undefined)],
    [
      'leaves out a whole folder',
      (folder: string, rows: Row[]) =>
        folder === '/' ? rows.filter(({ id }) => id !== '/folder') : undefined,
    ],
  ] as const;

  it.each(lies)('and %s deletes nothing, since such deletes are looked at twice', async (_, lie) => {
    const liar = await startLiar();
    const storageUrl = (origin: string): string => {
      liar.target = origin;
      return liar.origin;
    };
    try {
      await withWorld({ storageUrl }, async (world) => {
        const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`folder/f${i}.txt`, `${i}`]));
        await world.here.fill({ ...files, 'other.txt': 'other' });
        await world.sync();
        let lied = 0;
        liar.lie = (folder, rows) => {
          const told = lied === 0 ? lie(folder, rows) : undefined;
          if (told !== undefined) lied += 1;
          return told;
        };
        const { report } = await world.sync();
        expect(lied).toBe(1);
        expect(report.operations.removeLocal).toBe(0);
        expect((await world.here.paths()).filter((path) => path.startsWith('folder/f'))).toHaveLength(20);
        await world.expectQuiet();
      });
    } finally {
      await liar.close();
    }
  });
});

it('a second process on the same folder is refused, whatever state folder it uses', () =>
  withWorld({}, async (world) => {
    await world.here.write('a.txt', 'a');
    await world.sync();
    let inner: { code: number; message: string } | undefined;
    await world.sync({
      meddle: (pair) => ({
        ...pair,
        beforeCycle: async () => {
          const { exit, message } = await world.refused(
            world.sync({ stateDir: `${world.home}/other state` }),
          );
          inner = { code: exit, message };
        },
      }),
    });
    expect(inner).toEqual({ code: 75, message: expect.stringContaining('another rtsync is at work') });
  }));
