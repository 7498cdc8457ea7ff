/**
 * Deletes that wait for a person, and what a person let pass: two small files beside a pair's database, so that
 * `approve` needs no lock while the service runs. An approval names each removal with its size, and expires.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { RelPath } from '../core/path.ts';
import type { Held } from '../core/plan.ts';

/** What a person allows when a root or a workspace is not known again: both sides are compared as if for the first time. */
export const AFRESH = 'afresh';

const heldSchema = z.array(
  z.object({ path: z.string(), side: z.enum(['local', 'remote']), files: z.number(), reason: z.string() }),
);
const approvedSchema = z.object({
  /** Epoch milliseconds. */
  until: z.number(),
  /** As `heldFingerprint` of the core gives them. */
  fingerprints: z.array(z.string()),
});

export interface Approvals {
  readHeld(): readonly Held[];
  saveHeld(held: readonly Held[]): void;
  /** What may pass at this time (epoch milliseconds). */
  approved(now: number): ReadonlySet<string>;
  approve(fingerprints: readonly string[], until: number): void;
  /** Whether this may pass now; then it may not again. */
  take(fingerprint: string, now: number): boolean;
}

/** `file`: the pair's database. Nothing is kept for `:memory:`. */
export function approvalsBeside(file: string): Approvals {
  const heldFile = `${file}.held`;
  const approvedFile = `${file}.approved`;
  let known: string | undefined;
  return {
    readHeld: () =>
      (heldSchema.safeParse(read(heldFile)).data ?? []).map((item) => ({
        ...item,
        path: item.path as RelPath,
      })),
    saveHeld: (held) => {
      const text = held.length === 0 ? undefined : JSON.stringify(held);
      if (file === ':memory:' || (text === known && known !== undefined)) return;
      known = text;
      if (text === undefined) rmSync(heldFile, { force: true });
      else write(heldFile, text);
    },
    approved: (now) => {
      const found = approvedSchema.safeParse(read(approvedFile)).data;
      return new Set(found !== undefined && found.until > now ? found.fingerprints : []);
    },
    approve: (fingerprints, until) => write(approvedFile, JSON.stringify({ until, fingerprints })),
    take: (fingerprint, now) => {
      const found = approvedSchema.safeParse(read(approvedFile)).data;
      if (found === undefined || found.until <= now || !found.fingerprints.includes(fingerprint))
        return false;
      const left = found.fingerprints.filter((one) => one !== fingerprint);
      write(approvedFile, JSON.stringify({ until: found.until, fingerprints: left }));
      return true;
    },
  };
}

function read(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function write(file: string, text: string): void {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
}
