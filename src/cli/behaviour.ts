/** The server's switches as they can be written on a command line. */
import type { Behaviour } from '../serve/behaviour.ts';

type Choices<T> = [T] extends [number] ? 'number' | readonly T[] : readonly T[];
type Switches = {
  readonly [K in keyof Omit<Behaviour, 'quotaError'>]: Choices<Exclude<Behaviour[K], undefined>>;
};

const TAKEN = ['overwrite', 'rename', 'refuse'] as const;
const SWITCH = [true, false] as const;

const SWITCHES: Switches = {
  takenName: TAKEN,
  takenMove: TAKEN,
  takenFolder: ['fine', 'stray'],
  missingParent: ['error', 'created'],
  missingFolder: [404, 500, 'empty'],
  showHidden: ['honoured', 'ignored'],
  dialect: ['documented', 'alternative'],
  folderHints: ['honest', 'meaningless'],
  pathInfo: ['recursive', 'shallow', 'wrong', 'null', 'error'],
  badBatch: ['stops', 'skips'],
  deleteMissing: [200, 404],
  folderDownload: ['refused', 'huge'],
  ranges: ['honoured', 'ignored'],
  errorShape: ['envelope', 'text', 'plain-string'],
  statusForMissing: [404, 500],
  pathEncoding: ['segments', 'whole'],
  putAnswer: ['result', 'empty'],
  dateFormat: ['iso', 'seconds'],
  dateSkewMs: 'number',
  moveDate: ['kept', 'new'],
  growingUploads: SWITCH,
  auth: ['both', 'x-api-key', 'bearer'],
  rateHeaders: ['honest', 'none', 'lie'],
  retryAfter: SWITCH,
  slugAsId: SWITCH,
  pageSize: 'number',
  filePageSize: 'number',
};

/** By name; `number` stands for any whole number. */
export const BEHAVIOUR_CHOICES: Readonly<
  Record<string, 'number' | readonly (string | number | boolean)[] | undefined>
> = SWITCHES;
