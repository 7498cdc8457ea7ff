/** A folder on a small disk of its own that fills up. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FILES, type Scene, until, withScene } from './scene.ts';

/** Bytes of the disk, of the file in the way, and of the new file: only without the one has the other room. */
const DISK = 16_000_000;
const IN_THE_WAY = 12_000_000;
const FRESH = 8_000_000;

export async function playFullDisk(check: Scene['check']): Promise<void> {
  let mounted: string | undefined;
  try {
    await withScene(
      check,
      async (scene) => {
        rmSync(scene.folder, { recursive: true });
        mkdirSync(scene.folder);
        if (!mount(scene.folder)) return;
        mounted = scene.folder;
        await fill(scene);
        unmount(scene.folder);
        mounted = undefined;
      },
      { empty: true },
    );
  } finally {
    if (mounted !== undefined) unmount(mounted);
  }
}

async function fill(scene: Scene): Promise<void> {
  const { check, folder, served } = scene;
  mkdirSync(join(folder, '.git'));
  writeFileSync(join(folder, '.git', 'in the way'), Buffer.alloc(IN_THE_WAY, 'x'));
  for (let n = 0; n < FILES; n += 1) writeFileSync(join(folder, `small ${n}.txt`), `small ${n}\n`);
  check(
    (await scene.sync('--state-dir', join(scene.home, 'state-disk'))).code === 0,
    'small files are synced',
  );
  const watch = scene.machine.launch('watch', '--poll', '2', '--state-dir', join(scene.home, 'state-disk'));
  await until(() => watch.log().includes('watching'));
  writeFileSync(join(served, 'large.bin'), Buffer.alloc(FRESH, 'y'));
  writeFileSync(join(served, 'small 7.txt'), 'a later version\n');
  await until(() => watch.log().includes('free'), 15_000);
  check(!existsSync(join(folder, 'large.bin')), 'nothing half stands in the folder');
  check(existsSync(join(served, 'large.bin')), 'the workspace keeps its file');
  writeFileSync(join(folder, 'mine.txt'), 'mine\n');
  const sent = await until(() => existsSync(join(served, 'mine.txt')), 15_000);
  check(sent, 'what is edited here still goes there');
  rmSync(join(folder, '.git'), { recursive: true });
  const came = await until(() => existsSync(join(folder, 'large.bin')), 90_000);
  check(came, 'with room again, the file comes by itself');
  check((await scene.end(watch)).code === 0, 'watch ends with 0');
  check(scene.compare() === 'equal', `both sides: ${scene.compare()}`);
}

function mount(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', folder], { stdio: 'pipe' });
    return true;
  } catch (error) {
    console.log(
      `   skipped: no small disk can be mounted here (${error instanceof Error ? error.message.split('\n')[0] : ''})`,
    );
    return false;
  }
}

function unmount(folder: string): void {
  execFileSync('umount', ['-l', folder]);
}
