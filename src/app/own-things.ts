/**
 * What rtsync itself keeps inside a synced folder, as for somebody who syncs a whole home folder: the state with the
 * live database, and the file of the key. Neither is ever synced, on either side, and no ignore file brings it back.
 */
import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';
import type { Config } from '../config.ts';
import type { IgnoreRules } from '../core/ignore.ts';
import { parseRelPath, type RelPath } from '../core/path.ts';
import { RtsyncError } from '../lib/errors.ts';
import { OWN_FOLDER } from '../local/names.ts';

export interface OwnThing {
  /** Below the root. */
  readonly path: RelPath;
  readonly what: 'the state of rtsync' | 'the API key';
}

/** `root`: a real path. Throws `config` when the state would lie openly in it. */
export async function ownThingsIn(
  root: string,
  { stateDir, apiKeyFile }: Pick<Config, 'stateDir' | 'apiKeyFile'>,
): Promise<readonly OwnThing[]> {
  const state = await realpath(stateDir).catch(() => undefined);
  if (state === root)
    throw new RtsyncError(
      'config',
      `the state folder is the synced folder itself, ${root}; name another --state-dir`,
    );
  const found = [
    { path: inside(root, state), what: 'the state of rtsync' },
    {
      path: inside(root, apiKeyFile && (await realpath(apiKeyFile).catch(() => undefined))),
      what: 'the API key',
    },
  ] as const;
  return found.flatMap(({ path, what }) => (path === undefined ? [] : [{ path, what }]));
}

/** The rules that leave these out as well, as a disk of this kind compares names. */
export function withoutOwnThings(
  rules: IgnoreRules,
  things: readonly OwnThing[],
  caseInsensitive: boolean,
): IgnoreRules {
  if (things.length === 0) return rules;
  const key = (path: string): string => (caseInsensitive ? path.toLowerCase() : path);
  const own = new Set(things.map(({ path }) => key(path)));
  const isOwn = (path: RelPath): boolean => own.has(key(path));
  return {
    ignores: (path, folder) => isOwn(path) || rules.ignores(path, folder),
    explain: (path, folder) => (isOwn(path) ? { pattern: path, origin: 'own' } : rules.explain(path, folder)),
    withFile: (dir, text) => withoutOwnThings(rules.withFile(dir, text), things, caseInsensitive),
    fingerprint: JSON.stringify([[...own].sort(), rules.fingerprint]),
  };
}

/** What a person is told about them; undefined where there are none. */
export function ownThingsSentence(things: readonly OwnThing[]): string | undefined {
  if (things.length === 0) return undefined;
  const each = things.map(({ path, what }) => `"${path}" (${what})`);
  return `left out of the sync, on both sides: ${each.join(', ')}`;
}

function inside(root: string, file: string | undefined): RelPath | undefined {
  if (file === undefined) return undefined;
  const path = relative(root, file);
  if (path === '' || isAbsolute(path) || path.split(sep)[0] === '..') return undefined;
  return path.split(sep)[0] === OWN_FOLDER ? undefined : parseRelPath(path.split(sep).join('/'));
}
