import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIgnoreRules } from '../../../src/core/ignore.ts';
import { relPath } from '../../../src/core/path.ts';
import { census, nodeAt, walk } from '../../../src/core/tree.ts';
import { type DisposableFolder, disposableFolder, rules } from './support.ts';

let disk: DisposableFolder;
beforeEach(async () => {
  disk = await disposableFolder();
});
afterEach(() => disk.dispose());

describe('a scan', () => {
  it('finds every one of 10,000 files with its size, and each folder once', async () => {
    for (let dir = 0; dir < 100; dir += 1) {
      mkdirSync(disk.path(`d${dir % 10}/e${dir}`), { recursive: true });
      for (let file = 0; file < 100; file += 1) {
        writeFileSync(disk.path(`d${dir % 10}/e${dir}/f${file}`), 'x'.repeat(file));
      }
    }
    const { tree, problems } = await disk.folder.scan(rules);
    expect(problems).toEqual([]);
    expect(census(tree)).toEqual({ files: 10_000, folders: 110 });
    let bytes = 0;
    for (const [path, node] of walk(tree)) {
      if (node.kind !== 'file') continue;
      expect(node.stamp.size).toBe(Number(path.slice(path.lastIndexOf('f') + 1)));
      bytes += node.stamp.size;
    }
    expect(bytes).toBe(100 * 4950);
  });

  it('gives the event loop its turns while it walks', async () => {
    for (let dir = 0; dir < 20; dir += 1) disk.write(`d${dir}/f`, '');
    let turns = 0;
    let walking = true;
    const count = (): void => {
      turns += 1;
      if (walking) setImmediate(count);
    };
    setImmediate(count);
    let elapsed = 0;
    disk.clock.monotonic = () => {
      elapsed += 11;
      return elapsed;
    };
    await disk.folder.scan(rules);
    walking = false;
    expect(turns).toBeGreaterThanOrEqual(20);
  });

  it('stops when it is aborted', async () => {
    const reason = new Error('enough');
    await expect(disk.folder.scan(rules, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('tells what a file is by size, inode, both times and mode', async () => {
    const stamp = disk.write('a.txt', 'hello');
    const { tree } = await disk.folder.scan(rules);
    expect(nodeAt(tree, relPath('a.txt'))).toEqual({ kind: 'file', stamp });
    expect(stamp).toMatchObject({ size: 5, mode: expect.any(Number) });
  });

  it.each(['new\nline', 'say "hi"', "it's", 'back\\slash', '-rf', ' lead', '%2F', 'a*b?', '$(x)'])(
    'files the name %j as it is',
    async (name) => {
      disk.write(`dir/${name}`, 'x');
      const { tree, problems } = await disk.folder.scan(rules);
      expect(nodeAt(tree, relPath(`dir/${name}`))?.kind).toBe('file');
      expect(problems).toEqual([]);
    },
  );

  it('files a decomposed name under its composed key and keeps the spelling', async () => {
    disk.write('cafe\u0301/menu', 'x');
    const { tree } = await disk.folder.scan(rules);
    expect(nodeAt(tree, relPath('caf\u00e9'))).toMatchObject({ kind: 'folder', name: 'cafe\u0301' });
    expect(nodeAt(tree, relPath('caf\u00e9/menu'))?.name).toBeUndefined();
  });

  it('prefers the composed of two spellings of one name and reports the other', async () => {
    disk.write('d/caf\u00e9', 'exact');
    disk.write('d/cafe\u0301', 'other spelling');
    const { tree, problems } = await disk.folder.scan(rules);
    expect(nodeAt(tree, relPath('d/caf\u00e9'))).toMatchObject({ kind: 'file', stamp: { size: 5 } });
    expect(problems).toMatchObject([{ code: 'name', path: 'd/caf\u00e9' }]);
    expect(problems[0]?.message).toMatch(/Unicode spelling; rename one of the two here$/);
    const folder = nodeAt(tree, relPath('d'));
    const kinds = folder?.kind === 'folder' ? [...folder.children.values()].map(({ kind }) => kind) : [];
    expect(kinds.sort()).toEqual(['file', 'unknown']);
  });

  it('decides nothing between two spellings of which none is the composed one', async () => {
    disk.write('\u00ea\u0323', 'one');
    disk.write('\u1eb9\u0302', 'two');
    const { tree, problems } = await disk.folder.scan(rules);
    expect([...tree.children].map(([key, { kind }]) => [key, kind])).toEqual([['\u1ec7', 'unknown']]);
    expect(problems.map(({ code }) => code)).toEqual(['name', 'name']);
    for (const { message } of problems) expect(message).toContain('; rename one of the two here');
  });

  it('notices names that are not UTF-8, keeps their folder alive and goes on with the rest', async () => {
    disk.write('d/fine', 'x');
    disk.write('d/really \uFFFD', 'x');
    writeFileSync(Buffer.concat([Buffer.from(disk.path('d/bad')), Buffer.from([0xff, 0xfe])]), 'x');
    const { tree, problems } = await disk.folder.scan(rules);
    const message = 'the name is not valid UTF-8; rename it here';
    expect(problems).toMatchObject([{ code: 'name', path: 'd/bad\\xff\\xfe', message }]);
    const folder = nodeAt(tree, relPath('d'));
    if (folder?.kind !== 'folder') throw new Error('the folder is missing');
    expect([...folder.children].map(([key, { kind }]) => `${kind} ${key}`).sort()).toEqual([
      'file fine',
      'file really \uFFFD',
      'unknown bad\\xff\\xfe (bytes)',
    ]);
  });

  it('leaves symlinks and pipes untracked and never walks through a link', async () => {
    disk.write('real/file', 'x');
    symlinkSync(disk.path('real'), disk.path('link'));
    symlinkSync('/', disk.path('outside'));
    symlinkSync('nowhere', disk.path('dangling'));
    execFileSync('mkfifo', [disk.path('pipe')]);
    const { tree } = await disk.folder.scan(rules);
    for (const name of ['link', 'outside', 'dangling']) {
      expect(nodeAt(tree, relPath(name))).toEqual({ kind: 'untracked', why: 'a symlink' });
    }
    expect(nodeAt(tree, relPath('pipe'))).toEqual({ kind: 'untracked', why: 'a named pipe' });
  });

  it("leaves out rtsync's own folder, and does not enter another pair's", async () => {
    disk.write('inner/.rtsync/pair.json', '{}');
    disk.write('inner/secret', 'x');
    const { tree } = await disk.folder.scan(rules);
    expect([...tree.children]).toEqual([['inner', { kind: 'untracked', why: "another pair's folder" }]]);
  });

  it('obeys ignore files of each folder, nested ones last, and walks no ignored folder', async () => {
    disk.write('.rtsyncignore', '*.log\nbuild/\n');
    disk.write('a.log', 'x');
    disk.write('build/deep/file', 'x');
    disk.write('keep/.rtsyncignore', '!a.log\n');
    disk.write('keep/a.log', 'x');
    const scan = await disk.folder.scan(rules);
    expect(nodeAt(scan.tree, relPath('a.log'))).toEqual({ kind: 'untracked', why: 'ignored' });
    expect(nodeAt(scan.tree, relPath('build'))).toEqual({ kind: 'untracked', why: 'ignored' });
    expect(nodeAt(scan.tree, relPath('keep/a.log'))?.kind).toBe('file');
    expect(scan.rules.ignores(relPath('other/b.log'), false)).toBe(true);
  });

  it('makes a folder unknown whose ignore file is too large to be one', async () => {
    disk.write('d/.rtsyncignore', 'x'.repeat(1024 * 1024 + 1));
    disk.write('d/secret', 'x');
    const { tree, problems } = await disk.folder.scan(rules);
    expect(nodeAt(tree, relPath('d'))?.kind).toBe('unknown');
    expect(problems).toMatchObject([{ code: 'unreadable', path: 'd' }]);
  });

  it('is not held up by a pipe in the place of an ignore file', async () => {
    mkdirSync(disk.path('d'));
    execFileSync('mkfifo', [disk.path('d/.rtsyncignore')]);
    disk.write('d/file', 'x');
    const { tree } = await disk.folder.scan(rules);
    expect(nodeAt(tree, relPath('d/file'))?.kind).toBe('file');
  });

  it.skipIf(process.getuid?.() === 0)('makes a folder that cannot be read unknown', async () => {
    mkdirSync(disk.path('closed'), { mode: 0 });
    const { tree, problems } = await disk.folder.scan(rules);
    expect(nodeAt(tree, relPath('closed'))?.kind).toBe('unknown');
    expect(problems).toMatchObject([{ code: 'unreadable', path: 'closed' }]);
  });

  it('halts when the root is gone, or is no folder any more', async () => {
    rmSync(disk.root, { recursive: true });
    await expect(disk.folder.scan(rules)).rejects.toMatchObject({ code: 'halted' });
    writeFileSync(disk.root, '');
    await expect(disk.folder.scan(rules)).rejects.toMatchObject({ code: 'halted' });
  });
});

describe('the given rules', () => {
  it('apply with those of the files', async () => {
    disk.write('x.tmp', '');
    disk.write('y', '');
    const { tree } = await disk.folder.scan(createIgnoreRules(['*.tmp']));
    expect(nodeAt(tree, relPath('x.tmp'))?.kind).toBe('untracked');
    expect(nodeAt(tree, relPath('y'))?.kind).toBe('file');
  });
});
