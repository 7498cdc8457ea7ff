/**
 * What a person sees while rtsync works: one line that is written over on a terminal, nothing elsewhere. All of it goes
 * to stderr, so that results on stdout stay clean.
 */
import type { EngineEvent, Observer } from '../engine/events.ts';
import { type PlannedStep, stepOf } from '../engine/report.ts';
import { createOutlook, type OutlookParts, standingInWords } from './outlook.ts';
import { grouped } from './output.ts';

export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface Progress extends Observer {
  /** Wipes the line, so that something else can be printed. */
  clear(): void;
}

/** Between two drawings; a terminal is not a log. */
const EVERY_MS = 80;

export function createProgress(output: ProgressOutput, parts: OutlookParts): Progress {
  if (output.isTTY !== true) return { on: () => undefined, clear: () => undefined };
  const outlook = createOutlook(parts);
  let drawn = false;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let phase = 'starting';
  let current = '';

  const draw = (force: boolean): void => {
    const now = parts.now();
    if (!force && now - drawnAt < EVERY_MS) return;
    drawnAt = now;
    drawn = true;
    const { standing } = phase === 'working' ? outlook : {};
    const how = standing === undefined ? `${grouped(parts.requests())} requests` : standingInWords(standing);
    const line = `${phase} · ${how}${current === '' ? '' : ` · ${current}`}`;
    output.write(`\r\x1b[2K${shorten(line, (output.columns ?? 80) - 1)}`);
  };
  const clear = (): void => {
    if (drawn) output.write('\r\x1b[2K');
    drawn = false;
  };

  return {
    clear,
    on: (event: EngineEvent) => {
      outlook.on(event);
      switch (event.kind) {
        case 'phase':
          phase = event.phase;
          current = '';
          if (event.phase === 'idle') return clear();
          return draw(true);
        case 'planned':
          return draw(false);
        case 'operation':
          current = describe(stepOf(event.operation));
          return draw(false);
        default:
          return undefined;
      }
    },
  };
}

/** Lines of a log that nobody has on a terminal: this often, and before what takes long. */
const LINE_EVERY_MS = 30_000;
const LONG_SECONDS = 30;

/** The same for a log: how far a long run has come, now and then. `tell` gets the figures and the sentence. */
export function createProgressLines(
  parts: OutlookParts,
  tell: (figures: Readonly<Record<string, number>>, sentence: string) => void,
): Observer {
  const outlook = createOutlook(parts);
  let toldAt = Number.NEGATIVE_INFINITY;
  const line = (): void => {
    const { standing } = outlook;
    if (standing === undefined) return;
    toldAt = parts.now();
    const { files, ofFiles, bytes, ofBytes, requestsToGo, seconds } = standing;
    const time = seconds === undefined ? {} : { seconds: Math.ceil(seconds) };
    tell({ files, ofFiles, bytes, ofBytes, requestsToGo, ...time }, standingInWords(standing));
  };
  return {
    on: (event) => {
      outlook.on(event);
      if (event.kind === 'planned') {
        toldAt = parts.now();
        if ((outlook.standing?.seconds ?? 0) >= LONG_SECONDS) line();
      } else if (event.kind === 'operation' && parts.now() - toldAt >= LINE_EVERY_MS) line();
    },
  };
}

/** An operation in a few words, such as `up src/main.ts`. */
export function describe(step: PlannedStep): string {
  switch (step.kind) {
    case 'upload':
      return `→ ${printable(step.path)}`;
    case 'download':
      return `← ${printable(step.path)}`;
    case 'compare':
      return `= ${printable(step.path)}`;
    case 'makeFolderRemote':
      return `→ ${printable(step.path)}/`;
    case 'makeFolderLocal':
      return `← ${printable(step.path)}/`;
    case 'moveRemote':
      return `→ ${printable(step.path)} is now ${printable(step.other)}`;
    case 'moveLocal':
      return `← ${printable(step.path)} is now ${printable(step.other)}`;
    case 'removeRemote':
      return `→ delete ${printable(step.path)}`;
    case 'removeLocal':
      return `← delete ${printable(step.path)}`;
    case 'setAside':
      return `conflict: ${printable(step.path)} steps aside as ${printable(step.other)}`;
  }
}

/** A path that cannot play tricks on a terminal: control characters are shown, not obeyed. */
export function printable(path: string): string {
  return path.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function shorten(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}
