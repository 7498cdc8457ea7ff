import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { LocalDir } from '../../../src/core/path.ts';
import type { FolderNode, LocalStamp, LocalTree } from '../../../src/core/tree.ts';
import type { LocalScan } from '../../../src/local/local.ts';
import { watchFolder } from '../../../src/local/watch.ts';
import { rules } from './support.ts';

/** Stands in for chokidar: its watches stand at once, and the test plays the kernel. */
class FakeWatcher extends EventEmitter {
  readonly added = new Set<string>();
  closed = false;
  add(paths: readonly string[]): void {
    for (const path of paths) this.added.add(path);
    queueMicrotask(() => {
      for (const path of paths) {
        if (full.has(path)) {
          this.emit('error', Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', path }));
        }
      }
      this.emit('ready');
    });
  }
  unwatch(paths: readonly string[]): void {
    for (const path of paths) this.added.delete(path);
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}

const made: FakeWatcher[] = [];
const full = new Set<string>();
vi.mock('chokidar', () => ({
  watch: () => {
    const watcher = new FakeWatcher();
    made.push(watcher);
    return watcher;
  },
}));

function folder(ino: number, ...names: readonly string[]): FolderNode<LocalStamp> {
  const children = names.map(
    (name, at) => [name, { kind: 'folder', children: new Map(), ino: ino + at + 1 }] as const,
  );
  return { kind: 'folder', children: new Map(children), ino };
}

function scanOf(tree: LocalTree): LocalScan {
  return { tree, problems: [], rules };
}

function live(): readonly FakeWatcher[] {
  return made.filter(({ closed }) => !closed);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let hints: (readonly LocalDir[] | 'all')[];
let degraded: [dirs: readonly LocalDir[], why: string][];
function start() {
  return watchFolder({
    root: '/r',
    onHint: (hint) => hints.push(hint),
    onDegraded: (dirs, why) => degraded.push([dirs, why]),
  });
}
beforeEach(() => {
  hints = [];
  degraded = [];
  made.length = 0;
  full.clear();
});

describe('a watch at its limits', () => {
  it('names the folders that the system refuses to watch, until they are gone', async () => {
    full.add('/r/b');
    const watch = start();
    await watch.follow(scanOf(folder(1, 'a', 'b')));
    expect(degraded).toEqual([[['b'], expect.stringContaining('max_user_watches')]]);
    expect(watch.degraded()).toEqual(['b']);
    await watch.follow(scanOf(folder(1, 'a')));
    expect(watch.degraded()).toEqual([]);
    await watch.close();
  });

  it('names the folders with a backslash in their path, which chokidar never watches, and watches all others', async () => {
    const watch = start();
    const deep: LocalTree = {
      kind: 'folder',
      ino: 1,
      children: new Map([
        ['a', folder(10)],
        ['back\\slash', folder(20, 'inner')],
      ]),
    };
    await watch.follow(scanOf(deep));
    expect(degraded).toEqual([[['back\\slash', 'back\\slash/inner'], expect.stringContaining('backslash')]]);
    expect(watch.degraded()).toEqual(['back\\slash', 'back\\slash/inner']);
    expect(live().flatMap(({ added }) => [...added])).toEqual(['/r', '/r/a']);
    await watch.follow(scanOf(folder(1, 'a')));
    expect(watch.degraded()).toEqual([]);
    await watch.close();
  });

  it('asks for everything when so much came at once that the kernel may have dropped some', async () => {
    const watch = start();
    await watch.follow(scanOf(folder(1, 'a')));
    await turn();
    const [watcher] = live();
    for (let n = 0; n < 100; n += 1) watcher?.emit('raw', 'change', `f${n}`, { watchedPath: '/r/a' });
    await turn();
    for (let n = 0; n < 1_000_000; n += 1) watcher?.emit('raw', 'change', 'f', { watchedPath: '/r/a' });
    await turn();
    expect(hints).toEqual(['all', ['a'], 'all']);
    await watch.close();
  });

  it('heeds no event from outside the folder, and every event without a name', async () => {
    const watch = start();
    await watch.follow(scanOf(folder(1, 'a')));
    await turn();
    const [watcher] = live();
    watcher?.emit('raw', 'rename', 'r', { watchedPath: '/' });
    watcher?.emit('raw', 'rename', 'x', undefined);
    watcher?.emit('raw', 'change', null, { watchedPath: '/r/a' });
    await turn();
    expect(hints).toEqual(['all', ['a']]);
    await watch.close();
  });

  it('keeps the number of watchers small while folders come and go, and each folder watched once', async () => {
    const watch = start();
    let names: string[] = [];
    for (let n = 0; n < 400; n += 1) {
      names = [...names, `d${n}`].slice(-40);
      const children = names.map((name) => [name, folder(100 + Number(name.slice(1)))] as const);
      await watch.follow(scanOf({ kind: 'folder', ino: 1, children: new Map(children) }));
      expect(live().length).toBeLessThanOrEqual(26);
    }
    const watched = live().flatMap(({ added }) => [...added]);
    expect(watched.sort()).toEqual(['/r', ...names.map((name) => `/r/${name}`)].sort());
    await watch.close();
    expect(live()).toEqual([]);
  });
});
