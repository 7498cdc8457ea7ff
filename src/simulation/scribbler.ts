/**
 * Programs that write into files at the worst moment: on a machine between two calls of a process that works on them,
 * on the server while a request about them is on its way. They write in place, through the name or a descriptor that
 * they hold, and never take a name away.
 */
import type { Chance } from './hands.ts';

/** Told before each synchronous call on the disk, in its words; answers with the file to write into now. */
export type Scribbler = (call: string) => string | undefined;

/** A file, and in how many virtual milliseconds it is written into. */
export interface Strike {
  readonly path: string;
  readonly inMs: number;
}

/** Told of paths that something is done to now. */
export type Striker = (paths: readonly string[]) => Strike | undefined;

/** How often one of several that are named is hit, and within how many milliseconds: one of these. */
export function createStriker(chance: Chance, often: number, within: readonly number[]): Striker {
  return (paths) => {
    if (paths.length === 0 || !chance.hits(often)) return undefined;
    return { path: chance.pick(paths), inMs: chance.next() * chance.pick(within) };
  };
}

/** Before a name changes hands it often strikes, else rarely: these calls are many. */
const BEFORE_NAMES = 0.12;
const BEFORE_OTHERS = 0.002;

export function createScribbler(chance: Chance): Scribbler {
  /** The file that was named last: also when a call names none, the process is at work on it. */
  let latest: string | undefined;
  return (call) => {
    const space = call.indexOf(' ');
    const paths =
      space < 0
        ? []
        : call
            .slice(space + 1)
            .split(' -> ')
            .filter((path) => !path.startsWith('.rtsync'));
    latest = paths[0] ?? latest;
    const isName = call.startsWith('rename ') || call.startsWith('unlink ');
    if (latest === undefined || !chance.hits(isName ? BEFORE_NAMES : BEFORE_OTHERS)) return undefined;
    return latest;
  };
}
