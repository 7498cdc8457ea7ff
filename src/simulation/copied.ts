/**
 * Versions on the server that an upload or a move replaced in the gap between its look and its arrival (RACE in both),
 * after another process had copied them into the trash: it kept what stood there right before a replacement of its own,
 * which it gave up when its look showed an edit. So they lie there, and nobody gives them back.
 */
import type { ChecksOf } from './checks.ts';
import { keyOf } from './truth.ts';
import { isUnseen, isYoung } from './young.ts';

export interface Copied {
  /** Whether this content was replaced so. Its sender itself has no copy of it: it looks after it has copied. */
  liesInTrash(content: string): boolean;
}

export function watchCopies(of: Pick<ChecksOf, 'scenario' | 'server' | 'machines'>): Copied {
  /** By content, the clients that copied it. */
  const copiers = new Map<string, Set<number>>();
  const replaced = new Set<string>();
  of.server.onMove(({ operation, client, ids }) => {
    if (operation !== 'copy') return;
    for (const id of ids) {
      const bytes = of.server.agent.read(id);
      if (bytes === undefined || bytes.length === 0) continue;
      copiers.set(keyOf(bytes), (copiers.get(keyOf(bytes)) ?? new Set()).add(client));
    }
  });
  of.server.onChange((change) => {
    const { before, after, client } = change;
    if (before === undefined || after === undefined) return;
    const by = copiers.get(keyOf(before));
    if (by === undefined || by.has(client) || !isUnseen(change) || !isYoung(of, change)) return;
    replaced.add(keyOf(before));
  });
  return { liesInTrash: (content) => replaced.has(content) };
}
