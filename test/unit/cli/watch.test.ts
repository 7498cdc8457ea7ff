import { expect, it } from 'vitest';
import { newProblems } from '../../../src/cli/watch.ts';
import type { RelPath } from '../../../src/core/path.ts';
import type { Problem } from '../../../src/core/plan.ts';
import { problemAt } from '../../../src/engine/room.ts';
import { createLog } from '../../../src/lib/log.ts';

/** Paths that are logged, cycle by cycle. */
function logged(...cycles: readonly (readonly Problem[])[]): readonly string[][] {
  let written = '';
  const write = (text: string): void => {
    written += text;
  };
  const onCycle = newProblems(createLog({ level: 'warn', pretty: false, write }));
  return cycles.map((problems) => {
    written = '';
    onCycle({ problems });
    const lines = written.split('\n').filter((line) => line !== '');
    return lines.map((line) => String(JSON.parse(line).path));
  });
}

const failed = (path: string, message = 'no'): Problem => ({ path, code: 'failed', message });
const blocked = (path: string): Problem => ({ path, code: 'in-the-way', message: 'move it away' });

it('a service logs a problem once, when it outlived a cycle', () => {
  const [a, b] = [failed('a'), failed('b')];
  expect(logged([a], [a, b], [a, b], [a], [b], [b])).toEqual([[], ['a'], ['b'], [], [], ['b']]);
  expect(logged([failed('a', 'request 1')], [failed('a', 'request 2')])).toEqual([[], ['a']]);
});

it('a service logs what stands in the way of many paths once for all of them', () => {
  const [a, b, c] = [blocked('a'), blocked('b'), blocked('c')];
  expect(logged([a, b], [a, b], [b, c], [c])).toEqual([[], ['a'], [], []]);
});

it('a service logs no path that waits for room, since that is told for all of them', () => {
  const waiting = ['a', 'b'].map((path) => problemAt(path as RelPath));
  expect(logged(waiting, waiting, waiting)).toEqual([[], [], []]);
});
