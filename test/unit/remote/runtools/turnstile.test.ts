import { expect, test } from 'vitest';
import { createTurnstile } from '../../../../src/remote/runtools/turnstile.ts';

/** Tasks that run until they are let go, by name. */
function tasks(wide: { readonly tasks: number; readonly bytes: number }) {
  const turnstile = createTurnstile(wide);
  const running = new Map<string, () => void>();
  const all: Promise<void>[] = [];
  return {
    begin: (name: string, bytes?: number) => {
      all.push(turnstile.run(() => new Promise<void>((resolve) => running.set(name, resolve)), bytes));
    },
    end: async (name: string) => {
      running.get(name)?.();
      running.delete(name);
      // As many turns as a task needs to end and the next to begin.
      for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
    },
    names: () => [...running.keys()],
    done: () => Promise.all(all),
  };
}

test('only so many tasks run at once, and the next begins when one ends', async () => {
  const { begin, end, names } = tasks({ tasks: 2, bytes: 10 });
  for (const name of ['a', 'b', 'c']) begin(name);
  expect(names()).toEqual(['a', 'b']);
  await end('a');
  expect(names()).toEqual(['b', 'c']);
});

test('what tasks hold in memory together is bounded, and nobody is overtaken', async () => {
  const { begin, end, names } = tasks({ tasks: 9, bytes: 10 });
  begin('a', 6);
  begin('b', 6);
  begin('small', 1);
  expect(names()).toEqual(['a']);
  await end('a');
  expect(names()).toEqual(['b', 'small']);
});

test('a task that needs more than there is passes alone', async () => {
  const { begin, end, names, done } = tasks({ tasks: 9, bytes: 10 });
  begin('a', 4);
  begin('huge', 1000);
  begin('b', 4);
  expect(names()).toEqual(['a']);
  await end('a');
  expect(names()).toEqual(['huge']);
  await end('huge');
  expect(names()).toEqual(['b']);
  await end('b');
  await done();
});

test('a task that fails gives its place back', async () => {
  const turnstile = createTurnstile({ tasks: 1, bytes: 10 });
  await expect(turnstile.run(() => Promise.reject(new Error('no')), 10)).rejects.toThrow('no');
  expect(await turnstile.run(async () => 'ok', 10)).toBe('ok');
});
