import { expect, it } from 'vitest';
import { createTurns } from '../../../src/serve/turns.ts';

it('runs one step at a time, in order, and goes on after one that fails', async () => {
  const inTurn = createTurns();
  const seen: string[] = [];
  const step = (name: string, fails = false) =>
    inTurn(async () => {
      seen.push(`${name} begins`);
      await Promise.resolve();
      seen.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([step('a'), step('b', true), step('c')]);
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});
