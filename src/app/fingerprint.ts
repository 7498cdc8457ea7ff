import { createHash } from 'node:crypto';

/** A short stable name for a long text, for file names. */
export function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
