import { describe, expect, test } from 'vitest';
import { filesOf, guard, heldFingerprint, isRemoval } from '../../../src/core/guard.ts';
import { relPath } from '../../../src/core/path.ts';
import { isRegression } from '../../../src/core/regressions.ts';
import { nodeAt, walk, withChanges } from '../../../src/core/tree.ts';
import { applyPlan } from '../../support/model.ts';
import { makeFolder, remove, rename, write } from '../../support/people.ts';
import { planFor, sync, syncedWorld, told } from '../../support/planning.ts';
import { emptyWorld, put, sizeOf, type World } from '../../support/world.ts';

const LIMIT = { maxDelete: { files: 50, percent: 25 } };

function many(count: number, dir: string): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`${dir}/f${index}`, `${dir}-${index}`]),
  );
}

function guarded(world: World, limits: Parameters<typeof guard>[2] = LIMIT): ReturnType<typeof guard> {
  return guard(planFor(world), world, limits);
}

const recently = (removed: number, files: number) => ({ removed, files, tops: new Map<string, number>() });

describe('the guard', () => {
  test('lets a few deletions pass', () => {
    const world = syncedWorld(many(200, 'd'));
    for (let index = 0; index < 50; index += 1) remove(world, 'local', `d/f${index}`);
    const { held, plan } = guarded(world);
    expect([held.length, plan.operations.length]).toEqual([0, 50]);
  });

  test('holds the deletions, and nothing else, when they are too many', () => {
    const world = syncedWorld(many(200, 'd'));
    for (let index = 0; index < 51; index += 1) remove(world, 'local', `d/f${index}`);
    write(world, 'local', 'new', 'x');
    const { held, plan } = guarded(world);
    expect(held).toHaveLength(51);
    expect(told(plan)).toEqual(['upload new']);
    expect(plan.operations.map(({ id }) => id)).toEqual([0]);
  });

  test('lets many deletions pass that are few for the pair', () => {
    const world = syncedWorld(many(300, 'd'));
    for (let index = 0; index < 60; index += 1) remove(world, 'local', `d/f${index}`);
    expect(guarded(world).held).toEqual([]);
  });

  test('holds the emptying of a large top folder', () => {
    const world = syncedWorld({ ...many(51, 'd'), ...many(400, 'rest') });
    remove(world, 'remote', 'd');
    const { held } = guarded(world);
    expect(held).toMatchObject([{ path: 'd', side: 'local', files: 51 }]);
    expect(held[0]?.reason).toContain('"d"');
  });

  test('holds the deletes when a side was emptied, and says which', () => {
    const world = syncedWorld({ a: 'a1', b: 'b1' });
    remove(world, 'local', 'a');
    remove(world, 'local', 'b');
    const { held, plan } = guarded(world, { maxDelete: false });
    expect(held.map(({ path, side }) => `${side} ${path}`).toSorted()).toEqual(['remote a', 'remote b']);
    expect(plan.operations).toEqual([]);
    expect(held[0]?.reason).toContain('local folder');
  });

  test('drops what waits for a held deletion', () => {
    const world = syncedWorld({ ...many(60, 'p'), ...many(60, 'q') });
    remove(world, 'local', 'p');
    write(world, 'local', 'p', 'a file now');
    expect(told(planFor(world))).toEqual(['removeRemote p', 'upload p']);
    expect(told(guarded(world).plan)).toEqual([]);
  });

  test('counts files, so that empty folders never add up to many deletions', () => {
    const world = syncedWorld({ ...many(60, 'd'), beside: 'x' });
    for (let index = 0; index < 60; index += 1) makeFolder(world, 'local', `empty${index}`);
    sync(world);
    for (let index = 0; index < 60; index += 1) remove(world, 'local', `empty${index}`);
    const { held, plan } = guarded(world, { maxDelete: { files: 0, percent: 0 } });
    expect([held.length, plan.operations.length]).toEqual([0, 60]);
    expect(plan.operations.filter(isRemoval).map(filesOf)).toEqual(Array(60).fill(0));
  });

  test('does not count moves', () => {
    const world = syncedWorld(many(100, 'd'));
    rename(world, 'local', 'd', 'e');
    expect(guarded(world).held).toEqual([]);
  });

  test('counts what was removed a short while ago, so that a slow delete is one delete', () => {
    const world = syncedWorld({ ...many(50, 'd'), ...many(50, 'e') });
    for (let index = 0; index < 5; index += 1) remove(world, 'local', `d/f${index}`);
    expect(guarded(world, { ...LIMIT, recent: recently(280, 380) }).held).toEqual([]);
    const { held, plan } = guarded(world, { ...LIMIT, recent: recently(281, 381) });
    expect(held).toHaveLength(5);
    expect(held[0]?.reason).toBe('only 95 of 381 files would be left after a few minutes');
    expect(plan.operations).toEqual([]);
  });

  test('holds a folder at the top that emptied slowly, with what it has left', () => {
    const world = syncedWorld({ ...many(20, 'd'), ...many(500, 'e') });
    remove(world, 'local', 'd/f0');
    const had = (files: number) => ({
      ...LIMIT,
      recent: { ...recently(1, 600), tops: new Map([['d', files]]) },
    });
    expect(guarded(world, had(76)).held).toEqual([]);
    expect(guarded(world, had(77)).held).toMatchObject([
      { path: 'd/f0', reason: 'nearly all files of the folder "d" would be removed' },
    ]);
  });

  test('lets a busy folder lose and gain files all day', () => {
    const world = syncedWorld({ ...many(50, 'd'), ...many(50, 'e') });
    for (let index = 0; index < 5; index += 1) remove(world, 'local', `d/f${index}`);
    expect(guarded(world, { ...LIMIT, recent: recently(5_000, 120) }).held).toEqual([]);
  });

  test('can be switched off', () => {
    const world = syncedWorld({ ...many(100, 'd'), other: 'x' });
    remove(world, 'local', 'd');
    expect(guarded(world, { maxDelete: false }).held).toEqual([]);
  });

  test('lets pass exactly what a person approved', () => {
    const world = syncedWorld({ ...many(100, 'd'), ...many(100, 'e'), other: 'x' });
    remove(world, 'local', 'd');
    remove(world, 'local', 'e');
    const { held } = guarded(world);
    const approved = new Set(held.filter(({ path }) => path === 'd').map(heldFingerprint));
    const { plan, held: still } = guarded(world, { ...LIMIT, approved });
    expect(told(plan)).toEqual(['removeRemote d']);
    expect(still.map(({ path }) => path)).toEqual(['e']);
    applyPlan(world, plan);
  });

  test('keeps holding what was held, though other files make it look like little now', () => {
    const world = syncedWorld(many(300, 'd'));
    for (let index = 0; index < 60; index += 1) remove(world, 'local', `d/f${index}`);
    expect(guarded(world).held).toHaveLength(0);
    const before = guarded(world, { maxDelete: { files: 10, percent: 1 } }).held;
    expect(before).toHaveLength(60);
    expect(guarded(world, { ...LIMIT, before }).held).toEqual(before);
    expect(guarded(world, { ...LIMIT, before: before.slice(0, 5) }).held).toHaveLength(5);
    const approved = new Set(before.map(heldFingerprint));
    expect(guarded(world, { ...LIMIT, before, approved }).held).toHaveLength(0);
  });

  test('holds a mirror of an empty side, which needs no base to delete everything', () => {
    const world = emptyWorld();
    for (let index = 0; index < 5; index += 1) write(world, 'remote', `d/f${index}`, `${index}`);
    const plan = planFor(world, { direction: 'push', mode: 'mirror' });
    expect(plan.operations.some(isRemoval)).toBe(true);
    const { held } = guard(plan, world, LIMIT);
    expect(held.map(({ side }) => side)).toEqual(['remote']);
  });
});

describe('files that went back to older versions on the server', () => {
  const DAY = 86_400_000;

  /** What a restored backup shows: another content under an older date. */
  function restore(world: World, path: string, olderBy = DAY): void {
    const node = nodeAt(world.base, relPath(path));
    if (node?.kind !== 'file' || typeof node.stamp.date !== 'number') throw new Error(`no base for ${path}`);
    const content = `old-${path}`;
    const stamp = { size: sizeOf(content), date: node.stamp.date - olderBy, content };
    world.remote = put(world.remote, relPath(path), { kind: 'file', stamp });
  }

  function restored(count: number, olderBy?: number): World {
    const world = syncedWorld(many(100, 'd'));
    for (let index = 0; index < count; index += 1) restore(world, `d/f${index}`, olderBy);
    return world;
  }

  test('pass when they are few', () => {
    const { held, plan } = guarded(restored(50));
    expect([held.length, plan.operations.length]).toEqual([0, 50]);
  });

  test('are held when they are many, and newer ones go on', () => {
    const world = restored(51);
    write(world, 'remote', 'd/f99', 'edited there');
    const { held, plan } = guarded(world);
    expect(told(plan)).toEqual(['download d/f99']);
    expect(held).toHaveLength(51);
    expect(held.every((item) => isRegression(item) && item.side === 'local')).toBe(true);
    expect(held[0]?.reason).toBe(
      '51 of 100 files went back to older versions: was the workspace restored from a backup?',
    );
  });

  test('count together with the deletes, and each says what it is', () => {
    const world = restored(30);
    for (let index = 50; index < 71; index += 1) remove(world, 'remote', `d/f${index}`);
    const { held, plan } = guarded(world);
    expect(plan.operations).toEqual([]);
    expect(held.filter(isRegression)).toHaveLength(30);
    expect(held.find((item) => !isRegression(item))?.reason).toBe(
      '21 of 100 files would be removed and 30 go back to older versions',
    );
  });

  test('are told from a server that begins to date by whole seconds', () => {
    expect(guarded(restored(100, 999)).held).toEqual([]);
    expect(guarded(restored(100, 2_001)).held).toHaveLength(100);
  });

  test('are known by the earliest moment of a version whose exact date nobody has seen', () => {
    const world = restored(60);
    const spans = (from: number): World => {
      const base = withChanges(
        world.base,
        [...walk(world.base)].flatMap(([path, node]) =>
          node.kind === 'file'
            ? [{ path, node: { ...node, stamp: { ...node.stamp, date: [from, from + 3 * DAY] as const } } }]
            : [],
        ),
      );
      return { ...world, base };
    };
    expect(guarded(spans(world.clock)).held).toHaveLength(60);
    expect(guarded(spans(world.clock - 2 * DAY)).held.filter(isRegression)).toEqual([]);
  });

  test('are found under the new name of a folder that moved meanwhile', () => {
    const world = restored(60);
    rename(world, 'local', 'd', 'e');
    const { held, plan } = guarded(world);
    expect(held.filter(isRegression)).toHaveLength(60);
    expect(told(plan)).toEqual(['moveRemote d -> e']);
  });

  test('are no downloads of files that are not here', () => {
    const world = syncedWorld(many(100, 'd'));
    for (let index = 0; index < 60; index += 1) {
      restore(world, `d/f${index}`);
      remove(world, 'local', `d/f${index}`);
    }
    expect(guarded(world).held).toEqual([]);
  });

  test('stay held while they are as they were, and pass when they were approved or edited again', () => {
    const before = guarded(restored(60)).held;
    const world = restored(10);
    write(world, 'remote', 'd/f0', 'edited there');
    const { held, plan } = guarded(world, { ...LIMIT, before });
    expect(held).toEqual(before.slice(1, 10));
    expect(told(plan)).toEqual(['download d/f0']);
    const approved = new Set(before.slice(0, 5).map(heldFingerprint));
    expect(guarded(world, { ...LIMIT, before, approved }).held).toEqual(before.slice(5, 10));
  });

  test('lend no approval and no hold to a delete of the same file', () => {
    const before = guarded(restored(60)).held;
    const world = syncedWorld({ ...many(100, 'd'), ...many(100, 'e') });
    for (let index = 0; index < 60; index += 1) remove(world, 'remote', `d/f${index}`);
    const approved = new Set(before.map(heldFingerprint));
    expect(guarded(world, { ...LIMIT, approved }).held).toHaveLength(60);
    const few = syncedWorld(many(100, 'd'));
    remove(few, 'remote', 'd/f0');
    expect(guarded(few, { ...LIMIT, before }).held).toEqual([]);
  });

  test('pass when the limit is switched off', () => {
    expect(guarded(restored(100), { maxDelete: false }).held).toEqual([]);
  });
});
