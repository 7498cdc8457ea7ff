/**
 * The judgement of a cycle: three trees in, a plan out. First moves are recognised and the trees rewritten as they will
 * be afterwards, then every path is judged by the table. Pure: it knows no disk, no server, no clock, and it must never
 * learn of them; the same input gives the same plan, which is why a dry run tells the truth.
 */
import { planBuilder } from './builder.ts';
import { deedsOf } from './deeds.ts';
import { rootDir } from './dir.ts';
import type { DecideInput } from './input.ts';
import { planMoves } from './moves.ts';
import type { Plan } from './plan.ts';
import { VERDICTS, type VerdictTable } from './rules.ts';
import { localSame, remoteSame } from './same.ts';
import { walkTrees } from './walk.ts';

export type { DecideInput } from './input.ts';

/** `verdicts` is a parameter so that tests can show what a wrong table would do. */
export function decide(input: DecideInput, verdicts: VerdictTable = VERDICTS): Plan {
  const builder = planBuilder();
  const moved = planMoves(input, builder);
  const deeds = deedsOf(input, builder, moved);
  const { base, local, remote } = moved;
  const isSame = localSame(base, local) && remoteSame(base, remote);
  if (!isSame) walkTrees({ input, verdicts, builder, deeds }, rootDir(base, local, remote));
  return builder.finish();
}
