/** Folders, moves, and stepping aside: deeds that carry no content. */
import { type BaseChange, sameRemote } from '../../core/base.ts';
import type { MakeFolder, Move, SetAside } from '../../core/plan.ts';
import { type LocalStamp, nodeAt } from '../../core/tree.ts';
import { renamed } from '../remembered.ts';
import { baseFileAt, type Work } from '../work.ts';

export async function makeFolder(work: Work, operation: MakeFolder): Promise<void> {
  const { path } = operation.place;
  work.ledger.intend(operation, { kind: operation.kind, path, detail: {} });
  if (operation.kind === 'makeFolderLocal') {
    const ino = await work.pair.local.makeFolder(operation.place.local);
    const node = renamed<LocalStamp>(
      { kind: 'folder', children: new Map(), ino },
      operation.place.local,
      path,
    );
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
    remote: [{ path, node: renamed({ kind: 'folder', children: new Map() }, operation.place.remote, path) }],
    journal: { kind: 'makeFolderRemote', path },
  });
}

export async function move(work: Work, operation: Move): Promise<void> {
  const { from, to } = operation;
  const base: readonly BaseChange[] = [{ kind: 'move', from: from.path, to: to.path }];
  const journal = { kind: operation.kind, path: from.path, other: to.path };
  const paths = { from: from.path, to: to.path };
  if (operation.kind === 'moveRemote') {
    const expect = operation.entry === 'folder' ? 'folder' : (operation.remote ?? 'folder');
    intend(work, operation, { from: from.remote, to: to.remote });
    const before = baseFileAt(work, from.path);
    // Only of the agreed version: an edit that moved along must still be seen as one.
    const known = before && operation.remote && sameRemote(before, operation.remote) ? before : undefined;
    const stamp = await work.pair.remote.move(
      { from: from.remote, to: to.remote, expect, digest: known?.digest },
      work.signal,
    );
    work.ledger.deed({
      operation,
      result: 'done',
      base:
        stamp === undefined || known === undefined
          ? base
          : [...base, { kind: 'file', path: to.path, stamp: { ...known, date: stamp.date } }],
      remote: [{ ...paths, spelled: to.remote, ...(stamp === undefined ? {} : { stamp }) }],
      journal,
    });
    return;
  }
  const expect = operation.entry === 'folder' ? 'folder' : (operation.local ?? 'folder');
  intend(work, operation, { from: from.local, to: to.local });
  const stamp = await work.pair.local.move(from.local, to.local, expect);
  work.ledger.deed({
    operation,
    result: 'done',
    base,
    local: [{ ...paths, spelled: to.local, ...(stamp === undefined ? {} : { stamp }) }],
    journal,
  });
}

function intend(work: Work, operation: Move, spelled: { readonly from: string; readonly to: string }): void {
  const { kind, from, to, entry, local, remote } = operation;
  const file = entry === 'file';
  work.ledger.intend(operation, {
    ...{ kind, path: from.path, other: to.path },
    detail: {
      ...(file && local !== undefined ? { local } : {}),
      ...(file && remote !== undefined ? { remote } : {}),
      spelled,
    },
  });
}

export async function setAside(work: Work, operation: SetAside): Promise<void> {
  const { place, copy } = operation;
  const seen = operation.local === 'folder' ? {} : { local: operation.local };
  const spelled = { from: place.local, to: copy.local };
  work.ledger.intend(operation, {
    kind: 'setAside',
    path: place.path,
    other: copy.path,
    detail: { ...seen, spelled },
  });
  const stamp = await work.pair.local.move(place.local, copy.local, operation.local);
  const known = stamp === undefined ? {} : { stamp };
  // What comes in its place is of another kind, and the base shall not take that for an edit of what stood there.
  const clash = nodeAt(work.remote, place.path)?.kind !== nodeAt(work.base, place.path)?.kind;
  work.ledger.deed({
    operation,
    result: 'done',
    base: clash ? [{ kind: 'forget', path: place.path }] : [],
    local: [{ from: place.path, to: copy.path, spelled: copy.local, ...known }],
    journal: { kind: 'setAside', path: place.path, other: copy.path },
    conflict: { path: place.path, copy: copy.path, resolution: 'keep-both' },
    followUp: true,
  });
}
