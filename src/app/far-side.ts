/**
 * The far side of one pair: the client with what its server was found to do, the remote folder on top of them, and what
 * has to be set right there before anything is looked at. A server may turn out to be another than it was found to be;
 * then all of this is made again between two cycles.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { remoteFolderGone } from '../core/gone.ts';
import type { RemoteDir } from '../core/path.ts';
import { RtsyncError } from '../lib/errors.ts';
import { shellWord } from '../lib/shell.ts';
import type { Remote } from '../remote/remote.ts';
import type { StorageClient } from '../remote/runtools/client.ts';
import { idBelow, TOP } from '../remote/runtools/ids.ts';
import { finishMoves } from '../remote/runtools/moving.ts';
import { probeServer } from '../remote/runtools/probe.ts';
import { purgeDue, purgeNote, purgeRemoteTrash } from '../remote/runtools/purge.ts';
import { createRunToolsRemote } from '../remote/runtools/remote.ts';
import { ownedName, tidy } from '../remote/runtools/tidy.ts';
import { workspaceName } from '../remote/runtools/workspaces.ts';
import { type Traits, traitsSchema } from '../remote/traits.ts';
import type { OpenPairState } from '../state/pair-state.ts';
import type { Found } from './found.ts';
import type { ServerLink } from './link.ts';

/** Note that names the day of the last purge on the server. */
const PURGED = 'purged';
/** Note that stands while something of ours on the server waits to be cleared away. */
const LEFTOVERS = 'leftovers';
/** Note that stands while a move of ours may have left an entry on its way. */
const HALFWAY = 'halfway';
/** What finds its name taken is tried again so often: each time costs a few requests. */
const HOME_EVERY_MS = 300_000;

export interface FarSide {
  readonly remote: Remote;
  readonly traits: Traits;
  /** For our own folder: ids as this server understands them. */
  own(): StorageClient;
  /** Between cycles: the daily purge, and everything anew when the server did what it was found not to do. */
  refresh(): Promise<void>;
}

/** `unclean`: the last run did not end by itself. */
export async function openFarSide(
  link: Pick<ServerLink, 'storage' | 'bandwidth'>,
  found: Found,
  unclean: boolean,
): Promise<FarSide> {
  const { state, run } = found;
  const hex = found.hex ?? ((digits: number) => randomBytes(digits / 2).toString('hex'));
  const owned = (): string => ownedName(ownerOf(state), hex(12));
  let contradicted = false;
  const contradiction = (what: string): void => {
    contradicted = true;
    run.observer.on({
      kind: 'notice',
      level: 'warn',
      message: `the server does not behave as it was found to: ${what}`,
    });
  };
  let current = await openServer(link, found, owned);
  const own = (): StorageClient => current.client.variant({ pathEncoding: current.traits.pathEncoding });
  const writes = mayWrite(found);
  const moves = createMoveKeeper(own, found);
  if (!run.dryRun) await tidyUp(own(), found, unclean);
  const hooks = { owned, contradiction, halfway: () => moves.noted(), bandwidth: link.bandwidth };
  let remote = remoteOn(current, found, hooks);
  await findRoot(remote, found);
  if (writes && (unclean || state.rebuilt || state.base().children.size === 0)) await moves.finish();
  else if (writes && moves.due()) await moves.finish();
  return {
    get remote() {
      return remote;
    },
    get traits() {
      return current.traits;
    },
    own,
    refresh: async () => {
      if (writes) await purge(own(), found);
      if (writes && moves.due()) {
        // By another one than works here: what that remembers of the root is not enough.
        await findRoot(remoteOn(current, found, hooks), found);
        await moves.finish();
      }
      if (!contradicted) return;
      contradicted = false;
      state.saveNote('traits', '');
      current = await openServer(link, found, owned);
      remote = remoteOn(current, found, hooks);
    },
  };
}

/** Whether this run may change anything on the server. */
export function mayWrite({ run, direction }: Found): boolean {
  return !run.dryRun && direction !== 'pull';
}

interface Opened {
  readonly client: StorageClient;
  readonly traits: Traits;
}

function remoteOn(
  { client, traits }: Opened,
  { pairConfig, run, workspace, state, resumeFrom, root: folder }: Found,
  hooks: {
    readonly owned: () => string;
    readonly contradiction: (what: string) => void;
    readonly halfway: () => void;
    readonly bandwidth: ServerLink['bandwidth'];
  },
): Remote {
  return createRunToolsRemote({
    client,
    clock: run.clock,
    traits,
    root: pairConfig.path as RemoteDir,
    workspaceName: workspaceName(workspace),
    folder,
    trash: pairConfig.trash.remote,
    bandwidth: hooks.bandwidth,
    resumeFrom,
    random: hooks.owned,
    onLeftover: () => state.saveNote(LEFTOVERS, 'yes'),
    onHalfway: hooks.halfway,
    onContradiction: hooks.contradiction,
  });
}

/** Whose things ours are in the folder that all rtsyncs of a workspace share. */
function ownerOf(state: OpenPairState): string {
  return state.pairId.slice(0, 8);
}

/** After a run that was killed, or could not clear away what it made: what was left on the server. */
async function tidyUp(client: StorageClient, { state, run }: Found, unclean: boolean): Promise<void> {
  const waiting = state.note(LEFTOVERS) === 'yes';
  if (!unclean && !waiting) return;
  const { clear } = await tidy(client, ownerOf(state), run.signal);
  if (clear !== !waiting) state.saveNote(LEFTOVERS, clear ? '' : 'yes');
}

interface MoveKeeper {
  /** A move of ours may have left something just now. */
  noted(): void;
  /** Whether something is known to be left and was not tried a moment ago. */
  due(): boolean;
  /** Brings on what a move of ours, or a killed one of anybody, left on its way. To be called once the root was found. */
  finish(): Promise<void>;
}

function createMoveKeeper(own: () => StorageClient, { state, pairConfig, run, host }: Found): MoveKeeper {
  let dueAt = Number.NEGATIVE_INFINITY;
  let told = '';
  const finish = async (): Promise<void> => {
    const root = idBelow(TOP, pairConfig.path as RemoteDir);
    const { left, whole } = await finishMoves(
      { client: own(), clock: run.clock, host: host ?? hostname() },
      root,
      run.signal,
    );
    const waiting = left.length > 0 || !whole;
    const noted = state.note(HALFWAY) === 'yes';
    if (waiting) dueAt = run.clock.monotonic() + HOME_EVERY_MS;
    // What the servers of some workspaces do not tell is no reason to begin asking.
    if (noted ? !waiting : left.length > 0) state.saveNote(HALFWAY, waiting ? 'yes' : '');
    const names = left.join(', ');
    if (names === told) return;
    told = names;
    if (names !== '')
      run.observer.on({
        kind: 'notice',
        level: 'warn',
        message: `what an interrupted move left could not be brought to its place, and waits: ${names}; it is in /.rtsync/moving of the workspace and is tried again`,
      });
  };
  return {
    noted: () => {
      state.saveNote(HALFWAY, 'yes');
      dueAt = Number.NEGATIVE_INFINITY;
    },
    due: () => state.note(HALFWAY) === 'yes' && run.clock.monotonic() >= dueAt,
    finish,
  };
}

/** Once a day; that it fails is no reason to stop. */
async function purge(client: StorageClient, { state, pairConfig, run }: Found): Promise<void> {
  const { days, remoteBytes } = pairConfig.trash;
  const now = run.clock.now();
  const last = state.note(PURGED);
  if (!purgeDue(last, now)) return;
  state.saveNote(PURGED, purgeNote(now));
  if (last === undefined) return;
  await purgeRemoteTrash({ client, clock: run.clock, days, bytes: remoteBytes ?? undefined }, run.signal);
}

/** A client and what its server does: as remembered, or found out now. */
async function openServer(
  link: Pick<ServerLink, 'storage'>,
  found: Found,
  random: () => string,
): Promise<Opened> {
  const { state, workspace, run } = found;
  const known = parseTraits(state.note('traits'));
  const client = link.storage(workspace.id, known);
  const needsWriting = mayWrite(found);
  if (known !== undefined && (known.depth === 'full' || !needsWriting)) return { client, traits: known };
  const traits = await probeServer(client, {
    depth: needsWriting ? 'full' : 'reading',
    random,
    onLeftover: () => state.saveNote(LEFTOVERS, 'yes'),
  });
  if (!run.dryRun) state.saveNote('traits', JSON.stringify(traits));
  if (traits.dotFiles === 'hidden')
    run.observer.on({
      kind: 'notice',
      level: 'warn',
      message: 'this server does not list names with a leading dot, so they are left out on both sides',
    });
  return { client, traits };
}

/** A first sync makes a missing remote root; later its absence is a question for a person. */
async function findRoot(remote: Remote, found: Found): Promise<void> {
  const { pairConfig, run, direction, state, workspace } = found;
  if (pairConfig.path === '') return;
  const what = await remote.root(run.signal);
  if (what === 'folder') return;
  const name = `${workspaceName(workspace)}:/${pairConfig.path}`;
  if (what === 'file')
    throw new RtsyncError(
      state.base().children.size > 0 ? 'halted' : 'no-workspace',
      `${name} is a file; name a folder of the workspace`,
    );
  if (state.base().children.size > 0)
    throw new RtsyncError('halted', remoteFolderGone(name, shellWord(found.root)));
  if (direction === 'pull') throw new RtsyncError('no-workspace', `${name} does not exist; nothing to pull`);
  if (run.dryRun)
    throw new RtsyncError(
      'no-workspace',
      `${name} does not exist yet; the first run without --dry-run makes it`,
    );
  await remote.makeRoot(run.signal);
}

function parseTraits(text: string | undefined): Traits | undefined {
  if (text === undefined || text === '') return undefined;
  return traitsSchema.safeParse(JSON.parse(text)).data;
}
