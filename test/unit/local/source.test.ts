import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { at, type DisposableFolder, disposableFolder } from './support.ts';

const LARGE = Buffer.alloc(3 * 1024 * 1024 + 17, 'abcdefg');
let disk: DisposableFolder;
beforeEach(async () => {
  disk = await disposableFolder();
});
afterEach(() => disk.dispose());

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function drain(body: Buffer | Readable): Promise<Buffer> {
  if (Buffer.isBuffer(body)) return body;
  const parts: Buffer[] = [];
  for await (const part of body) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

describe('a source', () => {
  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['a small file', Buffer.from('hello')],
    ['a large file', LARGE],
  ])('sends %s whole, as often as asked, and knows its digest', async (_, content) => {
    const stamp = disk.write('d/f', content);
    const source = await disk.folder.open(at('d/f'), stamp);
    expect(source.size).toBe(content.length);
    expect((await drain(source.body())).equals(content)).toBe(true);
    expect((await drain(source.body())).equals(content)).toBe(true);
    expect(await source.finish()).toEqual({ stamp, digest: sha256(content), changed: false });
    await source.close();
    await source.close();
  });

  it('gives nothing once it is closed, since a small file is not kept in memory for longer', async () => {
    const source = await disk.folder.open(at('f'), disk.write('f', 'hello'));
    await source.close();
    expect(() => source.body()).toThrow('after it was closed');
  });

  it('says when the file changed since it was opened, and gives a stamp that matches nothing', async () => {
    for (const content of [Buffer.from('hello'), LARGE]) {
      const stamp = disk.write('f', content);
      const source = await disk.folder.open(at('f'), stamp);
      const sent = await drain(source.body());
      appendFileSync(disk.path('f'), 'more');
      const end = await source.finish();
      await source.close();
      expect(end).toEqual({ stamp: { ...stamp, ctimeMs: -1 }, digest: sha256(sent), changed: true });
    }
  });

  it('says when another file took the name', async () => {
    for (const content of [Buffer.from('hello'), LARGE]) {
      const stamp = disk.write('f', content);
      disk.write('g', content);
      const source = await disk.folder.open(at('f'), stamp);
      await drain(source.body());
      renameSync(disk.path('g'), disk.path('f'));
      expect(await source.finish()).toMatchObject({ changed: true, stamp: { ctimeMs: -1 } });
      await source.close();
    }
  });

  it('ends the stream with an error when the file shrinks', async () => {
    const stamp = disk.write('f', LARGE);
    const source = await disk.folder.open(at('f'), stamp);
    truncateSync(disk.path('f'), 100);
    await expect(drain(source.body())).rejects.toMatchObject({ code: 'changed' });
    await source.close();
  });

  it('does not vouch for a stream that was not read to its end', async () => {
    const stamp = disk.write('f', LARGE);
    const source = await disk.folder.open(at('f'), stamp);
    await drain(source.body());
    source.body();
    await expect(source.finish()).rejects.toMatchObject({ code: 'local-io' });
    await source.close();
  });

  it('refuses a version that is not the expected one', async () => {
    const stamp = disk.write('f', 'hello');
    disk.write('f', 'jello!');
    await expect(disk.folder.open(at('f'), stamp)).rejects.toMatchObject({ code: 'changed' });
    rmSync(disk.path('f'));
    await expect(disk.folder.open(at('f'), stamp)).rejects.toMatchObject({ code: 'changed' });
  });

  it('follows no symlink, neither at the file nor above it', async () => {
    const stamp = disk.write('real/f', 'hello');
    symlinkSync('real/f', disk.path('f'));
    symlinkSync('real', disk.path('link'));
    await expect(disk.folder.open(at('f'), stamp)).rejects.toMatchObject({ code: 'changed' });
    await expect(disk.folder.open(at('link/f'), stamp)).rejects.toMatchObject({ code: 'changed' });
  });

  it.each(['../f', '/etc/passwd', 'a/../../f', 'a\0b', '.rtsync/pair.json', ''])(
    'refuses the path %j',
    async (path) => {
      const stamp = disk.write('f', 'hello');
      await expect(disk.folder.open(at(path), stamp)).rejects.toMatchObject({ code: 'unsupported-name' });
    },
  );

  it('marks a stamp that is too young to be trusted', async () => {
    const stamp = disk.write('f', 'hello');
    disk.clock.set(stamp.ctimeMs + 49);
    const young = await disk.folder.open(at('f'), stamp);
    expect((await young.finish()).stamp.ctimeMs).toBe(-1);
    disk.clock.set(stamp.ctimeMs + 50);
    const old = await disk.folder.open(at('f'), stamp);
    expect((await old.finish()).stamp.ctimeMs).toBe(stamp.ctimeMs);
  });
});

describe('a digest', () => {
  it.each([Buffer.from('hello'), LARGE])('is that of exactly the expected version', async (content) => {
    const stamp = disk.write('f', content);
    expect(await disk.folder.digest(at('f'), stamp)).toBe(sha256(content));
    expect(await disk.folder.digest(at('f'), { ...stamp, ctimeMs: stamp.ctimeMs - 1 })).toBeUndefined();
    expect(await disk.folder.digest(at('f'), { ...stamp, ino: stamp.ino + 1 })).toBeUndefined();
  });

  it('is not known for what is missing, a folder, or behind a symlink', async () => {
    const stamp = disk.write('f', 'hello');
    symlinkSync('f', disk.path('link'));
    mkdirSync(disk.path('d'));
    expect(await disk.folder.digest(at('gone'), stamp)).toBeUndefined();
    expect(await disk.folder.digest(at('gone/deep'), stamp)).toBeUndefined();
    expect(await disk.folder.digest(at('link'), stamp)).toBeUndefined();
    expect(await disk.folder.digest(at('d'), stamp)).toBeUndefined();
  });
});

describe('settling', () => {
  it('takes a file once it stood still', () => {
    const stamp = disk.write('f', 'x');
    disk.clock.set(stamp.ctimeMs + 149);
    expect(disk.folder.settled(stamp)).toBe(false);
    disk.clock.set(stamp.ctimeMs + 150);
    expect(disk.folder.settled(stamp)).toBe(true);
  });

  it('passes over an mtime that was set into the future', () => {
    const stamp = disk.write('f', 'x');
    disk.clock.set(stamp.ctimeMs + 150);
    expect(disk.folder.settled({ ...stamp, mtimeMs: stamp.mtimeMs + 1e9 })).toBe(true);
  });

  it('takes a file from the future once it looked the same for a while', () => {
    const stamp = disk.write('f', 'x');
    disk.clock.set(stamp.ctimeMs - 1e6);
    expect(disk.folder.settled(stamp)).toBe(false);
    disk.clock.advance(100);
    expect(disk.folder.settled(stamp)).toBe(false);
    disk.clock.advance(50);
    expect(disk.folder.settled(stamp)).toBe(true);
    expect(disk.folder.settled({ ...stamp, size: 2 })).toBe(false);
  });
});
