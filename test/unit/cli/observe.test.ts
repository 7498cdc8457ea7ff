import { expect, it } from 'vitest';
import { observeWith } from '../../../src/cli/observe.ts';
import type { RelPath } from '../../../src/core/path.ts';
import type { Held } from '../../../src/core/plan.ts';
import { createLog } from '../../../src/lib/log.ts';

function warningsFor(count: number): string {
  let written = '';
  const write = (text: string): void => {
    written += text;
  };
  const log = createLog({ level: 'warn', pretty: false, write });
  const held = Array.from(
    { length: count },
    (_, index): Held => ({ path: `f${index}` as RelPath, side: 'local', files: 1, reason: 'much' }),
  );
  const observer = observeWith(log, { on: () => undefined, clear: () => undefined });
  observer.on({ kind: 'planned', plan: { operations: [], baseChanges: [], problems: [] }, held });
  return written;
}

it('held deletes are counted in singular and plural', () => {
  expect(warningsFor(0)).toBe('');
  expect(warningsFor(1)).toContain('"1 delete is held: much"');
  expect(warningsFor(2)).toContain('"2 deletes are held: much"');
});
