/**
 * What processes could not finish. Versions that one replaced on its machine and could not look at again before the power
 * went, which took along the note of it too: what a program wrote into one of them right before the replacement has no
 * copy then, but lies in the trash (RACE in the replacement). And what a server stored beside a taken name, which its
 * sender could not clear away any more.
 */
import type { EngineEvent } from '../engine/events.ts';
import type { Machine } from './machine.ts';
import { keyOf, type Truth } from './truth.ts';

export interface CutShort {
  /** The workspace shows this content, sent by the machine, under a name that nobody asked for. */
  stored(machine: Machine, path: string, content: string): void;
  /** The same by a request whose sender was dead or had given it up when it was done, and cannot know of it. */
  storedUnheard(path: string, content: string): void;
  /**
   * A person moved what lay there. What was stored so with it, and whose sender was at it still, goes along: its sender
   * looks for it where it was, and in a list of another name it is a file like any other.
   */
  carried(from: string, to: string, contentAt: (path: string) => string | undefined): void;
  /**
   * A person put this content there. Under such a name it is theirs then, where it could not be cleared away before: its
   * sender was at it still, or knew nothing of it. So is a folder that they made of such a file.
   */
  named(path: string, content: string): void;
  /**
   * A process put this content there as a conflict copy. Where that is what was left under such a name, the copy is called
   * after it, and is the same file since: what a person writes into it next is theirs.
   */
  setAside(path: string, content: string): void;
  /** A process of the machine made this change. */
  replaced(machine: Machine, path: string, before: Uint8Array | undefined, what: string): void;
  /** A process of the machine of this name says how far it is: a deed that has an outcome is over. */
  heard(name: string, event: EngineEvent): void;
  /** The process of the machine ended by itself, and with it its deeds. */
  ended(name: string): void;
  /** The process of the machine is dead: killed, or its machine has lost its power. */
  died(name: string, powerCut: boolean): void;
  /** Whether this content was in a version of a deed that was cut short, and lies in the trash of that machine. */
  liesInTrash(content: string): boolean;
  /**
   * Whether its sender died with the deed that this was stored by, or before, or had given it up: then nobody knows to
   * clear it away. Or it is a person's under that name, and nobody may.
   */
  wasLeft(content: string | undefined): boolean;
  /** Whether a person made a folder of the file that was stored under this name, and put something into it. */
  wasTurned(path: string): boolean;
}

interface Replaced {
  readonly machine: Machine;
  readonly path: string;
  readonly content: string;
}

/** In the name of a conflict copy. */
const MARK = / \(conflict [^()]*\)(?: \d+)?(?=\.|$)/;

/** From the last look at a version to its replacement: links and syncs of the disk. */
const LATE_WRITE_MS = 100;

export function createCutShort(truth: Truth): CutShort {
  const underWay = new Map<string, Replaced[]>();
  const cut: Replaced[] = [];
  /** By machine and path. */
  const strays = new Map<string, Map<string, string>>();
  const left = new Set<string>();
  const leftAt = new Set<string>();
  const turned = new Set<string>();
  const leave = (path: string, content: string): void => {
    left.add(content);
    leftAt.add(path);
  };
  const isOpen = (path: string): boolean =>
    leftAt.has(path) || [...strays.values()].some((open) => open.has(path));
  return {
    storedUnheard: leave,
    named: (path, content) => {
      if (isOpen(path)) leave(path, content);
      // A file had that name: who put something below it has made a folder of it.
      for (const above of foldersOf(path)) if (isOpen(above)) turned.add(above);
    },
    carried: (from, to, contentAt) => {
      for (const open of strays.values())
        for (const [path, content] of open) {
          if (!path.startsWith(`${from}/`)) continue;
          const now = `${to}${path.slice(from.length)}`;
          if (contentAt(now) === content) leave(now, content);
        }
    },
    setAside: (path, content) => {
      if (MARK.test(path) && left.has(content) && leftAt.has(path.replace(MARK, ''))) leftAt.add(path);
    },
    stored: (machine, path, content) => {
      strays.set(machine.name, (strays.get(machine.name) ?? new Map()).set(path, content));
    },
    replaced: (machine, path, before, what) => {
      if (before === undefined || !what.startsWith('rename .rtsync/tmp/')) return;
      if ((truth.age(before) ?? Number.POSITIVE_INFINITY) > LATE_WRITE_MS) return;
      const open = underWay.get(machine.name) ?? [];
      underWay.set(machine.name, [...open, { machine, path, content: keyOf(before) }]);
    },
    heard: (name, event) => {
      if (event.kind === 'phase') {
        underWay.delete(name);
        strays.delete(name);
      }
      if (event.kind !== 'operation' || !('place' in event.operation)) return;
      const { local } = event.operation.place;
      const open = underWay.get(name) ?? [];
      underWay.set(
        name,
        open.filter(({ path }) => path !== local),
      );
    },
    ended: (name) => {
      strays.delete(name);
    },
    died: (name, powerCut) => {
      for (const [path, content] of strays.get(name) ?? []) leave(path, content);
      strays.delete(name);
      if (powerCut) cut.push(...(underWay.get(name) ?? []));
      underWay.delete(name);
    },
    wasTurned: (path) => turned.has(path),
    wasLeft: (content) => content !== undefined && left.has(content),
    liesInTrash: (content) =>
      cut.some(
        (one) => one.content === content && [...one.machine.disk.holds()].some((held) => isIn(one, held)),
      ),
  };
}

function foldersOf(path: string): readonly string[] {
  const names = path.split('/');
  return names.slice(1).map((_, i) => names.slice(0, i + 1).join('/'));
}

function isIn(
  { path, content }: Replaced,
  held: { readonly path: string; readonly bytes: Uint8Array },
): boolean {
  return (
    held.path.startsWith('.rtsync/trash/') && held.path.endsWith(`/${path}`) && keyOf(held.bytes) === content
  );
}
