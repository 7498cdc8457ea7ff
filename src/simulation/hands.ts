/**
 * What the simulated disk and the simulated server are handed by the timeline: when a deed happens is decided there,
 * by the seed, and nowhere else. Nothing in the simulation may use a real timer, a real disk, a socket or chance.
 */

/** One process of the simulated world, or another who acts. Dead ones act no more: their deeds never happen. */
export interface Hands {
  /**
   * The deed happens in one instant, some virtual time from now; before it others may act. Never settles when the
   * process dies first. `kind` names what it is, for the trace and for faults: `disk`, `request`, `answer`.
   */
  later<T>(kind: HandKind, what: string, deed: () => T): Promise<T>;
  /** Before a synchronous deed. Throws `Died` when the process is dead, or dies at this very point. */
  point(kind: HandKind, what: string): void;
  /** Epoch milliseconds of the simulated machine's clock. */
  now(): number;
}

export type HandKind = 'disk' | 'request' | 'answer';

/** The process that makes this call is dead. Nobody may catch it and go on: whatever it still does has no effect. */
export class Died extends Error {
  override readonly name = 'Died';
  constructor() {
    super('this simulated process is dead');
  }
}

/** A seeded generator of chance: the same seed, the same draws. */
export interface Chance {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  below(below: number): number;
  /** True with this probability. */
  hits(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** An independent stream that depends only on this one's seed and the name, not on what was drawn. */
  fork(name: string): Chance;
}
