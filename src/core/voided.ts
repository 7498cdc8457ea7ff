/**
 * An approval counts for exactly what it named. Where a held folder changes after that, as by one edit below it, the
 * rest of it comes as something else and is held again; a person who approved it must be told why.
 */
import type { BaseTree } from './base.ts';
import { heldFingerprint } from './guard.ts';
import { type DirPath, parentOf, type RelPath, ROOT } from './path.ts';
import type { Held } from './plan.ts';
import { isRegression } from './regressions.ts';
import { nodeAt } from './tree.ts';

/**
 * `approved`: see `heldFingerprint`. What was approved in another shape says so in its reason; what the base knows no more
 * of was done meanwhile, and its approval is not void.
 */
export function tellVoided(
  held: readonly Held[],
  approved: ReadonlySet<string>,
  base: BaseTree,
): readonly Held[] {
  if (approved.size === 0) return held;
  const named = new Map<string, number>();
  const parts = new Set<string>();
  for (const { side, path, files } of [...approved].flatMap(parsed)) {
    if (nodeAt(base, path) === undefined) continue;
    named.set(keyOf(side, path), files);
    for (const at of foldersOf(path)) parts.add(keyOf(side, at));
  }
  return held.map((item) => {
    if (isRegression(item) || approved.has(heldFingerprint(item))) return item;
    const { side, path, reason } = item;
    const whole = [path, ...foldersOf(path)].find((at) => named.has(keyOf(side, at)));
    if (whole !== undefined)
      return { ...item, reason: `${reason}; ${changed(whole, named.get(keyOf(side, whole)) ?? 0)}` };
    return parts.has(keyOf(side, path)) ? { ...item, reason: `${reason}; ${ONLY_PARTS}` } : item;
  });
}

const ONLY_PARTS = 'only parts of it were approved, so look again';

function changed(path: string, files: number): string {
  const size = files === 1 ? '1 file' : `${files} files`;
  return `"${path}" (${size}) was approved, but changed since, so look again`;
}

function keyOf(side: string, path: string): string {
  return `${side}:${path}`;
}

function foldersOf(path: RelPath): RelPath[] {
  const above: RelPath[] = [];
  for (let at: DirPath = parentOf(path); at !== ROOT; at = parentOf(at)) above.push(at as RelPath);
  return above;
}

/** What a fingerprint says; none for one that names no path or no file, as that of an older version. */
function parsed(fingerprint: string): readonly Pick<Held, 'side' | 'path' | 'files'>[] {
  const [, side, files, path] = /^(local|remote):([1-9]\d*):(.+)$/s.exec(fingerprint) ?? [];
  if ((side !== 'local' && side !== 'remote') || path === undefined) return [];
  return [{ side, path: path as RelPath, files: Number(files) }];
}
