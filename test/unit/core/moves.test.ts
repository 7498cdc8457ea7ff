import { describe, expect, test } from 'vitest';
import { relPath } from '../../../src/core/path.ts';
import { nodeAt } from '../../../src/core/tree.ts';
import { applyPlan } from '../../support/model.ts';
import { hide, makeFolder, remove, rename, write } from '../../support/people.ts';
import { planFor, problemsOf, type Setting, sync, syncedWorld, told } from '../../support/planning.ts';
import { listing, put, type World } from '../../support/world.ts';

const FOLDER = { 'docs/a': 'one', 'docs/b': 'two', 'docs/sub/c': 'three', 'other/d': 'four' };

/** The first plan in words, then the world at rest with equal sides. */
function settled(world: World, setting: Setting = {}): string[] {
  const plan = planFor(world, setting);
  applyPlan(world, plan);
  sync(world, setting);
  expect(listing(world.remote)).toEqual(listing(world.local));
  return told(plan);
}

/** Another file of the same size and date. */
function twinOf({ remote }: World, path: string) {
  const old = nodeAt(remote, relPath(path));
  if (old?.kind !== 'file') throw new Error('a file is expected');
  return { kind: 'file', stamp: { ...old.stamp, content: 'ine' } } as const;
}

describe('a local move', () => {
  test('of a file is one remote move', () => {
    const world = syncedWorld({ a: 'one' });
    rename(world, 'local', 'a', 'b');
    expect(settled(world)).toEqual(['moveRemote a -> b']);
  });

  test('of a folder is one operation, whatever lies below', () => {
    const world = syncedWorld(FOLDER);
    rename(world, 'local', 'docs', 'papers');
    expect(settled(world)).toEqual(['moveRemote docs -> papers']);
  });

  test('into a new folder makes the folder first', () => {
    const world = syncedWorld({ a: 'one' });
    rename(world, 'local', 'a', 'new/deep/a');
    expect(settled(world)).toEqual([
      'makeFolderRemote new',
      'makeFolderRemote new/deep',
      'moveRemote a -> new/deep/a',
    ]);
  });

  test('of a folder together with an edit below sends only the edit', () => {
    const world = syncedWorld(FOLDER);
    rename(world, 'local', 'docs', 'papers');
    write(world, 'local', 'papers/a', 'one and more');
    expect(settled(world)).toEqual(['moveRemote docs -> papers', 'upload papers/a']);
  });

  test('leaves the old name to a new file', () => {
    const world = syncedWorld({ a: 'one' });
    rename(world, 'local', 'a', 'b');
    write(world, 'local', 'a', 'new');
    expect(settled(world)).toEqual(['moveRemote a -> b', 'upload a']);
  });

  test('takes along what the other side edited meanwhile', () => {
    const world = syncedWorld({ a: 'one' });
    rename(world, 'local', 'a', 'b');
    write(world, 'remote', 'a', 'edited there');
    expect(settled(world)).toEqual(['moveRemote a -> b', 'download b']);
    expect(listing(world.local)).toEqual(['b=edited there']);
  });

  test('of a folder and of a folder inside it are two moves, the outer one first', () => {
    const world = syncedWorld(FOLDER);
    rename(world, 'local', 'docs', 'papers');
    rename(world, 'local', 'papers/sub', 'papers/below');
    expect(settled(world)).toEqual(['moveRemote docs -> papers', 'moveRemote papers/sub -> papers/below']);
  });

  test('in a chain starts at the free end', () => {
    const world = syncedWorld({ a: 'one', b: 'two' });
    rename(world, 'local', 'b', 'c');
    rename(world, 'local', 'a', 'b');
    expect(settled(world)).toEqual(['moveRemote b -> c', 'moveRemote a -> b']);
  });

  test('that swaps two names ends right by other means', () => {
    const world = syncedWorld({ a: 'one', b: 'twoo' });
    rename(world, 'local', 'a', 'x');
    rename(world, 'local', 'b', 'a');
    rename(world, 'local', 'x', 'b');
    expect(settled(world).filter((each) => each.startsWith('move'))).toEqual([]);
    expect(listing(world.remote)).toEqual(['a=twoo', 'b=one']);
  });

  test('that only changes case is one move', () => {
    const world = syncedWorld({ 'Read.me': 'one' });
    rename(world, 'local', 'Read.me', 'README');
    expect(settled(world, { localCaseInsensitive: true })).toEqual(['moveRemote Read.me -> README']);
  });

  test('is not seen where an inode was only reused', () => {
    const world = syncedWorld({ a: 'one' });
    const old = nodeAt(world.local, relPath('a'));
    remove(world, 'local', 'a');
    write(world, 'local', 'b', 'another text');
    const node = nodeAt(world.local, relPath('b'));
    if (old?.kind !== 'file' || node?.kind !== 'file') throw new Error('two files are expected');
    world.local = put(world.local, relPath('b'), { ...node, stamp: { ...node.stamp, ino: old.stamp.ino } });
    expect(settled(world).sort()).toEqual(['removeRemote a', 'upload b']);
  });

  test('of a copied and deleted file is recognised by its content', () => {
    const world = syncedWorld({ a: 'one' });
    remove(world, 'local', 'a');
    write(world, 'local', 'b', 'one');
    expect(settled(world)).toEqual(['moveRemote a -> b']);
  });

  test('does not take along what the other side leaves out', () => {
    const world = syncedWorld({ 'docs/a': 'one', 'docs/b': 'two' });
    rename(world, 'local', 'docs', 'papers');
    hide(world, 'remote', 'docs/cache', 'untracked');
    const plan = planFor(world);
    expect(told(plan)).toEqual([
      'makeFolderRemote papers',
      'moveRemote docs/a -> papers/a',
      'moveRemote docs/b -> papers/b',
    ]);
    expect(problemsOf(plan)).toEqual(['kept docs']);
  });

  test('to a name that the server cannot hold leaves the old one there', () => {
    const world = syncedWorld({ a: 'one' });
    rename(world, 'local', 'a', 'b?');
    const plan = planFor(world, {
      remoteNameFault: (name) => (name.includes('?') ? 'it has a "?"' : undefined),
    });
    expect(told(plan)).toEqual([]);
    expect(problemsOf(plan)).toEqual(['name b?']);
    expect(plan.problems[0]?.message).toMatch(
      /so the old one stays there: it has a "\?"; rename it again here$/,
    );
  });

  test('that is blocked changes neither end', () => {
    const world = syncedWorld({ a: 'one' });
    rename(world, 'local', 'a', 'b');
    const plan = planFor(world, {
      blocked: (path) => (path === 'b' ? { path, code: 'changing', message: 'still written' } : undefined),
    });
    expect(told(plan)).toEqual([]);
    expect(problemsOf(plan)).toEqual(['changing b']);
  });

  test('shows what is blocked below it by what will stand there', () => {
    const world = syncedWorld(FOLDER);
    rename(world, 'remote', 'docs', 'papers');
    write(world, 'local', 'docs/new', 'half');
    const written = nodeAt(world.local, relPath('docs/new'));
    const half = written?.kind === 'file' ? written.stamp.ino : undefined;
    const plan = planFor(world, {
      blocked: (path, { local }) =>
        local?.kind === 'file' && local.stamp.ino === half
          ? { path, code: 'changing', message: 'still written' }
          : undefined,
    });
    expect([told(plan), problemsOf(plan)]).toEqual([['moveLocal docs -> papers'], ['changing papers/new']]);
  });

  test('past a new file at the old name leaves an edit there to that name', () => {
    const world = syncedWorld({ a: 'one' });
    rename(world, 'local', 'a', 'b');
    write(world, 'local', 'a', 'new');
    write(world, 'remote', 'a', 'edited');
    sync(world);
    const all = ['a=edited', 'a (conflict 2026-01-02 00.00.00 desk)=new', 'b=one'];
    expect(listing(world.local)).toEqual(all.sort());
    expect(listing(world.remote)).toEqual(all.sort());
  });

  test('is not carried over by a pull', () => {
    const world = syncedWorld({ a: 'one' });
    rename(world, 'local', 'a', 'b');
    expect(told(planFor(world, { direction: 'pull' }))).toEqual([]);
  });

  test('of a file that is too large to upload still works', () => {
    const world = syncedWorld({ a: 'one' });
    rename(world, 'local', 'a', 'b');
    expect(settled(world, { uploadLimit: 0 })).toEqual(['moveRemote a -> b']);
  });
});

describe('a remote move', () => {
  test('of a file is one local move when the date tells it', () => {
    const world = syncedWorld({ a: 'one' });
    rename(world, 'remote', 'a', 'b');
    expect(settled(world)).toEqual(['moveLocal a -> b']);
  });

  test('is checked by content when dates are whole seconds', () => {
    const world = syncedWorld({ a: 'one' }, 1000);
    rename(world, 'remote', 'a', 'b');
    expect(settled(world)).toEqual(['moveLocal a -> b', 'download b']);
    expect([...world.trash]).toEqual([]);
  });

  test('that was none, but looked like one, gives the other content and keeps ours in the trash', () => {
    const world = syncedWorld({ a: 'one' }, 1000);
    const twin = twinOf(world, 'a');
    remove(world, 'remote', 'a');
    world.remote = put(world.remote, relPath('b'), twin);
    expect(settled(world)).toEqual(['moveLocal a -> b', 'download b']);
    expect(listing(world.local)).toEqual(['b=ine']);
    expect([...world.trash]).toEqual(['one']);
  });

  test('is checked by content when the old name holds something else', () => {
    const world = syncedWorld({ a: 'one' });
    rename(world, 'remote', 'a', 'b');
    write(world, 'remote', 'a', 'new');
    expect(settled(world).sort()).toEqual(['download a', 'download b', 'moveLocal a -> b']);
    expect([...world.trash]).toEqual([]);
  });

  test('on both sides is checked by content, too, when the old name holds something else', () => {
    const world = syncedWorld({ a: 'one' });
    const twin = twinOf(world, 'a');
    rename(world, 'local', 'a', 'b');
    write(world, 'remote', 'a', 'edit');
    world.remote = put(world.remote, relPath('b'), twin);
    settled(world);
    expect(listing(world.local)).toEqual(['a=edit', 'b=ine']);
    expect([...world.trash]).toEqual(['one']);
  });

  test('that was an edit beside a twin of the same millisecond gives each name its own content', () => {
    const world = syncedWorld({ a: 'one' });
    const twin = twinOf(world, 'a');
    write(world, 'remote', 'a', 'edit');
    world.remote = put(world.remote, relPath('b'), twin);
    settled(world);
    expect(listing(world.local)).toEqual(['a=edit', 'b=ine']);
    expect([...world.trash]).toEqual(['one']);
  });

  test('of a folder is one operation', () => {
    const world = syncedWorld(FOLDER);
    rename(world, 'remote', 'docs', 'papers');
    expect(settled(world)).toEqual(['moveLocal docs -> papers']);
  });

  test('of a folder meets a local edit below without losing it', () => {
    const world = syncedWorld(FOLDER);
    rename(world, 'remote', 'docs', 'papers');
    write(world, 'local', 'docs/a', 'edited here');
    expect(settled(world)).toEqual(['moveLocal docs -> papers', 'upload papers/a']);
  });

  test('is not believed where only a span of dates is known', () => {
    const world = syncedWorld({ a: 'one' });
    const base = nodeAt(world.base, relPath('a'));
    if (base?.kind !== 'file') throw new Error('a base file is expected');
    world.base = put(world.base, relPath('a'), {
      kind: 'file',
      stamp: { ...base.stamp, date: [0, world.clock] },
    });
    rename(world, 'remote', 'a', 'b');
    expect(settled(world).sort()).toEqual(['download b', 'removeLocal a']);
  });

  test('pairs equal dates and sizes by name only', () => {
    const world = syncedWorld({ 'x/a': 'one', 'x/b': 'ine', 'y/k': 'k' });
    rename(world, 'remote', 'x/a', 'y/a');
    rename(world, 'remote', 'x/b', 'y/b');
    expect(settled(world).toSorted()).toEqual(['moveLocal x/a -> y/a', 'moveLocal x/b -> y/b']);
  });

  test('does not hit a name that folds like another on a disk that ignores case', () => {
    const world = syncedWorld({ a: 'one', B: 'two' });
    rename(world, 'remote', 'a', 'b');
    const plan = planFor(world, { localCaseInsensitive: true });
    expect(told(plan).filter((each) => each.startsWith('move'))).toEqual([]);
    expect(problemsOf(plan)).toEqual(['case-clash b']);
  });
});

describe('a move on both sides', () => {
  test('to the same place is agreed without a deed', () => {
    const world = syncedWorld(FOLDER);
    rename(world, 'local', 'docs', 'papers');
    rename(world, 'remote', 'docs', 'papers');
    expect(settled(world)).toEqual([]);
  });

  test('to different places keeps both', () => {
    const world = syncedWorld({ a: 'one' });
    rename(world, 'local', 'a', 'b');
    rename(world, 'remote', 'a', 'c');
    settled(world);
    expect(listing(world.local)).toEqual(['b=one', 'c=one']);
  });

  test('of a folder here and of a file below it there is two moves', () => {
    const world = syncedWorld(FOLDER);
    rename(world, 'local', 'docs', 'papers');
    rename(world, 'remote', 'docs/a', 'docs/z');
    expect(settled(world)).toEqual(['moveRemote docs -> papers', 'moveLocal papers/a -> papers/z']);
  });

  test('waits for what it needs: everything below a moved folder names the move', () => {
    const world = syncedWorld(FOLDER);
    rename(world, 'local', 'docs', 'papers');
    write(world, 'remote', 'docs/new', 'from there');
    makeFolder(world, 'local', 'docs');
    const plan = planFor(world);
    expect(told(plan)).toEqual(['moveRemote docs -> papers', 'download papers/new', 'makeFolderRemote docs']);
    expect(plan.operations.slice(1).map(({ after }) => after)).toEqual([[0], [0]]);
  });
});
