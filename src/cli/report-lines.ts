/** A run's report for people: one line of what was done, then only what needs their eyes. */
import type { Held, Problem } from '../core/plan.ts';
import { isRegression } from '../core/regressions.ts';
import type { PlannedStep, RunReport } from '../engine/report.ts';
import { forecastInWords } from './outlook.ts';
import { bytesInWords, counted, type Output } from './output.ts';
import { describe, printable } from './progress.ts';

/** Planned operations shown one by one; more are counted. */
const PLANNED = 100;
/** Problems shown one by one; more are counted. */
const SHOWN = 20;
/** Paths named in one line. */
const NAMED = 5;

export interface ReportHow {
  /** `remote`: whether a version that lost on the server was kept there. */
  readonly trash: { readonly remote: boolean };
  /** The command that lets what is held pass. */
  readonly approve: string;
}

export function reportLines(
  report: RunReport,
  output: Pick<Output, 'style'>,
  { trash, approve }: ReportHow,
): string[] {
  const lines = [headline(report, output), ...planLines(report.plan ?? [])];
  for (const { path, copy } of report.conflicts)
    lines.push(
      `  ${output.style('yellow', 'conflict')} ${printable(path)}: ${whereTheOtherIs(copy, trash.remote)}`,
    );
  for (const line of heldLines(report, output)) lines.push(line);
  if (report.held.length > 0) lines.push(`  ${wayOut(report, approve)}`);
  return [...lines, ...problemLines(report.problems, output)];
}

/** `12 deletes (300 files) and 60 older versions`; the files are counted where they are not as many as the deletes. */
export function heldInWords(held: readonly Held[]): string {
  const deletes = held.filter((item) => !isRegression(item));
  const inside = filesInWords(deletes);
  return [
    ...(deletes.length === 0
      ? []
      : [`${counted(deletes.length, 'delete')}${inside === '' ? '' : ` (${inside})`}`]),
    ...olderInWords(held),
  ].join(' and ');
}

/** The same with the side of each: `12 deletes in the workspace (300 files, gone here) and 60 older versions`. */
export function heldBySide(held: readonly Held[]): string {
  const sides = (['local', 'remote'] as const).flatMap((side) => {
    const deletes = held.filter((item) => !isRegression(item) && item.side === side);
    const inside = [filesInWords(deletes), `gone ${PLACE[OTHER[side]]}`].filter((text) => text !== '');
    const what = `${counted(deletes.length, 'delete')} ${PLACE[side]} (${inside.join(', ')})`;
    return deletes.length === 0 ? [] : [what];
  });
  return [...sides, ...olderInWords(held)].join(' and ');
}

const PLACE = { local: 'here', remote: 'in the workspace' } as const;
const OTHER = { local: 'remote', remote: 'local' } as const;

function filesInWords(deletes: readonly Held[]): string {
  const files = deletes.reduce((sum, item) => sum + item.files, 0);
  if (files === deletes.length) return '';
  return files === 0 ? 'no files' : counted(files, 'file');
}

function olderInWords(held: readonly Held[]): readonly string[] {
  const older = held.filter(isRegression).length;
  return older === 0 ? [] : [counted(older, 'older version')];
}

/** A dry run leaves nothing that could be approved. */
function wayOut({ held, dryRun }: RunReport, approve: string): string {
  const [wait, these] = held.length === 1 ? ['waits', 'this'] : ['wait', 'these'];
  const [when, after] = dryRun ? ['would wait', ' after a run without --dry-run'] : [wait, ''];
  return `${heldInWords(held)} ${when}; to let exactly ${these} pass${after}: ${approve}`;
}

function planLines(plan: readonly PlannedStep[]): readonly string[] {
  const lines = plan.slice(0, PLANNED).map((step) => `  ${describe(step)}`);
  return plan.length > PLANNED
    ? [...lines, `  … and ${plan.length - PLANNED} more (--json lists all)`]
    : lines;
}

/** The report does not know which side lost, only that a local version is always kept. */
function whereTheOtherIs(copy: string | undefined, remoteTrash: boolean): string {
  if (copy !== undefined) return `the version from here is now ${printable(copy)}`;
  return remoteTrash
    ? 'the other version is in the trash'
    : 'the other version is in the trash if it was the local one; the remote trash is switched off';
}

function problemLines(problems: readonly Problem[], output: Pick<Output, 'style'>): string[] {
  const causes = byCause(problems);
  const lines = causes.slice(0, SHOWN).map((alike) => {
    const [{ code, message }] = alike;
    const text =
      alike.length === 1
        ? problemText(alike[0])
        : `${alike.length} paths: ${printable(message)} (${named(alike)})`;
    return `  ${output.style('yellow', code)} ${text}`;
  });
  const more = causes.slice(SHOWN).flat().length;
  return more === 0 ? lines : [...lines, `  … and ${more} more (--json lists all)`];
}

type Alike = [Problem, ...Problem[]];

/** What keeps many paths back at once is one cause; every other problem is one by itself. */
export function byCause(problems: readonly Problem[]): readonly Readonly<Alike>[] {
  const shared = new Map<string, Alike>();
  return problems.flatMap((problem) => {
    if (problem.code !== 'in-the-way' && problem.code !== 'waiting') return [[problem]];
    const known = shared.get(problem.message);
    if (known !== undefined) {
      known.push(problem);
      return [];
    }
    const alike: Alike = [problem];
    shared.set(problem.message, alike);
    return [alike];
  });
}

/** The first paths, and how many more there are. */
function named(items: readonly { readonly path: string }[]): string {
  const paths = items.slice(0, NAMED).map(({ path }) => printable(path));
  const more = items.length > NAMED ? `, … (${items.length - NAMED} more)` : '';
  return `${paths.join(', ')}${more}`;
}

/** Every line names its path. Only in quotes it is surely named: a short one is part of other words. */
function problemText({ path, message }: Problem): string {
  const isNamed = path === '' || message.includes(`"${path}"`) || message.includes(JSON.stringify(path));
  return printable(isNamed ? message : `${path}: ${message}`);
}

/** One line for a reason and a side, with the first paths. */
function heldLines({ held }: RunReport, output: Pick<Output, 'style'>): string[] {
  const groups = new Map<string, Held[]>();
  for (const item of held) {
    const group = `${item.side} ${item.reason}`;
    groups.set(group, groups.get(group) ?? []);
    groups.get(group)?.push(item);
  }
  return [...groups.values()].map((items) => {
    const reason = items[0]?.reason ?? '';
    const since = `${printable(reason)}${reason.endsWith('?') ? '' : ':'}`;
    return `  ${output.style('red', 'held')} ${heldBySide(items)}, since ${since} ${named(items)}`;
  });
}

function headline(report: RunReport, output: Pick<Output, 'style'>): string {
  const done = whatWasDone(report);
  const seconds = `${(report.durationMs / 1000).toFixed(1)} s, ${counted(report.requests.total, 'request')}`;
  if (report.dryRun) {
    const cost = report.forecast === undefined ? '' : ` (${forecastInWords(report.forecast)})`;
    const nothing = report.inSync ? 'do nothing, both sides are equal' : 'do nothing now';
    return `${report.pair}: would ${done === '' ? nothing : `do: ${done}${cost}`}`;
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
