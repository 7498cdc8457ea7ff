/**
 * Puts one pair together from its concrete parts and checks that it is what it was: the local folder, the far side, the
 * marks on both. The disk is a parameter, so that the simulation can put the very same parts together.
 */
import { hostname } from 'node:os';
import { createIgnoreRules } from '../core/ignore.ts';
import { createBackoff } from '../engine/backoff.ts';
import type { Pair } from '../engine/pair.ts';
import { createTrashNotes, type TrashNotes } from '../engine/trash-notes.ts';
import { systemDisk } from '../local/disk.ts';
import { type OpenLocalFolder, openLocalFolder } from '../local/folder.ts';
import { addressFault } from '../remote/runtools/ids.ts';
import type { Traits } from '../remote/traits.ts';
import { mayWrite, openFarSide } from './far-side.ts';
import type { Found } from './found.ts';
import type { ServerLink } from './link.ts';
import { createMarkKeeper } from './mark-keeper.ts';
import { policies } from './policies.ts';
import { createRootKeeper, type RootKeeper } from './root-keeper.ts';

/** Note that stands while a run is under way. */
const UNCLEAN = 'unclean';

export interface Assembled extends Pair {
  /** The run ended by itself and left nothing half-way. */
  end(): void;
}

/** Throws what keeps the pair from being synced now; then nothing is left open. */
export async function assemble(link: Pick<ServerLink, 'storage' | 'gate'>, found: Found): Promise<Assembled> {
  const { pairConfig, run, state } = found;
  const trashed = createTrashNotes();
  const local = await openFolder(found, trashed);
  const rootKeeper = createRootKeeper(found);
  rootKeeper.check();
  const unclean = state.note(UNCLEAN) === 'yes';
  if (!run.dryRun) state.saveNote(UNCLEAN, 'yes');
  const far = await openFarSide(link, found, unclean);
  if (!run.dryRun) {
    rootKeeper.sign();
    const { days, localBytes } = pairConfig.trash;
    await local.purgeTrash({ days, bytes: localBytes ?? undefined }, run.signal);
  }
  const mark = createMarkKeeper({
    state,
    clock: run.clock,
    client: () => far.own().variant({ label: 'mark', lane: 'control' }),
    dotFilesListed: () => far.traits.dotFiles === 'listed',
    path: pairConfig.path,
    title: () => far.remote.title,
    writes: mayWrite(found),
  });
  await mark.begin(run.signal);
  return {
    options: pairOptions(found, () => far.traits),
    local,
    get remote() {
      return far.remote;
    },
    state,
    approvals: found.approvals,
    backoff: createBackoff(),
    trashed,
    gate: link.gate,
    clock: run.clock,
    observer: run.observer,
    checkRoot: () => rootKeeper.check(),
    checkRemote: (tree, again, signal) => (again ? mark.checkNow : mark.check)(tree, signal),
    beforeCycle: () => far.refresh(),
    end: () => {
      if (run.dryRun) return;
      signOff(rootKeeper);
      state.saveNote(UNCLEAN, '');
    },
  };
}

/** A root that is not ours any more, or cannot be written, is left as it is: the mark of the beginning will do. */
function signOff(rootKeeper: RootKeeper): void {
  try {
    rootKeeper.check();
    rootKeeper.sign();
  } catch {}
}

function openFolder(found: Found, trashed: TrashNotes): Promise<OpenLocalFolder> {
  const { root, pairConfig, run, host, disk = systemDisk } = found;
  return openLocalFolder({
    root,
    disk,
    clock: run.clock,
    settleMs: pairConfig.settleMs,
    makeOwnFolders: !run.dryRun,
    ...(host === undefined ? {} : { host }),
    onTrashed: (path, trash) => trashed.note(path, trash),
    onLateWrite: (path, copy) =>
      run.observer.on({
        kind: 'notice',
        level: 'warn',
        message: `"${path}" was written while it was replaced; those bytes are in "${copy}"`,
      }),
  });
}

function pairOptions({ pairConfig, run, direction, host }: Found, traits: () => Traits): Pair['options'] {
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
    host: host ?? hostname(),
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
