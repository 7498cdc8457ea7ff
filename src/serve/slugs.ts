/** Slugs: short names of workspaces, which are also the names of their folders. */
import { badRequest } from './answers.ts';

/** Whether a folder of this name can be a workspace. */
export function isSlug(text: string): boolean {
  return text !== '' && !text.startsWith('.') && !/[/\0]/.test(text) && Buffer.byteLength(text) <= 255;
}

export function checkSlug(slug: string): string {
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(slug)) throw badRequest('a slug is made of a-z, 0-9 and dashes');
  return slug;
}

export function slugify(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-');
  return plain.replaceAll(/^-+|-+$/g, '').slice(0, 60) || 'workspace';
}

export function freeSlug(wanted: string, taken: ReadonlyMap<string, unknown>): string {
  let slug = wanted;
  for (let n = 2; taken.has(slug); n += 1) slug = `${wanted.slice(0, 58)}-${n}`;
  return slug;
}
