/**
 * Deletes that wait for a person, that a pair is halted, and what a person let pass: small files beside a pair's
 * database, so that `approve` needs no lock while the service runs. An approval names each removal with its size, or is
 * meant for the halt that stood when it was given and for no other, and expires.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { RelPath } from '../core/path.ts';
import type { Held } from '../core/plan.ts';

/**
 * What a person allows when a root or a workspace is not known again: both sides are compared as if for the first time.
 * It counts only while the halt stands that it was given for.
 */
export const AFRESH = 'afresh';

const heldSchema = z.array(
  z.object({ path: z.string(), side: z.enum(['local', 'remote']), files: z.number(), reason: z.string() }),
);
const approvedSchema = z.object({
  /** Epoch milliseconds. */
  until: z.number(),
  /** As `heldFingerprint` of the core gives them. */
  fingerprints: z.array(z.string()),
  /** The halt that stood then. */
  halt: z.string().optional(),
});
const haltSchema = z.object({ id: z.string(), message: z.string() });

export interface Approvals {
  readHeld(): readonly Held[];
  saveHeld(held: readonly Held[]): void;
  /** What may pass at this time (epoch milliseconds). */
  approved(now: number): ReadonlySet<string>;
  approve(fingerprints: readonly string[], until: number): void;
  /** Whether this may pass now; then it may not again. */
  take(fingerprint: string, now: number): boolean;
  /** The pair is halted. Told again, it is the same halt until the pair has recovered. */
  halted(message: string): void;
  /** Why the pair is halted, as it was first told; undefined when it is not. */
  readHalt(): string | undefined;
  /** Both sides are the right ones. True when an approval to compare afresh, not used, ends with the halt at this time. */
  recovered(now: number): boolean;
}

/** `file`: the pair's database. Nothing is kept for `:memory:`. */
export function approvalsBeside(file: string): Approvals {
  const heldFile = `${file}.held`;
  const approvedFile = `${file}.approved`;
  const haltFile = `${file}.halted`;
  let known: string | undefined;
  const halt = (): z.infer<typeof haltSchema> | undefined => haltSchema.safeParse(read(haltFile)).data;
  const standing = (now: number): { readonly until: number; readonly fingerprints: readonly string[] } => {
    const found = approvedSchema.safeParse(read(approvedFile)).data;
    if (found === undefined || found.until <= now) return { until: now, fingerprints: [] };
    const { fingerprints } = found;
    const isBound = !fingerprints.includes(AFRESH) || (found.halt !== undefined && found.halt === halt()?.id);
    return isBound ? found : { ...found, fingerprints: without(AFRESH, fingerprints) };
  };
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
    approved: (now) => new Set(standing(now).fingerprints),
    approve: (fingerprints, until) =>
      write(approvedFile, JSON.stringify({ until, fingerprints, halt: halt()?.id })),
    take: (fingerprint, now) => {
      const found = standing(now);
      if (!found.fingerprints.includes(fingerprint)) return false;
      write(
        approvedFile,
        JSON.stringify({ ...found, fingerprints: without(fingerprint, found.fingerprints) }),
      );
      return true;
    },
    halted: (message) => {
      if (file !== ':memory:' && halt() === undefined)
        write(haltFile, JSON.stringify({ id: randomUUID(), message }));
    },
    readHalt: () => halt()?.message,
    recovered: (now) => {
      if (halt() === undefined) return false;
      const isLeft = standing(now).fingerprints.includes(AFRESH);
      rmSync(haltFile, { force: true });
      return isLeft;
    },
  };
}

function without(fingerprint: string, fingerprints: readonly string[]): readonly string[] {
  return fingerprints.filter((one) => one !== fingerprint);
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
