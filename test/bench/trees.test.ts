import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyChanges, changesOf, firstDifference, makeTree, SIZES, undoChanges } from './trees.ts';

const SIZE = { name: 'test', files: 40, folders: 5 };

describe('the trees of the benchmark', () => {
  let home = '';
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'rtsync-trees-'));
    makeTree(join(home, 'one'), SIZE);
    makeTree(join(home, 'other'), SIZE);
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it('are the same every time', () => {
    expect(firstDifference(join(home, 'one'), join(home, 'other'))).toBeUndefined();
  });

  it.each(['here', 'there'] as const)(
    'differ by the changes %s, and are as before when these are undone',
    (side) => {
      applyChanges(join(home, 'one'), SIZE, side);
      expect(firstDifference(join(home, 'one'), join(home, 'other'))).toBeDefined();
      undoChanges(join(home, 'one'), SIZE);
      expect(firstDifference(join(home, 'one'), join(home, 'other'))).toBeUndefined();
    },
  );

  it.each(SIZES)('$name has a quarter of each kind of change, and no file that both sides change', (size) => {
    const [here, there] = [changesOf(size, 'here'), changesOf(size, 'there')];
    for (const kind of ['edit', 'add', 'delete', 'rename'])
      expect(here.filter((change) => change.kind === kind)).toHaveLength(here.length / 4);
    const paths = [...here, ...there].map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
  });
});
