/** Deeds that were intended and are not settled. A row that makes no sense is nobody's: forgetting one is always safe. */
import type { Database } from 'better-sqlite3';
import { z } from 'zod';
import { parseRelPath } from '../core/path.ts';
import type { Digest } from '../core/tree.ts';
import type { Intent, IntentDetail, IntentFacts, Intention } from './state.ts';
import { statement } from './statement.ts';

export interface IntentRows {
  /** Gives the id. */
  add(intention: Intention): number;
  learn(facts: IntentFacts): void;
  drop(id: number): void;
  all(): readonly Intent[];
}

const localStamp = z.object({
  size: z.number(),
  ino: z.number(),
  mtimeMs: z.number(),
  ctimeMs: z.number(),
  mode: z.number(),
  digest: z.string().exactOptional(),
});
const remoteStamp = z.object({
  size: z.number(),
  date: z.union([z.number(), z.tuple([z.number(), z.number()]).readonly()]),
});
const detailSchema: z.ZodType<IntentDetail> = z.object({
  local: localStamp.exactOptional(),
  remote: remoteStamp.exactOptional(),
  landed: localStamp.exactOptional(),
  spelled: z.object({ from: z.string(), to: z.string() }).exactOptional(),
});
const kinds = [
  'makeFolderLocal',
  'makeFolderRemote',
  'upload',
  'download',
  'compare',
  'moveLocal',
  'moveRemote',
  'setAside',
  'removeLocal',
  'removeRemote',
] as const satisfies readonly Intention['kind'][];
const rowSchema = z.object({
  id: z.number(),
  at: z.number(),
  cycle: z.number(),
  state: z.enum(['intended', 'begun']),
  kind: z.enum(kinds),
  path: z.string(),
  other: z.string().nullable(),
  digest: z.instanceof(Buffer).nullable(),
  size: z.number().nullable(),
  detail: z.string(),
});

export function intentRows(db: Database): IntentRows {
  const insert = statement(
    db,
    `INSERT INTO intent (at, cycle, state, kind, path, other, digest, size, detail)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const learn = statement(
    db,
    `UPDATE intent SET state = 'begun', digest = coalesce(?, digest),
    size = coalesce(?, size), detail = json_patch(detail, ?) WHERE id = ?`,
  );
  const drop = statement(db, 'DELETE FROM intent WHERE id = ?');
  const all = statement(db, 'SELECT * FROM intent ORDER BY id');
  return {
    add: ({ at, cycle, state, kind, path, other, digest, size, detail }) => {
      const sum = bytesOf(digest);
      const { lastInsertRowid } = insert.run(
        ...[at, cycle, state, kind, path, other ?? null, sum, size ?? null],
        JSON.stringify(detail),
      );
      return Number(lastInsertRowid);
    },
    learn: ({ id, digest, size, detail }) => {
      learn.run(bytesOf(digest), size ?? null, JSON.stringify(detail ?? {}), id);
    },
    drop: (id) => {
      drop.run(id);
    },
    all: () => all.all().flatMap((row) => intentOf(row) ?? []),
  };
}

function bytesOf(digest: Digest | undefined): Buffer | null {
  return digest === undefined ? null : Buffer.from(digest, 'hex');
}

function intentOf(found: unknown): Intent | undefined {
  const row = rowSchema.safeParse(found).data;
  const path = row && parseRelPath(row.path);
  const other = row?.other === null || row === undefined ? undefined : parseRelPath(row.other);
  const detail = row && detailSchema.safeParse(parsed(row.detail)).data;
  if (row === undefined || path === undefined || detail === undefined) return undefined;
  return {
    ...{ id: row.id, at: row.at, cycle: row.cycle, state: row.state, kind: row.kind, path, detail },
    ...(other === undefined ? {} : { other }),
    ...(row.digest === null ? {} : { digest: row.digest.toString('hex') }),
    ...(row.size === null ? {} : { size: row.size }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
