/**
 * The composition root: the only file that knows every concrete part. It turns a configuration into a server link and
 * opened pairs; what is done with them is the engine's and the command line's.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { ServerLink } from './app/link.ts';
import { policies } from './app/policies.ts';
import { openState, realRoot } from './app/state.ts';
import type { PairConfig } from './config/pairs.ts';
import type { Config } from './config.ts';
import { createIgnoreRules } from './core/ignore.ts';
import type { RemoteDir } from './core/path.ts';
import type { Direction, Mode } from './core/rules.ts';
import { createBackoff } from './engine/backoff.ts';
import type { Observer } from './engine/events.ts';
import type { Pair } from './engine/pair.ts';
import type { Clock } from './lib/clock.ts';
import { RtsyncError } from './lib/errors.ts';
import { openLocalFolder } from './local/folder.ts';
import { checkMarker, findEnclosingPair, writeMarker } from './local/own.ts';
import type { Remote } from './remote/remote.ts';
import type { StorageClient } from './remote/runtools/client.ts';
import { addressFault } from './remote/runtools/ids.ts';
import { probeServer } from './remote/runtools/probe.ts';
import { createRunToolsRemote } from './remote/runtools/remote.ts';
import { ownedName, tidy } from './remote/runtools/tidy.ts';
import type { Workspace } from './remote/runtools/workspaces.ts';
import { type Traits, traitsSchema } from './remote/traits.ts';
import type { Approvals } from './state/approvals.ts';
import type { OpenPairState } from './state/pair-state.ts';

/** What was given up here can be got back for so long. */
const TRASH_DAYS = 30;
/** Note that stands while a run is under way. */
const UNCLEAN = 'unclean';

export interface PairRun {
  readonly clock: Clock;
  readonly observer: Observer;
  /** Undefined: as the configuration says. */
  readonly direction?: Direction | undefined;
  readonly mode: Mode;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

export interface OpenPair {
  readonly pair: Pair;
  close(): void;
}

/** Opens everything that a pair needs and checks that it is what it was. Throws RtsyncError; then nothing stays open. */
export async function openPair(
  config: Config,
  link: ServerLink,
  pairConfig: PairConfig,
  run: PairRun,
): Promise<OpenPair> {
  const direction = run.direction ?? pairConfig.direction;
  const root = await realRoot(pairConfig.folder, direction === 'pull' && !run.dryRun);
  const enclosing = findEnclosingPair(root);
  if (enclosing !== undefined)
    throw new RtsyncError(
      'pair-overlap',
      `${root} lies inside the synced folder ${enclosing}; sync that one, or a folder outside it`,
    );
  const workspace = await link.workspaces.resolve(pairConfig.workspace, run.signal);
  link.claim(pairConfig.name, workspace.id, pairConfig.path);
  const files = await openState(config, root, workspace, pairConfig, run);
  try {
    const pair = await assemble(link, { pairConfig, run, direction, root, workspace, ...files });
    return {
      pair,
      close: () => {
        if (!run.dryRun) files.state.saveNote(UNCLEAN, '');
        files.close();
      },
    };
  } catch (error) {
    files.close();
    throw error;
  }
}

interface Found {
  readonly pairConfig: PairConfig;
  readonly run: PairRun;
  readonly direction: Direction;
  readonly root: string;
  readonly workspace: Workspace;
  readonly state: OpenPairState;
  readonly approvals: Approvals;
}

async function assemble(link: ServerLink, found: Found): Promise<Pair> {
  const { pairConfig, run, direction, root, workspace, state } = found;
  const local = await openLocalFolder({
    root,
    clock: run.clock,
    settleMs: pairConfig.settleMs,
    makeOwnFolders: !run.dryRun,
    onLateWrite: (path, copy) =>
      run.observer.on({
        kind: 'notice',
        level: 'warn',
        message: `"${path}" was written while it was replaced; those bytes are in "${copy}"`,
      }),
  });
  const checkRoot = (): void => checkMarker(root, state.pairId, state.base().children.size > 0);
  checkRoot();
  const owned = (): string => ownedName(ownerOf(state), randomBytes(6).toString('hex'));
  const unclean = state.note(UNCLEAN) === 'yes';
  if (!run.dryRun) state.saveNote(UNCLEAN, 'yes');
  let current = await openRemote(link, found, owned);
  if (!run.dryRun) await tidyUp(current, found, unclean);
  let contradicted = false;
  const remoteOf = async (): Promise<Remote> => {
    const { client, traits } = current;
    return createRunToolsRemote({
      client,
      clock: run.clock,
      traits,
      root: pairConfig.path as RemoteDir,
      workspaceName: workspaceName(workspace),
      trash: pairConfig.trash.remote,
      random: owned,
      onContradiction: (what) => {
        contradicted = true;
        run.observer.on({
          kind: 'notice',
          level: 'warn',
          message: `the server does not behave as it was found to: ${what}`,
        });
      },
    });
  };
  let remote = await remoteOf();
  await findRoot(remote, found);
  if (!run.dryRun) {
    writeMarker(root, state.pairId);
    await local.purgeTrash(TRASH_DAYS);
  }
  return {
    options: pairOptions(pairConfig, run, direction, () => current.traits),
    local,
    get remote() {
      return remote;
    },
    state,
    approvals: found.approvals,
    backoff: createBackoff(),
    gate: link.gate,
    clock: run.clock,
    observer: run.observer,
    checkRoot,
    beforeCycle: async () => {
      if (!contradicted) return;
      contradicted = false;
      state.saveNote('traits', '');
      current = await openRemote(link, found, owned);
      remote = await remoteOf();
    },
  };
}

/** Whose things ours are in the folder that all rtsyncs of a workspace share. */
function ownerOf(state: OpenPairState): string {
  return state.pairId.slice(0, 8);
}

/** After a run that was killed, and where staging is how files are replaced: what was left there. */
async function tidyUp(
  { client, traits }: { client: StorageClient; traits: Traits },
  { state, run }: Found,
  unclean: boolean,
): Promise<void> {
  if (unclean || (traits.takenUpload !== 'overwrite' && traits.depth === 'full'))
    await tidy(client, ownerOf(state), run.signal);
}

/** A client and what its server does: as remembered, or found out now. */
async function openRemote(
  link: ServerLink,
  found: Found,
  random: () => string,
): Promise<{ client: StorageClient; traits: Traits }> {
  const { state, workspace, run, direction } = found;
  const known = parseTraits(state.note('traits'));
  const client = link.storage(workspace.id, known);
  const needsWriting = direction !== 'pull' && !run.dryRun;
  if (known !== undefined && (known.depth === 'full' || !needsWriting)) return { client, traits: known };
  const traits = await probeServer(client, { depth: needsWriting ? 'full' : 'reading', random });
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
    throw new RtsyncError('no-workspace', `${name} is a file; name a folder of the workspace`);
  if (state.base().children.size > 0)
    throw new RtsyncError(
      'halted',
      `${name} is gone from the workspace; nothing was deleted here. Put it back there; or, to begin afresh without any delete, run with another --state-dir`,
    );
  if (direction === 'pull') throw new RtsyncError('no-workspace', `${name} does not exist; nothing to pull`);
  if (run.dryRun)
    throw new RtsyncError(
      'no-workspace',
      `${name} does not exist yet; the first run without --dry-run makes it`,
    );
  await remote.makeRoot(run.signal);
}

function pairOptions(
  pairConfig: PairConfig,
  run: PairRun,
  direction: Direction,
  traits: () => Traits,
): Pair['options'] {
  const all = createIgnoreRules(pairConfig.ignore);
  const withoutDots = createIgnoreRules([...pairConfig.ignore, '.*']);
  return {
    name: pairConfig.name,
    direction,
    mode: run.mode,
    dryRun: run.dryRun,
    // The server may be found to be another kind of server while we run.
    get rules() {
      return traits().dotFiles === 'hidden' ? withoutDots : all;
    },
    policyFor: policies(pairConfig),
    host: hostname(),
    maxDelete: pairConfig.maxDelete,
    uploadLimitBytes: pairConfig.uploadLimitBytes,
    remoteNameFault: addressFault,
    localNameFault: (name) =>
      Buffer.byteLength(name) > 255
        ? 'the name is longer than the 255 bytes that this disk can hold'
        : undefined,
    parallelFolders: 16,
  };
}

function parseTraits(text: string | undefined): Traits | undefined {
  if (text === undefined || text === '') return undefined;
  return traitsSchema.safeParse(JSON.parse(text)).data;
}

function workspaceName(workspace: Workspace): string {
  return workspace.slug ?? workspace.name ?? workspace.id;
}

/** Finds out afresh what a workspace's server does. */
export async function probeWorkspace(
  link: ServerLink,
  workspace: string,
  depth: Traits['depth'],
  signal: AbortSignal,
): Promise<Traits> {
  const { id } = await link.workspaces.resolve(workspace, signal);
  return probeServer(link.storage(id, undefined), { depth });
}
