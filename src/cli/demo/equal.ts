/** Compares two folders byte for byte, without any of the code that synced them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Paths that are not the same on both sides, each with how; empty when the folders are equal. `.rtsync` is left out. */
export async function differences(one: string, other: string): Promise<string[]> {
  const [here, there] = [await contents(one), await contents(other)];
  const paths = new Set([...here.keys(), ...there.keys()]);
  return [...paths].sort().flatMap((path) => {
    if (!here.has(path)) return [`${path}: only in the workspace`];
    if (!there.has(path)) return [`${path}: only here`];
    return here.get(path) === there.get(path) ? [] : [`${path}: contents differ`];
  });
}

/** Digest of each file by path; folders are there with an empty digest. */
export async function contents(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const walk = async (dir: string): Promise<void> => {
    for (const entry of await readdir(join(root, dir), { withFileTypes: true })) {
      const path = dir === '' ? entry.name : `${dir}/${entry.name}`;
      if (path === '.rtsync') continue;
      if (entry.isDirectory()) {
        found.set(path, '');
        await walk(path);
      } else if (entry.isFile()) found.set(path, await digestOf(join(root, path)));
    }
  };
  await walk('');
  return found;
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file)) hash.update(part as Buffer);
  return hash.digest('hex');
}
