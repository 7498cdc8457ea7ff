/**
 * A deed that relies on a look waits for its turn at the gate, and the look grows old there: then it is not sent, and
 * looked again. Who looked again goes before the others, so that this look does not grow old too.
 */
import { RtsyncError } from '../../lib/errors.ts';
import { Stale } from '../../lib/gate.ts';
import type { Manner } from './client.ts';
import type { DirId } from './ids.ts';
import type { Looks } from './looks.ts';
import type { Listing } from './wire.ts';

/** To be passed on with the one request that relies on the look. */
export interface Young {
  readonly still: NonNullable<Manner['still']>;
  readonly priority: number;
}

/**
 * The same, but not on a look that a later list, made for whatever purpose, shows to be wrong: one of these names is
 * taken.
 */
export function unlessTaken(
  looks: Pick<Looks, 'allows'>,
  young: Young,
  dir: DirId,
  names: readonly string[],
): Young {
  const free = (): boolean => names.every((name) => looks.allows(dir, name, undefined));
  return { ...young, still: (pace) => young.still(pace) && free() };
}

/** Looks that one deed may use up: each was good when it was made and too old when the gate opened. */
const MOST_LOOKS = 8;

/** A look and a deed by it. */
export interface Try {
  /** The look before was too old when its turn came. */
  readonly again: boolean;
  readonly priority: number;
}

/**
 * Tried once more each time that it throws `Stale`. Throws `too-late` when the turn never came in time, with `what` was
 * not done, and what else the try throws. Other work goes on, since other looks may be young.
 */
export async function inTime<T>(
  once: (one: Try) => Promise<T>,
  { what, path }: { readonly what: string; readonly path?: string },
): Promise<T> {
  for (let looked = 0; looked < MOST_LOOKS; looked += 1) {
    try {
      return await once({ again: looked > 0, priority: Math.min(looked, 1) });
    } catch (error) {
      if (!(error instanceof Stale)) throw error;
    }
  }
  throw new RtsyncError('too-late', {
    message: `${what}: each time its turn came, the last look was too old; it is tried again`,
    ...(path === undefined ? {} : { path }),
  });
}

/** `inTime`, for a deed that relies on one list. */
export async function whileYoung<T>(
  looks: Pick<Looks, 'trusts'>,
  look: (again: boolean) => Promise<Listing>,
  deed: (seen: Listing, young: Young) => Promise<T>,
): Promise<T> {
  return inTime(
    async ({ again, priority }) => {
      const seen = await look(again);
      return deed(seen, { still: (pace) => looks.trusts(seen, pace), priority });
    },
    { what: 'nothing was sent' },
  );
}
