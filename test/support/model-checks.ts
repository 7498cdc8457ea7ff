/** What the model insists on before it carries out an operation. Each throws with one sentence. */
import { keyOf, type Place, parentOf, type RelPath, ROOT } from '../../src/core/path.ts';
import {
  type FolderNode,
  type LocalStamp,
  type Node,
  nodeAt,
  type RemoteStamp,
  spell,
  type Tree,
} from '../../src/core/tree.ts';
import type { ModelLocal, ModelRemote, SideName, World } from './world.ts';

export function at(
  world: World,
  side: SideName,
  place: Place,
): Node<ModelLocal> | Node<ModelRemote> | undefined {
  const tree = side === 'local' ? world.local : world.remote;
  must(keyOf(place[side]) === place.path, `${place[side]} is filed as ${place.path}`);
  const node = nodeAt<ModelLocal | ModelRemote>(tree as Tree<ModelLocal | ModelRemote>, place.path);
  if (node !== undefined)
    must(spell(tree, place.path) === place[side], `${side} does not spell it ${place[side]}`);
  return node as Node<ModelLocal> | Node<ModelRemote> | undefined;
}

export function localFile(world: World, place: Place, expected: LocalStamp | undefined): ModelLocal {
  const node = at(world, 'local', place);
  if (node?.kind !== 'file' || expected === undefined) throw new Error(`no local file: ${place.path}`);
  const { size, ino, mtimeMs, ctimeMs } = node.stamp as ModelLocal;
  must(
    size === expected.size && ino === expected.ino && mtimeMs === expected.mtimeMs,
    `changed: ${place.path}`,
  );
  must(ctimeMs === expected.ctimeMs || world.renamed.has(ino), `changed (ctime): ${place.path}`);
  return node.stamp as ModelLocal;
}

export function remoteFile(world: World, place: Place, expected: RemoteStamp | undefined): ModelRemote {
  const node = at(world, 'remote', place);
  if (node?.kind !== 'file' || expected === undefined) throw new Error(`no remote file: ${place.path}`);
  const { size, date } = node.stamp as ModelRemote;
  must(size === expected.size && date === expected.date, `changed there: ${place.path}`);
  return node.stamp as ModelRemote;
}

export function remoteIs(world: World, place: Place, expected: RemoteStamp | undefined): void {
  if (expected === undefined)
    must(at(world, 'remote', place) === undefined, `an upload meets something: ${place.path}`);
  else remoteFile(world, place, expected);
}

export function parentStands(world: World, side: SideName, place: Place): void {
  const dir = parentOf(place.path);
  if (dir === ROOT) return;
  const tree: Tree<unknown> = side === 'local' ? world.local : world.remote;
  must(nodeAt(tree, dir)?.kind === 'folder', `${side} has no folder for ${place.path}`);
  const spelled = place[side];
  must(
    spell(tree, dir as RelPath) === spelled.slice(0, spelled.lastIndexOf('/')),
    `${side} spells the folder of ${spelled} otherwise`,
  );
}

export function sameTree(expected: FolderNode<unknown>, found: FolderNode<unknown>, path: string): void {
  const keys = (folder: FolderNode<unknown>): string => [...folder.children.keys()].sort().join('/');
  must(keys(expected) === keys(found), `not everything below was seen: ${path}`);
  for (const [key, node] of found.children) {
    const other = expected.children.get(key);
    must(other?.kind === node.kind, `another kind below: ${path}/${key}`);
    if (node.kind === 'folder' && other?.kind === 'folder') sameTree(other, node, `${path}/${key}`);
    if (node.kind === 'file' && other?.kind === 'file') {
      must(versionOf(other.stamp) === versionOf(node.stamp), `changed below: ${path}/${key}`);
    }
  }
}

function versionOf(stamp: unknown): string {
  const { size, ino, mtimeMs, date } = stamp as Partial<ModelLocal & ModelRemote>;
  return JSON.stringify([size, ino, mtimeMs, date]);
}

export function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}
