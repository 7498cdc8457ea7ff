/**
 * Downloads that would put an older version over a file that is here: the server dates it before the version that both
 * sides agreed on. A few are a person's usual work (`mv old new`, a checkout); many say that the server was restored
 * from a backup, and what was restored over is newer. Decides nothing; the guard does.
 */
import type { BaseStamp, BaseTree } from './base.ts';
import { isWithin, type RelPath, rebase } from './path.ts';
import type { Download, Held, Move, Operation } from './plan.ts';
import { type DateWitness, nodeAt } from './tree.ts';

/**
 * A date that is earlier by less is no step back: a server that begins to date by whole (or even) seconds moves all its
 * dates by so much. Milliseconds.
 */
const GRAIN = 2_000;

/** Where the moves of the same plan lead from is what the base calls a file that they bring to its new name. */
export function findRegressions(operations: readonly Operation[], base: BaseTree): readonly Download[] {
  const moves = operations.filter(isMove).reverse();
  const originOf = (path: RelPath): RelPath => {
    let at = path;
    for (const { from, to } of moves) if (isWithin(at, to.path)) at = rebase(at, to.path, from.path);
    return at;
  };
  return operations.filter((operation): operation is Download => {
    if (operation.kind !== 'download' || operation.local === undefined) return false;
    const agreed = nodeAt(base, originOf(operation.place.path));
    return agreed?.kind === 'file' && isOlder(operation.remote.date, agreed.stamp.date);
  });
}

function isMove(operation: Operation): operation is Move {
  return operation.kind === 'moveLocal' || operation.kind === 'moveRemote';
}

/** "N of M files", with the question that a person should ask. */
export function regressionReason(files: number, known: number): string {
  return `${files} of ${known} files ${QUESTION}`;
}

/** The content that it takes away is one file's, but no file goes: `files` is 0, so that no removal is mistaken for it. */
export function heldRegression({ place }: Download, reason: string): Held {
  return { path: place.path, side: 'local', files: 0, reason };
}

/** Tells a held download from a held removal. */
export function isRegression({ side, files, reason }: Pick<Held, 'side' | 'files' | 'reason'>): boolean {
  return side === 'local' && files === 0 && reason.endsWith(QUESTION);
}

const QUESTION = 'went back to older versions: was the workspace restored from a backup?';

/** Surely, and not by a change of the server's grain alone. */
function isOlder(now: DateWitness, agreed: BaseStamp['date']): boolean {
  const latest = typeof now === 'number' ? now : now[1];
  const earliest = typeof agreed === 'number' ? agreed : agreed[0];
  return latest < earliest - GRAIN;
}
