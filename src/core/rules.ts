/**
 * The decision, as data. `VERDICTS` says what two changes of one path mean together; the other tables say what the
 * direction and the mode of a run make of that. Nothing else in the reconciler knows these answers.
 */
import type { ConflictPolicy, Resolution } from './plan.ts';

/** How one side of a path differs from the base. `none` without a base means: nothing there. */
export type Change = 'none' | 'created' | 'modified' | 'deleted';

export type Verdict =
  | 'keep'
  | 'push'
  | 'pull'
  | 'removeLocal'
  | 'removeRemote'
  /** Equal or not: only the contents can tell. */
  | 'compare'
  | 'conflict'
  /** Gone on both sides. */
  | 'forget';

/**
 * `VERDICTS[local][remote]`. Both sides are measured against one base, so what was created on one side cannot be
 * modified or deleted on the other. Those cells are never asked; they are filled in, with what would lose nothing, so
 * that the table stays total and no look-up needs a default.
 */
export type VerdictTable = Readonly<Record<Change, Readonly<Record<Change, Verdict>>>>;

export const VERDICTS: VerdictTable = {
  none: { none: 'keep', created: 'pull', modified: 'pull', deleted: 'removeLocal' },
  created: { none: 'push', created: 'compare', modified: 'conflict', deleted: 'push' },
  modified: { none: 'push', created: 'conflict', modified: 'compare', deleted: 'push' },
  deleted: { none: 'removeRemote', created: 'pull', modified: 'pull', deleted: 'forget' },
};

export type Direction = 'both' | 'push' | 'pull';
export type Mode = 'normal' | 'force' | 'mirror';

/** `undone`: this run leaves it alone. `impose`: the target becomes what the source is. */
export type Outcome = Verdict | 'undone' | 'impose';
/** Verdicts that are not named stay as they are. */
type Changed = Readonly<Partial<Record<Verdict, Outcome>>>;

export const OUTCOMES: Readonly<Record<Direction, Readonly<Record<Mode, Changed>>>> = {
  both: { normal: {}, force: {}, mirror: {} },
  push: {
    normal: { pull: 'undone', removeLocal: 'undone' },
    force: { pull: 'undone', removeLocal: 'undone' },
    mirror: { pull: 'impose', removeLocal: 'impose' },
  },
  pull: {
    normal: { push: 'undone', removeRemote: 'undone' },
    force: { push: 'undone', removeRemote: 'undone' },
    mirror: { push: 'impose', removeRemote: 'impose' },
  },
};

/** A policy after "newer" was answered, turned into what this direction may do. */
export type Settled = Resolution | 'undone';
export type Answered = Exclude<ConflictPolicy, 'newer'>;

const AS_GIVEN: Readonly<Record<Answered, Settled>> = {
  'keep-both': 'keep-both',
  local: 'local',
  remote: 'remote',
  hold: 'hold',
};
const SOURCE_LOCAL: Readonly<Record<Answered, Settled>> = {
  'keep-both': 'local',
  local: 'local',
  remote: 'local',
  hold: 'local',
};
const SOURCE_REMOTE: Readonly<Record<Answered, Settled>> = {
  'keep-both': 'remote',
  local: 'remote',
  remote: 'remote',
  hold: 'remote',
};
/** A push never writes the local side, so it can neither set a local version aside nor replace it. */
const PUSHED: Readonly<Record<Answered, Settled>> = { ...AS_GIVEN, 'keep-both': 'undone', remote: 'undone' };
/** A pull may set a local version aside: that is its target. */
const PULLED: Readonly<Record<Answered, Settled>> = { ...AS_GIVEN, local: 'undone' };

export const SETTLEMENTS: Readonly<
  Record<Direction, Readonly<Record<Mode, Readonly<Record<Answered, Settled>>>>>
> = {
  both: { normal: AS_GIVEN, force: AS_GIVEN, mirror: AS_GIVEN },
  push: { normal: PUSHED, force: SOURCE_LOCAL, mirror: SOURCE_LOCAL },
  pull: { normal: PULLED, force: SOURCE_REMOTE, mirror: SOURCE_REMOTE },
};
