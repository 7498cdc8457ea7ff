/** How long a 429 closes the gate. */
import { othersPart, type Sight } from './company.ts';
import type { RateFacts } from './headers.ts';

/** As told, else doubling from a sixtieth of the window to all of it. `refusals`: how many in a row, this one included. */
export function pauseMs(
  { retryAfterMs, resetInMs, remaining }: RateFacts,
  refusals: number,
  { windowMs }: Sight,
): number {
  const own = Math.min(windowMs, (windowMs / 60) * 2 ** Math.min(refusals - 1, 20));
  if (retryAfterMs !== undefined && retryAfterMs > 0) return retryAfterMs;
  if (resetInMs !== undefined && (remaining ?? 0) === 0) return Math.max(resetInMs, refusals > 2 ? own : 0);
  return own;
}

/**
 * How much longer it may get by chance. All who were refused together would come back together; the more of the window
 * was theirs, and the more often it happened, the wider they scatter, up to sixteen windows.
 */
export function scatterMs(facts: RateFacts, refusals: number, sight: Sight): number {
  const { ours, limit, windowMs } = sight;
  const wide = windowMs * othersPart(ours, limit) * 4 ** Math.min(refusals - 1, 10);
  const little = Math.min(windowMs / 60, pauseMs(facts, refusals, sight) / 10);
  return Math.max(little, Math.min(16 * windowMs, wide));
}
