/** The limit on file bytes as people write it: a rate for each way, and a timetable of the day. */
import { z } from 'zod';
import type { Way } from '../lib/bandwidth.ts';
import { RtsyncError } from '../lib/errors.ts';

/** Bytes a second; undefined: no limit. */
type Rate = number | undefined;

export interface BandwidthConfig {
  readonly up: Rate;
  readonly down: Rate;
  /** The first that holds the time counts; at any other time the two rates above. */
  readonly timetable: readonly TimetableEntry[];
}

export interface TimetableEntry {
  /** Minutes of the local day; `to` is not in it, and before `from` when the night lies between. */
  readonly from: number;
  readonly to: number;
  readonly up: Rate;
  readonly down: Rate;
}

/** Slower than this an upload cannot be told from one that hangs. Bytes a second. */
const LEAST_RATE = 10_000;

const RATE =
  'bytes a second from 10 kB on, such as "1 MB", "500 kB", "2 MiB" or 250000, or "off" for no limit';
const TIME = 'a time of the day, such as "08:00"';
const TIMETABLE = 'a list of {"from": TIME, "to": TIME, "up": RATE, "down": RATE}';
const SHAPE = { error: 'an object in braces' };

const rate = z
  .union([z.number(), z.string()], { error: RATE })
  .nullable()
  .refine((value) => parseRate(value) !== 'wrong', { error: RATE })
  .optional();
const time = z.string({ error: TIME }).refine((value) => minutesOf(value) !== undefined, { error: TIME });

export const bandwidthSchema = z.strictObject(
  {
    up: rate,
    down: rate,
    timetable: z
      .array(z.strictObject({ from: time, to: time, up: rate, down: rate }, { error: TIMETABLE }), {
        error: TIMETABLE,
      })
      .optional(),
  },
  SHAPE,
);

type BandwidthFile = z.infer<typeof bandwidthSchema>;
type RateText = string | number | null | undefined;

/** What an entry of the timetable leaves out is as at any other time. */
export function completeBandwidth({ up, down, timetable = [] }: BandwidthFile = {}): BandwidthConfig {
  const usual = { up: rateOf(up), down: rateOf(down) };
  return {
    ...usual,
    timetable: timetable.map((entry) => ({
      from: minutesOf(entry.from) ?? 0,
      to: minutesOf(entry.to) ?? 0,
      up: entry.up === undefined ? usual.up : rateOf(entry.up),
      down: entry.down === undefined ? usual.down : rateOf(entry.down),
    })),
  };
}

/** `RATE` for both ways, or `UP:DOWN`, as on the command line. Throws `usage`. */
export function parseBandwidth(text: string): BandwidthConfig {
  const parts = text.split(':');
  const [up, down] = [parseRate(parts[0]), parseRate(parts.at(-1))];
  if (parts.length > 2 || up === 'wrong' || down === 'wrong')
    throw new RtsyncError('usage', `--bwlimit must be RATE or UP:DOWN, each ${RATE}, not "${text}"`);
  return { up, down, timetable: [] };
}

/** Bytes a second at this minute of the local day. */
export function rateAt({ timetable, ...usual }: BandwidthConfig, way: Way, minute: number): Rate {
  const entry = timetable.find(({ from, to }) =>
    from < to ? from <= minute && minute < to : from <= minute || minute < to,
  );
  return (entry ?? usual)[way];
}

export function limitsAny({ timetable, ...usual }: BandwidthConfig): boolean {
  return [usual, ...timetable].some(({ up, down }) => up !== undefined || down !== undefined);
}

/** Of this machine's day. */
export function minuteOfDay(now: number): number {
  const date = new Date(now);
  return date.getHours() * 60 + date.getMinutes();
}

function rateOf(value: RateText): Rate {
  const parsed = parseRate(value);
  return parsed === 'wrong' ? undefined : parsed;
}

/** Letters alone count as rclone's do, by 1024; `kB` and the like by 1000, as everywhere in rtsync. */
const UNITS: Readonly<Record<string, number>> = {
  ...{ '': 1, b: 1 },
  ...{ kb: 1e3, mb: 1e6, gb: 1e9 },
  ...{ k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 },
  ...{ kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 },
};

function parseRate(value: RateText): Rate | 'wrong' {
  if (value === null || value === undefined || value === 'off') return undefined;
  const found = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*?)(?:\/s)?\s*$/i.exec(String(value));
  const unit = UNITS[(found?.[2] ?? '').toLowerCase()];
  const bytes = Number(found?.[1]) * (unit ?? Number.NaN);
  return bytes >= LEAST_RATE && Number.isFinite(bytes) ? bytes : 'wrong';
}

/** `08:00`; 24:00 is the end of the day. */
function minutesOf(text: string): number | undefined {
  const found = /^(\d{1,2}):(\d{2})$/.exec(text);
  const [hours, minutes] = [Number(found?.[1]), Number(found?.[2])];
  const inDay = (hours < 24 && minutes < 60) || (hours === 24 && minutes === 0);
  return inDay ? hours * 60 + minutes : undefined;
}
