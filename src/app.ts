/**
 * The composition root: it turns a configuration into a server link and opened pairs; what is done with them is the
 * engine's and the command line's. What one pair is made of is in `app/assemble.ts`.
 */
import { existsSync } from 'node:fs';
import { assemble } from './app/assemble.ts';
import { findWorkspace } from './app/find-workspace.ts';
import type { PairRun } from './app/found.ts';
import type { ServerLink } from './app/link.ts';
import { ownThingsIn } from './app/own-things.ts';
import { openState, type PairFiles, realRoot, stateFile } from './app/state.ts';
import { foldersInside, isPair } from './app/synced-folders.ts';
import { type PairConfig, sharesFolder } from './config/pairs.ts';
import type { Config } from './config.ts';
import type { Pair } from './engine/pair.ts';
import { asRtsyncError, RtsyncError } from './lib/errors.ts';
import { OWN_FOLDER } from './local/names.ts';
import { findEnclosingPair } from './local/own.ts';
import { probeServer } from './remote/runtools/probe.ts';
import type { Traits } from './remote/traits.ts';
import { approvalsBeside } from './state/approvals.ts';

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
  if (enclosing !== undefined) throw new RtsyncError('pair-overlap', enclosed(root, enclosing));
  const [inner] = await foldersInside(config, root);
  if (inner !== undefined)
    throw new RtsyncError(
      'pair-overlap',
      `${root} holds ${inner}, which is synced by itself, and two pairs would write the same files; sync another folder, or move ${inner}/${OWN_FOLDER} away first, which ends that pair`,
    );
  const workspace = await findWorkspace(link, pairConfig, root, run.signal);
  link.claim(pairConfig.name, workspace.id, pairConfig.path);
  await refuseSharedFolder(config, link, pairConfig, workspace.id);
  await ownThingsIn(root, config);
  let files: PairFiles | undefined;
  try {
    const { state, approvals, close } = await openState(config, root, workspace, pairConfig, run);
    files = { state, approvals, close };
    // Looked for again: the state folder is there by now.
    const ownThings = await ownThingsIn(root, config);
    const known = { pairConfig, run, direction, root, workspace, ownThings, state, approvals };
    const pair = await assemble(link, known, approvals);
    return {
      pair,
      close: () => {
        pair.end();
        close();
      },
    };
  } catch (error) {
    files?.close();
    noteHalt(error, stateFile(config, root));
    throw error;
  }
}

/** A pair that was there first may be that of another state folder, which the one around it does not know. */
function enclosed(root: string, enclosing: string): string {
  const what = `${root} lies inside the synced folder ${enclosing}`;
  if (!isPair(root)) return `${what}; sync that one, or a folder outside it`;
  return `${what}, but is synced by itself, and two pairs would write the same files: move ${enclosing}/${OWN_FOLDER} away, which ends that pair, to go on with this one; or ${root}/${OWN_FOLDER}, which ends this one, to have that one sync its files`;
}

/** What a person approves is bound to the halt that it is told here. `file`: the pair's database. */
function noteHalt(thrown: unknown, file: string): void {
  const { disposition, message } = asRtsyncError(thrown);
  if (disposition === 'halt' && existsSync(file)) approvalsBeside(file).halted(message);
}

/** The configuration was checked for pairs that share a folder; one that is given on the command line was not. */
async function refuseSharedFolder(
  config: Config,
  link: ServerLink,
  pair: PairConfig,
  workspaceId: string,
): Promise<void> {
  const shared = await sharesFolder(pair, config.pairs);
  if (shared === undefined) return;
  const { other, same } = shared;
  const isOnePair =
    same &&
    other.path === pair.path &&
    (other.workspace === pair.workspace ||
      (await link.workspaces.resolve(other.workspace)).id === workspaceId);
  if (!isOnePair)
    throw new RtsyncError(
      'pair-overlap',
      `${pair.folder} shares files with ${other.folder}, which the configuration syncs with ${other.name}: two pairs would write the same files`,
    );
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
