/** A goal of the project's speed, and what was measured of it. */
import type { Bench } from '../bench.ts';
import type { Job } from '../contestant.ts';

export interface Figure {
  readonly label: string;
  /** Less is better, always. */
  readonly value: number;
  /** `×` is a ratio. */
  readonly unit: string;
  /** The most that it may be; undefined: no bound for this size. */
  readonly must?: number | undefined;
  readonly stretch?: number | undefined;
}

export interface Goal {
  readonly number: number;
  readonly title: string;
  /** The last job of the rounds that it reads; undefined: none. */
  readonly job: Job | undefined;
  /** False: the same whatever the size of the tree, measured once. */
  readonly sized: boolean;
  /** Needs minutes in which only time passes: left out without `--long`. */
  readonly long: boolean;
  readonly measure: (bench: Bench) => Promise<readonly Figure[]>;
}

/** What the goal says for this tree; a tree that it does not name has no bound. T0 counts as T1. */
export function bySize<T>(
  bench: Bench,
  bounds: Readonly<Partial<Record<'T1' | 'T2' | 'T3', T>>>,
): T | undefined {
  const { name } = bench.size;
  if (name === 'T2' || name === 'T3') return bounds[name];
  return bounds.T1;
}

interface Bounds {
  readonly must?: number | undefined;
  readonly stretch?: number | undefined;
}

/** A ratio of ours to theirs, or nothing where they did not take part. */
export function ratio(
  label: string,
  ours: number | undefined,
  theirs: number | undefined,
  bounds: Bounds = {},
): readonly Figure[] {
  if (ours === undefined || theirs === undefined) return [];
  return [{ label, value: ours / theirs, unit: '×', ...bounds }];
}
