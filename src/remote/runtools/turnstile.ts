/** Lets so many through at a time, in the order in which they came. */
export interface Turnstile {
  run<T>(task: () => Promise<T>): Promise<T>;
}

export function createTurnstile(wide: number): Turnstile {
  const waiting: (() => void)[] = [];
  let free = wide;
  return {
    run: async (task) => {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await task();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}
