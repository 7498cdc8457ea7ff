/** What the functions of the walk share, and the small answers that both files and folders need. */
import type { PlanBuilder } from './builder.ts';
import type { Deeds } from './deeds.ts';
import type { Dir, Entry, LocalNode, RemoteNode } from './dir.ts';
import type { DecideInput, Flow } from './input.ts';
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

/** What happened on the target side, or stands in the way there, and is left as it is. */
const UNDONE = {
  push: {
    new: 'it is only in the workspace, and a push brings nothing here',
    changed: 'it was changed in the workspace, and a push brings nothing here',
    deleted: 'it was deleted in the workspace and stays here, since a push deletes nothing here',
    conflict:
      'both sides changed it, and a push changes nothing here; --force lets the version from here win',
    'no-room':
      'a folder in the workspace that is not empty stands in its way; --mirror lets the file from here win',
  },
  pull: {
    new: 'it is only here, and a pull sends nothing to the workspace',
    changed: 'it was changed here, and a pull sends nothing to the workspace',
    deleted: 'it was deleted here and stays in the workspace, since a pull deletes nothing there',
    conflict:
      'both sides changed it, and a pull changes nothing in the workspace; --force lets the version from there win',
    'no-room':
      'a folder here that is not empty stands in its way; --mirror lets the file from the workspace win',
  },
} as const;

/** Reports what a run in one direction leaves as it is. */
export function undone({ builder, input }: Walk, path: string, what: keyof typeof UNDONE.push): void {
  if (input.direction !== 'both') builder.problem(path, 'undone', UNDONE[input.direction][what]);
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
