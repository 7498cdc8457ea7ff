/**
 * A first `push` of many files under a rate limit, seen from the server: its log of every request tells how many came in
 * each minute and in any sliding one, and how much of what was allowed was used. Ends with 1 when the budget is passed,
 * a request is refused, a twentieth of the rate or more is wasted, or the sides differ.
 *
 * Run: node test/e2e/first-push.ts [--files 2000] [--limit 300]      (a minute for each LIMIT of files)
 */
import { parseArgs } from 'node:util';
import { makeTree } from '../bench/trees.ts';
import { labelsIn, MINUTE_MS, minutesOf, mostInMinute, refused, useOf } from './support/rates.ts';
import { createChecks, say } from './support/site.ts';
import { inSeconds, isNews, type Stage, sentencesIn, withStage } from './support/stage.ts';

const { values } = parseArgs({
  options: { files: { type: 'string', default: '2000' }, limit: { type: 'string', default: '300' } },
});
const files = Number(values.files);
const limit = Number(values.limit);
/** Files of a folder. */
const EACH = 20;
/** Of the allowed rate, in each full minute from the first request on. */
const LEAST_USE = 0.95;
const checks = createChecks();

async function push({ machine, server, compare }: Stage): Promise<void> {
  const folders = Math.ceil(files / EACH);
  makeTree(machine.folder, { name: 'first push', files, folders });
  console.log(`first push of ${files} files in ${folders} folders at ${limit} requests a minute`);
  const startedAt = performance.now();
  const end = await machine.launch('push').ended;
  const tookMs = performance.now() - startedAt;
  say('push', { code: end.code, report: end.report, text: end.text });
  for (const sentence of sentencesIn(end.text).filter(isNews).slice(0, 20))
    console.log(`   said: ${sentence}`);
  const entries = server.requests();
  const minutes = minutesOf(entries, Math.min(...entries.map(({ at }) => at)));
  for (const [i, counts] of minutes.entries())
    console.log(`   minute ${i + 1}: ${counts.total} requests (${labelsIn(counts)})`);
  const use = useOf(entries, limit);
  const most = mostInMinute(entries);
  const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
  console.log(
    `   ${entries.length} requests from first to last in ${inSeconds(use.spanMs)}, the process in ${inSeconds(tookMs)}`,
  );
  console.log(`   the shortest time that a sliding minute allows: ${percent(use.shortest)} of that`);
  checks.check(end.code === 0, `exit code ${end.code}`);
  checks.check(most <= limit, `most requests in any ${MINUTE_MS / 1000} s: ${most} (at most ${limit})`);
  if (Number.isNaN(use.part)) console.log('   less than a minute: how the rate was used is not judged');
  else
    checks.check(
      use.part > LEAST_USE,
      `used of the rate in its full minutes: ${percent(use.part)} (over ${percent(LEAST_USE)})`,
    );
  checks.check(refused(entries) === 0, `answers 429: ${refused(entries)} (none)`);
  checks.check(compare() === 'equal', `both sides: ${compare()}`);
}

await withStage(['--limit', String(limit)], push);
console.log(checks.failures === 0 ? 'all good' : `${checks.failures} checks FAILED`);
process.exitCode = checks.failures === 0 ? 0 : 1;
