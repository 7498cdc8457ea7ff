/**
 * `rtsync watch` on a real tree, by the command line alone: single edits with their delays, an editor's atomic save, a
 * branch checked out by git, an unpacked archive, a renamed folder, edits on the server's side; at the end both sides
 * equal and no conflict copy anywhere. Ends with 1 when anything is off.
 *
 * Run: npm run e2e
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { differences } from '../../src/cli/demo/equal.ts';
import { filesBelow } from '../support/edits.ts';
import { createChecks, makeTree, type Site, say, withSite } from './support/site.ts';

const { values } = parseArgs({
  options: { files: { type: 'string', default: '10500' }, poll: { type: 'string', default: '5' } },
});
const pollSeconds = Number(values.poll);
const checks = createChecks();
const { check } = checks;

/** Milliseconds until `holds`; Infinity when it never does within the time. */
async function until(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < withinMs) {
    if (await holds()) return performance.now() - startedAt;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return Number.POSITIVE_INFINITY;
}

const holds = (file: string, text: string) => (): boolean =>
  existsSync(file) && readFileSync(file, 'utf8') === text;
const gone = (file: string) => (): boolean => !existsSync(file);

function took(what: string, ms: number, withinMs: number): void {
  check(
    ms <= withinMs,
    `${what}: ${Number.isFinite(ms) ? `${Math.round(ms)} ms` : 'never'} (at most ${withinMs} ms)`,
  );
}

async function equalSoon(site: Site, folder: string, what: string): Promise<void> {
  let found: string[] = [];
  const equal = async (): Promise<boolean> => {
    try {
      found = (await differences(folder, site.served)).filter((line) => !line.startsWith('.git'));
    } catch {
      // Something moved while it was compared: not equal yet.
      found = ['still moving'];
    }
    return found.length === 0;
  };
  const ms = await until(equal, 60_000);
  check(
    Number.isFinite(ms),
    `${what}: equal after ${(ms / 1000).toFixed(1)} s${found.length === 0 ? '' : `: ${found.slice(0, 5).join('; ')}`}`,
  );
}

async function singleEdits(site: Site, folder: string): Promise<void> {
  const delays: number[] = [];
  for (let i = 0; i < 10; i += 1) {
    await writeFile(join(folder, `edit-${i % 3}.txt`), `version ${i}\n`);
    delays.push(await until(holds(join(site.served, `edit-${i % 3}.txt`), `version ${i}\n`), 10_000));
  }
  delays.sort((a, b) => a - b);
  console.log(`   local edit to server, ms: ${delays.map(Math.round).join(' ')}`);
  took('a local edit is on the server (the slowest of 10)', delays.at(-1) ?? 0, 1_000);
  await writeFile(join(site.served, 'edit-0.txt'), 'by an agent\n');
  took(
    'an edit on the server is on disk',
    await until(holds(join(folder, 'edit-0.txt'), 'by an agent\n'), 60_000),
    pollSeconds * 1000 + 2_000,
  );
  await rm(join(folder, 'edit-1.txt'));
  took(
    'a local delete is done on the server',
    await until(gone(join(site.served, 'edit-1.txt')), 10_000),
    1_000,
  );
}

async function atomicSaves(site: Site, folder: string): Promise<void> {
  const file = join(folder, 'edit-2.txt');
  for (let i = 0; i < 5; i += 1) {
    await writeFile(join(folder, '.edit-2.txt.tmp-save'), `saved ${i}\n`);
    await rename(join(folder, '.edit-2.txt.tmp-save'), file);
    took(
      `atomic save ${i + 1} is on the server`,
      await until(holds(join(site.served, 'edit-2.txt'), `saved ${i}\n`), 10_000),
      1_000,
    );
  }
}

async function branches(site: Site, folder: string): Promise<void> {
  const git = (...args: string[]): void => {
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      cwd: folder,
      stdio: 'ignore',
    });
  };
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('commit', '-qm', 'one');
  git('checkout', '-qb', 'other');
  const files = (await filesBelow(folder)).filter((path) => !path.startsWith('.git/')).slice(0, 600);
  for (const [i, path] of files.entries()) {
    if (i % 3 === 0) await appendFile(join(folder, path), 'other branch\n');
    else if (i % 3 === 1) await rm(join(folder, path));
    else await rename(join(folder, path), join(folder, `${path}.moved`));
  }
  git('add', '-A');
  git('commit', '-qm', 'two');
  await equalSoon(site, folder, '600 files changed by hand for a branch');
  git('checkout', '-q', 'main');
  await equalSoon(site, folder, 'git checkout of the first branch');
  git('checkout', '-q', 'other');
  await equalSoon(site, folder, 'git checkout of the other branch');
}

async function bursts(site: Site, folder: string): Promise<void> {
  const source = join(site.home, 'archive');
  for (let i = 0; i < 2_000; i += 1) {
    const dir = join(source, 'unpacked', `d${i % 40}`, `e${i % 7}`);
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, `f${i}.txt`), `file ${i}\n`);
  }
  execFileSync('tar', ['-cf', join(site.home, 'archive.tar'), '-C', source, 'unpacked']);
  execFileSync('tar', ['-xf', join(site.home, 'archive.tar'), '-C', folder]);
  await equalSoon(site, folder, 'an unpacked archive of 2,000 files');
  await rename(join(folder, 'unpacked'), join(folder, 'renamed folder'));
  await equalSoon(site, folder, 'that folder renamed');
  await rename(join(site.served, 'renamed folder'), join(site.served, 'renamed by an agent'));
  await equalSoon(site, folder, 'and renamed again on the server');
}

await withSite([], async (site) => {
  const folder = join(site.home, 'one');
  const made = await makeTree(folder, Number(values.files));
  say(`push ${made} files`, await site.run('push', folder, 'project'));
  const watch = site.start('watch', folder, 'project', '--poll', values.poll);
  await watch.line(/watching/);
  await writeFile(join(folder, 'first.txt'), 'first\n');
  await until(holds(join(site.served, 'first.txt'), 'first\n'), 60_000);
  await singleEdits(site, folder);
  await atomicSaves(site, folder);
  await branches(site, folder);
  await bursts(site, folder);
  const copies = (await filesBelow(folder)).filter((path) => path.includes('(conflict '));
  check(
    copies.length === 0,
    `no conflict copy${copies.length === 0 ? '' : `: ${copies.slice(0, 5).join('; ')}`}`,
  );
  check((await watch.stop()) === 0, 'SIGTERM ends it with 0');
  const errors = watch
    .output()
    .split('\n')
    .filter((line) => /"level":(40|50|60)/.test(line));
  check(
    errors.length === 0,
    `nothing to warn of${errors.length === 0 ? '' : `: ${errors.slice(0, 5).join('\n')}`}`,
  );
  say('sync afterwards', await site.run('sync', folder, 'project'));
});
console.log(checks.failures === 0 ? 'all good' : `${checks.failures} checks FAILED`);
process.exitCode = checks.failures === 0 ? 0 : 1;
