/** Names that people and programs really use, and some that only programs do. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { RtsyncError } from '../../src/lib/errors.ts';
import type { Behaviour } from '../../src/serve/behaviour.ts';
import { withWorld } from '../support/pair-world.ts';

const NAMES: readonly string[] = [
  'with spaces  and more ',
  ' leading space',
  'a#b?c&d+e=f;g,h@i:j$k!l.txt',
  '100%.txt',
  '%2F.txt',
  '%20 %zz %',
  'quote"double\'single`back.txt',
  'back\\slash.txt',
  '😀 emoji 👩‍👩‍👧.txt',
  'caf\u00e9 composed.txt',
  'cafe\u0301 decomposed.txt',
  '한글 日本語 עברית.txt',
  'x'.repeat(255),
  `${'ü'.repeat(125)}.txt!`,
  '.hidden',
  '..foo',
  '...',
  'con',
  'aux.txt',
  'trailing dot.',
  'tab\there.txt',
  'two\nlines.txt',
  'carriage\rreturn.txt',
  'two\r\nlines.txt',
  'star*|<>.txt',
  '-rf',
  '~tilde',
  '[brackets] {braces} (parens)',
  '!bang',
  'name.new.txt',
  '__proto__',
  'constructor',
  'toString',
];

const SERVERS: readonly Partial<Behaviour>[] = [
  {},
  { takenName: 'rename', pathEncoding: 'whole' },
  { takenName: 'refuse', dialect: 'alternative' },
];

describe('every name', () => {
  it.each(SERVERS.map((behaviour) => [JSON.stringify(behaviour).replaceAll('"', ''), behaviour] as const))(
    'goes there and comes here, as file and as folder, and can be edited and deleted: %s',
    (_, behaviour) =>
      withWorld({ behaviour, pair: { maxDelete: false }, hasty: true }, async (world) => {
        for (const [i, name] of NAMES.entries()) {
          await world.here.fill({
            [`from here/${name}`]: `file ${i}`,
            [`folders here/${name}/${name}`]: `in folder ${i}`,
          });
          await world.there.fill({
            [`from there/${name}`]: `file ${i}`,
            [`folders there/${name}/${name}`]: `in folder ${i}`,
          });
        }
        const { report } = await world.sync();
        expect(report.problems).toEqual([]);
        expect(report.operations).toMatchObject({ upload: 2 * NAMES.length, download: 2 * NAMES.length });
        await world.expectQuiet();

        for (const name of NAMES) {
          await world.here.write(`from there/${name}`, 'edited here');
          await world.there.write(`from here/${name}`, 'edited by an agent');
          await world.here.remove(`folders there/${name}`);
          await world.there.remove(`folders here/${name}/${name}`);
        }
        const edited = await world.sync();
        expect({ code: edited.code, problems: edited.report.problems }).toEqual({ code: 0, problems: [] });
        await world.expectQuiet();
        expect(await world.here.copies()).toEqual([]);
      }),
  );

  it('of 255 bytes leaves room for the mark of a conflict copy', () =>
    withWorld({}, async (world) => {
      const name = `${'ü'.repeat(125)}z.txt`;
      await world.here.write(name, 'mine');
      await world.there.write(name, 'theirs');
      await world.sync();
      const [copy = ''] = await world.here.copies();
      expect(Buffer.byteLength(copy)).toBeLessThanOrEqual(255);
      expect(await world.there.read(copy)).toBe('mine');
      await world.expectQuiet();
    }));

  it('very deep below the root round-trips', () =>
    withWorld({}, async (world) => {
      const deep = (name: string): string =>
        Array.from({ length: 40 }, (_, i) => `${name} number ${i} & more`).join('/');
      await world.here.write(`${deep('here')}/file.txt`, 'deep');
      await world.there.write(`${deep('there')}/file.txt`, 'deep');
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
      await world.here.write(`${deep('there')}/file.txt`, 'edited');
      await world.there.remove('here number 0 & more');
      expect((await world.sync()).code).toBe(0);
      await world.expectQuiet();
      expect(await world.here.trash()).toEqual(['deep']);
    }));
});

describe('a name that one side cannot take', () => {
  const BAD = Buffer.concat([Buffer.from('bad-'), Buffer.from([0xff])]);
  const writeBad = async (folder: string): Promise<void> => {
    await mkdir(folder, { recursive: true });
    await writeFile(Buffer.concat([Buffer.from(`${folder}/`), BAD]), 'bad');
  };
  const holdsBad = async (folder: string): Promise<boolean> => {
    for (const entry of await readdir(folder, { encoding: 'buffer', withFileTypes: true })) {
      if (entry.name.equals(BAD)) return true;
      if (entry.isDirectory() && (await holdsBad(`${folder}/${entry.name.toString()}`))) return true;
    }
    return false;
  };

  it('because it is no UTF-8 is reported, stays, and does not keep its siblings', () =>
    withWorld({}, async (world) => {
      await writeBad(world.here.at('d'));
      await world.here.fill({ 'd/good.txt': 'good', 'e.txt': 'e' });
      const { code, report } = await world.sync();
      expect(code).toBe(4);
      expect(report.problems).toEqual([expect.objectContaining({ path: 'd/bad-\\xff', code: 'name' })]);
      expect(await world.there.paths()).toEqual(['d/', 'd/good.txt', 'e.txt']);
      await world.there.remove('d');
      await world.sync();
      expect(await holdsBad(world.here.at('d'))).toBe(true);
    }));

  it('because no list shows it goes along into the trash of the server, and is not lost', () =>
    withWorld({}, async (world) => {
      await writeBad(world.there.at('d'));
      await world.there.fill({ 'd/good.txt': 'good', 'e.txt': 'e' });
      expect((await world.sync()).code).toBe(0);
      await world.here.remove('d');
      await world.sync();
      expect(await holdsBad(world.there.root)).toBe(true);
    }));

  it.each(['here', 'there'] as const)(
    'two spellings of one name %s: one is synced, the other is reported and kept',
    (side) =>
      withWorld({}, async (world) => {
        await world[side].fill({ 'caf\u00e9': 'composed', 'cafe\u0301': 'decomposed', 'other.txt': 'other' });
        const { code, report } = await world.sync();
        expect(code).toBe(4);
        expect(report.problems.map((problem) => problem.code)).toEqual(['name']);
        const other = side === 'here' ? world.there : world.here;
        expect(await other.paths()).toEqual(['caf\u00e9', 'other.txt']);
        expect(await world[side].paths()).toHaveLength(3);
        expect((await world.sync()).report.operations).toMatchObject({
          upload: 0,
          download: 0,
          removeLocal: 0,
          removeRemote: 0,
        });
      }),
  );

  it('as only the deed itself finds out, says on which side to rename it', () =>
    withWorld({}, async (world) => {
      await world.here.makeFolder('from here');
      await world.there.makeFolder('from there');
      const refuse = (path: string): Promise<never> =>
        Promise.reject(new RtsyncError('unsupported-name', `no name: ${path}`));
      const { code, report } = await world.sync({
        meddle: (pair) => ({
          ...pair,
          local: { ...pair.local, makeFolder: refuse },
          remote: { ...pair.remote, makeFolder: refuse },
        }),
      });
      expect(code).toBe(4);
      expect(report.problems).toEqual([
        { path: 'from here', code: 'name', message: 'no name: from here; rename it here' },
        { path: 'from there', code: 'name', message: 'no name: from there; rename it in the workspace' },
      ]);
    }));
});
