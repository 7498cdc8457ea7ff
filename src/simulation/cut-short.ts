/**
 * Versions that a process replaced on its machine, and that it could not look at again before the power went, which took
 * along the note of it too. What a program wrote into one of them right before the replacement has no copy then, but
 * lies in the trash: RACE in the replacement.
 */
import type { EngineEvent } from '../engine/events.ts';
import type { Machine } from './machine.ts';
import { keyOf } from './truth.ts';

export interface CutShort {
  /** A process of the machine made this change. */
  replaced(machine: Machine, path: string, before: Uint8Array | undefined, what: string): void;
  /** A process of the machine of this name says how far it is: a deed that has an outcome is over. */
  heard(name: string, event: EngineEvent): void;
  /** The process of the machine is dead: killed, or its machine has lost its power. */
  died(name: string, powerCut: boolean): void;
  /** Whether this content was in a version of a deed that was cut short, and lies in the trash of that machine. */
  liesInTrash(content: string): boolean;
}

interface Replaced {
  readonly machine: Machine;
  readonly path: string;
  readonly content: string;
}

export function createCutShort(): CutShort {
  const underWay = new Map<string, Replaced[]>();
  const cut: Replaced[] = [];
  return {
    replaced: (machine, path, before, what) => {
      if (before === undefined || !what.startsWith('rename .rtsync/tmp/')) return;
      const open = underWay.get(machine.name) ?? [];
      underWay.set(machine.name, [...open, { machine, path, content: keyOf(before) }]);
    },
    heard: (name, event) => {
      if (event.kind === 'phase') underWay.delete(name);
      if (event.kind !== 'operation' || !('place' in event.operation)) return;
      const { local } = event.operation.place;
      const open = underWay.get(name) ?? [];
      underWay.set(
        name,
        open.filter(({ path }) => path !== local),
      );
    },
    died: (name, powerCut) => {
      if (powerCut) cut.push(...(underWay.get(name) ?? []));
      underWay.delete(name);
    },
    liesInTrash: (content) =>
      cut.some(
        (one) => one.content === content && [...one.machine.disk.holds()].some((held) => isIn(one, held)),
      ),
  };
}

function isIn(
  { path, content }: Replaced,
  held: { readonly path: string; readonly bytes: Uint8Array },
): boolean {
  return (
    held.path.startsWith('.rtsync/trash/') && held.path.endsWith(`/${path}`) && keyOf(held.bytes) === content
  );
}
