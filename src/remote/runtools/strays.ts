/**
 * What a server that keeps both has stored of ours beside a name that somebody took in the last moment. It is nobody's
 * file but would be synced as one, so it goes again: looked at before, since somebody may have written into it, and into
 * the trash, since somebody may be writing into it now. A stop must not leave it.
 */
import { extname } from 'node:path';
import type { RemoteMove, WriteSource } from '../remote.ts';
import { attempt, type Context, endsTheRun } from './context.ts';
import type { Times } from './dating.ts';
import { type DirId, type EntryId, idName, parentId } from './ids.ts';
import { type Item, mayDate } from './item.ts';
import { matches } from './looks.ts';
import { digestLine, digestOurs, digestThere, isBeginning, sameFile } from './torn.ts';
import type { Retirement } from './trash.ts';
import { whileYoung } from './while-young.ts';
import type { Entry, FileEntry, Listing } from './wire.ts';

/** What stays is taken for somebody's new file. */
const TRIES = 4;

type Entries = ReadonlyMap<string, Entry>;
type Clearing = Pick<Context, 'looks' | 'keepTrash'> & {
  readonly trash: Pick<Context['trash'], 'folder' | 'retire' | 'destroy'>;
};
type IsOurs = (entry: FileEntry) => boolean;

/** When a name was taken in the moment it was free: what the answer says of one folder, and who got no name. */
export function straysAmong<T extends Pick<Item, 'id'>>(
  told: readonly EntryId[],
  asked: readonly T[],
): { readonly strays: readonly EntryId[]; readonly without: readonly T[] } {
  const dirs = new Set(asked.map(({ id }) => parentId(id)));
  const ids = new Set(asked.map(({ id }) => id));
  const strays = told.filter((id) => dirs.has(parentId(id)) && !ids.has(id));
  return { strays, without: strays.length === 0 ? [] : asked.filter(({ id }) => !told.includes(id)) };
}

/** Of one folder. What is not `isOurs` any more stays. Never throws. */
export async function clearStrays(ctx: Clearing, strays: readonly EntryId[], isOurs: IsOurs): Promise<void> {
  let rest = strays;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const [first] = rest;
    if (first === undefined) return;
    const asked = rest;
    let into: EntryId | undefined;
    // Its turn at a slow gate can be long in coming: who wrote into it since the look must not lose that to the trash.
    const left = await attempt(() =>
      whileYoung(
        ctx.looks,
        () => ctx.looks.fresh(parentId(first)),
        async ({ entries }, young) => {
          const ours = asked.flatMap((id) => ourFile(entries.get(idName(id)), isOurs));
          if (ours.length === 0) return [];
          if (ctx.keepTrash) into ??= await ctx.trash.folder('trash');
          return giveUp(ctx, ours, { into, young });
        },
      ),
    );
    if (!left.ok && endsTheRun(left.error)) return;
    if (left.ok) rest = left.value;
  }
}

/** Gives those that still stand. What changed has been given back. */
async function giveUp(ctx: Clearing, ours: readonly FileEntry[], how: Retirement): Promise<EntryId[]> {
  const ids = ours.map(({ id }) => id);
  const expected = new Map(
    ours.flatMap(({ id, size, date }) =>
      size === undefined || date === undefined ? [] : [[id, { size, date }]],
    ),
  );
  const fates = ctx.keepTrash
    ? (await ctx.trash.retire(ids, expected, how)).fates
    : await ctx.trash.destroy(ids, how);
  return ids.filter((id) => ![undefined, 'changed'].includes(fates.get(id)?.code));
}

/**
 * The same when the answer came so late that no date tells: of them only what holds the very bytes of one of `sources`.
 * Each is read once at most.
 */
export async function clearLate(
  ctx: Context,
  strays: readonly EntryId[],
  isOurs: IsOurs,
  sources: readonly WriteSource[],
): Promise<void> {
  const listed = strays[0] && (await listStubbornly(ctx, parentId(strays[0])));
  if (!listed) return;
  const digests = new Map<WriteSource, Promise<string | undefined>>();
  for (const id of strays) {
    const [stray] = ourFile(listed.entries.get(idName(id)), isOurs);
    const rivals = sources.filter(({ size }) => size === stray?.size);
    if (stray === undefined || rivals.length === 0) continue;
    const there = stray.size === 0 ? undefined : await digestThere(ctx, id);
    if (stray.size !== 0 && (there === undefined || !(await isOneOf(there, rivals, digests)))) continue;
    // What was read, and nothing that took its place since.
    await clearStrays(ctx, [id], (entry) => sameFile(entry, stray));
  }
}

async function listStubbornly(ctx: Context, dir: DirId): Promise<Listing | undefined> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const listed = await attempt(() => ctx.looks.fresh(dir));
    if (listed.ok) return listed.value;
    if (endsTheRun(listed.error)) return undefined;
  }
  return undefined;
}

async function isOneOf(
  digest: string,
  sources: readonly WriteSource[],
  known: Map<WriteSource, Promise<string | undefined>>,
): Promise<boolean> {
  for (const source of sources) {
    const ours = known.get(source) ?? digestOurs(source, source.size);
    known.set(source, ours);
    if ((await ours) === digest) return true;
  }
  return false;
}

export interface Untold {
  readonly name: string;
  /** The folder before ours was sent to it, and now. */
  readonly before: Entries;
  readonly now: Entries;
  /** Of what we are to send there as well: another of us may have sent the same. */
  readonly others?: ReadonlySet<string>;
  readonly source: WriteSource;
  readonly isOurs: IsOurs;
}

/**
 * The same for one file whose new name no answer told: what holds the very bytes that were sent, beside the name, which
 * must be taken, and is nothing else that we sent. Empty files all hold the same, so they prove nothing and stay. Whether
 * there was one.
 */
export async function clearUntold(ctx: Context, untold: Untold): Promise<boolean> {
  const { name, before, now, others, source, isOurs } = untold;
  if (source.size === 0 || !now.has(name)) return false;
  const isNoOther: IsOurs = (entry) =>
    others?.has(entry.name) !== true && !ctx.looks.hasSent(entry.id) && isOurs(entry);
  const stray = strayOf(name, before, now, isNoOther);
  if (stray === undefined) return false;
  const [read] = ourFile(now.get(idName(stray)), isOurs);
  const same = await attempt(() => isBeginning(ctx, stray, source.size, source));
  if (read === undefined || !same.ok || !same.value) return false;
  // What was read, and nothing that took its place since.
  await clearStrays(ctx, [stray], (entry) => sameFile(entry, read));
  return true;
}

/**
 * Where ours is that was to be stored as `name`, when no answer tells: the one file that was not there before, is ours
 * by its size and date, and is called like it. Undefined when there is none, or more than one.
 */
export function strayOf(name: string, before: Entries, now: Entries, isOurs: IsOurs): EntryId | undefined {
  const stem = name.slice(0, name.length - extname(name).length);
  const found = [...now.values()].flatMap((entry) =>
    entry.name !== name && entry.name.startsWith(stem) && !before.has(entry.name)
      ? ourFile(entry, isOurs)
      : [],
  );
  return found.length === 1 ? found[0]?.id : undefined;
}

function ourFile(entry: Entry | undefined, isOurs: IsOurs): readonly FileEntry[] {
  return entry?.kind === 'file' && isOurs(entry) ? [entry] : [];
}

/** A step of a move. */
export interface Aim {
  readonly job: RemoteMove & { readonly times: Pick<Times, 'span'> };
  readonly step: EntryId;
  /** The folder before, in which the name was free; undefined where a server stores nothing under another name. */
  readonly before: Entries | undefined;
}

/**
 * Where a moved file is that did not get its name, when no answer tells. Nobody can tell a folder from another; a file that
 * was dated anew is told by its content, where that is known. Throws `stopped`.
 */
export async function movedAside(ctx: Context, aim: Aim, now: Entries): Promise<EntryId | undefined> {
  const { step, before } = aim;
  const { expect, digest, times } = aim.job;
  if (before === undefined || expect === 'folder') return undefined;
  const name = idName(step);
  if (ctx.traits.moveKeepsDate) {
    const isOurs = (entry: Entry | undefined): boolean => matches(entry, expect);
    return isOurs(now.get(name)) ? undefined : strayOf(name, before, now, isOurs);
  }
  // Empty files all hold the same, and beside a free name nothing was stored.
  if (digest === undefined || expect.size === 0 || !now.has(name)) return undefined;
  const moving = times.span();
  const mayBe: IsOurs = ({ size, date }) =>
    size === expect.size && date !== undefined && mayDate(ctx, moving, date);
  const stray = strayOf(name, before, now, (entry) => !ctx.looks.hasSent(entry.id) && mayBe(entry));
  if (stray === undefined) return undefined;
  const line = digestLine(expect.size, digest);
  if ((await digestThere(ctx, stray)) !== line) return undefined;
  const [named] = ourFile(now.get(name), mayBe);
  // Ours has its name then, and somebody has copied it.
  return named !== undefined && (await digestThere(ctx, named.id)) === line ? undefined : stray;
}
