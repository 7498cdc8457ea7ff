/**
 * What was taken into the trash by mistake, or to make room for what then could not come, goes back to its name. It may
 * be somebody's only copy, so it must go, whatever the network does.
 */
import type { RemoteStamp } from '../../core/tree.ts';
import type { StorageClient } from './client.ts';
import { attempt } from './context.ts';
import { childId, type DirId, type EntryId, idName } from './ids.ts';
import { type Looks, matches } from './looks.ts';
import { isVersion } from './same-tree.ts';
import { clearStrays, strayOf, straysAmong } from './strays.ts';
import type { Trash } from './trash.ts';
import type { Entry } from './wire.ts';

export interface GivingBack {
  readonly client: StorageClient;
  readonly looks: Looks;
  /** Takes again what the server stored under another name. */
  readonly trash: Pick<Trash, 'folder' | 'retire' | 'destroy'>;
  /** Whether a moved file keeps its date on this server. */
  readonly movesKeepDates: boolean;
  /** Whether the server keeps both when something is moved onto a taken name. */
  readonly keepsBoth: boolean;
}

export interface Given {
  /** The folder of the trash in which they lie. */
  readonly into: EntryId;
  readonly dir: DirId;
  /** Where they stood, in `dir`. */
  readonly ids: readonly EntryId[];
}

const GIVE_BACK_TRIES = 4;
/** The try that moves each by itself. */
const ONE_BY_ONE = 2;

/**
 * All of one folder at once, since their names are vacant until then. One bad id may stop a batch, so what two batches
 * left behind goes one by one. Never throws.
 * RACE: when yet another file has taken the name since, the one in the trash stays there; what takes it after the list,
 * before the move arrives (its turn at the gate and one request), is overwritten on a server that overwrites. One that
 * keeps both stores ours beside it: a file goes into the trash again.
 */
export async function giveBack(how: GivingBack, { into, dir, ids }: Given): Promise<void> {
  const { client, looks } = how;
  const versions = how.keepsBoth ? await versionsIn(client, into) : undefined;
  let rest = ids;
  for (let tries = 0; tries < GIVE_BACK_TRIES && rest.length > 0; tries += 1) {
    const parts = tries === ONE_BY_ONE ? rest.map((id) => [id]) : [rest];
    for (const part of parts) {
      const listed = await attempt(() => client.list(dir));
      if (!listed.ok) break;
      const { entries } = listed.value;
      rest = rest.filter((id) => !entries.has(idName(id)));
      const going = part.filter((id) => rest.includes(id));
      const from = going.map((id) => childId(into, idName(id)));
      const sent = from.length > 0 ? await attempt(() => client.batch('move', from, dir)) : undefined;
      if (sent === undefined || versions === undefined) continue;
      const told = sent.ok ? sent.value : undefined;
      await takeAgain(how, { dir, going, told, before: entries, versions });
    }
  }
  await attempt(() => looks.fresh(dir));
}

interface Gone {
  readonly dir: DirId;
  readonly going: readonly EntryId[];
  /** Where the server says that they are. */
  readonly told: readonly EntryId[] | undefined;
  readonly before: ReadonlyMap<string, Entry>;
  readonly versions: ReadonlyMap<string, RemoteStamp>;
}

async function takeAgain(how: GivingBack, { dir, going, told, before, versions }: Gone): Promise<void> {
  const isOneOf = (entry: Entry, ids: readonly EntryId[]): boolean =>
    ids.some((id) => {
      const seen = versions.get(idName(id));
      return seen !== undefined && isVersion(entry, seen, how.movesKeepDates);
    });
  const asked = going.map((id) => ({ id }));
  const strays = told === undefined ? await untold() : straysAmong(told, asked).strays;
  if (strays.length === 0) return;
  await clearStrays({ ...how, keepTrash: true }, strays, (entry) => isOneOf(entry, going));

  /** What is dated anew is told by nothing then, and what has its name needs no telling. */
  async function untold(): Promise<EntryId[]> {
    const listed = how.movesKeepDates ? await attempt(() => how.looks.fresh(dir)) : undefined;
    if (listed?.ok !== true) return [];
    const now = listed.value.entries;
    return going.flatMap((id) => {
      const named = now.get(idName(id));
      if (named === undefined || isOneOf(named, [id])) return [];
      return strayOf(idName(id), before, now, (entry) => matches(entry, versions.get(idName(id)))) ?? [];
    });
  }
}

/** Of the files; undefined when nobody can look. */
async function versionsIn(
  client: StorageClient,
  into: EntryId,
): Promise<ReadonlyMap<string, RemoteStamp> | undefined> {
  const listed = await attempt(() => client.list(into));
  if (!listed.ok) return undefined;
  return new Map(
    [...listed.value.entries].flatMap(([name, entry]) =>
      entry.kind === 'file' && entry.size !== undefined && entry.date !== undefined
        ? [[name, { size: entry.size, date: entry.date }] as const]
        : [],
    ),
  );
}
