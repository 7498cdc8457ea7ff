/**
 * Our own folder on the server: `/.rtsync/trash/<day>/<random>/` takes what is given up, `/.rtsync/staging/<random>/`
 * what waits to take a name. Every batch gets a folder of its own, so that names never meet there.
 */
import { randomBytes } from 'node:crypto';
import type { FolderNode, RemoteStamp } from '../../core/tree.ts';
import type { Clock } from '../../lib/clock.ts';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import { Stale } from '../../lib/gate.ts';
import type { Manner, StorageClient } from './client.ts';
import { attempt, changed, failed, inParallel } from './context.ts';
import { ensureOwn, type FolderMaker } from './folders.ts';
import { type Given, giveBack } from './give-back.ts';
import { childId, type DirId, type EntryId, idName, OWN_NAME, parentId, TOP } from './ids.ts';
import type { Looks } from './looks.ts';
import { firstDifference, isVersion } from './same-tree.ts';
import type { Young } from './while-young.ts';

/** What became of each id: undefined when it is gone from its place. */
export type Fates = ReadonlyMap<EntryId, RtsyncError | undefined>;

export interface Trash {
  /** A fresh, empty folder for one batch. `concludes`: as in `Manner`. */
  folder(kind: 'trash' | 'staging', how?: Urging): Promise<EntryId>;
  /**
   * Moves at most 250 entries with different base names into a fresh folder. What then turns out not to be as it was
   * `expected`, since somebody wrote there between the last look and the move, is moved back, and its fate is `changed`.
   * Throws nothing but `Stale`, and that only where `still` is given; then nothing was moved.
   */
  retire(
    ids: readonly EntryId[],
    expected: ReadonlyMap<EntryId, RemoteStamp | FolderNode<RemoteStamp>>,
    how?: Retirement,
  ): Promise<{ readonly folder: EntryId | undefined; readonly fates: Fates }>;
  /** Moves what lies there back to its name, unless that is taken by then. Never throws. */
  giveBack(given: Given): Promise<void>;
  /** Deletes at most 250 entries for good. Throws nothing but `Stale`, when its look has grown old. */
  destroy(ids: readonly EntryId[], how?: Pick<Retirement, 'signal' | 'concludes' | 'young'>): Promise<Fates>;
}

type Urging = Pick<Manner, 'signal' | 'concludes'>;

/** `signal`: until the move is sent. */
export interface Retirement extends Urging {
  /** A fresh folder of the trash that was made before the last look, so that no request comes between that and the move. */
  readonly into?: EntryId | undefined;
  /** What cannot be looked at afterwards goes back as well: another version is about to take its name. */
  readonly certain?: boolean;
  readonly young?: Young;
}

export interface TrashOptions {
  readonly client: StorageClient;
  readonly looks: Looks;
  readonly folders: FolderMaker;
  readonly clock: Clock;
  readonly random?: () => string;
  /** Whether a moved file keeps its date on this server. */
  readonly movesKeepDates: boolean;
  /** Whether the server keeps both when something is moved onto a taken name. */
  readonly keepsBoth: boolean;
}

type Expected = readonly [EntryId, RemoteStamp | FolderNode<RemoteStamp>];

interface Moved {
  readonly entries: readonly Expected[];
  readonly certain: boolean;
}

export function createTrash(options: TrashOptions): Trash {
  const { client, looks, folders, clock } = options;
  const random = options.random ?? (() => randomBytes(6).toString('hex'));
  const parents = new Map<string, Promise<EntryId>>();

  const parent = (names: readonly string[], how: Urging): Promise<EntryId> => {
    const key = names.join('/');
    const known = parents.get(key);
    if (known !== undefined) return known;
    const made = ensureOwn(folders, names, how);
    parents.set(key, made);
    made.catch(() => parents.delete(key));
    return made;
  };

  /** What others began may be called back. */
  const parentFor = (names: readonly string[], how: Urging): Promise<EntryId> =>
    parent(names, how).catch((error: unknown) => {
      if (how.concludes !== true || !isCode(error, 'superseded')) throw error;
      return parent(names, how);
    });

  const folder: Trash['folder'] = async (kind, how = {}) => {
    // By the faster of both clocks, as purges go by the slower: a clock that went astray must not make it look expired.
    const now = clock.now() + Math.max(0, client.clockOffsetMs ?? 0);
    const day = new Date(now).toISOString().slice(0, 10);
    const names = kind === 'trash' ? ['trash', day] : ['staging'];
    for (let tries = 0; ; tries += 1) {
      const dir = await parentFor(names, how);
      const name = random();
      const id = childId(dir, name);
      try {
        const made = await client.makeFolder(dir, name, { growth: false, ...how });
        if (made !== undefined && made !== id)
          throw new RtsyncError(
            'bad-answer',
            `the server made ${JSON.stringify(made)} where ${JSON.stringify(id)} was asked for`,
          );
        looks.made(id);
        return id;
      } catch (error) {
        // Somebody cleared the trash with its parents: make them again, once. A lost answer leaves an empty folder.
        parents.delete(names.join('/'));
        if (tries > 0 || !isCode(error, 'not-found', 'network', 'server-error', 'bad-answer', 'taken'))
          throw error;
        looks.forget(childId(TOP, OWN_NAME));
      }
    }
  };

  const retire: Trash['retire'] = async (
    ids,
    expected,
    { signal, concludes, certain = false, young, ...how } = {},
  ) => {
    let into: EntryId;
    try {
      into = how.into ?? (await folder('trash', { signal, concludes }));
    } catch (error) {
      return { folder: undefined, fates: new Map(ids.map((id) => [id, failed(error).error])) };
    }
    let sent = false;
    const onSent = (): void => {
      sent = true;
    };
    // A second try is for what a list has just shown to be there still.
    let manner: Manner = { signal, concludes, onSent, ...young };
    const run = (rest: readonly EntryId[]): Promise<readonly EntryId[] | undefined> => {
      const asked = client.batch('move', rest, into, manner);
      manner = { signal, concludes, onSent };
      return asked;
    };
    // Whoever is stopped while the answer is on its way must still look what was taken: else it is never given back.
    const looking = (): AbortSignal | undefined => (sent ? undefined : signal);
    const fates = new Map(await carryOut(looks, ids, run, looking));
    const gone = [...expected].filter(([id]) => fates.has(id) && fates.get(id) === undefined);
    const moved: Moved = { entries: gone, certain };
    const wrong = await unexpected(into, moved);
    await inParallel([...new Set(wrong.map(parentId))], 8, (dir) =>
      trash.giveBack({ into, dir, ids: wrong.filter((id) => parentId(id) === dir) }),
    );
    for (const id of wrong) fates.set(id, changed(id));
    return { folder: into, fates };
  };

  /** Those that are not what was to be given up. What cannot be seen is safe where it is, unless all must be `certain`. */
  const unexpected = async (into: EntryId, { entries, certain }: Moved): Promise<EntryId[]> => {
    if (entries.length === 0) return [];
    const listed = await attempt(() => client.list(into));
    if (!listed.ok) return certain ? entries.map(([id]) => id) : [];
    const how = { look: (dir: DirId) => client.list(dir), dates: options.movesKeepDates };
    const found: EntryId[] = [];
    await inParallel(entries, 8, async ([id, seen]) => {
      const entry = listed.value.entries.get(idName(id));
      if (entry === undefined) return;
      const differs = await attempt(async () =>
        'children' in seen
          ? (await firstDifference(how, childId(into, idName(id)), seen)) !== undefined
          : !isVersion(entry, seen, options.movesKeepDates),
      );
      if (differs.ok ? differs.value : certain) found.push(id);
    });
    return found;
  };

  const trash: Trash = {
    folder,
    retire,
    giveBack: (given) => giveBack({ ...options, trash }, given),
    destroy: (ids, { signal, concludes, young } = {}) => {
      let manner: Manner = { signal, concludes, ...young };
      const run = async (rest: readonly EntryId[]) => {
        const asked = client.remove(rest, manner);
        manner = { signal, concludes };
        await asked;
        return undefined;
      };
      return carryOut(looks, ids, run, () => signal);
    },
  };
  return trash;
}

/**
 * Runs a batch that takes entries away. A batch with one bad id may stop half-way without telling where, so after an
 * error the parents' lists say what happened; what still stands is tried once more when there was any progress.
 */
async function carryOut(
  looks: Looks,
  ids: readonly EntryId[],
  run: (ids: readonly EntryId[]) => Promise<readonly EntryId[] | undefined>,
  looking: () => AbortSignal | undefined,
): Promise<Fates> {
  const fates = new Map<EntryId, RtsyncError | undefined>();
  let rest = ids;
  for (let tries = 0; rest.length > 0; tries += 1) {
    try {
      refusePart(await run(rest), rest);
      for (const id of rest) fates.set(id, undefined);
      rest = [];
    } catch (thrown) {
      if (thrown instanceof Stale) throw thrown;
      const error = failed(thrown).error;
      // What was called back was not sent.
      const unsent = tries === 0 && isCode(error, 'superseded');
      const standing = unsent ? undefined : await stillStanding(looks, rest, looking());
      for (const id of rest) fates.set(id, standing === undefined || standing.has(id) ? error : undefined);
      const progress = standing !== undefined && standing.size < rest.length;
      rest = progress && tries === 0 ? rest.filter((id) => standing.has(id)) : [];
    }
  }
  for (const [id, error] of fates) if (error === undefined) looks.gone(parentId(id), idName(id));
  return fates;
}

/** Some servers pass over what they cannot do and answer that all is well, but for a shorter list. */
export function refusePart(told: readonly EntryId[] | undefined, asked: readonly EntryId[]): void {
  if (told !== undefined && told.length < asked.length)
    throw new RtsyncError('bad-answer', 'the server did only a part of a batch');
}

/** Which of these are still listed by their parents; undefined when that cannot be found out. */
async function stillStanding(
  looks: Looks,
  ids: readonly EntryId[],
  signal?: AbortSignal,
): Promise<Set<EntryId> | undefined> {
  const standing = new Set<EntryId>();
  try {
    for (const dir of new Set(ids.map(parentId))) {
      const { entries } = await looks.after(dir, signal);
      for (const id of ids) if (parentId(id) === dir && entries.has(idName(id))) standing.add(id);
    }
  } catch (error) {
    // A parent that is gone took the entries with it, but who can tell from an error: nothing is known.
    failed(error);
    return undefined;
  }
  return standing;
}
