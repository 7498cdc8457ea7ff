/** Where words go: results to stdout, everything else to stderr; colours and progress only where a person looks. */
import { styleText } from 'node:util';
import { scrub } from '../lib/log.ts';

/** What the process gives us; a test gives its own. */
export interface Io {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export interface Output {
  readonly json: boolean;
  /** A result: lines for people, or one JSON object with `--json`. */
  result(lines: readonly string[] | string, machine: unknown): void;
  /** A line for people on stderr; nothing with `--json`. */
  note(text: string): void;
  /** `rtsync: sentence` on stderr, without secrets. */
  failure(sentence: string): void;
  style(style: Style, text: string): string;
}

export interface OutputOptions {
  readonly json: boolean;
  readonly color: boolean;
}

export function createOutput(io: Io, options: OutputOptions): Output {
  const color = options.color && wantsColor(io);
  return {
    json: options.json,
    result(lines, machine) {
      const text = options.json ? JSON.stringify(machine) : [lines].flat().join('\n');
      if (text !== '') io.stdout.write(`${text}\n`);
    },
    note(text) {
      if (!options.json) io.stderr.write(`${scrub(text)}\n`);
    },
    failure(sentence) {
      io.stderr.write(`rtsync: ${scrub(oneLine(sentence))}\n`);
    },
    style: (style, text) => (color ? styleText(style, text, { validateStream: false }) : text),
  };
}

/** Colours are for terminals; NO_COLOR and FORCE_COLOR are what other tools honour as well. */
export function wantsColor(io: Io): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = io.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '0') return true;
  return io.stdout.isTTY === true && io.stderr.isTTY === true && TERM !== 'dumb';
}

/** `1.5 MB`, in powers of ten as disks and quotas are sold. */
export function bytesInWords(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** `3.1 of 80 MB`: both in the unit of the second. */
export function partInWords(part: number, whole: number): string {
  const [size = '0', unit = 'B'] = bytesInWords(whole).split(' ');
  const bytes = unit === 'B' ? 1 : 1000 ** ['B', 'kB', 'MB', 'GB', 'TB'].indexOf(unit);
  const value = part / bytes;
  return `${value.toFixed(unit === 'B' || value === 0 || value >= 99.5 ? 0 : 1)} of ${size} ${unit}`;
}

/** `43 s`, `4 min`, `1 h 5 min`; rounded up. */
export function timeInWords(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 100) return `${whole} s`;
  const minutes = Math.ceil(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest === 0 ? '' : ` ${rest} min`}`;
}

/** `2,000` */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 file`, `2 files` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
