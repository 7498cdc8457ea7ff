/** Folders, moves, and stepping aside: deeds that carry no content. */
import type { BaseChange } from '../../core/base.ts';
import type { MakeFolder, Move, SetAside } from '../../core/plan.ts';
import { type FolderNode, type LocalStamp, type Node, nodeAt } from '../../core/tree.ts';
import type { Work } from '../work.ts';

export async function makeFolder(work: Work, operation: MakeFolder): Promise<void> {
  const { path } = operation.place;
  if (operation.kind === 'makeFolderLocal') {
    const ino = await work.pair.local.makeFolder(operation.place.local);
    const node = named<LocalStamp>({ kind: 'folder', children: new Map(), ino }, operation.place.local, path);
    work.ledger.deed({
      operation,
      result: 'done',
      base: [{ kind: 'folder', path, ino }],
      local: nodeAt(work.local, path)?.kind === 'folder' ? [] : [{ path, node }],
      journal: { kind: 'makeFolderLocal', path },
    });
    return;
  }
  await work.pair.remote.makeFolder(operation.place.remote, work.signal);
  const local = nodeAt(work.local, path);
  work.ledger.deed({
    operation,
    result: 'done',
    base: [{ kind: 'folder', path, ino: local?.kind === 'folder' ? (local.ino ?? 0) : 0 }],
    remote: [{ path, node: named({ kind: 'folder', children: new Map() }, operation.place.remote, path) }],
    journal: { kind: 'makeFolderRemote', path },
  });
}

export async function move(work: Work, operation: Move): Promise<void> {
  const { from, to } = operation;
  const base: readonly BaseChange[] = [{ kind: 'move', from: from.path, to: to.path }];
  const journal = { kind: operation.kind, path: from.path, other: to.path };
  if (operation.kind === 'moveRemote') {
    const expect = operation.entry === 'folder' ? 'folder' : operation.remote;
    await work.pair.remote.move({ from: from.remote, to: to.remote, expect: expect ?? 'folder' }, work.signal);
    const node = nodeAt(work.remote, from.path);
    work.ledger.deed({ operation, result: 'done', base, remote: moved(node, operation, to.remote), journal });
    return;
  }
  const expect = operation.entry === 'folder' ? 'folder' : operation.local;
  const stamp = await work.pair.local.move(from.local, to.local, expect ?? 'folder');
  const seen = nodeAt(work.local, from.path);
  const node: Node<LocalStamp> | undefined = stamp !== undefined ? { kind: 'file', stamp } : seen;
  work.ledger.deed({ operation, result: 'done', base, local: moved(node, operation, to.local), journal });
}

export async function setAside(work: Work, operation: SetAside): Promise<void> {
  const { place, copy } = operation;
  const stamp = await work.pair.local.move(place.local, copy.local, operation.local);
  const seen = nodeAt(work.local, place.path);
  const node: Node<LocalStamp> | undefined = stamp !== undefined ? { kind: 'file', stamp } : seen;
  work.ledger.deed({
    operation,
    result: 'done',
    base: [],
    local: [
      { path: place.path, node: undefined },
      { path: copy.path, node: node === undefined ? undefined : renamed(node, copy.local, copy.path) },
    ],
    journal: { kind: 'setAside', path: place.path, other: copy.path },
    conflict: { path: place.path, copy: copy.path, resolution: 'keep-both' },
    followUp: true,
  });
}

function moved<S>(node: Node<S> | undefined, operation: Move, spelled: string): { path: typeof operation.to.path; node: Node<S> | undefined }[] {
  return [
    { path: operation.from.path, node: undefined },
    { path: operation.to.path, node: node === undefined ? undefined : renamed(node, spelled, operation.to.path) },
  ];
}

function named<S>(folder: FolderNode<S>, spelled: string, path: string): FolderNode<S> {
  return renamed(folder, spelled, path) as FolderNode<S>;
}

/** The node under another name; `name` only where the spelling is not the key. */
function renamed<S>(node: Node<S>, spelled: string, path: string): Node<S> {
  const { name: _old, ...rest } = node;
  const name = spelled.slice(spelled.lastIndexOf('/') + 1);
  const key = path.slice(path.lastIndexOf('/') + 1);
  return (name === key ? rest : { ...rest, name }) as Node<S>;
}
