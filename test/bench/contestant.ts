/** What takes part in the rounds: three jobs, one after the other, each on what the one before left. */
import type { Cost } from './measure.ts';

export const JOBS = ['first push', 'nothing changed', '1 % + 1 %'] as const;
export type Job = (typeof JOBS)[number];

export interface Sample extends Cost {
  /** NaN where there is no server to ask. */
  readonly requests: number;
}

export interface Contestant {
  readonly name: string;
  /** Jobs that it can do, in the order of JOBS. */
  readonly jobs: readonly Job[];
  /** Forgets the round before: an empty far side, no state. The tree is as it was made. */
  begin(): Promise<void>;
  /** Its local folder, from `begin` on. */
  tree(): string;
  /** Does the job and checks that it was done; what must be made ready for it is not timed. Throws when it is not done. */
  measure(job: Job): Promise<Sample>;
  end(): Promise<void>;
}
