/** Runs steps one at a time, in the order in which they were asked for. */
export function createTurns(): <T>(step: () => Promise<T>) => Promise<T> {
  let queue: Promise<unknown> = Promise.resolve();
  return (step) => {
    const turn = queue.then(step, step);
    queue = turn.catch(() => {});
    return turn;
  };
}
