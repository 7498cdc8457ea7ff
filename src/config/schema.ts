/** The configuration file's shape: every key, what it must be, and what it is when it is left out. */
import { z } from 'zod';
import type { ConflictPolicy } from '../core/plan.ts';
import { LOG_LEVELS } from '../lib/log.ts';
import { bandwidthSchema } from './bandwidth.ts';

export const POLICIES = [
  'keep-both',
  'local',
  'remote',
  'newer',
  'hold',
] as const satisfies readonly ConflictPolicy[];
export const DIRECTIONS = ['both', 'push', 'pull'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** What a value must be, in words: the second half of "KEY must be …". */
const text = z.string({ error: 'a text' }).min(1, { error: 'a text that is not empty' });
const flag = z.boolean({ error: 'true or false' });
const whole = (words: string, min: number, max = Number.MAX_SAFE_INTEGER) => {
  const error = `${words}, a whole number ${max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};
const oneOf = <T extends string>(values: readonly T[]) =>
  z.enum(values, { error: `one of ${values.join(', ')}` });

const policy = oneOf(POLICIES);
const RULES = 'a policy, or a list of {"match": GLOB, "policy": POLICY}';
const SIZE_LIMIT = 'null for no limit, or bytes';
const MAX_DELETE = '{"files": N, "percent": N}, or false';

const shape = { error: 'an object in braces' };

export const pairSchema = z.strictObject(
  {
    name: text.optional(),
    folder: text,
    workspace: text,
    path: z.string({ error: 'a folder inside the workspace' }).optional(),
    direction: oneOf(DIRECTIONS).optional(),
    ignore: z.array(text, { error: 'a list of patterns' }).optional(),
    conflicts: z
      .union([policy, z.array(z.strictObject({ match: text, policy }, { error: RULES }), { error: RULES })], {
        error: RULES,
      })
      .optional(),
    maxDelete: z
      .union(
        [
          z.literal(false, { error: MAX_DELETE }),
          z.strictObject(
            { files: whole('a number of files', 0).optional(), percent: whole('percent', 0, 100).optional() },
            { error: MAX_DELETE },
          ),
        ],
        { error: MAX_DELETE },
      )
      .optional(),
    pollSeconds: whole('seconds', 1, 86_400).optional(),
    maxStalenessSeconds: whole('seconds', 1, 86_400).optional(),
    trash: z
      .strictObject(
        {
          remote: flag.optional(),
          days: whole('days', 1, 3_650).optional(),
          localBytes: whole(SIZE_LIMIT, 1).nullable().optional(),
          remoteBytes: whole(SIZE_LIMIT, 1).nullable().optional(),
        },
        shape,
      )
      .optional(),
    uploadLimitBytes: whole('bytes', 1).optional(),
    minFreeBytes: whole('bytes that downloads leave free', 0).optional(),
    settleMs: whole('milliseconds', 0, 600_000).optional(),
  },
  shape,
);

export const fileSchema = z.strictObject(
  {
    $schema: z.string({ error: 'a text' }).optional(),
    server: z
      .strictObject(
        {
          apiUrl: text.optional(),
          storageUrl: text.optional(),
          auth: oneOf(['auto', 'x-api-key', 'bearer']).optional(),
          limitPerMinute: whole('requests a minute', 1).optional(),
          concurrency: whole('requests at once', 1, 256).optional(),
        },
        shape,
      )
      .optional(),
    apiKeyFile: text.optional(),
    apiKeyCommand: z
      .array(text, { error: 'a command as a list, such as ["pass", "show", "runtools"]' })
      .min(1, { error: 'a command as a list, such as ["pass", "show", "runtools"]' })
      .optional(),
    bandwidth: bandwidthSchema.optional(),
    pairs: z.array(pairSchema, { error: 'a list of pairs' }).optional(),
    stateDir: text.optional(),
    logLevel: oneOf(LOG_LEVELS).optional(),
  },
  shape,
);

export type ConfigFile = z.infer<typeof fileSchema>;
export type PairFile = z.infer<typeof pairSchema>;

export const SERVER_DEFAULTS = {
  apiUrl: 'https://api.runtools.ai',
  storageUrl: 'https://storage.runtools.ai',
  auth: 'auto',
  concurrency: 32,
} as const;

export const PAIR_DEFAULTS = {
  direction: 'both',
  maxDelete: { files: 50, percent: 25 },
  pollSeconds: 30,
  maxStalenessSeconds: 900,
  trash: { remote: true, days: 30, localBytes: null, remoteBytes: null },
  /** The smaller reading of "100 MB". */
  uploadLimitBytes: 100_000_000,
  minFreeBytes: 100_000_000,
  settleMs: 150,
} as const;

/** Names of the keys that may stand at a place, for "did you mean". */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(fileSchema.shape);
  const last = path.findLast((step) => typeof step === 'string');
  if (last === 'pairs') return Object.keys(pairSchema.shape);
  if (last === 'server') return ['apiUrl', 'storageUrl', 'auth', 'limitPerMinute', 'concurrency'];
  if (last === 'bandwidth') return ['up', 'down', 'timetable'];
  if (last === 'timetable') return ['from', 'to', 'up', 'down'];
  if (last === 'trash') return ['remote', 'days', 'localBytes', 'remoteBytes'];
  if (last === 'maxDelete') return ['files', 'percent'];
  return last === 'conflicts' ? ['match', 'policy'] : [];
}
