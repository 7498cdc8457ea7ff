/** One folder of the decision: its children on all three sides, its spellings, and whether it stands on a side yet. */
import type { BaseNode, BaseTree } from './base.ts';
import { foldName, type Side } from './input.ts';
import {
  type DirPath,
  join,
  joinLocal,
  joinRemote,
  keyOf,
  type LocalDir,
  type Place,
  type RelPath,
  type RemoteDir,
  ROOT,
} from './path.ts';
import type { LocalStamp, LocalTree, Node, RemoteStamp, RemoteTree } from './tree.ts';

export type LocalNode = Node<LocalStamp>;
export type RemoteNode = Node<RemoteStamp>;

/** What the three sides hold under one key. */
export interface Entry {
  readonly key: string;
  readonly base?: BaseNode | undefined;
  readonly local?: LocalNode | undefined;
  readonly remote?: RemoteNode | undefined;
}

export interface Dir {
  readonly parent: Dir | undefined;
  readonly path: DirPath;
  readonly local: LocalDir;
  readonly remote: RemoteDir;
  readonly baseChildren: ReadonlyMap<string, BaseNode>;
  readonly localChildren: ReadonlyMap<string, LocalNode>;
  readonly remoteChildren: ReadonlyMap<string, RemoteNode>;
  /** Operations that must be done before something can be put here; undefined where the folder does not stand yet. */
  readonly ready: Record<Side, readonly number[] | undefined>;
  /** Folded names that stand on any side or that conflict copies of this plan will take. Made when first asked for. */
  copyNames?: Set<string>;
  /** Folded names that stand or will stand on the local side, with their keys. Made when first asked for. */
  localNames?: Map<string, string>;
}

const NONE: ReadonlyMap<string, never> = new Map<string, never>();

export function rootDir(base: BaseTree, local: LocalTree, remote: RemoteTree): Dir {
  return {
    parent: undefined,
    path: ROOT,
    local: ROOT,
    remote: ROOT,
    baseChildren: base.children,
    localChildren: local.children,
    remoteChildren: remote.children,
    ready: { local: [], remote: [] },
  };
}

/** The folder under a key, as far as each side has a folder there. */
export function subDir(parent: Dir, entry: Entry): Dir {
  const place = placeOf(parent, entry);
  const { base, local, remote } = entry;
  return {
    parent,
    ...place,
    baseChildren: base?.kind === 'folder' ? base.children : NONE,
    localChildren: local?.kind === 'folder' ? local.children : NONE,
    remoteChildren: remote?.kind === 'folder' ? remote.children : NONE,
    ready: {
      local: local?.kind === 'folder' ? parent.ready.local : undefined,
      remote: remote?.kind === 'folder' ? parent.ready.remote : undefined,
    },
  };
}

/** A side that has the entry spells it itself; otherwise the other side's spelling is taken. */
export function placeOf(dir: Dir, { key, local, remote }: Entry): Place {
  return {
    path: join(dir.path, key),
    local: joinLocal(dir.local, (local ?? remote)?.name ?? key),
    remote: joinRemote(dir.remote, (remote ?? local)?.name ?? key),
  };
}

/** The place of a conflict copy, with a name that no side and no other copy has. */
export function copyPlace(
  dir: Dir,
  name: string,
  copyName: (name: string, taken: (name: string) => boolean) => string,
): Place {
  dir.copyNames ??= standingNames(dir);
  const { copyNames } = dir;
  const copy = copyName(name, (candidate) => copyNames.has(foldName(candidate)));
  copyNames.add(foldName(copy));
  return {
    path: join(dir.path, keyOf(copy)),
    local: joinLocal(dir.local, copy),
    remote: joinRemote(dir.remote, copy),
  };
}

function standingNames({ localChildren, remoteChildren, baseChildren }: Dir): Set<string> {
  const names = new Set<string>();
  for (const children of [localChildren, remoteChildren, baseChildren]) {
    for (const key of children.keys()) names.add(foldName(key));
  }
  return names;
}

/** Claims a local name on a disk that folds case; gives the key that has it already. */
export function claimLocalName(dir: Dir, key: string): string | undefined {
  dir.localNames ??= new Map([...dir.localChildren.keys()].map((name) => [foldName(name), name]));
  const fold = foldName(key);
  const holder = dir.localNames.get(fold);
  if (holder === undefined) dir.localNames.set(fold, key);
  return holder === key ? undefined : holder;
}

export function* entriesOf(dir: Dir): Generator<Entry> {
  const { baseChildren, localChildren, remoteChildren } = dir;
  for (const [key, local] of localChildren) {
    yield { key, local, base: baseChildren.get(key), remote: remoteChildren.get(key) };
  }
  for (const [key, remote] of remoteChildren) {
    if (!localChildren.has(key)) yield { key, remote, base: baseChildren.get(key) };
  }
  for (const [key, base] of baseChildren) {
    if (!localChildren.has(key) && !remoteChildren.has(key)) yield { key, base };
  }
}

/** Asks for a path only where one is needed: most entries of a cycle are unchanged. */
export function pathIn(dir: Dir, key: string): RelPath {
  return join(dir.path, key);
}
