/**
 * Knows the workspace again by its mark, and leaves the mark there. Asked for when what the sweep
 * has found looks strange, before suspiciously much is deleted here, and once a day, since a request is dear.
 */
import { foreignMessage, judgeMark, looksForeign } from '../core/mark.ts';
import type { RemoteTree } from '../core/tree.ts';
import type { Clock } from '../lib/clock.ts';
import { isCode, RtsyncError } from '../lib/errors.ts';
import { shellWord } from '../lib/shell.ts';
import type { StorageClient } from '../remote/runtools/client.ts';
import type { FolderSigns } from '../remote/runtools/folders.ts';
import { readRemoteMark, writeRemoteMark } from '../remote/runtools/mark.ts';
import type { OpenPairState } from '../state/pair-state.ts';

/** Note that names the day on which the mark was last seen or written on the server. */
const MARKED = 'marked';
/** Note that names the day on which writing it was last tried in vain. */
const TRIED = 'mark.tried';

export interface MarkKeeperOptions {
  readonly state: OpenPairState;
  readonly clock: Clock;
  /** Ids written as this server understands them. */
  readonly client: () => StorageClient;
  readonly signs: () => FolderSigns;
  /** The pair's folder in the workspace, and its name for people. */
  readonly path: string;
  /** What this machine is called in the mark. */
  readonly host: string;
  readonly title: () => string;
  /** The local root. */
  readonly folder: string;
  /** False in runs that may not write there. */
  readonly writes: boolean;
}

export interface MarkKeeper {
  /** Leaves the mark of a pair that has no base yet. Before anything is looked at: looks grow old meanwhile. */
  begin(signal: AbortSignal): Promise<void>;
  /**
   * After a sweep: throws `halted` when this is not the workspace that the base speaks of. Asks the server when the tree
   * looks strange, and once a day.
   */
  check(remote: RemoteTree, signal: AbortSignal): Promise<void>;
  /** The same, but the server is asked in any case: before much is deleted here. */
  checkNow(remote: RemoteTree, signal: AbortSignal): Promise<void>;
}

export function createMarkKeeper(options: MarkKeeperOptions): MarkKeeper {
  const { state, clock } = options;
  const today = (): string => new Date(clock.now()).toISOString().slice(0, 10);
  const isToday = (note: string): boolean => state.note(note) === today();

  const write = async (fresh: boolean, signal: AbortSignal): Promise<void> => {
    if (isToday(TRIED)) return;
    if (!options.writes) {
      state.saveNote(TRIED, today());
      return;
    }
    const mark = {
      client: options.client(),
      pairId: state.pairId,
      path: options.path,
      host: options.host,
      signs: options.signs(),
      fresh,
    };
    const written = await writeRemoteMark(mark, signal);
    state.saveNote(written ? MARKED : TRIED, today());
  };

  const checkNow = async (remote: RemoteTree, signal: AbortSignal): Promise<void> => {
    const base = state.base();
    const seenBefore = state.note(MARKED) !== undefined;
    if (base.children.size === 0) return;
    const mark = await read(options, signal);
    if (mark === undefined) return;
    const verdict = judgeMark({ mark, seenBefore, base, remote });
    if (verdict === 'foreign')
      throw new RtsyncError('halted', foreignMessage(options.title(), shellWord(options.folder)));
    if (verdict === 'renew') await write(false, signal);
    else state.saveNote(mark === 'ours' ? MARKED : TRIED, today());
  };

  return {
    begin: async (signal) => {
      const isNew = state.base().children.size === 0 && state.note(MARKED) === undefined;
      if (isNew) await write(true, signal);
    },
    check: async (remote, signal) => {
      const asked = isToday(MARKED) || isToday(TRIED);
      if (!asked || looksForeign(state.base(), remote)) await checkNow(remote, signal);
    },
    checkNow,
  };
}

/** Undefined when it cannot be told now: that is no reason to stop. */
async function read(
  { client, state }: MarkKeeperOptions,
  signal: AbortSignal,
): Promise<'ours' | 'missing' | 'other' | undefined> {
  try {
    return await readRemoteMark(client(), state.pairId, signal);
  } catch (error) {
    if (signal.aborted || isCode(error, 'key-refused', 'stopped', 'bug')) throw error;
    return undefined;
  }
}
