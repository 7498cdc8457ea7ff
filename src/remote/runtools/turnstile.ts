/** Lets so many through at a time, and so many bytes of theirs in memory, in the order in which they came. */
export interface Turnstile {
  /** `bytes`: what the task holds in memory while it runs. One that needs more than there is passes alone. */
  run<T>(task: () => Promise<T>, bytes?: number): Promise<T>;
}

export interface Wide {
  readonly tasks: number;
  readonly bytes: number;
}

export function createTurnstile(wide: Wide): Turnstile {
  const waiting: { readonly bytes: number; readonly pass: () => void }[] = [];
  const free = { tasks: wide.tasks, bytes: wide.bytes };
  const fits = (bytes: number): boolean => free.tasks > 0 && free.bytes >= bytes;
  const take = (bytes: number): void => {
    free.tasks -= 1;
    free.bytes -= bytes;
  };
  return {
    run: async (task, wanted = 0) => {
      const bytes = Math.min(wanted, wide.bytes);
      if (waiting.length === 0 && fits(bytes)) take(bytes);
      else await new Promise<void>((pass) => waiting.push({ bytes, pass }));
      try {
        return await task();
      } finally {
        free.tasks += 1;
        free.bytes += bytes;
        for (let next = waiting[0]; next !== undefined && fits(next.bytes); next = waiting[0]) {
          waiting.shift();
          take(next.bytes);
          next.pass();
        }
      }
    },
  };
}
