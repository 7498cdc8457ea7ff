/**
 * The base: the last state that both sides agreed on, each file with one stamp per side. Where base and a side differ,
 * that side changed. Only a finished deed, or the sight of equal contents, moves it.
 */
import type { RelPath } from './path.ts';
import type {
  DateWitness,
  Digest,
  FileNode,
  FolderNode,
  LocalStamp,
  Node,
  RemoteStamp,
  Tree,
} from './tree.ts';

/** One agreed version of a file. */
export interface BaseStamp {
  readonly digest: Digest;
  readonly size: number;
  /** The local version's inode and times. A `ctimeMs` of -1 means "seen too young to trust: hash again". */
  readonly ino: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly date: DateWitness;
}

export type BaseNode = Node<BaseStamp>;
export type BaseFile = FileNode<BaseStamp>;
export type BaseFolder = FolderNode<BaseStamp>;
/** Holds files and folders only. */
export type BaseTree = Tree<BaseStamp>;

/** What happens to the base. `move` takes everything below along. */
export type BaseChange =
  | { readonly kind: 'file'; readonly path: RelPath; readonly stamp: BaseStamp }
  | { readonly kind: 'folder'; readonly path: RelPath; readonly ino: number }
  /** The path and everything below it. */
  | { readonly kind: 'forget'; readonly path: RelPath }
  | { readonly kind: 'move'; readonly from: RelPath; readonly to: RelPath };

export type Delta = 'none' | 'modified' | 'undetermined';

/** How a local version differs from the agreed one. `undetermined`: only its digest can tell, and it is not known. */
export function localDelta(base: BaseStamp, local: LocalStamp): Delta {
  if (sameFingerprint(base, local)) return 'none';
  if (base.size !== local.size) return 'modified';
  if (local.digest === undefined) return 'undetermined';
  return local.digest === base.digest ? 'none' : 'modified';
}

/** True when the disk itself says that this is the very version the base knows. */
export function sameFingerprint(base: BaseStamp, local: LocalStamp): boolean {
  return (
    base.ctimeMs === local.ctimeMs &&
    base.mtimeMs === local.mtimeMs &&
    base.ino === local.ino &&
    base.size === local.size
  );
}

/** How a server's version differs from the agreed one. */
export function remoteDelta(base: BaseStamp, remote: RemoteStamp): 'none' | 'modified' {
  if (base.size !== remote.size) return 'modified';
  return dateMatches(base.date, remote.date) ? 'none' : 'modified';
}

/** True when two sightings can be of one version: equal dates, or a date inside a span, or the same span. */
export function dateMatches(one: DateWitness, other: DateWitness): boolean {
  if (typeof one === 'number') return typeof other === 'number' ? one === other : inSpan(one, other);
  return typeof other === 'number' ? inSpan(other, one) : one[0] === other[0] && one[1] === other[1];
}

/** The date of what is to be compared before it counts as agreed again: none fits it. */
export const DOUBTED: DateWitness = [1, 0];

export function isDoubted({ date }: BaseStamp): boolean {
  return dateMatches(date, DOUBTED);
}

/** True when a listed entry is the version that was expected. */
export function sameRemote(expected: RemoteStamp, listed: RemoteStamp): boolean {
  return expected.size === listed.size && dateMatches(expected.date, listed.date);
}

function inSpan(date: number, span: readonly [number, number]): boolean {
  return date >= span[0] && date <= span[1];
}

/** The stamp after both sides were seen to hold the same content. */
export function agreed(local: LocalStamp, digest: Digest, date: DateWitness): BaseStamp {
  const { size, ino, mtimeMs, ctimeMs, young } = local;
  // What matches nothing is looked at again.
  return { digest, size, ino, mtimeMs, ctimeMs: young === true ? -1 : ctimeMs, date };
}
