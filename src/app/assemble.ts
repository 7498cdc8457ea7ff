/**
 * Puts one pair together from its concrete parts and checks that it is what it was: the local folder, the far side, the
 * marks on both. The disk is a parameter, so that the simulation can put the very same parts together.
 */
import { hostname } from 'node:os';
import type { BaseStamp } from '../core/base.ts';
import { createIgnoreRules, type IgnoreRules } from '../core/ignore.ts';
import type { RelPath } from '../core/path.ts';
import { emptyTree } from '../core/tree.ts';
import { createBackoff } from '../engine/backoff.ts';
import type { CycleEnd, CyclePair } from '../engine/cycle.ts';
import type { Standing } from '../engine/halt.ts';
import type { Pair } from '../engine/pair.ts';
import { createRecentRemovals } from '../engine/recent-removals.ts';
import { createRoom } from '../engine/room.ts';
import { createTrashNotes, type TrashNotes } from '../engine/trash-notes.ts';
import { systemDisk } from '../local/disk.ts';
import { type OpenLocalFolder, openLocalFolder } from '../local/folder.ts';
import { expiryOf } from '../local/purge.ts';
import { createPairGate } from '../pace/pair-gate.ts';
import { addressFault } from '../remote/runtools/ids.ts';
import type { Traits } from '../remote/traits.ts';
import { AFRESH, type Approvals } from '../state/approvals.ts';
import { mayWrite, openFarSide } from './far-side.ts';
import type { Found } from './found.ts';
import type { ServerLink } from './link.ts';
import { createMarkKeeper } from './mark-keeper.ts';
import { ownThingsSentence, withoutOwnThings } from './own-things.ts';
import { policies } from './policies.ts';
import { distrustAfterPowerCut, watchUnwritten } from './power-cut.ts';
import { createRootKeeper, type RootKeeper } from './root-keeper.ts';

type Halts = Pick<Approvals, 'halted' | 'recovered'>;

/** Note with what a person was told is left out. */
const LEFT_OUT = 'left-out';
/** Note that stands while a run is under way, and after one that broke off. */
const UNCLEAN = 'unclean';
/** Note of what the last look at the local trash found to be over its time. */
const EXPIRY = 'local.expiry';

export interface Assembled extends CyclePair, Standing {
  /** The process is through with the pair. Whether something was left half-way is known by how its last cycle ended. */
  end(): void;
}

/**
 * `halts`: where it is told that the pair is halted, or no longer. Throws what keeps the pair from being synced now;
 * then nothing is left open.
 */
export async function assemble(
  link: Pick<ServerLink, 'storage' | 'gate' | 'bandwidth'>,
  given: Found,
  halts?: Halts,
): Promise<Assembled> {
  const found = previewed(given);
  const { pairConfig, run, state } = found;
  const trashed = createTrashNotes();
  // A run that mirrors or forces would delete or overwrite by what it no longer knows.
  const mayForget = !run.dryRun && run.mode === 'normal';
  if (mayForget && found.approvals.take(AFRESH, run.clock.now())) forget(found);
  const rootKeeper = await createRootKeeper(found);
  rootKeeper.check();
  // Only now: in a folder that is another one nothing is made.
  const local = await openFolder(found, trashed);
  const unclean = state.note(UNCLEAN) === 'yes';
  distrustAfterPowerCut(found, unclean);
  const flush = watchUnwritten(found, unclean);
  if (!run.dryRun) state.saveNote(UNCLEAN, 'yes');
  const gate = createPairGate(link.gate);
  const storage: ServerLink['storage'] = (id, traits) => link.storage(id, traits, gate);
  const bandwidth = link.bandwidth && gate.bandwidth(link.bandwidth);
  const far = await openFarSide({ storage, bandwidth }, found, unclean);
  if (!run.dryRun) rootKeeper.sign();
  const purgeDaily = dailyPurge(local, found, () => far.remote.clockOffsetMs);
  const mark = createMarkKeeper({
    state,
    clock: run.clock,
    client: () => far.own().variant({ label: 'mark', lane: 'control' }),
    signs: () => far.traits,
    path: pairConfig.path,
    host: hostOf(found),
    title: () => far.remote.title,
    folder: found.root,
    writes: mayWrite(found),
  });
  await mark.begin(run.signal);
  tellOwnThings(found);
  let brokeOff = false;
  return {
    options: pairOptions(found, local, () => far.traits),
    local,
    get remote() {
      return far.remote;
    },
    state,
    approvals: found.approvals,
    backoff: createBackoff(),
    room: createRoom(),
    removals: createRecentRemovals(),
    trashed,
    gate,
    bandwidth,
    clock: run.clock,
    observer: run.observer,
    checkRoot: () => rootKeeper.check(),
    checkRemote: (tree, again, signal) => (again ? mark.checkNow : mark.check)(tree, signal),
    beforeCycle: async () => {
      rootKeeper.check();
      if (!run.dryRun) rootKeeper.signHourly();
      await far.refresh();
      await purgeDaily();
    },
    cycleEnded: (end) => {
      brokeOff = end.kind === 'failed';
      if (halts !== undefined) noteHalt(found, halts, end);
    },
    leadsElsewhere: () => leadsElsewhere(found),
    end: () => {
      if (run.dryRun) return;
      signOff(rootKeeper);
      flush();
      if (!brokeOff) state.saveNote(UNCLEAN, '');
    },
  };
}

/** At the beginning, and then once a day. Ages are told by the slower of both clocks, and by none at once. */
function dailyPurge(
  local: OpenLocalFolder,
  { pairConfig, run, state }: Found,
  offsetMs: () => number | undefined,
): () => Promise<void> {
  const { days, localBytes } = pairConfig.trash;
  let last = '';
  return async () => {
    const today = new Date(run.clock.now()).toISOString().slice(0, 10);
    if (run.dryRun || last === today) return;
    last = today;
    const slower = run.clock.now() + Math.min(0, offsetMs() ?? 0);
    const { before, note } = expiryOf(state.note(EXPIRY), slower, days);
    state.saveNote(EXPIRY, note);
    await local.purgeTrash({ days, before, bytes: localBytes ?? undefined }, run.signal);
  };
}

/** Once, and again when it changed. */
function tellOwnThings({ ownThings = [], state, run }: Found): void {
  const message = ownThingsSentence(ownThings);
  if ((state.note(LEFT_OUT) ?? '') === (message ?? '')) return;
  if (!run.dryRun) state.saveNote(LEFT_OUT, message ?? '');
  if (message !== undefined) run.observer.on({ kind: 'notice', level: 'warn', message });
}

/** A dry run shows what an approval to compare afresh will bring, and uses none up. */
function previewed(found: Found): Found {
  const { run, approvals, state } = found;
  const afresh = run.dryRun && run.mode === 'normal' && approvals.approved(run.clock.now()).has(AFRESH);
  if (!afresh) return found;
  const nothing = emptyTree<BaseStamp>();
  return { ...found, state: { ...state, base: () => nothing } };
}

/** The pair meets itself for the first time: nothing is agreed, so nothing can be deleted. */
function forget({ state, approvals, run }: Found): void {
  const paths = [...state.base().children.keys()] as RelPath[];
  const changes = paths.map((path) => ({ kind: 'forget' as const, path }));
  state.settle({ changes, journal: [], ended: state.intents().map(({ id }) => id) });
  approvals.saveHeld([]);
  const message = 'both sides are compared afresh, as was approved; nothing is deleted';
  run.observer.on({ kind: 'notice', level: 'info', message });
}

function noteHalt({ run }: Found, halts: Halts, end: CycleEnd): void {
  if (end.kind === 'failed') {
    if (end.error.disposition === 'halt') halts.halted(end.error.message);
  } else if (end.swept && !run.dryRun && halts.recovered(run.clock.now())) {
    const message = 'both sides are right again, so what was approved, to compare them afresh, is not done';
    run.observer.on({ kind: 'notice', level: 'info', message });
  }
}

function leadsElsewhere({ pairConfig, root, disk = systemDisk }: Found): boolean {
  try {
    return disk.realpathSync(pairConfig.folder) !== root;
  } catch {
    // It leads nowhere: the root is missing, or about to be.
    return false;
  }
}

/** A root that is not ours any more, or cannot be written, is left as it is: the mark of the beginning will do. */
function signOff(rootKeeper: RootKeeper): void {
  try {
    rootKeeper.check();
    rootKeeper.sign();
  } catch {}
}

function hostOf({ host }: Found): string {
  return host ?? hostname();
}

function openFolder(found: Found, trashed: TrashNotes): Promise<OpenLocalFolder> {
  const { root, pairConfig, run, host, disk = systemDisk } = found;
  const warn = (message: string): void => run.observer.on({ kind: 'notice', level: 'warn', message });
  return openLocalFolder({
    root,
    disk,
    clock: run.clock,
    settleMs: pairConfig.settleMs,
    freeReserveBytes: pairConfig.minFreeBytes,
    makeOwnFolders: !run.dryRun,
    ...(host === undefined ? {} : { host }),
    onTrashed: (path, trash) => trashed.note(path, trash),
    onWarning: warn,
    onLateWrite: (path, copy) =>
      warn(`"${path}" was written while it was replaced; those bytes are in "${copy}"`),
  });
}

function pairOptions(
  found: Found,
  { caseInsensitive }: OpenLocalFolder,
  traits: () => Traits,
): Pair['options'] {
  const { pairConfig, run, direction, ownThings = [] } = found;
  const rules = (patterns: readonly string[]): IgnoreRules =>
    withoutOwnThings(createIgnoreRules(patterns), ownThings, caseInsensitive);
  const all = rules(pairConfig.ignore);
  const withoutDots = rules([...pairConfig.ignore, '.*']);
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
    host: hostOf(found),
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
