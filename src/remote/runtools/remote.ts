/**
 * `Remote` for the RunTools storage API: one folder of one workspace. This file only puts the parts of the room
 * together and answers for the root; what a deed needs is in the file of its name. It must not know a plan, a base, a
 * local disk, or how fast requests may go (that is the gate's).
 */
import type { RemoteDir } from '../../core/path.ts';
import { type Bandwidth, unlimited } from '../../lib/bandwidth.ts';
import type { Clock } from '../../lib/clock.ts';
import { isCode, RtsyncError } from '../../lib/errors.ts';
import type { Remote } from '../remote.ts';
import type { Traits } from '../traits.ts';
import type { StorageClient } from './client.ts';
import { type Context, endsTheRun } from './context.ts';
import { doubting } from './doubting.ts';
import { createFileClock } from './file-clock.ts';
import { createFolderMaker, type FolderMaker } from './folders.ts';
import { childId, type DirId, type EntryId, idBelow, idName, parentId, TOP } from './ids.ts';
import { createLooks } from './looks.ts';
import { move } from './move.ts';
import { read } from './read.ts';
import { remove } from './remove.ts';
import { RESUME_FROM } from './resume.ts';
import { look, sweep } from './scan.ts';
import { createTrash } from './trash.ts';
import { createTurnstile } from './turnstile.ts';
import { write } from './write.ts';

export interface RunToolsRemoteOptions {
  readonly client: StorageClient;
  readonly clock: Clock;
  readonly traits: Traits;
  /** The pair's root inside the workspace as the server spells it: "" or "a/b". */
  readonly root: RemoteDir;
  /** Name of the workspace, for messages. */
  readonly workspaceName?: string;
  /** The local root, for messages. */
  readonly folder: string;
  /** Whether given-up versions go to the remote trash (the default) or for good. */
  readonly trash?: boolean;
  /** How fast file bytes may go; no limit by default. */
  readonly bandwidth?: Bandwidth | undefined;
  /** Bytes from which on a download that broke off is gone on with; 8 MiB by default. */
  readonly resumeFrom?: number | undefined;
  /** How old a list may be that a deed relies on. */
  readonly lookWithinMs?: number;
  /** Called when the server does what its traits exclude: they should be found out again. */
  readonly onContradiction?: (what: string) => void;
  /** Something of ours on the server could not be cleared away now. */
  readonly onLeftover?: () => void;
  /** A move may have left an entry in our own folder: `finishMoves` is to be called before anything is looked at again. */
  readonly onHalfway?: () => void;
  /** Names of folders in the trash. */
  readonly random?: () => string;
}

/** A few more than the gate sends at once, so that none of its slots waits for a file to be opened. */
const UPLOADS = 40;
/** What uploads may hold in memory together: a few large files keep a line full, and many of them must not fill a machine. */
const UPLOAD_BYTES = 8 * 1024 * 1024;

export function createRunToolsRemote(options: RunToolsRemoteOptions): Remote {
  const { clock, traits } = options;
  const plain = options.client.variant({ pathEncoding: traits.pathEncoding });
  const looks = createLooks(plain, clock, options.lookWithinMs ?? 500);
  const client = doubting(plain, looks);
  const folders = createFolderMaker(client, looks, () => traits);
  const rootId = idBelow(TOP, options.root);
  const workspaceName = options.workspaceName ?? client.workspaceId;
  const title = `${workspaceName}:/${options.root}`;
  const ctx: Context = {
    client,
    names: { workspace: workspaceName, title, folder: options.folder },
    clock,
    traits,
    looks,
    trash: createTrash({
      client,
      looks,
      folders,
      clock,
      movesKeepDates: traits.moveKeepsDate,
      keepsBoth: traits.takenMove === 'rename',
      ...(options.random === undefined ? {} : { random: options.random }),
    }),
    fileClock: createFileClock(traits.dateGrain, clock),
    bandwidth: options.bandwidth ?? unlimited,
    resuming: { from: options.resumeFrom ?? RESUME_FROM, refused: false },
    uploads: createTurnstile({ tasks: UPLOADS, bytes: UPLOAD_BYTES }),
    keepTrash: options.trash ?? true,
    rootId,
    leftover: () => options.onLeftover?.(),
    halfway: () => options.onHalfway?.(),
    contradiction: (what) => options.onContradiction?.(what),
  };
  return {
    title,
    traits,
    get clockOffsetMs() {
      return client.clockOffsetMs;
    },
    root: (signal) => findRoot(ctx, signal),
    makeRoot: (signal) => makeRoot(ctx, folders, signal),
    sweep: (rules, signal) => sweep(ctx, rules, signal),
    look: (before, dirs, rules, signal) => look(ctx, before, dirs, { rules, signal }),
    room: (signal) => client.room({ signal }),
    makeFolder: async (path, signal) => {
      const id = idBelow(rootId, path);
      await folders.ensure(parentId(id), idName(id), { growth: true }, signal);
    },
    write: (dir, writes, signal) => write(ctx, dir, writes, signal),
    read: (dir, reads, signal) => read(ctx, dir, reads, signal),
    move: (job, signal) => move(ctx, job, signal),
    remove: (removals, signal) => remove(ctx, removals, signal),
  };
}

/** Walks down from the top, since only a parent's list tells what is missing. */
async function findRoot(ctx: Context, signal?: AbortSignal): Promise<'folder' | 'missing' | 'file'> {
  let at: DirId = TOP;
  const names = namesOf(ctx.rootId);
  if (names.length === 0) return (await isListed(ctx, TOP, signal)) ? 'folder' : 'missing';
  for (const name of names) {
    const entry = await entryIn(ctx, at, name, signal);
    const hidden = entry === undefined && name.startsWith('.') && ctx.traits.dotFiles === 'hidden';
    at = childId(at, name);
    if (hidden && (await isListed(ctx, at, signal))) continue;
    if (entry === undefined) return 'missing';
    if (entry !== 'folder') return 'file';
  }
  return 'folder';
}

async function entryIn(
  ctx: Context,
  dir: DirId,
  name: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await ctx.looks.at(dir, false, signal)).entries.get(name)?.kind;
  } catch (error) {
    if (dir === TOP && isCode(error, 'not-found')) return undefined;
    throw error;
  }
}

async function isListed(ctx: Context, dir: DirId, signal?: AbortSignal): Promise<boolean> {
  try {
    await ctx.looks.at(dir, false, signal);
    return true;
  } catch (error) {
    if (endsTheRun(error) || !isCode(error, 'not-found', ...(dir === TOP ? [] : (['server-error'] as const))))
      throw error;
    return false;
  }
}

async function makeRoot(ctx: Context, folders: FolderMaker, signal?: AbortSignal): Promise<void> {
  let at: DirId = TOP;
  for (const name of namesOf(ctx.rootId)) {
    try {
      at = await folders.ensure(at, name, { growth: true }, signal);
    } catch (error) {
      if (!isCode(error, 'taken')) throw error;
      throw new RtsyncError('halted', {
        message: `the remote folder cannot be made: ${error.message}`,
        cause: error,
      });
    }
  }
}

function namesOf(id: DirId): readonly string[] {
  return id === TOP ? [] : (id as EntryId).slice(1).split('/');
}
