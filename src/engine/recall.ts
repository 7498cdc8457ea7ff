/**
 * The remote side as the last process left it, so that a service that starts can send what changed here meanwhile
 * before its first sweep is done (which takes minutes under a small rate limit). What is remembered is no proof, so the
 * first cycle only sends: each deed of that direction looks again before it acts.
 */
import { type CycleResult, type Memory, runCycle } from './cycle.ts';
import type { Pair } from './pair.ts';
import { giveBack } from './recover/held.ts';

const RULES = 'snapshot.rules';

/** Keeps what was seen; called after a cycle with a sweep that found or did something. */
export function keepSnapshot(pair: Pair, memory: Memory): void {
  pair.state.saveRemoteSnapshot(pair.clock.now(), memory.remote.tree);
  pair.state.saveNote(RULES, memory.local.rules.fingerprint);
}

/** Sends local changes by the remembered remote tree; undefined when there is none that fits. */
export async function sendFirst(pair: Pair, signal: AbortSignal): Promise<CycleResult | undefined> {
  const snapshot = pair.state.remoteSnapshot();
  if (snapshot === undefined || pair.options.direction === 'pull') return undefined;
  pair.checkRoot();
  await giveBack(pair);
  const local = await pair.local.scan(pair.options.rules, signal);
  if (pair.state.note(RULES) !== local.rules.fingerprint) return undefined;
  const memory: Memory = {
    local,
    remote: { tree: snapshot.tree, problems: [] },
    sweptAt: Number.NEGATIVE_INFINITY,
  };
  const options = Object.create(pair.options, { direction: { value: 'push' } }) as Pair['options'];
  return runCycle({ ...pair, options }, memory, { local: [], remote: [], unproven: true }, signal);
}
