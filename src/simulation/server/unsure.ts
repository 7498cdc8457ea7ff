/**
 * What one client cannot know: of which of its uploads and new folders it has no answer. Until it has listed the folder
 * since, sending the same once more is a blind retry.
 */
import type { Letter } from './desk.ts';
import { readForm } from './form.ts';
import { idOf, placeOf } from './place.ts';

export interface Unsure {
  /** Its outcome is unknown to the client from this server time on. */
  lost(letter: Letter, at: number): void;
  /** The answer of a list that was asked for at this server time has arrived. */
  listed(folder: string, sentAt: number): void;
  /** Whether there is anything that it does not know. */
  readonly isAny: boolean;
  /** Whether it repeats what the client does not know the outcome of. */
  isBlind(letter: Letter): boolean;
}

export function createUnsure(): Unsure {
  /** By folder and name, since when. */
  const lost = new Map<string, Map<string, number>>();
  return {
    lost: (letter, at) => {
      const target = targetOf(letter);
      if (target === undefined) return;
      const names = lost.get(target.folder) ?? new Map<string, number>();
      lost.set(target.folder, names.set(target.name, at));
    },
    listed: (folder, sentAt) => {
      const names = lost.get(folder);
      for (const [name, at] of names ?? []) if (at <= sentAt) names?.delete(name);
    },
    get isAny() {
      return lost.size > 0;
    },
    isBlind: (letter) => {
      if (lost.size === 0) return false;
      const target = targetOf(letter);
      return target !== undefined && lost.get(target.folder)?.has(target.name) === true;
    },
  };
}

/** Nobody else writes there, and who tries things out does them twice. */
const SCRATCH = '.rtsync/probe-';

/** Where a POST puts something; undefined for what is none or cannot be read. */
function targetOf({
  method,
  address,
  headers,
  body,
  kind,
}: Letter): { readonly folder: string; readonly name: string } | undefined {
  if (method !== 'POST' || address === undefined) return undefined;
  try {
    const folder = idOf(placeOf(address.rest, 'segments')).slice(1);
    if (folder.startsWith(SCRATCH)) return undefined;
    if (kind === 'upload') {
      const form = readForm(body, headers['content-type'] ?? '');
      return form === undefined ? undefined : { folder, name: form.name };
    }
    const told = JSON.parse(body.toString('utf8')) as { readonly name?: unknown };
    return typeof told.name === 'string' ? { folder, name: told.name } : undefined;
  } catch {
    return undefined;
  }
}
