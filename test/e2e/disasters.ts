/**
 * What happens to a folder, a workspace or a server while `rtsync watch` runs, and what must not follow from it: no
 * side may lose a file that no person deleted. Prints what rtsync said in each case; ends with 1 when anything is off.
 *
 * Run: node test/e2e/disasters.ts [--only LETTERS]
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { playFullDisk } from './support/full-disk.ts';
import { newerStand, newerVersions } from './support/newer.ts';
import {
  contentOf,
  copyFolder,
  emptyFolder,
  FILES,
  fileName,
  noneGone,
  type Scene,
  sleep,
  until,
  withScene,
} from './support/scene.ts';
import { oldCopySwappedIn, otherWorkspace } from './support/swaps.ts';

const { values } = parseArgs({ options: { only: { type: 'string', default: 'abcdefghi' } } });

let failures = 0;
const check: Scene['check'] = (good, what) => {
  console.log(`   ${good ? 'ok' : 'BAD'} ${what}`);
  if (!good) failures += 1;
};

interface Disaster {
  readonly letter: string;
  readonly title: string;
  play(scene: Scene): Promise<void>;
}

const copiesIn = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.includes('(conflict ') && !path.startsWith('.rtsync'),
  );
const equalAtLast = (scene: Scene): void =>
  check(scene.compare() === 'equal', `both sides: ${scene.compare()}`);

async function movedAway(scene: Scene): Promise<void> {
  const watch = await scene.watch();
  renameSync(scene.folder, `${scene.folder} aside`);
  await sleep(8_000);
  noneGone(scene, scene.served, 'the workspace while the folder is away');
  check(watch.running, 'watch still runs');
  check(!existsSync(scene.folder), 'nothing was made in its place');
  renameSync(`${scene.folder} aside`, scene.folder);
  writeFileSync(join(scene.folder, 'after.txt'), 'after\n');
  const sent = await until(() => existsSync(join(scene.served, 'after.txt')));
  check(sent, 'an edit after its return reaches the workspace');
  writeFileSync(join(scene.folder, 'later.txt'), 'later\n');
  const quick = await until(() => existsSync(join(scene.served, 'later.txt')), 3_000);
  check(quick, 'and the next one within 3 s');
  check((await scene.end(watch)).code === 0, 'watch ends with 0');
  equalAtLast(scene);
}

async function runWhileAway(scene: Scene): Promise<void> {
  renameSync(scene.folder, `${scene.folder} aside`);
  const end = await scene.sync();
  check(end.code === 3 || end.code === 78, `a sync without the folder ends with 3 or 78: ${end.code}`);
  check(!existsSync(scene.folder), 'and makes no folder in its place');
  noneGone(scene, scene.served, 'the workspace');
  rmSync(scene.folder, { recursive: true, force: true });
  renameSync(`${scene.folder} aside`, scene.folder);
  check((await scene.sync()).code === 0, 'with the folder back, a sync ends with 0');
}

const emptied =
  (ownToo: boolean, folderToo: boolean) =>
  async (scene: Scene): Promise<void> => {
    copyFolder(scene.folder, `${scene.folder} backup`);
    const watch = await scene.watch();
    if (folderToo) rmSync(scene.folder, { recursive: true });
    else emptyFolder(scene.folder, ownToo);
    if (folderToo) mkdirSync(scene.folder);
    await sleep(8_000);
    noneGone(scene, scene.served, 'the workspace');
    await scene.end(watch);
    const end = await scene.sync();
    check(end.code === 3, `a sync ends with 3: ${end.code}`);
    noneGone(scene, scene.served, 'the workspace');
    rmSync(scene.folder, { recursive: true });
    renameSync(`${scene.folder} backup`, scene.folder);
    const older = await scene.sync();
    check(older.code === 3, `with a copy from before put in its place, a sync asks: ${older.code}`);
    noneGone(scene, scene.served, 'the workspace');
    const approved = await scene.machine.launch('approve', '--afresh').ended;
    check(approved.code === 0, `approve --afresh ends with 0: ${approved.code}`);
    check((await scene.sync()).code === 0, 'after it, a sync ends with 0');
    equalAtLast(scene);
  };

async function slowlyEmptied(scene: Scene): Promise<void> {
  const watch = await scene.watch();
  for (let n = 0; n < FILES; n += 1) {
    rmSync(join(scene.folder, fileName(n)));
    if (n % 10 === 9) await sleep(500);
  }
  await scene.calm();
  const gone = scene.missing(scene.served).length;
  console.log(`      rm of all files over 15 s: ${gone} of ${FILES} deleted in the workspace, the rest held`);
  check(gone < FILES, 'not all of them are deleted there without a question');
  await scene.end(watch);
}

const workspaceEmptied =
  (how: 'files' | 'all' | 'folder') =>
  async (scene: Scene): Promise<void> => {
    copyFolder(scene.served, `${scene.data} backup`);
    const watch = await scene.watch();
    if (how === 'folder') rmSync(scene.served, { recursive: true });
    else emptyFolder(scene.served, how === 'all');
    await sleep(8_000);
    noneGone(scene, scene.folder, 'the folder');
    check(watch.running, 'watch still runs');
    await scene.end(watch);
    const end = await scene.sync();
    check(end.code === 3, `a sync ends with 3: ${end.code}`);
    noneGone(scene, scene.folder, 'the folder');
    rmSync(scene.served, { recursive: true, force: true });
    renameSync(`${scene.data} backup`, scene.served);
    check((await scene.sync()).code === 0, 'with the workspace put back, a sync ends with 0');
    equalAtLast(scene);
  };

async function stateLostWhileRunning(scene: Scene): Promise<void> {
  const watch = await scene.watch();
  emptyFolder(scene.machine.stateDir, true);
  writeFileSync(join(scene.folder, fileName(0)), contentOf(0, 2));
  rmSync(join(scene.folder, fileName(1)));
  const carried = await until(() => !existsSync(join(scene.served, fileName(1))), 10_000);
  console.log(`      without its database, a delete is ${carried ? '' : 'not '}carried on`);
  await scene.calm();
  check(scene.missing(scene.served).length <= 1, 'at most the asked delete is done there');
  check(scene.missing(scene.folder).length <= 1, 'none but the asked delete here');
  const end = await scene.end(watch);
  check(end.code === 0, `watch ends with 0: ${end.code}`);
  check((await scene.sync()).code === 0, 'a sync afterwards ends with 0');
  check(copiesIn(scene.folder).length === 0, 'no conflict copies');
  equalAtLast(scene);
}

async function stateLostBetween(scene: Scene): Promise<void> {
  emptyFolder(scene.machine.stateDir, true);
  rmSync(join(scene.folder, fileName(1)));
  rmSync(join(scene.served, fileName(2)));
  writeFileSync(join(scene.folder, fileName(3)), contentOf(3, 2));
  await scene.sync();
  noneGone(scene, scene.folder, 'the folder');
  noneGone(scene, scene.served, 'the workspace');
  check(copiesIn(scene.folder).length === 1, `one conflict, of the edited file: ${copiesIn(scene.folder)}`);
  check((await scene.sync()).code === 0, 'the next sync ends with 0');
  equalAtLast(scene);
}

async function ignored(scene: Scene): Promise<void> {
  const watch = await scene.watch();
  writeFileSync(
    join(scene.folder, '.rtsyncignore'),
    'folder 00/\nfolder 01/\nfolder 02/\nfolder 03/\nfolder 04/\n',
  );
  await scene.calm();
  noneGone(scene, scene.folder, 'the folder');
  noneGone(scene, scene.served, 'the workspace');
  rmSync(join(scene.folder, fileName(0)));
  rmSync(join(scene.served, fileName(1)));
  writeFileSync(join(scene.folder, fileName(2)), contentOf(2, 2));
  await scene.calm();
  check(existsSync(join(scene.served, fileName(0))), 'an ignored file that is deleted here stays there');
  check(
    readFileSync(join(scene.served, fileName(2)), 'utf8') === contentOf(2),
    'an ignored edit is not sent',
  );
  rmSync(join(scene.folder, '.rtsyncignore'));
  await scene.calm();
  for (const root of [scene.folder, scene.served]) noneGone(scene, root, `${root} after the rules are gone`);
  console.log(`      conflict copies: ${copiesIn(scene.folder).join(', ') || 'none'}`);
  check((await scene.end(watch)).code === 0, 'watch ends with 0');
  await scene.sync();
  equalAtLast(scene);
}

async function unmarkedCopy(scene: Scene): Promise<void> {
  copyFolder(scene.folder, `${scene.folder} old`);
  rmSync(join(`${scene.folder} old`, '.rtsync'), { recursive: true });
  await newerVersions(scene, 100);
  const watch = await scene.watch();
  renameSync(scene.folder, `${scene.folder} aside`);
  renameSync(`${scene.folder} old`, scene.folder);
  await sleep(12_000);
  newerStand(scene, scene.served, 100, 'the workspace');
  await scene.end(watch);
  await scene.sync();
  newerStand(scene, scene.served, 100, 'the workspace after a sync');
  rmSync(scene.folder, { recursive: true });
  renameSync(`${scene.folder} aside`, scene.folder);
  check((await scene.sync()).code === 0, 'with the right folder put back, a sync ends with 0');
  newerStand(scene, scene.folder, 100, 'the folder');
}

const serverRestored =
  (edited: number) =>
  async (scene: Scene): Promise<void> => {
    copyFolder(scene.data, `${scene.data} backup`);
    await newerVersions(scene, edited);
    const watch = await scene.watch();
    await scene.stopServer();
    await sleep(3_000);
    rmSync(scene.data, { recursive: true });
    renameSync(`${scene.data} backup`, scene.data);
    await scene.startServer();
    await sleep(12_000);
    newerStand(scene, scene.folder, edited, 'the folder');
    await scene.end(watch);
    await scene.sync();
    newerStand(scene, scene.folder, edited, 'the folder after a sync');
  };

const DISASTERS: readonly Disaster[] = [
  { letter: 'a', title: 'the folder is moved away and back', play: movedAway },
  { letter: 'a', title: 'a sync while the folder is away', play: runWhileAway },
  { letter: 'b', title: 'the folder is emptied, but for .rtsync', play: emptied(false, false) },
  { letter: 'b', title: 'the folder is emptied, .rtsync too', play: emptied(true, false) },
  { letter: 'b', title: 'the folder is removed and made again, empty', play: emptied(true, true) },
  { letter: 'b', title: 'the folder is emptied slowly', play: slowlyEmptied },
  { letter: 'c', title: 'the workspace is emptied, but for .rtsync', play: workspaceEmptied('files') },
  { letter: 'c', title: 'the workspace is emptied, .rtsync too', play: workspaceEmptied('all') },
  { letter: 'c', title: "the workspace's folder goes", play: workspaceEmptied('folder') },
  { letter: 'd', title: 'the state is deleted while watch runs', play: stateLostWhileRunning },
  { letter: 'd', title: 'the state is deleted between runs', play: stateLostBetween },
  { letter: 'e', title: 'half the tree becomes ignored, and back', play: ignored },
  ...[true, false].flatMap((running): Disaster[] =>
    [30, 100].map((edited) => ({
      letter: 'f',
      title: `an old copy with its marker is swapped in ${running ? 'while watch runs' : 'between runs'}, ${edited} files older`,
      play: oldCopySwappedIn(running, edited),
    })),
  ),
  { letter: 'f', title: 'an old copy without its marker is swapped in', play: unmarkedCopy },
  {
    letter: 'g',
    title: 'the server comes back with an old backup, 30 files older',
    play: serverRestored(30),
  },
  {
    letter: 'g',
    title: 'the server comes back with an old backup, 100 files older',
    play: serverRestored(100),
  },
  ...[true, false].flatMap((running): Disaster[] =>
    (['other', 'same'] as const).map((names) => ({
      letter: 'i',
      title: `the server answers with another workspace ${running ? 'while watch runs' : 'between runs'}, ${names} names`,
      play: otherWorkspace(running, names),
    })),
  ),
];

for (const { letter, title, play } of DISASTERS) {
  if (!values.only.includes(letter)) continue;
  console.log(`${letter}: ${title}`);
  await withScene(check, play);
}
if (values.only.includes('h')) {
  console.log("h: the folder's disk is full");
  await playFullDisk(check);
}
console.log(failures === 0 ? 'all good' : `${failures} checks are BAD`);
process.exitCode = failures === 0 ? 0 : 1;
