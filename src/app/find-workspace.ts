/**
 * Finds the workspace of a pair. Where none has the name, the mark of the folder tells a slip of the pen from a pair
 * whose workspace is gone: that one is halted, so that a service waits for it.
 */
import type { PairConfig } from '../config/pairs.ts';
import { workspaceGone } from '../core/gone.ts';
import { isCode, RtsyncError } from '../lib/errors.ts';
import { readMarker } from '../local/own.ts';
import { type Workspace, workspaceName } from '../remote/runtools/workspaces.ts';
import type { ServerLink } from './link.ts';

/** `root`: real path of the folder. Throws `no-workspace` and `halted`. */
export async function findWorkspace(
  { workspaces }: Pick<ServerLink, 'workspaces'>,
  { workspace }: Pick<PairConfig, 'workspace'>,
  root: string,
  signal: AbortSignal,
): Promise<Workspace> {
  try {
    return await workspaces.resolve(workspace, signal);
  } catch (error) {
    if (!isCode(error, 'no-workspace')) throw error;
    const known = knownWorkspace(root);
    if (known === undefined) throw error;
    const standing = (await workspaces.list(signal)).workspaces.find(({ id }) => id === known);
    if (standing === undefined) throw new RtsyncError('halted', workspaceGone(workspace, root));
    const name = JSON.stringify(workspaceName(standing));
    throw new RtsyncError('no-workspace', `${error.message}; ${root} is synced with the workspace ${name}`);
  }
}

/** The id in the folder's mark. */
function knownWorkspace(root: string): string | undefined {
  try {
    return readMarker(root)?.far?.split(':/', 1)[0];
  } catch {
    // A mark that cannot be read is told of when it matters.
    return undefined;
  }
}
