/** What a gate must remember over a restart, relative to now, so that it means the same on another clock. */
import type { Company } from './company.ts';
import { type PacerRules, type PacerState, startPacer } from './pacer.ts';
import { NOTHING_SENT } from './spread.ts';

export interface PacerMemory {
  readonly pauseMs: number;
  /** Age in milliseconds, count. */
  readonly sent: readonly (readonly [ageMs: number, count: number])[];
  /** Short runs would else begin each time as if nobody else used the key. */
  readonly company?:
    | (Pick<Company, 'rate' | 'gain'> & { readonly seenMs: number; readonly dueMs: number })
    | undefined;
}

export function snapshot(state: PacerState, now: number): PacerMemory {
  const { company } = state;
  const kept = state.sent.filter(([at]) => at > now - state.rules.windowMs);
  return {
    pauseMs: Math.max(0, (state.pausedUntil ?? now) - now),
    sent: kept.map(([at, count]) => [now - at, count]),
    ...(company !== undefined && {
      company: {
        rate: company.rate,
        gain: company.gain,
        seenMs: now - company.seenAt,
        dueMs: company.dueAt - now,
      },
    }),
  };
}

/** `elapsedMs`: how long ago the snapshot was taken. */
export function restore(rules: PacerRules, memory: PacerMemory, elapsedMs: number, now: number): PacerState {
  const gone = Math.max(0, elapsedMs);
  const pauseMs = memory.pauseMs - gone;
  const sent = memory.sent
    .map(([age, count]) => [now - gone - age, count] as const)
    .filter(([at]) => at > now - rules.windowMs);
  const { company } = memory;
  return {
    ...startPacer(rules),
    sent,
    // Which of them kept a distance is not remembered: none did.
    spread: { ...NOTHING_SENT, burst: sent },
    pausedUntil: pauseMs > 0 ? now + pauseMs : undefined,
    company: company && {
      rate: company.rate,
      gain: company.gain,
      seenAt: now - gone - company.seenMs,
      dueAt: now - gone + company.dueMs,
    },
  };
}
