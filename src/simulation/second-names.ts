/**
 * Files that a process gives a second name, to take the first one from them afterwards. When the person of that machine
 * deletes the first name in between, the second goes again: the deed is undone, and it is the person who gave the
 * content up.
 */
import type { DiskChange } from './disk/observer.ts';
import { keyOf, type Truth } from './truth.ts';

/** Of one machine. */
export interface SecondNames {
  /** A process of the machine made this change. Whether it only took away what a person gave up beside its deed. */
  isUndone(change: DiskChange): boolean;
  /** The process is dead: its deeds are over. */
  died(): void;
}

interface Linked {
  readonly from: string;
  readonly content: string;
  readonly moment: number;
}

export function createSecondNames(truth: Truth): SecondNames {
  const open = new Map<string, Linked>();
  return {
    isUndone: ({ path, before, after, what }) => {
      const linked = open.get(path);
      open.delete(path);
      // The first name went by a deed of the process: this is no undoing any more.
      for (const [name, { from }] of open) if (from === path) open.delete(name);
      if (after !== undefined && before === undefined && what.endsWith(` -> ${path}`)) {
        const from = what.slice('link '.length, -` -> ${path}`.length);
        if (what.startsWith('link ') && !from.startsWith('.rtsync/'))
          open.set(path, { from, content: keyOf(after), moment: truth.moment() });
      }
      if (linked === undefined || before === undefined || what !== `unlink ${path}`) return false;
      return keyOf(before) === linked.content && truth.gaveUpSince(before, linked.moment);
    },
    died: () => open.clear(),
  };
}
