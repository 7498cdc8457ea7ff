/**
 * Lets a fresh local edit, or a look that is due, interrupt a cycle that takes long: what waits at the gate is called
 * back, what is under way ends, and the cycle is over. The watcher tells of our own deeds, too: the disk is asked whether
 * there is more to it.
 */
import type { BaseStamp } from '../core/base.ts';
import { type DirPath, keyOf, type LocalDir } from '../core/path.ts';
import { type LocalStamp, type Node, nodeAt, type Tree } from '../core/tree.ts';
import { RtsyncError } from '../lib/errors.ts';
import type { LocalScan } from '../local/local.ts';
import type { CycleRequest, CycleResult, CycleStage } from './cycle.ts';
import type { Pair } from './pair.ts';
import type { Triggers } from './triggers.ts';

/** What was interrupted a short while ago is let alone for this long, so that much writing does not stop all else. */
const PATIENCE_MS = 1_000;
const SHORT_WHILE_MS = 5_000;
/** Much work makes room for a look after this long, and never for more than a quarter of the time. */
const WORK_MS = 30_000;
const WORK_PARTS = 3;
/** Hints of more folders come from deeds of ours, or announce a change that is itself no small one. */
const FEW = 64;

export interface Interrupter {
  /**
   * Runs a cycle, which ends early when something more urgent comes up. A look that was called back rejects with
   * `superseded`.
   */
  run(cycle: (onStage: NonNullable<CycleRequest['onStage']>) => Promise<CycleResult>): Promise<CycleResult>;
  /** The stage that the latest cycle came to. */
  readonly reached: CycleStage | undefined;
}

/** `lookAt`: when the remote side is to be looked at next, in monotonic milliseconds. */
export function createInterrupter(
  pair: Pair,
  triggers: Triggers,
  lookAt: (now: number) => number,
  signal: AbortSignal,
): Interrupter {
  /** When a stage was interrupted last. */
  const calledAt = new Map<CycleStage, number>();
  const wasCalled = (stage: CycleStage): boolean =>
    pair.clock.monotonic() - (calledAt.get(stage) ?? Number.NEGATIVE_INFINITY) < SHORT_WHILE_MS;
  const workUntil = (startedAt: number): number => {
    const now = pair.clock.monotonic();
    return Math.max(now + Math.max(WORK_MS, WORK_PARTS * (now - startedAt)), lookAt(now));
  };
  let reached: CycleStage | undefined;
  const held: (readonly LocalDir[] | 'all')[] = [];

  return {
    get reached() {
      return reached;
    },
    run: async (cycle) => {
      reached = undefined;
      let called: 'edit' | 'look' | undefined;
      const startedAt = pair.clock.monotonic();
      let current: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
      const end = async (): Promise<void> => {
        current?.stop.abort();
        await current?.ended;
      };
      const onStage = (stage: CycleStage, local: () => LocalScan): void => {
        const earlier = end();
        reached = stage;
        if (stage === 'judging') pair.gate.resume();
        // A look starts anew when it was called back: again and again, and it would never be done.
        if (stage === 'judging' || (stage === 'looking' && wasCalled(stage))) return;
        const stop = new AbortController();
        const look = new AbortController();
        const hold = (dirs: readonly LocalDir[] | 'all'): void => void held.push(dirs);
        const how = {
          pair,
          triggers,
          begun: local(),
          local,
          hold,
          signal: AbortSignal.any([signal, stop.signal, look.signal]),
        };
        const watch = async (): Promise<void> => {
          await earlier;
          if (stage === 'working') void callAt(pair, workUntil(startedAt), look, how.signal);
          const came = await somethingCame(how, wasCalled(stage) ? PATIENCE_MS : 0);
          if ((!came && !look.signal.aborted) || stop.signal.aborted || signal.aborted) return;
          called = came ? 'edit' : 'look';
          if (came) calledAt.set(stage, pair.clock.monotonic());
          pair.gate.callBack(superseded());
        };
        current = { stop, ended: watch() };
      };
      try {
        return await cycle(onStage);
      } finally {
        await end();
        pair.gate.resume();
        if (called !== 'edit') for (const dirs of held.splice(0)) triggers.hint(dirs);
      }
    },
  };
}

/** Aborts `look` at this time, unless the signal comes first. */
async function callAt(
  { clock }: Pair,
  at: number,
  look: AbortController,
  signal: AbortSignal,
): Promise<void> {
  if (!Number.isFinite(at)) return;
  try {
    await clock.sleep(at - clock.monotonic(), signal);
    look.abort();
  } catch {}
}

function superseded(): RtsyncError {
  return new RtsyncError('superseded', 'called back before it was sent: something more urgent came up');
}

interface Listening {
  readonly pair: Pair;
  readonly triggers: Triggers;
  /** As it was seen when the stage began, and how it should look now. */
  readonly begun: LocalScan;
  readonly local: () => LocalScan;
  /** Keeps hints of so much that asking the disk would cost too much: they wait until nothing is called back. */
  readonly hold: (dirs: readonly LocalDir[] | 'all') => void;
  readonly signal: AbortSignal;
}

/** Resolves with true when hints tell of something that is no deed of ours, and leaves them; false when it is over. */
async function somethingCame(how: Listening, patienceMs: number): Promise<boolean> {
  const { pair, triggers, hold, signal } = how;
  if (patienceMs > 0) await pair.clock.sleep(patienceMs, signal).catch(() => undefined);
  while (!signal.aborted) {
    await triggers.settled(signal);
    if (signal.aborted) return false;
    const dirs = triggers.take();
    if (dirs === 'all' || dirs.length > FEW) {
      hold(dirs);
      continue;
    }
    if (!(await holdsMore(how, dirs).catch(() => true))) continue;
    triggers.hint(dirs);
    return !signal.aborted;
  }
  return false;
}

/** Whether these folders hold anything but what both sides agree on and what this cycle has done itself. */
async function holdsMore({ pair, begun, local }: Listening, dirs: readonly LocalDir[]): Promise<boolean> {
  const scan = await pair.local.rescan(local(), dirs, pair.options.rules);
  if (scan.rules.fingerprint !== begun.rules.fingerprint) return true;
  const now = local();
  const base = pair.state.base();
  return dirs.some((dir) => {
    const [seen, done, before] = [scan.tree, now.tree, begun.tree].map((tree) => childrenAt(tree, dir));
    const agreed = childrenAt(base, dir);
    const keys = new Set([...(seen?.keys() ?? []), ...(done?.keys() ?? []), ...(agreed?.keys() ?? [])]);
    return [...keys].some((key) => {
      const version = versionOf(seen?.get(key));
      if (version === versionOf(agreed?.get(key))) return false;
      const was = versionOf(before?.get(key));
      const isLeftOut = version === 'untracked' || version === 'unknown';
      return isLeftOut ? version !== was : version === was || version !== versionOf(done?.get(key));
    });
  });
}

function childrenAt<S>(tree: Tree<S>, dir: LocalDir): Tree<S>['children'] | undefined {
  const node = nodeAt(tree, keyOf(dir) as DirPath);
  return node?.kind === 'folder' ? node.children : undefined;
}

function versionOf(node: Node<LocalStamp | BaseStamp> | undefined): string | undefined {
  if (node?.kind !== 'file') return node?.kind;
  const { size, ino, mtimeMs, ctimeMs } = node.stamp;
  return `${size}:${ino}:${mtimeMs}:${ctimeMs}`;
}
