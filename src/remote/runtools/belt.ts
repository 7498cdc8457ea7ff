/**
 * One taker of bytes that may come from several answers: whoever gets them hands them over chunk by chunk, and the
 * taker sees one body without a seam.
 */
import { deferred } from '../../lib/concurrency.ts';
import { RtsyncError } from '../../lib/errors.ts';

export interface Belt<T> {
  /** Resolves when the chunk was dealt with. Rejects with the taker's own error when it gave up. */
  put(chunk: Uint8Array): Promise<void>;
  /** That was all: gives what the taker makes of it. */
  end(): Promise<T>;
  /** Nothing more comes: the taker's body fails with this error. Resolves when the taker is through with it. */
  breakOff(error: unknown): Promise<void>;
}

type Item =
  | { readonly kind: 'chunk'; readonly chunk: Uint8Array; readonly dealtWith: () => void }
  | { readonly kind: 'end' }
  | { readonly kind: 'broken'; readonly error: unknown };

/** `take` is called at once. */
export function startBelt<T>(take: (bytes: AsyncIterable<Uint8Array>) => Promise<T>): Belt<T> {
  let slot = deferred<Item>();
  const result = take(carried());
  // Whoever puts or ends hears of it.
  result.catch(() => undefined);
  const gaveUp = result.then(() => {
    throw new RtsyncError('bug', 'a body was taken for whole before its end');
  });
  gaveUp.catch(() => undefined);

  async function* carried(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const item = await slot.promise;
      if (item.kind === 'end') return;
      if (item.kind === 'broken') throw item.error;
      slot = deferred();
      yield item.chunk;
      // It asks for more: so it is through with this one.
      item.dealtWith();
    }
  }
  return {
    put: (chunk) => {
      const dealt = deferred<void>();
      slot.resolve({ kind: 'chunk', chunk, dealtWith: () => dealt.resolve() });
      return Promise.race([dealt.promise, gaveUp]);
    },
    end: () => {
      slot.resolve({ kind: 'end' });
      return result;
    },
    breakOff: async (error) => {
      slot.resolve({ kind: 'broken', error });
      await result.catch(() => undefined);
    },
  };
}
