/** What a cycle does about a full storage: asks at its beginning, and tells at its end what still waits. */
import { asRtsyncError } from '../lib/errors.ts';
import type { Totals } from './ledger.ts';
import type { Pair } from './pair.ts';
import { noRoom } from './room.ts';

/** The answer opens the gate when there is room again; that it could not be asked is no reason to stop. */
export async function askForRoom({ gate, remote, room, clock }: Pair, signal: AbortSignal): Promise<void> {
  let free: number | undefined | 'unheard';
  try {
    free = await remote.room(signal);
  } catch (error) {
    if (signal.aborted || asRtsyncError(error).disposition === 'fix') throw error;
    // What goes ahead in its stead must be let through.
    gate.storageFull(false);
    free = 'unheard';
  }
  room.told(free, clock.monotonic());
}

/** After the deeds. */
export function endWithRoom({ gate, room, clock, observer }: Pair, totals: Totals): void {
  const now = clock.monotonic();
  if (totals.done.has('removeRemote') || totals.done.has('removeLocal')) room.freed(now);
  const news = room.ended(gate.storageIsFull, now);
  if (room.waiting > 0) totals.later ??= noRoom();
  if (news !== undefined) observer.on({ kind: 'room', ...news });
}
