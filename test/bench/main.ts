/**
 * `npm run bench`: rtsync beside a bare floor and, where they are installed, its peers, in one run, alternating; then each
 * goal with our figure beside it. Single times mean little on a busy machine, ratios of medians hold. Everybody's server
 * is a process of its own behind the same wire, which adds the latency and counts the requests.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { measureAll } from './measure-all.ts';
import { HELP, readOptions, type Wanted } from './options.ts';
import { chart } from './svg.ts';
import { lines, type Result } from './table.ts';

function save(file: string | undefined, text: string): void {
  if (file === undefined) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function report(wanted: Wanted, result: Result): void {
  for (const line of lines(result)) console.log(line);
  save(wanted.json, `${JSON.stringify(result, null, 2)}\n`);
  save(wanted.svg, chart(result));
  if (result.failed.length > 0) process.exitCode = 1;
}

// An exit, so that what runs and lies about is cleared away.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

let wanted: Wanted | undefined;
try {
  wanted = readOptions(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
}
if (wanted === undefined) console.log(HELP);
else report(wanted, await measureAll(wanted, (text) => console.error(text)));
