/**
 * The remote side as the last process left it, so that a service that starts can send what changed here meanwhile
 * before it has looked at everything there (which takes minutes under a small rate limit). What is remembered is no
 * proof, so the first cycle only sends: each deed of that direction looks again before it acts.
 */
import type { CyclePair, Memory } from './cycle.ts';
import type { Pair } from './pair.ts';
import { giveBack } from './recover/held.ts';

const RULES = 'snapshot.rules';

/** Keeps what was seen; called after a cycle that found or did something. */
export function keepSnapshot(pair: Pair, memory: Memory): void {
  pair.state.saveRemoteSnapshot(pair.clock.now(), memory.remote.tree);
  pair.state.saveNote(RULES, memory.local.rules.fingerprint);
}

/** What is here, and what was there; undefined when nothing that fits was kept. */
export async function recall(pair: Pair, signal: AbortSignal): Promise<Memory | undefined> {
  const snapshot = pair.state.remoteSnapshot();
  if (snapshot === undefined || pair.state.base().children.size === 0) return undefined;
  pair.checkRoot();
  await giveBack(pair);
  const local = await pair.local.scan(pair.options.rules, signal);
  if (pair.state.note(RULES) !== local.rules.fingerprint) return undefined;
  return { local, remote: { tree: snapshot.tree, problems: [] }, sweptAt: Number.NEGATIVE_INFINITY };
}

/** The pair as it is when it only sends; undefined for a pair that only pulls. */
export function sender(pair: CyclePair): CyclePair | undefined {
  if (pair.options.direction === 'pull') return undefined;
  const options = Object.create(pair.options, { direction: { value: 'push' } }) as Pair['options'];
  return { ...pair, options };
}
