/** What a data folder remembers of its workspaces, so that they keep their ids when the server starts again. */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RtsyncError } from '../lib/errors.ts';
import { isCode } from './place.ts';
import { isSlug } from './slugs.ts';

const META = '.rtsync-serve.json';

export type MetaRow = z.infer<typeof record>;

const record = z.object({
  id: z.string(),
  slug: z.string(),
  name: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  isPersonal: z.boolean(),
});
const metaSchema = z.object({ version: z.literal(1), workspaces: z.array(record) });

export async function readMeta(data: string | undefined): Promise<readonly MetaRow[]> {
  if (data === undefined) return [];
  const path = join(data, META);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return [];
    throw new RtsyncError('config', { message: `${path} cannot be read.`, path, cause });
  }
  try {
    return metaSchema.parse(JSON.parse(text)).workspaces;
  } catch (cause) {
    // Going on would give every workspace a new id, which no client would recognise.
    throw new RtsyncError('config', { message: `${path} is damaged; repair or remove it.`, path, cause });
  }
}

export async function writeMeta(data: string, workspaces: readonly MetaRow[]): Promise<void> {
  const temporary = join(data, `${META}.${randomUUID()}`);
  await writeFile(temporary, `${JSON.stringify({ version: 1, workspaces }, undefined, 2)}\n`);
  await rename(temporary, join(data, META));
}

export async function subfolders(data: string): Promise<string[]> {
  const entries = await readdir(data, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && isSlug(entry.name)).map((entry) => entry.name);
}
