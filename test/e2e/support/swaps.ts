/** Another folder in the folder's place, another workspace in the workspace's: nothing of either may be touched. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInspector } from './inspect.ts';
import { newerVersions } from './newer.ts';
import { contentOf, copyFolder, FILES, fileName, type Scene, sleep, until } from './scene.ts';

/** Long enough for polls, full scans and the second look at deletes. */
const TEMPTED_MS = 12_000;
const BACK_WITHIN_MS = 40_000;

/** An older copy of the folder, with the marker that rtsync left in it, takes its place. */
export const oldCopySwappedIn =
  (running: boolean, edited: number) =>
  async (scene: Scene): Promise<void> => {
    const { check, folder, served } = scene;
    copyFolder(folder, `${folder} old`);
    await newerVersions(scene, edited);
    const photos = { folder: photo(`${folder} old`), served: photo(served) };
    const stand = (when: string): void => {
      untouched(scene, { root: folder, before: photos.folder, which: 'the old copy', when });
      untouched(scene, { root: served, before: photos.served, which: 'the workspace', when });
    };
    const watch = running ? await scene.watch() : undefined;
    renameSync(folder, `${folder} aside`);
    renameSync(`${folder} old`, folder);
    if (watch !== undefined) {
      check(await until(() => saysError(watch.log()), TEMPTED_MS), 'watch says in an error what is wrong');
      await sleep(TEMPTED_MS);
      check(watch.running, 'and waits');
      stand('while watch runs');
    } else {
      check((await scene.sync()).code === 3, 'a sync ends with 3');
      stand('after a sync');
      console.log(`      the next sync ends with ${(await scene.sync()).code}`);
      stand('after the next sync');
    }
    rmSync(folder, { recursive: true });
    renameSync(`${folder} aside`, folder);
    console.log('      the right folder is put back');
    if (watch !== undefined) {
      writeFileSync(join(folder, 'after.txt'), 'after\n');
      const sent = await until(() => existsSync(join(served, 'after.txt')), BACK_WITHIN_MS);
      check(sent, 'watch goes on by itself: an edit reaches the workspace');
      check((await scene.end(watch)).code === 0, 'watch ends with 0');
    }
    check((await scene.sync()).code === 0, 'a sync ends with 0');
    check(scene.compare() === 'equal', `both sides: ${scene.compare()}`);
  };

/** The server answers to the same name with another workspace: other files, or other contents under our names. */
export const otherWorkspace =
  (running: boolean, names: 'other' | 'same') =>
  async (scene: Scene): Promise<void> => {
    const { check, folder, served, data } = scene;
    const watch = running ? await scene.watch() : undefined;
    renameSync(served, `${data} aside`);
    mkdirSync(served);
    for (let n = 0; n < FILES; n += 1) {
      const name = names === 'same' ? fileName(n) : `other ${n % 10}/${n}.txt`;
      mkdirSync(join(served, name, '..'), { recursive: true });
      writeFileSync(join(served, name), `another workspace's ${contentOf(n)}`);
    }
    const photos = { folder: photo(folder), served: photo(served) };
    const stand = (when: string): void => {
      untouched(scene, { root: folder, before: photos.folder, which: 'the folder', when });
      untouched(scene, { root: served, before: photos.served, which: 'the other workspace', when });
    };
    if (watch !== undefined) {
      await sleep(TEMPTED_MS);
      check(watch.running, 'watch still runs');
      stand('while watch runs');
      await scene.end(watch);
    }
    check((await scene.sync()).code === 3, 'a sync ends with 3');
    stand('after a sync');
    rmSync(served, { recursive: true });
    renameSync(`${data} aside`, served);
    console.log('      the right workspace is put back');
    const { code } = await scene.sync();
    check(code === 0, `a sync ends with 0: ${code}`);
    check(scene.missing(folder).length === 0 && scene.missing(served).length === 0, 'every file is there');
  };

function photo(root: string): Map<string, string> {
  return createInspector().tree(root);
}

interface Still {
  readonly root: string;
  readonly before: ReadonlyMap<string, string>;
  readonly which: string;
  readonly when: string;
}

/** Nothing deleted and nothing overwritten; what came in addition is told. */
function untouched(scene: Scene, { root, before, which, when }: Still): void {
  const now = photo(root);
  const files = [...before].filter(([, digest]) => digest !== '');
  const deleted = files.filter(([path]) => !now.has(path));
  const changed = files.filter(([path, digest]) => now.has(path) && now.get(path) !== digest);
  const added = [...now.keys()].filter((path) => !before.has(path)).length;
  const words = `${deleted.length} deleted and ${changed.length} overwritten in ${which} ${when}`;
  const first = [...deleted, ...changed][0]?.[0];
  scene.check(deleted.length + changed.length === 0, first === undefined ? words : `${words}: ${first}`);
  if (added > 0) console.log(`      ${added} added in ${which} ${when}`);
}

function saysError(log: string): boolean {
  return /"level":50/.test(log);
}
