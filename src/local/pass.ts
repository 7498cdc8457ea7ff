/** One walk under way: what it was given, what it gathers, and how it leaves the event loop its turns. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { IgnoreRules } from '../core/ignore.ts';
import type { DirPath } from '../core/path.ts';
import type { Problem, ProblemCode } from '../core/plan.ts';
import type { LocalStamp, LocalTree, Node } from '../core/tree.ts';
import type { Clock } from '../lib/clock.ts';
import type { Disk } from './disk.ts';
import { codeOf } from './fault.ts';
import type { LocalScan } from './local.ts';

export type LocalNode = Node<LocalStamp>;

/** Where a walk goes. */
export type Where = Pick<Pass, 'disk' | 'root' | 'caseInsensitive' | 'clock'>;

/** One walk over (parts of) the folder. */
export interface Pass {
  readonly disk: Disk;
  readonly root: string;
  readonly caseInsensitive: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** Grows by every ignore file on the way; a file's rules bind below its folder only. */
  rules: IgnoreRules;
  readonly problems: Problem[];
  /** Text of every ignore file, by its folder. */
  readonly ignoreFiles: Map<DirPath, string>;
  /** Ignore files whose text `rules` held from the start. */
  readonly known: ReadonlyMap<DirPath, string>;
  /** Folders that were read. */
  readonly read: Set<DirPath>;
  sliceStart: number;
}

const SLICE_MS = 10;

export function newPass(
  where: Where,
  rules: IgnoreRules,
  options: { readonly signal: AbortSignal | undefined; readonly known?: ReadonlyMap<DirPath, string> },
): Pass {
  return {
    disk: where.disk,
    root: where.root,
    caseInsensitive: where.caseInsensitive,
    clock: where.clock,
    signal: options.signal,
    rules,
    problems: [],
    ignoreFiles: new Map(),
    known: options.known ?? new Map(),
    read: new Set(),
    sliceStart: where.clock.monotonic(),
  };
}

export function finishPass(pass: Pass, tree: LocalTree, given: string): LocalScan {
  const facts = { given, ignoreFiles: pass.ignoreFiles, tree };
  return { tree, problems: pass.problems, rules: pass.rules, facts };
}

export function unreadable(pass: Pass, path: DirPath, cause: unknown): LocalNode {
  const why = typeof cause === 'string' ? cause : `it cannot be read (${codeOf(cause) ?? 'unknown reason'})`;
  addProblem(pass, 'unreadable', path, why);
  return { kind: 'unknown', why };
}

export function addProblem(pass: Pass, code: ProblemCode, path: string, message: string): void {
  pass.problems.push({ path, code, message });
}

export async function breathe(pass: Pass): Promise<void> {
  if (pass.clock.monotonic() - pass.sliceStart < SLICE_MS) return;
  await nextTurn();
  pass.signal?.throwIfAborted();
  pass.sliceStart = pass.clock.monotonic();
}
