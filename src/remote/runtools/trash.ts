/**
 * Our own folder on the server: `/.rtsync/trash/<day>/<random>/` takes what is given up, `/.rtsync/staging/<random>/`
 * what waits to take a name. Every batch gets a folder of its own, so that names never meet there.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import type { StorageClient } from './client.ts';
import { failed } from './context.ts';
import type { FolderMaker } from './folders.ts';
import { childId, type DirId, type EntryId, idName, OWN_NAME, parentId, TOP } from './ids.ts';
import type { Looks } from './looks.ts';

/** What became of each id: undefined when it is gone from its place. */
export type Fates = ReadonlyMap<EntryId, RtsyncError | undefined>;

export interface Trash {
  /** A fresh, empty folder for one batch. */
  folder(kind: 'trash' | 'staging', signal?: AbortSignal): Promise<EntryId>;
  /** Moves at most 250 entries with different base names into a fresh folder. Never throws. */
  retire(
    ids: readonly EntryId[],
    signal?: AbortSignal,
  ): Promise<{ readonly folder: EntryId | undefined; readonly fates: Fates }>;
  /** Deletes at most 250 entries for good. Never throws. */
  destroy(ids: readonly EntryId[], signal?: AbortSignal): Promise<Fates>;
}

export interface TrashOptions {
  readonly client: StorageClient;
  readonly looks: Looks;
  readonly folders: FolderMaker;
  readonly clock: Clock;
  readonly random?: () => string;
}

export function createTrash(options: TrashOptions): Trash {
  const { client, looks, folders, clock } = options;
  const random = options.random ?? (() => randomBytes(6).toString('hex'));
  const parents = new Map<string, Promise<EntryId>>();

  const parent = (names: readonly string[], signal?: AbortSignal): Promise<EntryId> => {
    const key = names.join('/');
    const known = parents.get(key);
    if (known !== undefined) return known;
    const made = (async () => {
      let dir: DirId = TOP;
      for (const name of names) dir = await folders.ensure(dir, name, { growth: false }, signal);
      return dir as EntryId;
    })();
    parents.set(key, made);
    made.catch(() => parents.delete(key));
    return made;
  };

  const folder: Trash['folder'] = async (kind, signal) => {
    const day = new Date(clock.now()).toISOString().slice(0, 10);
    const names = kind === 'trash' ? [OWN_NAME, 'trash', day] : [OWN_NAME, 'staging'];
    for (let tries = 0; ; tries += 1) {
      const dir = await parent(names, signal);
      const name = random();
      const id = childId(dir, name);
      try {
        const made = await client.makeFolder(dir, name, { growth: false, signal });
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
        looks.gone(TOP, OWN_NAME);
      }
    }
  };

  const retire: Trash['retire'] = async (ids, signal) => {
    let into: EntryId;
    try {
      into = await folder('trash', signal);
    } catch (error) {
      return { folder: undefined, fates: new Map(ids.map((id) => [id, failed(error).error])) };
    }
    const fates = await carryOut(looks, ids, (rest) => client.batch('move', rest, into, { signal }), signal);
    return { folder: into, fates };
  };

  return {
    folder,
    retire,
    destroy: (ids, signal) => {
      const run = async (rest: readonly EntryId[]) => {
        await client.remove(rest, { signal });
        return undefined;
      };
      return carryOut(looks, ids, run, signal);
    },
  };
}

/**
 * Runs a batch that takes entries away. A batch with one bad id may stop half-way without telling where, so after an
 * error the parents' lists say what happened; what still stands is tried once more when there was any progress.
 */
async function carryOut(
  looks: Looks,
  ids: readonly EntryId[],
  run: (ids: readonly EntryId[]) => Promise<readonly EntryId[] | undefined>,
  signal?: AbortSignal,
): Promise<Fates> {
  const fates = new Map<EntryId, RtsyncError | undefined>();
  let rest = ids;
  for (let tries = 0; rest.length > 0; tries += 1) {
    try {
      refusePart(await run(rest), rest);
      for (const id of rest) fates.set(id, undefined);
      rest = [];
    } catch (thrown) {
      const error = failed(thrown).error;
      const standing = await stillStanding(looks, rest, signal);
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
      const { entries } = await looks.fresh(dir, signal);
      for (const id of ids) if (parentId(id) === dir && entries.has(idName(id))) standing.add(id);
    }
  } catch (error) {
    // A parent that is gone took the entries with it, but who can tell from an error: nothing is known.
    failed(error);
    return undefined;
  }
  return standing;
}
