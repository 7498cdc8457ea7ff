/** A cycle whose one request waits at the gate for ever, and hints that come meanwhile; in virtual time. */
import { describe, expect, it } from 'vitest';
import type { LocalDir, RelPath } from '../../../src/core/path.ts';
import { emptyTree, type LocalStamp, type LocalTree, withChanges } from '../../../src/core/tree.ts';
import type { CycleResult, CycleStage } from '../../../src/engine/cycle.ts';
import { createInterrupter } from '../../../src/engine/interrupt.ts';
import type { Pair } from '../../../src/engine/pair.ts';
import { createTriggers } from '../../../src/engine/triggers.ts';
import { isCode } from '../../../src/lib/errors.ts';
import type { Answered, Gate } from '../../../src/lib/gate.ts';
import type { LocalScan } from '../../../src/local/local.ts';
import { createPairGate } from '../../../src/pace/pair-gate.ts';
import { virtualClock } from '../../support/clock.ts';

const DONE = {} as CycleResult;
const DOCS = ['docs' as LocalDir];

function docs(mtimeMs: number): LocalTree {
  const stamp: LocalStamp = { size: 1, ino: 1, mtimeMs, ctimeMs: mtimeMs, mode: 0o644 };
  return withChanges(emptyTree<LocalStamp>(), [{ path: 'docs/a' as RelPath, node: { kind: 'file', stamp } }]);
}

const scanOf = (tree: LocalTree): LocalScan => ({
  tree,
  problems: [],
  rules: { fingerprint: 'same', ignores: () => false } as unknown as LocalScan['rules'],
});

/** Nobody's turn ever comes. */
function closedGate(): Gate {
  return {
    run: <T extends Answered>(_ticket: unknown, _send: unknown, signal?: AbortSignal) =>
      new Promise<T>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
  } as Gate;
}

function setting(lookAt = Number.POSITIVE_INFINITY) {
  const clock = virtualClock();
  const triggers = createTriggers(clock);
  const gate = createPairGate(closedGate());
  const disk = { tree: docs(1) };
  const pair = {
    clock,
    gate,
    options: {},
    state: { base: () => emptyTree() },
    local: { rescan: async () => scanOf(disk.tree) },
  } as unknown as Pair;
  const stop = new AbortController();
  const interrupter = createInterrupter(pair, triggers, () => lookAt, stop.signal);
  const ticket = { lane: 'transfer', label: 'upload', growth: true } as const;
  /** Virtual milliseconds after which a cycle in this stage was called back; undefined: it was not, in that time. */
  const calledBackAfter = async (
    stage: CycleStage,
    expected: () => LocalTree,
    withinMs = 60_000,
  ): Promise<number | undefined> => {
    const begun = clock.monotonic();
    let after: number | undefined;
    const over = new AbortController();
    const cycle = interrupter.run(async (onStage) => {
      onStage(stage, () => scanOf(expected()));
      await gate
        .run(ticket, async () => ({ status: 200, headers: {} }), over.signal)
        .catch((error: unknown) => {
          if (isCode(error, 'superseded')) after = clock.monotonic() - begun;
        });
      return DONE;
    });
    await clock.advance(withinMs);
    over.abort(new Error('enough'));
    await cycle;
    return after;
  };
  return { clock, triggers, gate, disk, calledBackAfter };
}

describe('a cycle at work', () => {
  it('is called back as soon as the hints of an edit stand still, and leaves them for the next cycle', async () => {
    const { clock, triggers, disk, calledBackAfter } = setting();
    disk.tree = docs(2);
    triggers.hint(DOCS);
    expect(await calledBackAfter('working', () => docs(1))).toBeLessThanOrEqual(60);
    expect(await clock.run(triggers.wait(clock.monotonic() + 1_000, new AbortController().signal))).toEqual(
      DOCS,
    );
  });

  it('is not disturbed by hints of its own deeds, and drops them', async () => {
    const { clock, triggers, disk, calledBackAfter } = setting();
    disk.tree = docs(2);
    triggers.hint(DOCS);
    let deeds = 0;
    expect(await calledBackAfter('working', () => docs(deeds++ === 0 ? 1 : 2))).toBeUndefined();
    expect(await clock.run(triggers.wait(clock.monotonic() + 1_000, new AbortController().signal))).toEqual(
      [],
    );
  });

  it('is called back for an edit that it has seen itself, too, and has not come to', async () => {
    const { triggers, disk, calledBackAfter } = setting();
    disk.tree = docs(2);
    triggers.hint(DOCS);
    expect(await calledBackAfter('working', () => docs(2))).toBeLessThanOrEqual(60);
  });

  it('is let alone for a second when another was called back a moment ago', async () => {
    const { triggers, disk, calledBackAfter } = setting();
    disk.tree = docs(2);
    triggers.hint(DOCS);
    expect(await calledBackAfter('working', () => docs(1), 100)).toBeLessThanOrEqual(60);
    expect(await calledBackAfter('working', () => docs(1), 3_000)).toBe(1_000);
  });

  it('is a look that was not called back a moment ago', async () => {
    const { triggers, disk, calledBackAfter } = setting();
    disk.tree = docs(2);
    triggers.hint(DOCS);
    expect(await calledBackAfter('looking', () => docs(1), 100)).toBeLessThanOrEqual(60);
    expect(await calledBackAfter('looking', () => docs(1), 3_000)).toBeUndefined();
  });

  it('makes room for a look that is due, once it has worked for half a minute', async () => {
    const { calledBackAfter } = setting(0);
    expect(await calledBackAfter('working', () => docs(1))).toBe(30_000);
    expect(await calledBackAfter('looking', () => docs(1))).toBeUndefined();
    const later = setting(45_000);
    expect(await later.calledBackAfter('working', () => docs(1))).toBe(45_000);
  });

  it('lets what comes after it pass the gate again', async () => {
    const { triggers, disk, gate, clock, calledBackAfter } = setting();
    disk.tree = docs(2);
    triggers.hint(DOCS);
    await calledBackAfter('looking', () => docs(1));
    let refused = false;
    const ticket = { lane: 'transfer', label: 'upload', growth: true } as const;
    const { signal } = new AbortController();
    gate
      .run(ticket, async () => ({ status: 200, headers: {} }), signal)
      .catch(() => {
        refused = true;
      });
    await clock.advance(1_000);
    expect(refused).toBe(false);
  });
});

describe('what must not be interrupted', () => {
  it('is a request without a signal, and one that a person waits for', async () => {
    const { triggers, gate, clock, disk, calledBackAfter } = setting();
    const ends: string[] = [];
    const ticket = { lane: 'metadata', label: 'move', growth: false } as const;
    const send = async () => ({ status: 200, headers: {} });
    const note = (name: string) => () => {
      ends.push(name);
    };
    gate.run(ticket, send).catch(note('without a signal'));
    gate.urgent = true;
    gate.run(ticket, send, new AbortController().signal).catch(note('urgent'));
    gate.urgent = false;
    disk.tree = docs(2);
    triggers.hint(DOCS);
    expect(await calledBackAfter('working', () => docs(1))).toBeDefined();
    await clock.advance(1_000);
    expect(ends).toEqual([]);
  });
});
