/** The promises that can only be checked when everything has come to rest: all sides equal, nothing lost, nothing left. */
import type { Checks, ChecksOf } from './checks.ts';
import type { Copied } from './copied.ts';
import type { CutShort } from './cut-short.ts';
import { EPOCH, type Machine } from './machine.ts';
import { inPair, inWorkspace, listOfPair } from './places.ts';
import { baseOf, CALM_AT, type Scenario, type Start } from './scenario.ts';
import type { SimServerChange } from './server/changes.ts';
import type { SimServer, SimServerList, SimServerMove } from './server.ts';
import type { Swapped } from './swapped.ts';
import { isHeld, keyOf, labelOf } from './truth.ts';

/** A version that a process took from its name on the server. */
export interface Taken {
  readonly path: string;
  /** It had not seen it, and moved it into this folder of the trash at this server time. */
  readonly unseen?: TakenUnseen;
}

export interface TakenUnseen {
  readonly client: number;
  readonly trash: string;
  readonly at: number;
  /** What the request named: the version itself, or a folder around it. */
  readonly named: string | undefined;
  /**
   * Somebody had that name again when its taker, who had seen the trash, looked whether it is free to give back; or, where
   * it was free then, when the move arrived that was to give it back.
   */
  nameTaken: boolean;
  /** The name under which that move brought it back then, on a server that keeps both: its taker takes it again. */
  beside?: string;
}

/** To be told of each list that is made on the server. */
export function lookBack(server: SimServer, left: Iterable<Taken>, list: SimServerList): void {
  for (const { unseen } of left) {
    const { named } = unseen ?? {};
    if (unseen === undefined || named === undefined || unseen.client !== list.client) continue;
    if (list.folder !== folderAround(named)) continue;
    const sawTrash = list.heardOf(unseen.trash);
    if (sawTrash === undefined || sawTrash < unseen.at) continue;
    // By the first such list that reaches it, it is decided.
    if ((list.heardOf(list.folder) ?? sawTrash) > sawTrash) continue;
    if (server.agent.list().some(({ path }) => path === named)) unseen.nameTaken = true;
  }
}

/**
 * To be told of each move of a batch when it is over. The look before it and the move are two requests: RACE in the giving
 * back. It is not told of what is live again.
 */
export function moveBack(server: SimServer, left: ReadonlyMap<string, Taken>, move: SimServerMove): void {
  if (move.operation !== 'move') return;
  for (const [content, { path: was, unseen }] of left) {
    const { named } = unseen ?? {};
    if (unseen === undefined || named === undefined || unseen.client !== move.client) continue;
    const [folder, trashed] = [folderAround(named), `${unseen.trash}/${named.split('/').at(-1)}`];
    if (move.target !== folder || !move.ids.includes(trashed)) continue;
    if (!server.agent.list().some(({ path }) => path === named)) continue;
    const paths = [...server.holds()].flatMap(({ path, bytes }) => (keyOf(bytes) === content ? [path] : []));
    // Else it has its name again, or is beside it.
    unseen.nameTaken = paths.some((path) => path === trashed || path.startsWith(`${trashed}/`));
    // Of folders all stays that went there.
    const beside =
      was === named.normalize('NFC')
        ? paths.find((path) => folderAround(path) === folder && path !== named && isStray(path))
        : undefined;
    if (beside !== undefined) unseen.beside = beside;
  }
}

/** What was taken once more, after its taker had given it back and the server had stored it beside its name. */
export function takenAgain(before: Taken | undefined, { client, path }: SimServerChange): Taken | undefined {
  const unseen = before?.unseen;
  if (before === undefined || unseen === undefined) return undefined;
  if (unseen.beside !== path || unseen.client !== client) return undefined;
  return { ...before, unseen: { ...unseen, nameTaken: true } };
}

function folderAround(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

type Tree = ReadonlyMap<string, string | 'folder'>;
const FOLDER = 'a folder';

function treeOf(
  entries: readonly { readonly path: string; readonly kind: string }[],
  read: (path: string) => Uint8Array | undefined,
): Tree {
  const tree = new Map<string, string>();
  for (const { path, kind } of entries) {
    const bytes = kind === 'file' ? read(path) : undefined;
    tree.set(path.normalize('NFC'), bytes === undefined ? FOLDER : keyOf(bytes));
  }
  return tree;
}

function serverTree({ server, scenario }: ChecksOf): Tree {
  const base = baseOf(scenario);
  return treeOf(listOfPair(server, base), (path) => server.agent.read(inWorkspace(base, path)));
}

function machineTree({ disk }: Machine): Tree {
  return treeOf(disk.person.list(), (path) => disk.person.read(path));
}

function differences(here: Tree, there: Tree, passed: (path: string) => boolean = () => false): string[] {
  const label = (content: string | undefined): string =>
    content === undefined
      ? 'missing'
      : content === FOLDER
        ? content
        : labelOf(Buffer.from(content, 'latin1'));
  return [...new Set([...here.keys(), ...there.keys()])]
    .filter((path) => here.get(path) !== there.get(path) && !passed(path))
    .map((path) => `${path}: here ${label(here.get(path))}, on the server ${label(there.get(path))}`);
}

export function difference(of: ChecksOf): string {
  const there = serverTree(of);
  const parts = of.machines.flatMap((machine) => [
    ...differences(machineTree(machine), there).map((line) => `${machine.name} ${line}`),
    `${machine.name} said ${JSON.stringify(machine.last).slice(0, 900)}`,
  ]);
  return parts.join('; ');
}

/** Without a base, or after a deed that came late or was torn by a kill, or when the
 * journal went with the power, what one person wrote meets itself. */
function mayConflict({ shared, machines, faults, behaviour }: Scenario): boolean {
  const torn = behaviour.growingUploads === true && anyStart(machines, ({ fuse }) => fuse !== undefined);
  const cut = anyStart(machines, ({ powerCut }) => powerCut);
  return (
    torn || cut || shared || anyStart(machines, ({ forgets }) => forgets) || faults.kinds.includes('late')
  );
}

function anyStart(machines: Scenario['machines'], is: (start: Start) => boolean): boolean {
  return machines.some(({ starts }) => starts.some(is));
}

/** Names carry their owner, which is lost with the database. */
const OWN_LEFTOVER = /^\.rtsync\/(staging|moving|probe)/;
const STRAY = /\.new\b|\.[0-9a-f]{8}$/;

/**
 * A new folder that is asked for late, or after its process was killed and another has done the same, or twice, gets a
 * second name on servers that never refuse one. Of files it is known of each (`CutShort.wasLeft`).
 */
function straysExpected({ behaviour, faults, machines }: Scenario): boolean {
  const late = faults.kinds.includes('late') || anyStart(machines, ({ fuse }) => fuse !== undefined);
  const twice = late || faults.kinds.includes('repeated');
  const many = machines.length > 1;
  return behaviour.takenFolder === 'stray' && (twice || many);
}

/** Where our own folder is not listed, nobody knows of the second one that a create made whose answer was lost. */
function isHiddenStray(path: string, { behaviour, faults }: Scenario): boolean {
  return (
    path === '.rtsync.new' &&
    behaviour.takenFolder === 'stray' &&
    behaviour.showHidden === 'ignored' &&
    faults.kinds.includes('lost-after')
  );
}

export function isStray(path: string): boolean {
  return STRAY.test(path);
}

function isExpectedStray(path: string, scenario: Scenario): boolean {
  return STRAY.test(path) && (straysExpected(scenario) || isHiddenStray(path, scenario));
}

/**
 * Requests in any minute, by when they were sent, of one process after the other that all ended by themselves. What
 * still runs when calm comes is killed, and takes what it knew of its pace with it.
 */
function overBudget({ server, scenario }: ChecksOf): string | undefined {
  const { limitPerMinute: limit, machines } = scenario;
  if (
    limit === undefined ||
    machines.length > 1 ||
    anyStart(machines, ({ fuse, forgets }) => forgets || fuse !== undefined)
  )
    return undefined;
  const calmAt = EPOCH + CALM_AT;
  const times = server.sentTimes;
  for (let first = 0, last = 0; last < times.length; last += 1) {
    while ((times[last] ?? 0) - (times[first] ?? 0) >= 60_000) first += 1;
    if ((times[last] ?? 0) >= calmAt) while ((times[first] ?? 0) < calmAt) first += 1;
    if (last - first + 1 > limit) return `${last - first + 1} requests within a minute, ${limit} are allowed`;
  }
  return undefined;
}

export function isKept({ machines, server }: ChecksOf, key: string): boolean {
  const content = Buffer.from(key, 'latin1');
  return [server, ...machines.map(({ disk }) => disk)].some((side) => isHeld(side.holds(), content));
}

export interface Past {
  /** By content, the versions that processes took from their names. */
  readonly left: ReadonlyMap<string, Taken>;
  /** Whether a process ever sent this content up. */
  readonly wasSent: (content: string) => boolean;
  readonly cutShort: Pick<CutShort, 'liesInTrash' | 'wasLeft' | 'wasTurned'>;
  readonly copied: Copied;
  readonly swapped: Pick<Swapped, 'isFooled'>;
}

export function atRest(of: ChecksOf, violated: Checks['violated'], past: Past): void {
  const { left, wasSent, cutShort, copied, swapped } = past;
  const { truth, machines, server, scenario } = of;
  const there = serverTree(of);
  const over = overBudget(of);
  if (over !== undefined) violated('budget', over);
  for (const machine of machines) {
    const here = machineTree(machine);
    const isFooled = (path: string): boolean => {
      const known = inWorkspace(baseOf(scenario), path);
      return swapped.isFooled(machine.name, known, here.get(path), there.get(path));
    };
    const apart = differences(
      here,
      there,
      (path) => truth.isTwin(there.get(path)) || isExpectedStray(path, scenario) || isFooled(path),
    );
    if (apart.length > 0)
      violated('it-ends', `${machine.name} differs though it says that all is in sync: ${apart.join('; ')}`);
    for (const { path } of machine.disk.holds())
      if (path.startsWith('.rtsync/tmp/')) violated('no-leftovers', `${machine.name} keeps ${path}`);
  }
  // Two writers of a file that grows make something of both; each machine keeps its own in the trash.
  const overlapping = scenario.behaviour.growingUploads === true;
  const live = new Set(there.values());
  // What was taken unseen goes back, unless another file has its name by then: RACE in the removal.
  const hasLostItsName = (key: string): boolean => {
    const path = left.get(key)?.path;
    const known = path === undefined ? undefined : inPair(baseOf(scenario), path);
    return known !== undefined && there.has(known);
  };
  // So it does when that name was taken only for a while, as long as it was so when it could have gone back.
  const foundItsNameTaken = (key: string): boolean => left.get(key)?.unseen?.nameTaken === true;
  // A kill in between leaves it in the trash: RACE in the removal.
  const wasNeverLookedAt = (key: string): boolean => {
    const unseen = left.get(key)?.unseen;
    return unseen !== undefined && server.diedUnaware(unseen.client, unseen.trash, unseen.at);
  };
  const mayLieInTrash = (key: string): boolean =>
    overlapping ||
    hasLostItsName(key) ||
    foundItsNameTaken(key) ||
    wasNeverLookedAt(key) ||
    truth.cameBack(key) ||
    copied.liesInTrash(key) ||
    cutShort.liesInTrash(key);
  for (const [key, label] of truth.owed())
    if (!live.has(key) && !(mayLieInTrash(key) && isKept(of, key)))
      violated('nothing-is-lost', `"${label}" is not live, and nobody gave it up`);
  for (const { path } of server.holds())
    if (OWN_LEFTOVER.test(path) && !anyStart(scenario.machines, ({ forgets }) => forgets))
      violated('no-leftovers', `the server keeps ${path}`);
  for (const path of there.keys()) {
    if (path.includes('(conflict') && !mayConflict(scenario))
      violated('no-false-conflict', `${path}, though nobody shares a path`);
    // What no process sent up, a person wrote there, into what lay under that name: it is theirs since.
    const content = there.get(path);
    const isTheirs =
      content === FOLDER
        ? cutShort.wasTurned(inWorkspace(baseOf(scenario), path))
        : content !== undefined && content !== '' && !wasSent(content);
    // By its own name: of what is below such a folder the folder tells.
    if (
      isStray(path.slice(path.lastIndexOf('/') + 1)) &&
      !isTheirs &&
      !isExpectedStray(path, scenario) &&
      !cutShort.wasLeft(content)
    )
      violated('no-leftovers', `the stray name ${path}`);
  }
}
