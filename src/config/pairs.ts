/** Pairs of the configuration and of the command line: complete, absolute, and never two that would write into each other. */
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { parseRelPath } from '../core/path.ts';
import type { ConflictPolicy } from '../core/plan.ts';
import { RtsyncError } from '../lib/errors.ts';
import { nearest } from '../lib/nearest.ts';
import { type Direction, PAIR_DEFAULTS, type PairFile } from './schema.ts';

export interface ConflictRule {
  /** Glob over paths below the root. */
  readonly match: string;
  readonly policy: ConflictPolicy;
}

/** A folder on this machine and a folder of a workspace, with everything that was left out filled in. */
export interface PairConfig {
  readonly name: string;
  /** Absolute; symlinks not resolved yet. */
  readonly folder: string;
  /** Id, slug or name. */
  readonly workspace: string;
  /** Folder inside the workspace: "" or "a/b". */
  readonly path: string;
  readonly direction: Direction;
  readonly ignore: readonly string[];
  /** The first rule that matches counts; the last one matches everything. */
  readonly conflicts: readonly ConflictRule[];
  readonly maxDelete: { readonly files: number; readonly percent: number } | false;
  readonly pollSeconds: number;
  /** How old what is known of a folder of the workspace may get, where the rate limit allows it. */
  readonly maxStalenessSeconds: number;
  readonly trash: TrashConfig;
  readonly uploadLimitBytes: number;
  /** Downloads leave so much of the disk free. */
  readonly minFreeBytes: number;
  readonly settleMs: number;
}

export interface TrashConfig {
  /** Whether versions given up on the server go to its trash; here they always do. */
  readonly remote: boolean;
  /** How long given-up versions are kept, on both sides. */
  readonly days: number;
  /** What the trash of a side may hold before its oldest versions go early; null: no limit. */
  readonly localBytes: number | null;
  readonly remoteBytes: number | null;
}

export interface FarEnd {
  readonly workspace: string;
  /** "" or "a/b". */
  readonly path: string;
}

/** `workspace`, `workspace:/folder` or `workspace:folder`. Throws `usage`. */
export function parseFarEnd(text: string): FarEnd {
  const colon = text.indexOf(':');
  const workspace = colon < 0 ? text : text.slice(0, colon);
  const refuse = (why: string) =>
    new RtsyncError(
      'usage',
      `"${text}" is not a WORKSPACE[:PATH]: ${why}, as in docs-project or docs-project:/docs`,
    );
  if (workspace.trim() === '') throw refuse('the workspace is missing');
  if (workspace.includes('/'))
    throw refuse('a workspace has no slash in its name, the path follows after a colon');
  const remote = remoteFolder(colon < 0 ? '' : text.slice(colon + 1));
  if (remote === undefined) throw refuse('the path cannot be used');
  return { workspace, path: remote };
}

/** "" or "a/b"; undefined when it is no path inside a workspace, or rtsync's own folder. */
export function remoteFolder(text: string): string | undefined {
  const plain = text.replace(/^\/+|\/+$/g, '');
  if (plain === '') return '';
  const [first] = plain.split('/');
  return first === '.rtsync' ? undefined : parseRelPath(plain);
}

/** `base`: the folder that relative paths start from. Throws `config`. */
export function completePair(
  pair: PairFile,
  where: { readonly base: string; readonly home: string; readonly label: string },
): PairConfig {
  const remote = remoteFolder(pair.path ?? '');
  if (remote === undefined)
    throw new RtsyncError('config', `${where.label}.path "${pair.path}" is no folder inside a workspace`);
  const { maxDelete, trash } = pair;
  return {
    name: pair.name ?? (remote === '' ? pair.workspace : `${pair.workspace}:/${remote}`),
    folder: path.resolve(where.base, expandHome(pair.folder, where.home)),
    workspace: pair.workspace,
    path: remote,
    direction: pair.direction ?? PAIR_DEFAULTS.direction,
    ignore: pair.ignore ?? [],
    conflicts: conflictRules(pair.conflicts),
    maxDelete: maxDelete === false ? false : { ...PAIR_DEFAULTS.maxDelete, ...defined(maxDelete) },
    pollSeconds: pair.pollSeconds ?? PAIR_DEFAULTS.pollSeconds,
    maxStalenessSeconds: pair.maxStalenessSeconds ?? PAIR_DEFAULTS.maxStalenessSeconds,
    trash: { ...PAIR_DEFAULTS.trash, ...defined(trash) },
    uploadLimitBytes: pair.uploadLimitBytes ?? PAIR_DEFAULTS.uploadLimitBytes,
    minFreeBytes: pair.minFreeBytes ?? PAIR_DEFAULTS.minFreeBytes,
    settleMs: pair.settleMs ?? PAIR_DEFAULTS.settleMs,
  };
}

export function expandHome(text: string, home: string): string {
  return text === '~' || text.startsWith('~/') ? path.join(home, text.slice(1)) : text;
}

/** Throws `pair-overlap` when two pairs share a folder on either side, or one lies inside the other. */
export async function refuseOverlaps(pairs: readonly PairConfig[]): Promise<void> {
  const real = await Promise.all(pairs.map((pair) => realFolder(pair.folder)));
  for (const [i, one] of pairs.entries()) {
    for (const [j, other] of pairs.entries()) {
      if (j <= i) continue;
      if (one.name === other.name) throw overlap(one, other, 'have the same name; give each its own "name"');
      const [a, b] = [real[i] ?? one.folder, real[j] ?? other.folder];
      if (nested(a, b, path.sep)) throw overlap(one, other, `would sync the same files: ${a} and ${b}`);
      const far = one.workspace === other.workspace && nested(one.path, other.path, '/');
      if (far) throw overlap(one, other, `would sync the same folder of workspace ${one.workspace}`);
    }
  }
}

/**
 * A pair of the configuration that `pair`, given by its two ends on the command line, has its folder inside of, around,
 * or in common with. What they have in common may be one pair in two spellings: the caller finds out.
 */
export async function sharesFolder(
  pair: PairConfig,
  pairs: readonly PairConfig[],
): Promise<{ readonly other: PairConfig; readonly same: boolean } | undefined> {
  const mine = await realFolder(pair.folder);
  for (const other of pairs) {
    if (other === pair) return undefined;
    const theirs = await realFolder(other.folder);
    if (nested(mine, theirs, path.sep)) return { other, same: mine === theirs };
  }
  return undefined;
}

export interface PairArguments {
  /** FOLDER, or the name of a pair. */
  readonly folder?: string | undefined;
  readonly farEnd?: string | undefined;
}

/**
 * The pairs that a command is about: FOLDER and WORKSPACE as given, one pair by name, the pair whose folder holds
 * `cwd`, or all of the configuration. Throws `usage` when there is none.
 */
export function pairFor(
  args: PairArguments,
  cwd: string,
  pairs: readonly PairConfig[],
): readonly PairConfig[] {
  const { folder, farEnd } = args;
  if (folder !== undefined && farEnd !== undefined)
    return [adHoc(path.resolve(cwd, folder), parseFarEnd(farEnd), pairs)];
  if (folder !== undefined) return [named(folder, cwd, pairs)];
  if (pairs.length === 0) {
    throw new RtsyncError(
      'usage',
      'nothing to sync: give FOLDER and WORKSPACE[:PATH], or write pairs into the configuration',
    );
  }
  const around = pairs.find((pair) => cwd === pair.folder || cwd.startsWith(`${pair.folder}${path.sep}`));
  return around === undefined ? pairs : [around];
}

/** A pair of the configuration keeps its settings when it is named by its two ends. */
function adHoc(folder: string, far: FarEnd, pairs: readonly PairConfig[]): PairConfig {
  const same = pairs.find(
    (pair) => pair.folder === folder && pair.workspace === far.workspace && pair.path === far.path,
  );
  return (
    same ??
    completePair(
      { folder, workspace: far.workspace, path: far.path },
      { base: folder, home: '', label: 'pair' },
    )
  );
}

function named(name: string, cwd: string, pairs: readonly PairConfig[]): PairConfig {
  const found = pairs.find((pair) => pair.name === name || pair.folder === path.resolve(cwd, name));
  if (found !== undefined) return found;
  const meant = nearest(
    name,
    pairs.map((pair) => pair.name),
  );
  const hint = meant === undefined ? '' : `, did you mean "${meant}"?`;
  throw new RtsyncError(
    'usage',
    `"${name}" is no pair of the configuration${hint}; give FOLDER and WORKSPACE[:PATH]`,
  );
}

function conflictRules(conflicts: PairFile['conflicts']): readonly ConflictRule[] {
  if (conflicts === undefined) return [{ match: '**', policy: 'keep-both' }];
  if (typeof conflicts === 'string') return [{ match: '**', policy: conflicts }];
  return [...conflicts, { match: '**', policy: 'keep-both' }];
}

/** Without the keys whose value is undefined, so that a spread leaves the defaults alone. */
function defined<T extends object>(value: T | undefined): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(value ?? {}).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** The real path, as far as it exists: a folder may still have to be made. */
async function realFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch {
    const parent = path.dirname(folder);
    return parent === folder ? folder : path.join(await realFolder(parent), path.basename(folder));
  }
}

function nested(a: string, b: string, separator: string): boolean {
  const inside = (inner: string, outer: string) =>
    outer === '' ||
    inner === outer ||
    inner.startsWith(outer.endsWith(separator) ? outer : outer + separator);
  return inside(a, b) || inside(b, a);
}

function overlap(one: PairConfig, other: PairConfig, why: string): RtsyncError {
  return new RtsyncError('pair-overlap', `the pairs "${one.name}" and "${other.name}" ${why}`);
}
