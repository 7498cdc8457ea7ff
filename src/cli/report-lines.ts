/** A run's report for people: one line of what was done, then only what needs their eyes. */
import type { RunReport } from '../engine/report.ts';
import { bytesInWords, counted, type Output } from './output.ts';
import { printable } from './progress.ts';

/** Problems shown one by one; more are counted. */
const SHOWN = 20;

export function reportLines(report: RunReport, output: Pick<Output, 'style'>): string[] {
  const lines = [headline(report, output)];
  for (const { path, copy } of report.conflicts)
    lines.push(
      `  ${output.style('yellow', 'conflict')} ${printable(path)}${copy === undefined ? '' : `: the version from here is now ${printable(copy)}`}`,
    );
  for (const held of report.held.slice(0, SHOWN))
    lines.push(
      `  ${output.style('red', 'held')} ${printable(held.path)} (${counted(held.files, 'file')}): ${held.reason}`,
    );
  if (report.held.length > SHOWN) lines.push(`  … and ${report.held.length - SHOWN} more held deletes`);
  for (const problem of report.problems.slice(0, SHOWN))
    lines.push(`  ${output.style('yellow', problem.code)} ${printable(problem.message)}`);
  if (report.problems.length > SHOWN)
    lines.push(`  … and ${report.problems.length - SHOWN} more (--json lists all)`);
  return lines;
}

function headline(report: RunReport, output: Pick<Output, 'style'>): string {
  const done = whatWasDone(report);
  const seconds = `${(report.durationMs / 1000).toFixed(1)} s, ${counted(report.requests.total, 'request')}`;
  if (report.dryRun) {
    const cost =
      report.forecast === undefined
        ? ''
        : ` (about ${counted(report.forecast.requests, 'request')}, ${bytesInWords(report.forecast.bytes)})`;
    return `${report.pair}: would ${done === '' ? 'do nothing, both sides are equal' : `do: ${done}${cost}`}`;
  }
  const state = report.inSync
    ? output.style('green', 'in sync')
    : output.style('yellow', 'not everything is in sync');
  return `${report.pair}: ${state}${done === '' ? ', nothing to do' : `; ${done}`} (${seconds})`;
}

function whatWasDone({ operations, bytes }: RunReport): string {
  const parts: string[] = [];
  const add = (count: number, text: string): void => {
    if (count > 0) parts.push(text);
  };
  add(operations.upload, `${operations.upload} up${bytes.up > 0 ? ` (${bytesInWords(bytes.up)})` : ''}`);
  add(
    operations.download,
    `${operations.download} down${bytes.down > 0 ? ` (${bytesInWords(bytes.down)})` : ''}`,
  );
  add(operations.compare, `${operations.compare} compared`);
  add(operations.makeFolder, counted(operations.makeFolder, 'new folder'));
  add(operations.moveRemote, `${operations.moveRemote} moved there`);
  add(operations.moveLocal, `${operations.moveLocal} moved here`);
  add(operations.removeRemote, `${operations.removeRemote} deleted there`);
  add(operations.removeLocal, `${operations.removeLocal} deleted here`);
  add(operations.conflict, counted(operations.conflict, 'conflict'));
  return parts.join(', ');
}
