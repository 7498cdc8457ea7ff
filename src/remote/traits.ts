/** What a server was found to do. Data, kept in the state database, shown by `rtsync probe`. */
import { z } from 'zod';

export const traitsSchema = z.object({
  version: z.literal(1),
  /** Epoch milliseconds of the probe. */
  probedAt: z.number(),
  /** `reading`: only what can be learnt without a write; the rest is assumed to be the careful value. */
  depth: z.enum(['full', 'reading']),
  /** How the key is sent. */
  auth: z.enum(['x-api-key', 'bearer']),
  /** What an upload onto a taken name does. `rename`: keeps the old and stores ours under another name. */
  takenUpload: z.enum(['overwrite', 'rename', 'refuse']),
  /** What a batch move onto a taken name does. */
  takenMove: z.enum(['overwrite', 'rename', 'refuse']),
  /** Are names with a leading dot listed when asked for? */
  dotFiles: z.enum(['listed', 'hidden']),
  /** Resolution of listed dates in milliseconds: 1 or 1000. */
  dateGrain: z.number().positive(),
  /** Do dates of fresh uploads follow the `Date` header of answers? Then an upload can be recognised without a look. */
  datesFollowClock: z.boolean(),
  /** How ids go into URLs: each segment percent-encoded, or the whole id as one segment (`%2F`). */
  pathEncoding: z.enum(['segments', 'whole']),
  /** What the list of a missing folder answers. */
  missingFolder: z.enum(['not-found', 'error', 'empty']),
  /** Are missing parents made by an upload? */
  uploadMakesParents: z.boolean(),
  /** Does a move keep the file's date? */
  moveKeepsDate: z.boolean(),
  /** Does the server tell its rate in headers? */
  rateHeaders: z.boolean(),
  /** Does a file that is being uploaded become visible before it is whole? Unknown counts as true. */
  growingUploads: z.boolean(),
});

export type Traits = z.infer<typeof traitsSchema>;
