/**
 * The storage is full in the middle of a push. The push ends with "try later"; under `rtsync watch` the uploads hold while
 * a local delete and a remote edit still go through, and go on by themselves when something big is deleted on the server.
 * Prints each step with its seconds and what rtsync said; ends with 1 when a step does not happen or the sides differ.
 *
 * Run: node test/e2e/storage-full.ts [--full 20]      (seconds for which the storage stays full under the watch)
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pause, until } from '../bench/measure.ts';
import { labelsIn, minutesOf } from './support/rates.ts';
import { createChecks, say } from './support/site.ts';
import { inSeconds, isNews, type Stage, sentencesIn, withStage } from './support/stage.ts';

const { values } = parseArgs({ options: { full: { type: 'string', default: '20' } } });
const fullSeconds = Number(values.full);
/** Bytes. With the big file there is room for about three quarters of the others, without it for all. */
const QUOTA = 12_000_000;
const BIG = 6_000_000;
const EACH = 20_000;
const FILES = 400;
const FOLDERS = 20;
/** The two looks that a watch of 2 seconds needs, and the deed. */
const SOON_MS = 15_000;
/** The longest time from one question for room to the next is 45 s; the rest is for the uploads. */
const AGAIN_MS = 90_000;
/** `later` of the exit codes. */
const LATER = 75;
const checks = createChecks();

async function play(stage: Stage): Promise<void> {
  const { machine, served, compare } = stage;
  const known = ['mine', 'theirs', 'kept'] as const;
  mkdirSync(join(machine.folder, 'known'));
  for (const name of known) writeFileSync(join(machine.folder, 'known', `${name}.txt`), `${name}\n`);
  writeFileSync(join(served, 'big.bin'), Buffer.alloc(BIG, 'b'));
  say('first sync', await machine.sync());
  writeBulk(machine.folder);
  const startedAt = performance.now();
  const push = await machine.launch('push').ended;
  say('push', push);
  tell(push.text, undefined);
  const up = uploaded(served);
  checks.check(
    push.code === LATER && up > 0 && up < FILES,
    `push ended with ${push.code} after ${inSeconds(performance.now() - startedAt)}, ${up} of ${FILES} files up (${LATER}, some of them)`,
  );
  await watched(stage);
  const last = await machine.sync();
  say('sync afterwards', last);
  checks.check(last.code === 0, `sync ended with ${last.code}`);
  checks.check(compare() === 'equal', `both sides: ${compare()}`);
}

async function watched({ machine, server, served }: Stage): Promise<void> {
  const startedAt = Date.now();
  const watch = machine.launch('watch', '--poll', '2');
  await until(() => watch.log().includes('"watching"'), SOON_MS);
  await pause(5_000);
  const fullAt = Date.now();
  const before = uploaded(served);
  rmSync(join(machine.folder, 'known', 'mine.txt'));
  await step('a local delete is done on the server', () => !existsSync(join(served, 'known', 'mine.txt')));
  writeFileSync(join(served, 'known', 'theirs.txt'), 'by an agent\n');
  const theirs = join(machine.folder, 'known', 'theirs.txt');
  await step('a remote edit is on the disk', () => readFileSync(theirs, 'utf8') === 'by an agent\n');
  await pause(Math.max(0, fullAt + fullSeconds * 1_000 - Date.now()));
  const spent = minutesOf(
    server.requests().filter(({ at }) => at < Date.now()),
    fullAt,
  );
  console.log(`   full for ${inSeconds(Date.now() - fullAt)} under the watch`);
  for (const [i, counts] of spent.entries())
    console.log(`      minute ${i + 1}: ${counts.total} requests (${labelsIn(counts)})`);
  const held = uploaded(served);
  checks.check(held - before < 5, `the uploads hold: ${held - before} more files meanwhile (room for a few)`);
  rmSync(join(served, 'big.bin'));
  await step(
    'after the big file was deleted there, the rest is up',
    () => uploaded(served) === FILES,
    AGAIN_MS,
  );
  await step('and the big file is gone here', () => !existsSync(join(machine.folder, 'big.bin')));
  watch.stop();
  const end = await watch.ended;
  tell(end.text, startedAt);
  checks.check(end.code === 0, `watch ended with ${end.code}`);
}

function writeBulk(root: string): void {
  for (let n = 0; n < FILES; n += 1) {
    const folder = join(root, `bulk ${n % FOLDERS}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${n}.bin`), Buffer.alloc(EACH, `${n} `));
  }
}

/** Files of the bulk that are whole on the server. */
function uploaded(served: string): number {
  return readdirSync(served, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && /^\d+\.bin$/.test(entry.name) && !entry.parentPath.includes('.rtsync'),
  ).length;
}

async function step(what: string, holds: () => boolean, withinMs = SOON_MS): Promise<void> {
  const took = await until(holds, withinMs, 20);
  checks.check(took <= withinMs, `${what}: ${inSeconds(took)} (at most ${inSeconds(withinMs)})`);
}

function tell(text: string, from: number | undefined): void {
  const all = sentencesIn(text, from);
  const said = all.filter((sentence) => isNews(sentence) && !/ failed: /.test(sentence));
  for (const sentence of said.slice(0, 12)) console.log(`      said: ${sentence.slice(0, 300)}`);
  if (said.length > 12) console.log(`      and ${said.length - 12} more`);
  const lines = text.split('\n').filter((line) => line.includes('"level":30') && line.includes('failed: '));
  if (lines.length > 0) {
    const paths = all.filter((sentence) => / failed: /.test(sentence)).length;
    console.log(`      said of ${paths} files that they failed, ${lines.length} times in all`);
  }
}

await withStage(['--quota', String(QUOTA)], play);
console.log(checks.failures === 0 ? 'all good' : `${checks.failures} checks FAILED`);
process.exitCode = checks.failures === 0 ? 0 : 1;
