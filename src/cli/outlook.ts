/**
 * How far a run has come and what is still to come: files, bytes, requests, and the time that they take at the limits
 * in force. It hears the engine's events and draws nothing.
 */
import type { Operation } from '../core/plan.ts';
import {
  type Estimate,
  estimate,
  type Forecast,
  forecast,
  type Limits,
  ownRequests,
} from '../core/summary.ts';
import type { Observer } from '../engine/events.ts';
import type { RunForecast } from '../engine/report.ts';
import { bytesInWords, counted, grouped, partInWords, timeInWords } from './output.ts';

export interface OutlookParts {
  /** Requests sent so far. */
  readonly requests: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly limits: () => Limits;
}

/** A state between a plan and its end. Bytes and seconds. */
export interface Standing {
  readonly files: number;
  readonly ofFiles: number;
  readonly bytes: number;
  readonly ofBytes: number;
  readonly requestsToGo: number;
  /** Undefined while nothing tells it. */
  readonly seconds: number | undefined;
  readonly limits: Limits;
  /** What makes it so long; `pace`: what was seen until now. */
  readonly by: Estimate['by'] | 'pace' | undefined;
}

export interface Outlook extends Observer {
  /** Undefined before a plan, and for one that moves nothing. */
  readonly standing: Standing | undefined;
}

/** What was seen of the pace counts from here on. */
const PACE_AFTER_MS = 5_000;

interface Course {
  readonly costs: Forecast;
  readonly ofFiles: number;
  readonly startedAt: number;
  readonly requestsBefore: number;
  files: number;
  up: number;
  down: number;
  /** What the unfinished operations cost by themselves. */
  own: number;
}

export function createOutlook({ requests, now, limits }: OutlookParts): Outlook {
  let course: Course | undefined;
  return {
    get standing() {
      if (course === undefined) return undefined;
      const spent = { requests: requests() - course.requestsBefore, ms: now() - course.startedAt };
      return standingOf(course, spent, limits());
    },
    on: (event) => {
      if (event.kind === 'planned') {
        const { operations } = event.plan;
        const costs = forecast(event.plan);
        const own = operations.reduce((sum, operation) => sum + ownRequests(operation), 0);
        const begun = { startedAt: now(), requestsBefore: requests() };
        const ofFiles = operations.filter(isFile).length;
        const done = { files: 0, up: 0, down: 0 };
        course = operations.length === 0 ? undefined : { costs, ofFiles, own, ...begun, ...done };
      } else if (event.kind === 'operation' && course !== undefined) {
        course.own -= ownRequests(event.operation);
        if (isFile(event.operation)) course.files += 1;
        const { up, down } = bytesOf(event.operation);
        course.up += up;
        course.down += down;
      } else if (event.kind === 'phase' && event.phase === 'idle') course = undefined;
    },
  };
}

function standingOf(
  course: Course,
  spent: { readonly requests: number; readonly ms: number },
  limits: Limits,
): Standing {
  const { costs, files, ofFiles } = course;
  const left = {
    // More than was thought may be needed, but never less than what is left costs by itself.
    requests: Math.max(costs.requests - spent.requests, course.own),
    up: costs.up - course.up,
    down: costs.down - course.down,
  };
  const told = estimate(left, limits);
  const pace = paced(left.requests, spent);
  const slower = pace !== undefined && (told === undefined || pace > told.seconds * 1.1);
  return {
    ...{ files, ofFiles, bytes: course.up + course.down, ofBytes: costs.bytes },
    ...{ requestsToGo: left.requests, limits },
    seconds: slower ? pace : told?.seconds,
    by: slower ? 'pace' : told?.by,
  };
}

function paced(toGo: number, { requests, ms }: { readonly requests: number; readonly ms: number }) {
  return ms < PACE_AFTER_MS || requests === 0 ? undefined : (toGo * ms) / requests / 1000;
}

/** Folders are quick, and nobody counts them. */
function isFile({ kind }: Operation): boolean {
  return kind !== 'makeFolderLocal' && kind !== 'makeFolderRemote';
}

function bytesOf(operation: Operation): { readonly up: number; readonly down: number } {
  switch (operation.kind) {
    case 'upload':
      return { up: operation.local.size, down: 0 };
    case 'download':
    case 'compare':
      return { up: 0, down: operation.remote.size };
    default:
      return { up: 0, down: 0 };
  }
}

/** `12 of 2,000 files, 3.1 of 80 MB, 214 requests to go, about 43 s at 300 requests a minute` */
export function standingInWords(standing: Standing): string {
  const { files, ofFiles, bytes, ofBytes, requestsToGo, seconds } = standing;
  return [
    ...(ofFiles === 0 ? [] : [`${grouped(files)} of ${counted(ofFiles, 'file')}`]),
    ...(ofBytes === 0 ? [] : [partInWords(bytes, ofBytes)]),
    `${counted(requestsToGo, 'request')} to go`,
    ...(seconds === undefined ? [] : [`about ${timeInWords(seconds)}${atLimit(standing)}`]),
  ].join(', ');
}

/** `about 214 requests, 12 of them to look, 80 MB, about 43 s at 300 requests a minute` */
export function forecastInWords(costs: RunForecast): string {
  const { requests, looks, bytes, seconds } = costs;
  return [
    `about ${counted(requests, 'request')}${looks === 0 ? '' : `, ${grouped(looks)} of them to look`}`,
    bytesInWords(bytes),
    ...(seconds === undefined ? [] : [`about ${timeInWords(seconds)}${atLimit({ ...costs, by: costs.by })}`]),
  ].join(', ');
}

function atLimit({ by, limits }: Pick<Standing, 'by' | 'limits'>): string {
  if (by === undefined) return '';
  if (by === 'pace') return ' at this pace';
  const limit = limits[by] ?? 0;
  return by === 'requestsPerMinute'
    ? ` at ${counted(limit, 'request')} a minute`
    : ` at ${bytesInWords(limit)} a second`;
}
