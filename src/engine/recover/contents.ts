/** Asks the server for contents, a folder's worth at a time, only to know what they are. */
import { createHash } from 'node:crypto';
import { parentOf, type RemoteDir, type RemotePath } from '../../core/path.ts';
import { type Digest, type RemoteStamp, spell } from '../../core/tree.ts';
import { forEachLimited } from '../../lib/concurrency.ts';
import type { RtsyncError } from '../../lib/errors.ts';
import type { Read } from '../../remote/remote.ts';
import type { Intent } from '../../state/state.ts';
import type { Desk } from './desk.ts';

export interface Wanted {
  readonly intent: Intent;
  readonly digest: Digest;
  /** The version that is listed. */
  readonly remote: RemoteStamp;
}

export interface Unread {
  readonly intent: Intent;
  readonly error: RtsyncError;
}

/**
 * `found`: those whose content is the one that was meant. `unread`: nobody could tell yet. Throws what concerns the
 * whole pair; one bad path stops no other.
 */
export async function digestsOf(
  desk: Desk,
  wanted: readonly Wanted[],
): Promise<{ readonly found: readonly Wanted[]; readonly unread: readonly Unread[] }> {
  const found: Wanted[] = [];
  const unread: Unread[] = [];
  const errors: RtsyncError[] = [];
  const byDir = new Map<RemoteDir, Read[]>();
  const { tree } = desk.seen().remote;
  for (const one of wanted) {
    const path = spell(tree, one.intent.path) as RemotePath;
    const reads = byDir.get(parentOf(path)) ?? [];
    byDir.set(parentOf(path), reads);
    reads.push(
      readOf(one, path, (same) => {
        if (same === true) found.push(one);
        else if (same === false) return;
        else if (endsTheRun(same)) errors.push(same);
        else unread.push({ intent: one.intent, error: same });
      }),
    );
  }
  const limit = desk.pair.options.parallelFolders;
  await forEachLimited([...byDir], limit, ([dir, reads]) => desk.pair.remote.read(dir, reads, desk.signal));
  if (errors[0] !== undefined) throw errors[0];
  return { found, unread };
}

function readOf(one: Wanted, path: RemotePath, tell: (same: boolean | RtsyncError) => void): Read {
  let digest: Digest | undefined;
  return {
    path,
    expect: one.remote,
    receive: async (body) => {
      const sum = createHash('sha256');
      let size = 0;
      for await (const chunk of body) {
        sum.update(chunk);
        size += chunk.length;
      }
      digest = sum.digest('hex');
      return { size };
    },
    done: async (outcome) => tell(outcome.ok ? digest === one.digest : outcome.error),
  };
}

function endsTheRun({ code, disposition }: RtsyncError): boolean {
  return disposition === 'later' || disposition === 'fix' || disposition === 'halt' || code === 'network';
}
