/**
 * Answers that are kept per folder object: nodes never change, so what was once found to be the same below two folders
 * stays so, and a cycle need not walk what it walked before. Pure: only the cost of a question depends on the past.
 */

import { type BaseFolder, type BaseNode, sameFingerprint } from './base.ts';
import { sameColumns, unpacked } from './compact.ts';
import {
  type FolderNode,
  type LocalStamp,
  type Node,
  OTHER_PAIR,
  type RemoteStamp,
  type Tree,
} from './tree.ts';

interface Answer {
  readonly base: BaseFolder;
  readonly same: boolean;
}

const localAnswers = new WeakMap<FolderNode<LocalStamp>, Answer>();
const remoteAnswers = new WeakMap<FolderNode<RemoteStamp>, Answer>();

/**
 * True when everything below is, by its fingerprint, what the base knows; what is left out and unknown to the base
 * may stand there.
 */
export function localSame(base: BaseFolder, local: FolderNode<LocalStamp>): boolean {
  return answered(localAnswers, base, local, () =>
    sameBelow(base, local, (was, node) => {
      if (was.kind === 'file') return node.kind === 'file' && sameFingerprint(was.stamp, node.stamp);
      if (was.kind !== 'folder' || node.kind !== 'folder') return false;
      return (node.ino === undefined || node.ino === was.ino) && localSame(was, node);
    }),
  );
}

/** True when everything below is exactly the version, with the very date, that the base knows. */
export function remoteSame(base: BaseFolder, remote: FolderNode<RemoteStamp>): boolean {
  return answered(remoteAnswers, base, remote, () =>
    sameBelow(base, remote, (was, node) => {
      if (was.kind === 'file')
        return (
          node.kind === 'file' && was.stamp.size === node.stamp.size && was.stamp.date === node.stamp.date
        );
      return was.kind === 'folder' && node.kind === 'folder' && remoteSame(was, node);
    }),
  );
}

function answered<S>(
  answers: WeakMap<FolderNode<S>, Answer>,
  base: BaseFolder,
  folder: FolderNode<S>,
  ask: () => boolean,
): boolean {
  const known = answers.get(folder);
  if (known?.base === base) return known.same;
  const same = ask();
  answers.set(folder, { base, same });
  return same;
}

function sameBelow<S>(
  base: BaseFolder,
  folder: FolderNode<S>,
  same: (was: BaseNode, node: Node<S>) => boolean,
): boolean {
  let met = 0;
  let answer = true;
  for (const [key, node] of folder.children) {
    const was = base.children.get(key);
    if (was === undefined) {
      // What is left out is no difference; that another pair is in there has to be told each time.
      if (node.kind === 'untracked' && node.why !== OTHER_PAIR) continue;
      return false;
    }
    met += 1;
    // The folders after the first difference are asked too, so that the next walk finds them answered.
    if (!same(was, node)) answer = false;
  }
  return answer && met === base.children.size;
}

/** The later tree with every folder that holds the same as before replaced by the object from before. */
export function shared<S>(before: Tree<S>, after: Tree<S>): Tree<S> {
  return sharedFolder(before, after);
}

function sharedFolder<S>(before: FolderNode<S>, after: FolderNode<S>): FolderNode<S> {
  if (before === after) return before;
  let same =
    before.children.size === after.children.size && before.ino === after.ino && before.name === after.name;
  let copied: Map<string, Node<S>> | undefined;
  const rest = sameColumns(before.children, after.children) ? unpacked(after.children) : after.children;
  for (const [key, node] of rest) {
    const was = before.children.get(key);
    if (was === node) continue;
    const kept = was === undefined ? node : sharedNode(was, node);
    if (kept !== was) same = false;
    if (kept === node) continue;
    copied ??= new Map(after.children);
    copied.set(key, kept);
  }
  if (same) return before;
  return copied === undefined ? after : { ...after, children: copied };
}

function sharedNode<S>(was: Node<S>, node: Node<S>): Node<S> {
  if (was.kind === 'folder' && node.kind === 'folder') return sharedFolder(was, node);
  if (was.kind !== node.kind || was.name !== node.name) return node;
  if (was.kind === 'file' && node.kind === 'file') return sameStamp(was.stamp, node.stamp) ? was : node;
  return 'why' in was && 'why' in node && was.why === node.why ? was : node;
}

/** Field by field; a span is the same as its equal. */
function sameStamp<S>(one: S, other: S): boolean {
  const [a, b] = [Object.entries(one as object), other as Readonly<Record<string, unknown>>];
  return (
    a.length === Object.keys(b).length &&
    a.every(([key, value]) => {
      const there = b[key];
      return value === there || (Array.isArray(value) && String(value) === String(there));
    })
  );
}
