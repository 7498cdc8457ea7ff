/**
 * The whole product on a real tree of over 10,000 files, by the command line alone: push into `rtsync serve`, pull into
 * a second folder, random edits on both, sync until equal, and once more to see that nothing is left to do. Then the
 * same, with fewer files, against every way a server may answer. Prints what it saw; ends with 1 when anything is off.
 *
 * Run: npm run e2e [-- --files 10500] [--seed 1] [--only default|servers]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { differences } from '../../src/cli/demo/equal.ts';
import { filesBelow, randomEdits } from '../support/edits.ts';
import { createChecks, makeTree, type Site, say, withSite } from './support/site.ts';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '10500' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});

const SERVERS: readonly (readonly string[])[] = [
  ['takenName=overwrite'],
  ['takenName=rename'],
  ['takenName=refuse'],
  ['dialect=alternative'],
  ['showHidden=ignored'],
  ['missingFolder=404'],
  ['missingFolder=500', 'errorShape=text'],
  ['missingFolder=empty'],
  [
    'takenName=rename',
    'dialect=alternative',
    'showHidden=ignored',
    'missingFolder=empty',
    'dateFormat=seconds',
  ],
  ['takenName=refuse', 'dateFormat=seconds', 'putAnswer=empty', 'badBatch=skips', 'deleteMissing=404'],
  ['pathEncoding=whole', 'folderHints=meaningless', 'growingUploads=true'],
];

const checks = createChecks();
const { check } = checks;

async function round(site: Site, files: number, seed: number, editsPerSide: number): Promise<void> {
  const [one, two] = [join(site.home, 'one'), join(site.home, 'two')];
  const made = await makeTree(one, files);
  await writeFile(join(one, '.env'), 'A=1\n');
  await mkdir(two, { recursive: true });
  say(`push ${made} files`, await site.run('push', one, 'project'));
  say('pull into a second folder', await site.run('pull', two, 'project'));
  await settle(site, 'after the pull');
  const [a, b] = [await randomEdits(one, editsPerSide, seed), await randomEdits(two, editsPerSide, seed + 1)];
  console.log(`   ${editsPerSide} random edits on each side: ${JSON.stringify(a)} ${JSON.stringify(b)}`);
  for (const folder of [one, two, one]) say('sync', await site.run('sync', folder, 'project'));
  await settle(site, 'after the edits');
  for (const folder of [one, two]) {
    const again = await site.run('sync', folder, 'project');
    say('sync once more', again);
    const kinds = again.report?.requests.byKind ?? {};
    const writes = ['upload', 'makeFolder', 'move', 'copy', 'remove', 'download'].reduce(
      (sum, kind) => sum + (kinds[kind] ?? 0),
      0,
    );
    check(again.code === 0 && writes === 0, 'nothing is written, sent or fetched');
  }
}

async function settle(site: Site, when: string): Promise<void> {
  const hidden = (line: string): boolean => /(^|\/)\.[^/]/.test(line.split(':')[0] ?? '');
  for (const other of [join(site.home, 'two'), site.served]) {
    const found = (await differences(join(site.home, 'one'), other)).filter((line) => !hidden(line));
    check(
      found.length === 0,
      `${when}: ${other === site.served ? 'the workspace' : 'the second folder'} equals the first${found.length === 0 ? '' : `: ${found.slice(0, 5).join('; ')}`}`,
    );
  }
  const stray = (await filesBelow(site.served)).filter((path) => /\.new(\.|$)/.test(path));
  check(stray.length === 0, `${when}: no stray .new name on the server`);
}

const files = Number(values.files);
const seed = Number(values.seed);
if (values.only !== 'servers') {
  console.log(`a real tree of ${files} files`);
  await withSite([], (site) => round(site, files, seed, 200));
}
if (values.only !== 'default') {
  for (const behaviours of SERVERS) {
    console.log(`a server with ${behaviours.join(', ')}`);
    await withSite(behaviours, (site) => round(site, 1_500, seed, 60));
  }
}
console.log(checks.failures === 0 ? 'all good' : `${checks.failures} checks FAILED`);
process.exitCode = checks.failures === 0 ? 0 : 1;
