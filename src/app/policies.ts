/** Conflict policies by glob, as the configuration lists them: the first that matches counts. */
import type { PairConfig } from '../config/pairs.ts';
import { createIgnoreRules } from '../core/ignore.ts';
import type { RelPath } from '../core/path.ts';
import type { Pair } from '../engine/pair.ts';

export function policies(pairConfig: PairConfig): Pair['options']['policyFor'] {
  const rules = pairConfig.conflicts.map(({ match, policy }) => ({
    matches: createIgnoreRules([match], { defaults: false }),
    policy,
  }));
  return (path) =>
    rules.find(({ matches }) => matches.ignores(path as RelPath, false))?.policy ?? 'keep-both';
}
