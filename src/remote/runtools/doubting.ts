/**
 * The same client, whose every write that has no clear end is told to what remembers lists. Whoever tries it again then
 * looks first, also when the look right after it failed; and also in a folder that we made ourselves a moment ago.
 */
import { isCode } from '../../lib/errors.ts';
import { Stale } from '../../lib/gate.ts';
import type { StorageClient } from './client.ts';
import { childId, type EntryId, idName, parentId } from './ids.ts';
import type { Looks } from './looks.ts';

export function doubting(client: StorageClient, looks: Pick<Looks, 'doubt'>): StorageClient {
  /** An error tells little, and an answer of another id that the name is not as it was seen. */
  const sent = async <T>(ids: () => readonly EntryId[], run: Promise<T>, told?: (value: T) => boolean) => {
    try {
      const value = await run;
      if (told?.(value) === false) looks.doubt(ids());
      return value;
    } catch (error) {
      // What grew old at the gate, or was called back there, was not sent.
      if (!(error instanceof Stale) && !isCode(error, 'superseded')) looks.doubt(ids());
      throw error;
    }
  };
  return {
    ...client,
    get clockOffsetMs() {
      return client.clockOffsetMs;
    },
    get auth() {
      return client.auth;
    },
    get rateHeaders() {
      return client.rateHeaders;
    },
    makeFolder: (dir, name, manner) => {
      const id = childId(dir, name);
      return sent(
        () => [id],
        client.makeFolder(dir, name, manner),
        (told) => told === undefined || told === id,
      );
    },
    upload: (dir, name, source, manner) => {
      const id = childId(dir, name);
      return sent(
        () => [id],
        client.upload(dir, name, source, manner),
        (told) => told.id === id,
      );
    },
    rename: (id, name, manner) => {
      const to = childId(parentId(id), name);
      return sent(
        () => [id, to],
        client.rename(id, name, manner),
        (told) => told === undefined || told === to,
      );
    },
    batch: (operation, ids, target, manner) => {
      const into = ids.map((id) => childId(target, idName(id)));
      return sent(
        () => (operation === 'move' ? [...ids, ...into] : into),
        client.batch(operation, ids, target, manner),
        (told) => told === undefined || into.every((id) => told.includes(id)),
      );
    },
    remove: (ids, manner) => sent(() => ids, client.remove(ids, manner)),
    variant: (change) => doubting(client.variant(change), looks),
  };
}
