/**
 * The journal of intentions of one cycle: what a deed needs to be recognised by, should the process die before the
 * deed is settled. Written at once; but since a commit costs more than its row, what begins in a cycle of many deeds is
 * written together, a moment's worth at a time.
 * RACE: the last of many deeds that began within that moment before a kill are not known by it, and are compared instead.
 */
import type { Operation } from '../core/plan.ts';
import { asRtsyncError, type ErrorCode } from '../lib/errors.ts';
import type { IntentFacts, Intention } from '../state/state.ts';
import type { Pair } from './pair.ts';

export type Intended = Omit<Intention, 'at' | 'cycle' | 'state'>;
export type Learnt = Omit<IntentFacts, 'id'>;

export interface Intents {
  /** Another intention of the same operation ends the one before. */
  intend(operation: Operation, intended: Intended): void;
  /** What is known now. Nothing happens for what was not intended. */
  learn(operation: Operation, facts: Learnt): void;
  /** Forgets the intention of an operation that failed, when it is certain that it left nothing behind. */
  failed(operation: Operation, error: unknown): void;
  /** Forgets the intention of an operation that was left. */
  skipped(operation: Operation): void;
  /** Ids that end with the settlement of this operation. */
  idsOf(operation: Operation): readonly number[];
  /** It is settled. */
  close(operation: Operation): void;
  /** Writes what waits. */
  flush(): void;
}

/** Commits may take this part of the time: one that took a tenth of a millisecond is followed by one without. */
const SHARE = 1 / 10;
/** Rows that may wait for one. */
const MOST = 64;

/** After these nothing of ours stands on the other side, or somebody else's version stands over it. */
const CERTAIN: ReadonlySet<ErrorCode> = new Set([
  'changed',
  'taken',
  'too-large',
  'unsupported-name',
  'unreadable',
  'changing',
  'bad-request',
  'storage-full',
]);

interface Row {
  intention: Intention;
  id: number | undefined;
  facts: Learnt | undefined;
}

export function createIntents(pair: Pick<Pair, 'state' | 'clock'>, cycle: number): Intents {
  const open = new Map<number, Row>();
  let waiting = new Set<Row>();
  /** Intents that were replaced by a later one of their operation. */
  let over: number[] = [];
  /** When the next commit may be made, in monotonic milliseconds. */
  let dueAt = Number.NEGATIVE_INFINITY;
  let timed = false;

  const flush = (): void => {
    if (waiting.size === 0 && over.length === 0) return;
    const rows = [...waiting];
    const dropped = over;
    waiting = new Set();
    over = [];
    const begunAt = pair.clock.monotonic();
    write(pair, rows);
    pair.state.dropIntents(dropped);
    const now = pair.clock.monotonic();
    dueAt = now + (now - begunAt) / SHARE;
  };
  const later = (): void => {
    timed = true;
    const wake = (): void => {
      timed = false;
      // What cannot be written now is written, or fails, with the settlement.
      try {
        flush();
      } catch {}
    };
    pair.clock.sleep(Math.max(1, dueAt - pair.clock.monotonic())).then(wake, wake);
  };
  const wait = (row: Row): void => {
    waiting.add(row);
    if (waiting.size >= MOST || pair.clock.monotonic() >= dueAt) flush();
    else if (!timed) later();
  };
  const close = (operation: number): number | undefined => {
    const row = open.get(operation);
    if (row === undefined) return undefined;
    open.delete(operation);
    waiting.delete(row);
    return row.id;
  };

  const drop = (operation: number): void => {
    const id = close(operation);
    if (id !== undefined) over.push(id);
  };

  return {
    flush,
    intend: (operation, intended) => {
      drop(operation.id);
      const intention: Intention = { at: pair.clock.now(), cycle, state: 'intended', ...intended };
      const row: Row = { intention, id: undefined, facts: undefined };
      open.set(operation.id, row);
      wait(row);
    },
    learn: (operation, facts) => {
      const row = open.get(operation.id);
      if (row === undefined) return;
      if (row.id === undefined) row.intention = joined(row.intention, facts);
      else row.facts = { ...row.facts, ...facts, detail: { ...row.facts?.detail, ...facts.detail } };
      waiting.add(row);
      flush();
    },
    failed: (operation, thrown) => {
      const error = asRtsyncError(thrown);
      if (!error.ambiguous && CERTAIN.has(error.code)) drop(operation.id);
    },
    skipped: (operation) => drop(operation.id),
    idsOf: (operation) => {
      const id = open.get(operation.id)?.id;
      return id === undefined ? [] : [id];
    },
    close: (operation) => {
      close(operation.id);
    },
  };
}

function joined(intention: Intention, { detail, ...facts }: Learnt): Intention {
  return { ...intention, ...facts, state: 'begun', detail: { ...intention.detail, ...detail } };
}

function write({ state }: Pick<Pair, 'state'>, rows: readonly Row[]): void {
  const fresh = rows.filter((row) => row.id === undefined);
  const ids = state.intend(fresh.map((row) => row.intention));
  fresh.forEach((row, i) => {
    row.id = ids[i];
  });
  state.begin(
    rows.flatMap(({ id, facts }) => (id === undefined || facts === undefined ? [] : [{ id, ...facts }])),
  );
  for (const row of rows) row.facts = undefined;
}
