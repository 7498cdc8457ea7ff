/** What the functions of the walk share, and the small answers that both files and folders need. */
import type { PlanBuilder } from './builder.ts';
import type { Deeds } from './deeds.ts';
import type { Dir, Entry, LocalNode, RemoteNode } from './dir.ts';
import { type DecideInput, type Flow, SOURCE } from './input.ts';
import type { RelPath } from './path.ts';
import { type Change, OUTCOMES, type Outcome, type VerdictTable } from './rules.ts';

export interface Walk {
  readonly input: DecideInput;
  readonly verdicts: VerdictTable;
  readonly builder: PlanBuilder;
  readonly deeds: Deeds;
  /** Brings a folder that stands on one side only, with all below it. `flow` leads away from the side that has it. */
  loneFolder(flow: Flow, met: Met): void;
}

/** Something that the walk met. */
export interface Met {
  readonly dir: Dir;
  readonly entry: Entry;
  /** What must be done before a folder can be made there. */
  readonly after?: readonly number[];
}

/** The table's answer, as far as direction and mode allow it. `here` is the side that `flow` leads away from. */
export function judge(
  { input, verdicts }: Walk,
  flow: Flow,
  [here, there]: readonly [Change, Change],
): Outcome {
  const verdict = flow === 'push' ? verdicts[here][there] : verdicts[there][here];
  return OUTCOMES[input.direction][input.mode][verdict] ?? verdict;
}

const UNDONE = {
  new: (side: string) => `it is only on the ${side} side, and this run does not change the other one`,
  kept: (side: string) => `it differs on the ${side} side, and this run does not bring that over`,
  conflict: () =>
    'both sides changed it, and this run may not change the side it reads from; --force lets that side win',
} as const;

/** Reports what this direction leaves as it is; `flow` is the way it would have gone. */
export function undone({ builder }: Walk, flow: Flow, path: string, what: keyof typeof UNDONE): void {
  builder.problem(path, 'undone', UNDONE[what](SOURCE[flow]));
}

/** True when a node holds nothing that must stay: untracked, unknown, or blocked this time. */
export function isPlain(deeds: Deeds, path: RelPath, node: LocalNode | RemoteNode): boolean {
  if (deeds.leaveAlone(path)) return false;
  if (node.kind === 'file') return true;
  if (node.kind !== 'folder') return false;
  for (const [key, child] of node.children) {
    if (!isPlain(deeds, `${path}/${key}` as RelPath, child)) return false;
  }
  return true;
}

/** The remote entry takes the name that the local one gave up. */
export function pullInstead(walk: Walk, { dir, entry }: Met, after: number): void {
  const { key, remote } = entry;
  if (remote?.kind === 'folder') walk.loneFolder('pull', { dir, entry: { key, remote }, after: [after] });
  else walk.deeds.send('pull', dir, { key, remote }, { stage: 'fill', after: [after] });
}
