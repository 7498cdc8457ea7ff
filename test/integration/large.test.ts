/** Files that take long to send: what an agent does meanwhile is never written over. */
import { describe, expect, it } from 'vitest';
import { withWorld } from '../support/pair-world.ts';

const large = (letter: string): Buffer => Buffer.alloc(5 * 1024 * 1024, letter);

describe('while a large file is on its way', () => {
  it("an agent's edit of the same file is kept, and both versions end on both sides", () =>
    withWorld({}, async (world) => {
      await world.here.write('big.bin', large('a'));
      await world.sync();
      await world.here.write('big.bin', large('b'));
      world.server.faults.next('upload', {
        kind: 'before',
        run: () => world.there.write('big.bin', 'written by an agent'),
      });
      const { report } = await world.sync();
      expect(report.conflicts).toHaveLength(1);
      expect(await world.here.read('big.bin')).toBe('written by an agent');
      expect(await world.there.read(report.conflicts[0]?.copy ?? '')).toBe(large('b').toString());
      await world.expectQuiet();
    }));

  it("an agent's new file of the same name is kept as well", () =>
    withWorld({}, async (world) => {
      await world.here.write('other.txt', 'x');
      await world.sync();
      await world.here.write('new.bin', large('n'));
      world.server.faults.next('upload', {
        kind: 'before',
        run: () => world.there.write('new.bin', 'made by an agent'),
      });
      const { report } = await world.sync();
      expect(report.conflicts).toHaveLength(1);
      expect(await world.here.read('new.bin')).toBe('made by an agent');
      await world.expectQuiet();
    }));

  it('nobody sees half of it under its name', () =>
    withWorld({ behaviour: { growingUploads: true } }, async (world) => {
      let seen: string[] = [];
      await world.here.write('new.bin', large('n'));
      world.server.faults.next('upload', {
        kind: 'after',
        run: async () => {
          seen = await world.there.paths();
        },
      });
      await world.push();
      expect(seen).not.toContain('new.bin');
      await world.expectQuiet();
    }));
});

describe('a large download', () => {
  it('that breaks off is gone on with, and is whole at the end', () =>
    withWorld({}, async (world) => {
      const content = Buffer.concat([large('a'), large('b')]);
      await world.there.write('big.bin', content.toString());
      world.server.faults.next('download', { kind: 'cut', bytes: 6_000_000 });
      const { asked, report } = await world.sync();
      expect([asked.download, report.bytes.down, report.problems]).toEqual([2, content.length, []]);
      expect(await world.here.read('big.bin')).toBe(content.toString());
      const fetched = world.server.requests.since(0).filter(({ path }) => path === '/big.bin');
      expect(fetched.at(-1)?.status).toBe(206);
      await world.expectQuiet();
    }));
});
