/** The result of a run as data, and as lines for a terminal. */
import type { RoundRow } from './bench.ts';
import { median } from './measure.ts';

export type Mark = 'stretch' | 'reached' | 'missed' | 'no bound';

export interface FigureRow {
  readonly goal: number;
  readonly title: string;
  readonly tree: string;
  readonly label: string;
  /** Null: it was not a number, such as an edit that never arrived. */
  readonly value: number | null;
  readonly unit: string;
  readonly must: number | null;
  readonly stretch: number | null;
  readonly mark: Mark;
}

export interface ContestRow {
  readonly tree: string;
  readonly job: string;
  readonly who: string;
  readonly runs: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMb: number;
  /** Null: there is no server. */
  readonly requests: number | null;
}

export interface Result {
  readonly version: 1;
  readonly node: string;
  readonly latencyMs: number;
  readonly contests: readonly ContestRow[];
  readonly figures: readonly FigureRow[];
  /** Goals that failed to be measured; why is in the notes. */
  readonly failed: readonly number[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

export function markOf(value: number, must: number | undefined, stretch: number | undefined): Mark {
  if (must === undefined && stretch === undefined) return 'no bound';
  if (stretch !== undefined && value <= stretch) return 'stretch';
  if (must !== undefined && value <= must) return 'reached';
  return must === undefined && Number.isFinite(value) ? 'no bound' : 'missed';
}

export function contestRows(tree: string, rows: readonly RoundRow[]): readonly ContestRow[] {
  return rows.map(({ job, who, samples }) => {
    const of = (what: 'seconds' | 'cpu' | 'peakMb' | 'requests'): number =>
      round(median(samples.map((sample) => sample[what])));
    const requests = of('requests');
    return {
      ...{ tree, job, who, runs: samples.length, seconds: of('seconds'), cpuSeconds: of('cpu') },
      ...{ peakMb: of('peakMb'), requests: Number.isFinite(requests) ? requests : null },
    };
  });
}

export function lines({ contests, figures, notes }: Result): readonly string[] {
  const measured = contests.map((row) => [
    ...[row.tree, row.job, row.who, `${row.seconds} s`, `${row.requests ?? '–'} requests`],
    ...[`${row.cpuSeconds} s CPU`, `${row.peakMb} MB`, timesOf(contests, row)],
  ]);
  const judged = figures.map((row) => [
    ...[String(row.goal), row.tree, `${row.title}: ${row.label}`],
    ...[`${shown(row.value)} ${row.unit}`.trim(), `must ${shown(row.must)}`, `stretch ${shown(row.stretch)}`],
    row.mark === 'no bound' ? '' : row.mark === 'stretch' ? 'STRETCH REACHED' : row.mark.toUpperCase(),
  ]);
  return [...aligned(measured), '', ...aligned(judged), '', ...notes.map((note) => `note: ${note}`)];
}

/** How many times as long as rtsync. */
function timesOf(rows: readonly ContestRow[], row: ContestRow): string {
  const ours = rows.find(({ tree, job, who }) => tree === row.tree && job === row.job && who === 'rtsync');
  return ours === undefined || ours === row ? '' : `${shown(row.seconds / ours.seconds)} × rtsync's time`;
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Counts stay whole. */
export function round(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(4));
}

function shown(value: number | null): string {
  if (value === null) return '–';
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(3)));
}
