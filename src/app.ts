/**
 * The composition root: it turns a configuration into a server link and opened pairs; what is done with them is the
 * engine's and the command line's. What one pair is made of is in `app/assemble.ts`.
 */
import { assemble } from './app/assemble.ts';
import type { PairRun } from './app/found.ts';
import type { ServerLink } from './app/link.ts';
import { openState, realRoot } from './app/state.ts';
import type { PairConfig } from './config/pairs.ts';
import type { Config } from './config.ts';
import type { Pair } from './engine/pair.ts';
import { RtsyncError } from './lib/errors.ts';
import { findEnclosingPair } from './local/own.ts';
import { probeServer } from './remote/runtools/probe.ts';
import type { Traits } from './remote/traits.ts';

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
        pair.end();
        files.close();
      },
    };
  } catch (error) {
    files.close();
    throw error;
  }
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
