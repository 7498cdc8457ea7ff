/**
 * How the heap of this process grows, by what the process is for. Left alone it grows with the speed of the work, tens of
 * megabytes for which there is room where a run is over soon; a service keeps them for days, and with large files each
 * of their chunks waits there to be freed.
 */
import v8 from 'node:v8';
import { summarise } from '../core/summary.ts';
import type { Observer } from '../engine/events.ts';

/** Mean bytes of a file from which a run is one of large files. */
const LARGE = 1_000_000;

/** For a service: what is dead is swept early, and what a busy time took is given back after it. Costs some CPU. */
export function keepHeapSmall(): void {
  keepNurserySmall();
  v8.setFlagsFromString('--heap-growing-percent=50');
  v8.setFlagsFromString('--optimize-for-size');
}

/** For one run: small files go faster with a large nursery, large ones need none. */
export function heapForPlan(): Observer {
  return {
    on: (event) => {
      if (event.kind !== 'planned') return;
      const { operations, bytes } = summarise(event.plan);
      const files = operations.upload + operations.download;
      if (files > 0 && (bytes.up + bytes.down) / files >= LARGE) keepNurserySmall();
    },
  };
}

/** The nursery, where every object begins, doubles no more whenever it was full. */
function keepNurserySmall(): void {
  v8.setFlagsFromString('--semi-space-growth-factor=1');
}
